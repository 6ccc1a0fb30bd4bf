package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A cluster with nodes that keep their data on disk.
class SsdIT {
  @TempDir Path folder;
  private LocalTrellis local;
  private Path data;

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
    data = folder.resolve("data");
  }

  @AfterEach
  void down() {
    local.close();
  }

  private Execution up(String memoryNodes, String ssdNodes) {
    return local.up(
        "--data",
        data.toString(),
        "--shards",
        "2",
        "--memory",
        "192m",
        "--memory-nodes",
        memoryNodes,
        "--ssd-nodes",
        ssdNodes);
  }

  private String output(String... arguments) {
    return local.trellis(arguments).expect(0).output();
  }

  private void assertRefused(String message, String... arguments) {
    assertEquals("error: " + message + "\n", local.trellis(arguments).expect(2).error());
  }

  private static List<String> ids(JsonNode status) {
    return status.get("nodes").findValuesAsText("id");
  }

  @Test
  void whatWasDurableOutlivesAllProcessesAndWhatIsStoppedInOrderOutlivesThatToo() {
    Execution up = up("2", "1");
    assertTrue(
        up.output()
            .startsWith("Starting a router, 2 memory nodes and an SSD node of 2 shards each.\n"),
        up.output());
    JsonNode status = local.status();
    assertEquals("memory", LocalTrellis.node(status, "node-1").get("tier").asText());
    assertEquals("ssd", LocalTrellis.node(status, "node-2").get("tier").asText());
    JsonNode put =
        LocalTrellis.json(output("put", "greeting", "hello", "--ack", "durable", "--json"));
    assertEquals(2, put.at("/receipt/copies").asInt());
    assertEquals(1, put.at("/receipt/durableCopies").asInt());
    output("incr", "visits", "3", "--ack", "durable");
    output("set", "add", "langs", "java", "clojure", "--ack", "durable");
    output("put", "old", "x");
    output("delete", "old", "--ack", "durable");
    ids(status).forEach(local::kill);
    up("2", "1");
    assertEquals("hello\n", output("get", "greeting"));
    assertEquals("3\n", output("get", "visits"));
    assertEquals("clojure\njava\n", output("set", "members", "langs"));
    local.trellis("get", "old").expect(1);
    assertTrue(local.status().get("whole").asBoolean());

    output("incr", "visits", "4");
    output("down");
    assertRefused(
        "--ssd-nodes 0: "
            + data
            + " has data of node-2, some of which would be left out; use --ssd-nodes 1, or another"
            + " --data",
        "up",
        "--detach",
        "--port-base",
        Integer.toString(local.portBase()),
        "--data",
        data.toString(),
        "--ssd-nodes",
        "0");
    assertRefused(
        "--shards 3: the data in "
            + data
            + " are those of 2 shards for each node; use --shards 2, or restore a backup into"
            + " another --data",
        "up",
        "--detach",
        "--port-base",
        Integer.toString(local.portBase()),
        "--data",
        data.toString(),
        "--shards",
        "3");
    // As many memory nodes as are wanted; the one with data has its number again.
    Execution again = up("1", "1");
    assertTrue(again.output().contains("There are data of an earlier time."), again.output());
    assertEquals(List.of("node-0", "node-2"), ids(local.status()));
    assertEquals("7\n", output("get", "visits"));
  }

  @Test
  void anSsdNodeThatWasAwayServesAgainAndGetsWhatItMissed() {
    up("2", "1");
    output("put", "before", "1");
    output("put", "gone", "1");
    local.kill("node-2");
    output("put", "meanwhile", "2");
    output("put", "before", "3");
    output("delete", "gone", "--ack", "replicated");
    up("2", "1");
    assertTrue(local.status().get("whole").asBoolean());
    // Now it is the only one that has anything.
    local.kill("node-0");
    local.kill("node-1");
    assertEquals("2\n", output("get", "meanwhile"));
    assertEquals("3\n", output("get", "before"));
    local.trellis("get", "gone").expect(1);
  }

  @Test
  void anSsdNodeThatHasLostItsDiskGetsAllFromTheOthers() throws IOException {
    up("2", "1");
    output("put", "a", "1");
    output("incr", "n", "3");
    local.kill("node-2");
    delete(data.resolve("node-2"));
    up("2", "1");
    JsonNode put = LocalTrellis.json(output("put", "b", "1", "--ack", "durable", "--json"));
    assertEquals(1, put.at("/receipt/durableCopies").asInt());
    local.kill("node-0");
    local.kill("node-1");
    assertEquals("1\n", output("get", "a"));
    assertEquals("3\n", output("get", "n"));
  }

  private static void delete(Path folder) throws IOException {
    List<Path> all;
    try (Stream<Path> files = Files.walk(folder)) {
      all = files.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path one : all) {
      Files.delete(one);
    }
  }

  @Test
  void aKeyIsPlacedOnDiskAloneAndBackInMemory() {
    up("1", "2");
    output("put", "cold", "1");
    output("placement", "cold", "--memory", "0", "--ssd", "2");
    assertEquals("1\n", output("get", "cold"));
    JsonNode put = LocalTrellis.json(output("put", "cold", "2", "--ack", "durable", "--json"));
    assertEquals(2, put.at("/receipt/copies").asInt());
    List.of("node-0", "node-1", "node-2").forEach(local::kill);
    up("1", "2");
    assertEquals("2\n", output("get", "cold"));
    output("placement", "cold", "--memory", "1", "--ssd", "1");
    assertEquals("2\n", output("get", "cold"));
    assertTrue(output("placement", "cold").startsWith("memory 1, ssd 1"));
  }

  @Test
  void anSsdNodeIsAddedHandsOverWhatItHasAndItsNumberIsFree() throws IOException {
    up("2", "1");
    output("put", "a", "1", "--ack", "durable");
    String added = output("node", "add", "--tier", "ssd");
    assertTrue(added.startsWith("Starting node-3, an SSD node of 2 shards."), added);
    output("node", "remove", "node-2");
    JsonNode put = LocalTrellis.json(output("put", "b", "1", "--ack", "durable", "--json"));
    assertEquals(1, put.at("/receipt/durableCopies").asInt());
    output("delete", "a", "--ack", "durable");
    // It starts as a new one: what it had others have, and may have deleted.
    assertTrue(Files.exists(data.resolve("node-2").resolve("shard-0")));
    String again = output("node", "add", "--tier", "ssd");
    assertTrue(again.startsWith("Starting node-2, an SSD node of 2 shards."), again);
    local.trellis("get", "a").expect(1);
    assertEquals("1\n", output("get", "b"));
    assertTrue(local.status().get("whole").asBoolean());
  }

  @Test
  void whatTheClusterWentOnWithoutIsSetAside() throws IOException {
    up("2", "1");
    output("put", "a", "1", "--ack", "durable");
    local.kill("node-2");
    String id = "node-2";
    RecordedLoad.Conditions.await(
        "node-2 is absent",
        () -> LocalTrellis.node(local.status(), id).get("state").asText().equals("absent"));
    String removed = output("node", "remove", id, "--dead");
    assertTrue(removed.contains("is set aside when a node starts there"), removed);
    output("delete", "a");
    assertFalse(ids(local.status()).contains(id));
    String added = output("node", "add", "--tier", "ssd");
    assertTrue(added.startsWith("Starting node-2, an SSD node"), added);
    local.trellis("get", "a").expect(1);
    try (Stream<Path> files = Files.list(data.resolve(id))) {
      Path aside =
          files
              .filter(file -> file.getFileName().toString().startsWith("gone-"))
              .findFirst()
              .orElseThrow();
      assertTrue(Files.exists(aside.resolve("shard-1")));
    }
  }
}
