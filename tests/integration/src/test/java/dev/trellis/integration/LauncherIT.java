package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `up`, `down` and `status`, and what can go wrong with processes.
class LauncherIT {
  private static final long SECONDS_MAX = 60;

  @TempDir Path folder;
  private LocalTrellis local;
  private String base;

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
    base = Integer.toString(local.portBase());
  }

  @AfterEach
  void down() {
    local.close();
  }

  private List<Long> processes() {
    JsonNode status = local.status();
    List<Long> processes = new ArrayList<>();
    processes.add(status.at("/router/pid").asLong());
    status.get("nodes").forEach(node -> processes.add(node.get("pid").asLong()));
    return processes;
  }

  private void kill(long pid) {
    Execution.of(folder, local.environment(), List.of("kill", "-KILL", Long.toString(pid)))
        .expect(0);
    awaitEnd(pid);
  }

  private static void awaitEnd(long pid) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_MAX);
    while (LocalTrellis.isRunning(pid)) {
      assertTrue(System.nanoTime() - deadline < 0, "process " + pid + " does not end");
      Thread.onSpinWait();
    }
  }

  private Process startInForeground(String... more) throws IOException {
    List<String> command = new ArrayList<>(List.of(LocalTrellis.script().toString(), "up"));
    command.addAll(List.of("--port-base", base, "--ssd-nodes", "0"));
    command.addAll(List.of(more));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(local.environment());
    return builder.start();
  }

  private static List<String> readUntil(BufferedReader reader, String beginning)
      throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      lines.add(line);
      if (line.startsWith(beginning)) {
        return lines;
      }
    }
    throw new AssertionError("no line begins with '" + beginning + "' in " + lines);
  }

  @Test
  void withNothingRunningDownAndStatusSaySo() {
    assertEquals(
        "Nothing to stop: no cluster of 'trellis up' runs here.\n",
        local.trellis("down").expect(0).output());
    assertEquals(
        "No cluster of 'trellis up' runs here.\n", local.trellis("status").expect(1).output());
    JsonNode status = LocalTrellis.json(local.trellis("status", "--json").expect(1).output());
    assertFalse(status.get("running").asBoolean());
    assertTrue(status.get("nodes").isArray());
  }

  @Test
  void crashedProcessesAreToldStartedAgainAndNotTakenForOthersWithTheirIds() throws IOException {
    local.up();
    List<Long> first = processes();
    kill(local.status().at("/nodes/0/pid").asLong());
    JsonNode status = local.status();
    String dead = status.at("/nodes/0/state").asText(); // on a slow machine it is removed by now
    assertTrue(List.of("suspected", "absent").contains(dead), status.toString());
    assertFalse(status.get("whole").asBoolean());
    assertTrue(status.get("shortages").get(0).asText().startsWith("node-0 "), status.toString());

    Execution again = local.up();
    assertTrue(
        again
            .output()
            .startsWith("Some processes of this cluster have ended; starting those again."),
        again.output());
    List<Long> second = processes();
    assertEquals(first.get(0), second.get(0), "the router went on");
    assertNotEquals(first.get(1), second.get(1));
    assertEquals(first.get(2), second.get(2), "and the other node");
    local.trellis("put", "a", "b").expect(0);

    second.forEach(this::kill);
    local.trellis("status").expect(1);
    Execution unreachable = local.trellis("get", "a").expect(5);
    assertTrue(
        unreachable.error().startsWith("error: no cluster answers at " + local.address()),
        unreachable.error());

    // As if the ids had passed to another process since: this one.
    Path state = local.home().resolve("clusters").resolve(base).resolve("cluster.json");
    String reused =
        Files.readString(state)
            .replaceAll("\"pid\":\\d+", "\"pid\":" + ProcessHandle.current().pid());
    Files.writeString(state, reused);
    local.trellis("status").expect(1);
    Execution anew = local.up();
    assertTrue(
        anew.output()
            .startsWith("The former cluster here was not stopped in order; starting it again."),
        anew.output());
    assertTrue(local.status().get("whole").asBoolean());
    local.trellis("down").expect(0);
    assertEquals(List.of(), local.running());
  }

  @Test
  void inTheForegroundItStopsEverythingInOrderWhenItIsToldToStop() throws Exception {
    Process up = startInForeground();
    try (BufferedReader output = up.inputReader()) {
      readUntil(output, "Stop: Ctrl-C");
      List<Long> processes = processes();
      up.toHandle().destroy(); // Process.destroy would close the output too
      List<String> stopped = new ArrayList<>(output.lines().toList());
      assertTrue(up.waitFor(SECONDS_MAX, TimeUnit.SECONDS));
      assertEquals(143, up.exitValue());
      assertEquals(
          List.of("Stopped monitor", "Stopped router", "Stopped node-1", "Stopped node-0"),
          stopped.stream().map(line -> line.replaceAll(" \\(.*", "")).toList());
      assertEquals(List.of(), processes.stream().filter(LocalTrellis::isRunning).toList());
    } finally {
      up.destroyForcibly();
    }
    local.trellis("status").expect(1);
  }

  @Test
  void inTheForegroundItEndsWithTheClusterByDownAndByACrash() throws Exception {
    Process up = startInForeground("--no-monitor");
    try (BufferedReader output = up.inputReader()) {
      readUntil(output, "Stop: Ctrl-C");
      local.trellis("down").expect(0);
      assertEquals(List.of(), output.lines().toList());
      assertTrue(up.waitFor(SECONDS_MAX, TimeUnit.SECONDS));
      assertEquals(0, up.exitValue());
    } finally {
      up.destroyForcibly();
    }
    Process second = startInForeground("--no-monitor");
    try (BufferedReader output = second.inputReader()) {
      readUntil(output, "Stop: Ctrl-C");
      List<Long> processes = processes();
      local.trellis("put", "a", "b").expect(0);
      long other = local.status().at("/nodes/1/pid").asLong();
      kill(local.status().at("/nodes/0/pid").asLong());
      readUntil(output, "node-0 (process ");
      assertEquals("b\n", local.trellis("get", "a").expect(0).output());
      kill(other);
      readUntil(
          output,
          "error: node-0 has ended by itself, and no node is left, so everything stops; its log is ");
      readUntil(output, "Stopped router");
      assertTrue(second.waitFor(SECONDS_MAX, TimeUnit.SECONDS));
      assertEquals(6, second.exitValue());
      assertEquals(List.of(), processes.stream().filter(LocalTrellis::isRunning).toList());
    } finally {
      second.destroyForcibly();
    }
  }

  @Test
  void aPortInUseIsNamedWithItsOwner() throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), local.gatewayPort()));
      Execution refused = local.trellis("up", "--detach", "--port-base", base).expect(6);
      assertTrue(
          refused
              .error()
              .startsWith(
                  "error: port "
                      + local.gatewayPort()
                      + ", for the REST gateway, is in use by process "
                      + ProcessHandle.current().pid()
                      + " ("),
          refused.error());
      assertEquals(1, refused.error().lines().count());
    }
    local.trellis("status").expect(1);
  }

  @Test
  void aProcessThatCannotStartIsToldWithTheEndOfItsLogAndTheOthersAreStopped() {
    Execution failed =
        local.shell("TRELLIS_CLUSTER_PERIOD=1s trellis up --detach --port-base " + base).expect(6);
    assertTrue(
        failed.error().contains("unknown environment variable TRELLIS_CLUSTER_PERIOD"),
        failed.error());
    // All nodes refuse the variable; which of them ends first is theirs.
    assertTrue(
        Pattern.compile(
                "^error: node-\\d ended before it was ready; its log is ", Pattern.MULTILINE)
            .matcher(failed.error())
            .find(),
        failed.error());
    assertTrue(failed.error().contains("Stopped router "), failed.error());
    local.trellis("status").expect(1);
  }

  @Test
  void everythingIsKeptInTheDataFolderThatIsGiven() throws IOException {
    Path data = folder.resolve("my data");
    local.up("--data", data.toString(), "--shards", "1", "--memory", "256m");
    assertTrue(Files.readString(data.resolve("node-0.conf")).contains("shards = 1\n"));
    assertTrue(Files.exists(data.resolve("logs/router.log")));
    assertEquals(1, local.status().at("/nodes/0/shards").size());
    // Java tells no arguments that are as long as a class path.
    String arguments =
        Files.readString(Path.of("/proc", local.status().at("/nodes/0/pid").asText(), "cmdline"));
    assertTrue(List.of(arguments.split("\0", -1)).contains("-Xmx256m"), arguments);
  }

  @Test
  void aDataFolderThatCannotBeWrittenIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("file"), "");
    Execution refused =
        local.trellis("up", "--detach", "--port-base", base, "--data", file.toString()).expect(6);
    assertEquals(
        "error: " + file + " is a file and no folder; choose another with --data\n",
        refused.error());
    Execution below =
        local
            .trellis("up", "--detach", "--port-base", base, "--data", file.resolve("x").toString())
            .expect(6);
    assertTrue(below.error().startsWith("error: cannot write to "), below.error());
    assertTrue(below.error().endsWith("choose another folder with --data\n"), below.error());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --memory-nodes 0 | error: --memory-nodes 0 is outside 1 to 20
          --memory-nodes 21 | error: --memory-nodes 21 is outside 1 to 20
          --set node.id=a | error: --set node.id: that follows from the other options, or differs from node to node
          --ssd-nodes 20   | error: --ssd-nodes 20 is outside 0 to 19
          --shards 17      | error: --shards 17 is outside 1 to 16
          --memory lots    | error: --memory lots is no size; write a number and k, m or g: 512m
          --port-base 65500 | error: --port-base 65500 is outside 1 to 65000, where there is room for all
          """)
  void whatThisVersionCannotDoIsRefusedWithAReason(String options, String message) {
    List<String> arguments = new ArrayList<>(List.of("up", "--detach"));
    arguments.addAll(List.of(options.split(" ", -1)));
    Execution refused = local.trellis(arguments.toArray(String[]::new)).expect(2);
    assertEquals(message + "\n", refused.error());
  }
}
