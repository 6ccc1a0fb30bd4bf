package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// What the README shows, typed by a person: the real script, real processes, real ports.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CommandLineIT {
  @TempDir static Path folder;
  private LocalTrellis cluster;

  @BeforeAll
  void start() {
    cluster = new LocalTrellis(folder);
    Execution up = cluster.up("--shards", "2");
    System.out.println(up.output());
    assertTrue(up.output().contains(cluster.address()), up.toString());
    assertEquals(3, cluster.running().size(), "a router and two nodes should run");
  }

  @AfterAll
  void downLeavesNoProcessBehind() {
    cluster.trellis("down").expect(0);
    assertEquals(List.of(), cluster.running());
    Execution again = cluster.trellis("down");
    assertFalse((again.output() + again.error()).isBlank(), again.toString());
    cluster.close();
  }

  @Test
  void whatIsPutIsGot() {
    cluster.trellis("put", "greeting", "hello").expect(0);
    assertEquals("hello", cluster.trellis("get", "greeting").expect(0).line());
    cluster.trellis("delete", "greeting").expect(0);
    cluster.trellis("get", "greeting").expect(1);
  }

  @Test
  void theGatewayAndTheCommandLineSeeTheSame() {
    curl("-X", "PUT", "--data-binary", "world", rest("a"));
    assertEquals("world", curl(rest("a")));
    assertEquals("world", cluster.trellis("get", "a").expect(0).line());
  }

  @Test
  void aCounterIsCountedFromBothSides() {
    assertEquals("3", cluster.trellis("incr", "visits", "3").expect(0).line());
    assertEquals("6", cluster.trellis("incr", "visits", "3").expect(0).line());
    String added = curl("-X", "POST", rest("visits/add?by=1"));
    assertEquals(7, LocalTrellis.json(added).get("value").asLong());
  }

  @Test
  void aSetIsAddedToAndRemovedFrom() {
    cluster.trellis("set", "add", "langs", "java", "clojure").expect(0);
    cluster.trellis("set", "remove", "langs", "clojure").expect(0);
    assertEquals("java", cluster.trellis("set", "members", "langs").expect(0).line());
  }

  @Test
  void aSecondUpSaysThatItIsRunning() {
    Execution again =
        cluster
            .trellis("up", "--detach", "--port-base", Integer.toString(cluster.portBase()))
            .expect(0);
    assertTrue(again.output().contains("running"), again.toString());
    assertEquals(3, cluster.running().size());
  }

  @Test
  void statusIsJsonWithNodesTiersAndShards() {
    JsonNode status = cluster.status();
    assertTrue(status.get("whole").asBoolean());
    JsonNode node = status.get("nodes").get(0);
    assertEquals("memory", node.get("tier").asText());
    assertEquals(2, node.get("shards").size());
    assertTrue(cluster.running().contains(node.get("pid").asLong()));
    assertEquals(cluster.portBase() + 102, node.get("shards").get(0).get("port").asInt());
  }

  @Test
  void anotherKindIsRefusedWithOneLineAndItsOwnExitCode() {
    cluster.trellis("put", "text", "x").expect(0);
    Execution refused = cluster.trellis("incr", "text").expect(3);
    assertTrue(refused.error().contains("holds lww, not counter"), refused.toString());
    assertEquals(1, refused.error().lines().count(), refused.toString());
    assertEquals("x", cluster.trellis("get", "text").expect(0).line());
  }

  @Test
  void theShellTakesCommandsFromAPipe() {
    Execution shell = cluster.withInput("put piped yes\nget piped\n", "shell").expect(0);
    assertTrue(shell.output().lines().anyMatch(line -> line.equals("yes")), shell.toString());
  }

  @Test
  void whatIsExportedIsImported() {
    cluster.trellis("put", "moved:text", "a b").expect(0);
    cluster.trellis("set", "add", "moved:set", "x", "y").expect(0);
    String file = folder.resolve("moved.jsonl").toString();
    cluster.trellis("export", file, "--prefix", "moved:").expect(0);
    cluster.trellis("delete", "moved:text").expect(0);
    cluster.trellis("delete", "moved:set").expect(0);
    cluster.trellis("import", file).expect(0);
    assertEquals("a b", cluster.trellis("get", "moved:text").expect(0).line());
    assertEquals("x\ny", cluster.trellis("set", "members", "moved:set").expect(0).line());
  }

  @Test
  void aMisspeltCommandIsAnsweredWithTheRightOne() {
    Execution misuse = cluster.trellis("gett", "a").expect(2);
    assertTrue(misuse.error().contains("get"), misuse.toString());
  }

  @Test
  void noWarningOfTheJvmReachesTheTerminal() {
    Execution put = cluster.trellis("put", "quiet", "1").expect(0);
    assertEquals("", put.error());
    assertFalse(cluster.trellis("--version").expect(0).output().isBlank());
  }

  @Test
  void aBenchmarkEndsWithATable() {
    Execution bench =
        cluster.trellis("bench", "--time", "300ms", "--warmup", "100ms", "--keys", "100").expect(0);
    assertTrue(bench.output().contains("operations/s"), bench.toString());
  }

  private String rest(String path) {
    return "http://127.0.0.1:" + cluster.gatewayPort() + "/v1/keys/" + path;
  }

  private String curl(String... arguments) {
    List<String> command = new ArrayList<>(List.of("curl", "--silent", "--fail"));
    command.addAll(List.of(arguments));
    return Execution.of(folder, cluster.environment(), command).expect(0).output();
  }
}
