package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// What the README shows, typed by a person: the real script, real processes, real ports.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CommandLineIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path home;
  private CommandLineCluster cluster;

  @BeforeAll
  void start() {
    cluster = new CommandLineCluster(home);
    Execution up = cluster.up().expect(0);
    System.out.println(up.output());
    assertTrue(up.output().contains(cluster.address()), up.toString());
  }

  @AfterAll
  void downLeavesNoProcessBehind() {
    Set<Long> running = cluster.processes();
    assertEquals(2, running.size(), "a router and a node should run, but: " + running);
    cluster.down().expect(0);
    assertEquals(Set.of(), cluster.processes());
    assertTrue(cluster.down().error().length() + cluster.down().output().length() > 0);
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
    assertEquals(200, cluster.rest("PUT", "/v1/keys/a", "world").statusCode());
    assertEquals("world", cluster.rest("GET", "/v1/keys/a", "").body());
    assertEquals("world", cluster.trellis("get", "a").expect(0).line());
  }

  @Test
  void aCounterIsCountedFromBothSides() throws IOException {
    assertEquals("3", cluster.trellis("incr", "visits", "3").expect(0).line());
    assertEquals("6", cluster.trellis("incr", "visits", "3").expect(0).line());
    HttpResponse<String> added = cluster.rest("POST", "/v1/keys/visits/add?by=1", "");
    assertEquals(200, added.statusCode());
    assertEquals(7, JSON.readTree(added.body()).get("value").asLong());
  }

  @Test
  void aSetIsAddedToAndRemovedFrom() {
    cluster.trellis("set", "add", "langs", "java", "clojure").expect(0);
    cluster.trellis("set", "remove", "langs", "clojure").expect(0);
    assertEquals("java", cluster.trellis("set", "members", "langs").expect(0).line());
  }

  @Test
  void aSecondUpSaysThatItIsRunning() {
    Execution again = cluster.up().expect(0);
    assertTrue(again.output().contains("running"), again.toString());
    assertEquals(2, cluster.processes().size());
  }

  @Test
  void statusIsJsonWithNodesTiersAndShards() throws IOException {
    JsonNode status = JSON.readTree(cluster.trellis("status", "--json").expect(0).output());
    assertTrue(status.get("whole").asBoolean());
    JsonNode node = status.get("nodes").get(0);
    assertEquals("memory", node.get("tier").asText());
    assertEquals(2, node.get("shards").size());
    assertTrue(cluster.processes().contains(node.get("pid").asLong()));
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
    Execution shell = cluster.trellisReading("put piped yes\nget piped\n", "shell").expect(0);
    assertTrue(shell.output().lines().anyMatch(line -> line.equals("yes")), shell.toString());
  }

  @Test
  void whatIsExportedIsImported() {
    cluster.trellis("put", "moved:text", "a b").expect(0);
    cluster.trellis("set", "add", "moved:set", "x", "y").expect(0);
    String file = home.resolve("moved.jsonl").toString();
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
}
