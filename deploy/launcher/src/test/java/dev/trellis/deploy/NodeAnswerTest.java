package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class NodeAnswerTest {
  @Test
  void theAnswerToTheOrderStatusIsReadAsNodesWriteIt() {
    NodeAnswer answer =
        NodeAnswer.ofJson(
            """
            {"id":"node-0","incarnation":"5f0c","cluster":"trellis","state":"active","version":77,\
            "faultTolerance":1,"settled":true,"members":[{"id":"node-0","tier":"memory",\
            "state":"active","suspected":false,"incarnation":"5f0c","host":"127.0.0.1",\
            "controlPort":7500,"adminPort":7501,"shardPorts":[7502],"capacity":1,"zone":""}],\
            "absent":[{"id":"node-3","incarnation":"19ab"}],"gone":[],\
            "shards":[{"shard":0,"version":77,"held":9,"incomplete":2,"surplus":1},\
            {"shard":1,"version":77,"held":8,"incomplete":1,"surplus":0}]}
            """);
    assertTrue(answer.isActive());
    assertTrue(answer.isUpToDate());
    assertTrue(answer.holdsForAbsent("node-3"));
    assertEquals(17, answer.held());
    assertEquals(3, answer.incomplete());
    assertEquals(1, answer.surplus());
    assertEquals(Optional.of("memory"), answer.member("node-0").map(NodeAnswer.Member::tier));
  }
}
