package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.control.ControlClient;
import dev.trellis.node.net.AdminClient;
import dev.trellis.node.net.RawClient;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class SeveralNodesTest {
  private static TrellisNode start(String id, String settings) {
    return Nodes.start("node.id = " + id + ", control.port = 0, node.zone = z\n" + settings);
  }

  private static Frame.ClusterMap map(TrellisNode node) throws IOException {
    int port = node.descriptor().shardPorts().getFirst();
    try (RawClient client = RawClient.open(port, Frame.Scope.NODE)) {
      client.send(new Frame.MapRequest(5));
      return assertInstanceOf(Frame.ClusterMap.class, client.receive());
    }
  }

  private static Frame.ClusterMap awaitMap(TrellisNode node, List<String> ids, int faultTolerance)
      throws Exception {
    return Nodes.await(
        () -> map(node),
        map ->
            map.nodes().stream().map(NodeDescriptor::id).toList().equals(ids)
                && map.faultTolerance() == faultTolerance,
        "a map of " + ids);
  }

  @Test
  void everyNodeTellsClientsOfAllAndTheVersionOfItsMapGrows() throws Exception {
    try (TrellisNode one = start("n1", "");
        TrellisNode two =
            start("n2", "cluster.seeds = [\"127.0.0.1:" + one.descriptor().controlPort() + "\"]")) {
      Frame.ClusterMap of1 = awaitMap(one, List.of("n1", "n2"), 1);
      Frame.ClusterMap of2 = awaitMap(two, List.of("n1", "n2"), 1);
      NodeDescriptor seen = of1.nodes().getLast().withState(two.descriptor().state());
      assertEquals(two.descriptor(), seen);
      ControlClient client =
          new ControlClient("127.0.0.1", one.descriptor().controlPort(), Duration.ofSeconds(30));
      client.changeFaultTolerance(2);
      Frame.ClusterMap changed = awaitMap(two, List.of("n1", "n2"), 2);
      assertTrue(changed.version() > of2.version(), () -> of2 + " was followed by " + changed);
      String status = client.status();
      assertTrue(status.contains("\"faultTolerance\":2"), status);
    }
  }

  @Test
  void aNodeWhoseSeedIsDownKeepsTryingAndSaysSo() throws Exception {
    int port;
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = taken.getLocalPort();
    }
    try (TrellisNode node = start("n1", "cluster.seeds = [\"127.0.0.1:" + port + "\"]");
        AdminClient admin = new AdminClient(node)) {
      String reason =
          "finds nobody yet and keeps trying: none of the seeds [127.0.0.1:" + port + "]";
      // It may not have looked yet.
      var _ = Nodes.await(() -> admin.get("/readyz").body(), told -> told.contains(reason), reason);
    }
  }

  @Test
  void theMetricsCountTheMembers() throws Exception {
    try (TrellisNode node = start("n1", "");
        AdminClient admin = new AdminClient(node)) {
      String metrics = admin.get("/metrics").body();
      assertTrue(metrics.contains("trellis_members_absent 0.0"), metrics);
      assertTrue(metrics.contains("trellis_members_suspected 0.0"), metrics);
      assertTrue(metrics.contains("trellis_members{state=\"leaving\",} 0.0"), metrics);
      assertTrue(metrics.contains("trellis_control_malformed_total 0.0"), metrics);
    }
  }
}
