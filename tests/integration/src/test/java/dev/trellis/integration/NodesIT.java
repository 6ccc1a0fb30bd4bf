package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.node.control.ControlClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `node`: what it does to a cluster, and what it refuses.
class NodesIT {
  @TempDir Path folder;
  private LocalTrellis local;

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
  }

  @AfterEach
  void down() {
    local.close();
  }

  private void assertRefused(int exitCode, String message, String... arguments) {
    assertEquals("error: " + message + "\n", local.trellis(arguments).expect(exitCode).error());
  }

  @Test
  void aNodeGrowsAClusterAndShrinksItAgainAndAllStaysReadable() {
    local.up("--memory-nodes", "1");
    JsonNode alone = local.status();
    assertTrue(alone.get("whole").asBoolean());
    assertEquals(1, alone.get("copies").asInt());
    local.trellis("incr", "n", "3").expect(0);
    assertRefused(
        3,
        "no other node answers that could take over the keys of node-0; 'trellis down' stops the"
            + " whole cluster",
        "node",
        "remove",
        "node-0");

    String added = local.trellis("node", "add").expect(0).output();
    assertTrue(added.startsWith("Starting node-1, a memory node of "), added);
    JsonNode two = local.status();
    assertTrue(two.get("whole").asBoolean());
    assertEquals(2, two.get("copies").asInt());
    assertEquals("active", LocalTrellis.node(two, "node-1").get("state").asText());

    String removed = local.trellis("node", "remove", "node-0").expect(0).output();
    assertTrue(removed.startsWith("node-0 hands over its keys and leaves.\n"), removed);
    assertTrue(
        removed.contains("\n1 node is left, so each key has fewer than the 2 copies"), removed);
    assertEquals("3\n", local.trellis("get", "n").expect(0).output());
    assertEquals(1, local.status().get("nodes").size());
    local.trellis("node", "add").expect(0);
    assertTrue(LocalTrellis.node(local.status(), "node-0").isObject(), "the number is free again");
  }

  @Test
  void aNodeThatWasRemovedStaysAwayThoughNobodyWaitedForIt() {
    local.up("--memory-nodes", "3");
    long pid = LocalTrellis.node(local.status(), "node-2").get("pid").asLong();
    local.trellis("node", "remove", "node-2", "--detach").expect(0);
    RecordedLoad.Conditions.await("node-2 ends", () -> !LocalTrellis.isRunning(pid));
    RecordedLoad.Conditions.await(
        "nobody speaks of node-2",
        () -> LocalTrellis.node(local.status(), "node-2").isMissingNode());

    Execution up = local.up();
    assertTrue(up.output().startsWith("A cluster is running here already"), up::toString);
    assertEquals(2, local.status().get("nodes").size());
    assertRefused(
        2,
        "--memory-nodes 3: the cluster of port "
            + local.portBase()
            + " has 2; 'trellis node add' and 'trellis node remove ID' change that",
        "up",
        "--detach",
        "--port-base",
        Integer.toString(local.portBase()),
        "--memory-nodes",
        "3");
    local.trellis("node", "add").expect(0);
    assertTrue(LocalTrellis.node(local.status(), "node-2").isObject(), "the number is free again");
  }

  @Test
  void aPortBaseWithoutRoomIsRefusedByAllThatTakeOne() {
    for (String command :
        List.of(
            "up",
            "demo autoscale",
            "status",
            "top",
            "down",
            "node add",
            "node remove node-0",
            "node tolerate 1")) {
      List<String> arguments = new ArrayList<>(List.of(command.split(" ", -1)));
      arguments.addAll(List.of("--port-base", "70000"));
      assertRefused(
          2,
          "--port-base 70000 is outside 1 to 65000, where there is room for all",
          arguments.toArray(String[]::new));
    }
  }

  @Test
  void aDeadNodeComesBackOrIsGivenUpAndALiveOneIsNot() {
    local.up("--memory-nodes", "3");
    local.trellis("incr", "n", "3").expect(0);
    assertRefused(
        2,
        "there is no node 'node-7' here; the nodes are node-0, node-1, node-2",
        "node",
        "remove",
        "node-7");
    long pid = LocalTrellis.node(local.status(), "node-1").get("pid").asLong();
    assertRefused(
        3,
        "node-1 answers (process "
            + pid
            + "), so it is not dead; 'trellis node remove node-1' has it hand over its keys and"
            + " leave",
        "node",
        "remove",
        "node-1",
        "--dead");

    local.kill("node-1");
    assertFalse(local.status().get("whole").asBoolean());
    assertRefused(
        3,
        "node-1 does not run, so it has nothing to hand over; 'trellis up --detach' starts it again,"
            + " 'trellis node remove node-1 --dead' gives it up",
        "node",
        "remove",
        "node-1");
    local.up();
    assertTrue(local.status().get("whole").asBoolean());
    assertEquals("active", LocalTrellis.node(local.status(), "node-1").get("state").asText());

    local.kill("node-2");
    assertEquals(
        "node-2 is declared gone: what only it held is lost.\n",
        local.trellis("node", "remove", "node-2", "--dead").expect(0).output());
    assertTrue(LocalTrellis.node(local.status(), "node-2").isMissingNode());
    RecordedLoad.Conditions.await(
        "the cluster is whole", () -> local.status().get("whole").asBoolean());
    assertEquals("3\n", local.trellis("get", "n").expect(0).output());
  }

  private void signal(String name, long pid) {
    Execution.of(folder, Map.of(), List.of("kill", "-" + name, Long.toString(pid))).expect(0);
  }

  @Test
  void whoWasGivenUpWhileItWasPausedEndsAndWhatItHeldCanBeImported() throws IOException {
    local.up("--memory-nodes", "3");
    List<String> lines =
        IntStream.range(0, 30)
            .mapToObj(at -> "{\"key\":\"k" + at + "\",\"kind\":\"lww\",\"value\":\"v" + at + "\"}")
            .toList();
    local.withInput(String.join("\n", lines), "import", "-").expect(0);
    long pid = LocalTrellis.node(local.status(), "node-2").get("pid").asLong();
    signal("STOP", pid);
    try {
      assertTrue(
          local
              .trellis("node", "remove", "node-2", "--dead")
              .expect(3)
              .error()
              .contains("its process " + pid + " is there"));
      // As from another machine, where nobody can see whether the process is there.
      ControlClient node0 =
          new ControlClient("127.0.0.1", local.portBase() + 100, Duration.ofSeconds(15));
      RecordedLoad.Conditions.await(
          "node-2 is declared gone",
          () -> {
            try {
              node0.declareGone("node-2");
              return true;
            } catch (IOException notYet) {
              return false; // it is suspected first
            }
          });
      assertEquals(0, local.status().get("quarantine").size());
    } finally {
      signal("CONT", pid);
    }
    RecordedLoad.Conditions.await("node-2 ends", () -> !LocalTrellis.isRunning(pid));
    RecordedLoad.Conditions.await(
        "the cluster is whole", () -> local.status().get("whole").asBoolean());

    JsonNode files = local.status().get("quarantine");
    assertEquals(1, files.size(), files.toString());
    Path file = Path.of(files.get(0).asText());
    assertTrue(file.getFileName().toString().startsWith("quarantine-node-2-"), file.toString());
    List<String> held = Files.readAllLines(file);
    assertFalse(held.isEmpty());
    JsonNode first = LocalTrellis.json(held.getFirst());
    String key = first.get("key").asText();
    assertEquals(first.get("value").asText() + "\n", local.trellis("get", key).expect(0).output());
    local.trellis("delete", key).expect(0);
    local.trellis("import", file.toString()).expect(0);
    assertEquals(first.get("value").asText() + "\n", local.trellis("get", key).expect(0).output());
  }

  @Test
  void theNumberOfCopiesIsChangedForAll() {
    local.up("--memory-nodes", "3");
    local.trellis("put", "a", "b").expect(0);
    assertEquals(
        "Each key is kept by 3 nodes.\n",
        local.trellis("node", "tolerate", "2").expect(0).output());
    JsonNode status = local.status();
    assertEquals(3, status.get("copies").asInt());
    assertEquals(2, status.get("faultTolerance").asInt());
    assertRefused(2, "K 16 is outside 0 to 15", "node", "tolerate", "16");
    JsonNode put = LocalTrellis.json(local.trellis("put", "a", "c", "--json").expect(0).output());
    assertEquals(3, put.at("/receipt/copies").asInt());
  }

  @Test
  void whatIsInTheWayOfANewNodeIsNamed() throws IOException {
    local.up("--memory-nodes", "1");
    try (ServerSocket socket = new ServerSocket()) {
      int port = local.portBase() + 120;
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      String error = local.trellis("node", "add").expect(6).error();
      assertTrue(
          error.startsWith(
              "error: port "
                  + port
                  + ", for the control port of node-1, is in use by process "
                  + ProcessHandle.current().pid()),
          error);
      assertTrue(error.endsWith("; end that first\n"), error);
    }
    assertEquals(1, local.status().get("nodes").size());
    assertRefused(
        2, "--tier tape is no tier; write memory or ssd", "node", "add", "--tier", "tape");
    assertRefused(
        2,
        "--memory-nodes 2: the cluster of port "
            + local.portBase()
            + " has 1; 'trellis node add' and 'trellis node remove ID' change that",
        "up",
        "--detach",
        "--port-base",
        Integer.toString(local.portBase()),
        "--memory-nodes",
        "2");
  }

  @Test
  void withNothingRunningThereIsNothingToChange() {
    assertRefused(
        1, "no cluster of 'trellis up' runs here; start one with 'trellis up'", "node", "add");
    assertRefused(
        1,
        "no cluster of 'trellis up' runs here; start one with 'trellis up'",
        "node",
        "remove",
        "node-0");
  }
}
