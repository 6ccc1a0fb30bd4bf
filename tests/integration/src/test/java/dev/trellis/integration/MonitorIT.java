package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.integration.RecordedLoad.Conditions;
import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A cluster with a monitor, as `up` starts it.
class MonitorIT {
  private final HttpClient http = HttpClient.newHttpClient();
  @TempDir Path folder;
  private LocalTrellis local;

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
  }

  @AfterEach
  void down() {
    http.close();
    local.close();
  }

  private void up() {
    local.up(
        "--monitor",
        "--memory-nodes",
        "2",
        "--shards",
        "1",
        "--memory",
        "256m",
        "--set",
        "statistics.period=200ms",
        "--set-monitor",
        "monitor.period=200ms",
        "--set-monitor",
        "monitor.patience=10s",
        // No load is too much, so that nothing is decided but what a test asks for.
        "--set-monitor",
        "objective.latency=1h",
        "--set-monitor",
        "occupancy.high=1.0");
  }

  /// What a console shows; empty while it shows nothing.
  private Optional<JsonNode> state(int port) {
    try {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/state")).build();
      var response = http.send(request, BodyHandlers.ofString());
      return Optional.of(response)
          .filter(one -> one.statusCode() == 200)
          .map(one -> LocalTrellis.json(one.body()));
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private boolean leads(int port) {
    return state(port).filter(state -> state.at("/monitor/leads").asBoolean()).isPresent();
  }

  private long epoch(int port) {
    return state(port).orElseThrow().at("/monitor/epoch").asLong();
  }

  private long monitorPid() {
    return local.status().at("/monitor/pid").asLong();
  }

  private static void kill(long pid) {
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    Conditions.await("process " + pid + " ends", () -> !LocalTrellis.isRunning(pid));
  }

  private static void signal(String signal, long pid) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor());
  }

  @Test
  void withoutItsMonitorTheClusterGoesOnAndTheNextOneTakesUpWhatItFinds() {
    up();
    Conditions.await("it leads", () -> leads(local.consolePort()));
    long first = epoch(local.consolePort());
    long pid = monitorPid();
    kill(pid);
    local.trellis("put", "a", "1").expect(0);
    assertEquals("1", local.trellis("get", "a").expect(0).line());
    local.trellis("node", "add").expect(0);
    JsonNode status = LocalTrellis.json(local.trellis("status", "--json").expect(0).output());
    assertEquals("gone", status.at("/monitor/state").asText(), status::toString);
    assertTrue(status.get("whole").asBoolean(), status::toString);

    Execution again = local.trellis("up", "--detach", "--port-base", portBase()).expect(0);
    assertTrue(again.output().startsWith("Some processes of this cluster"), again::toString);
    Conditions.await(
        "the next one leads",
        () -> leads(local.consolePort()) && epoch(local.consolePort()) > first);
    Conditions.await(
        "it sees what was done meanwhile",
        () -> state(local.consolePort()).orElseThrow().at("/tiers/0/nodes").asInt() == 3);
    // It was told how small and how large the cluster may be when that was started.
    String settings = read(local.home().resolve("clusters/" + portBase() + "/monitor.conf"));
    assertTrue(settings.contains("memory.nodes.min = 2\n"), settings);
    assertTrue(settings.contains("monitor.patience = 10s\n"), settings);
  }

  private String portBase() {
    return Integer.toString(local.portBase());
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /// As after a partition: who comes back to find that another one has gone on stands by.
  @Test
  void oneMonitorLeadsAndOneThatWasAwayStandsBy() throws Exception {
    up();
    Conditions.await("the first one leads", () -> leads(local.consolePort()));
    long pid = monitorPid();
    int console = freePort();
    Path config = folder.resolve("second.conf");
    Files.writeString(
        config,
        read(local.home().resolve("clusters/" + portBase() + "/monitor.conf"))
            + "console.port = "
            + console
            + "\nadmin.port = 0\n");
    ProcessBuilder builder =
        new ProcessBuilder(
            LocalTrellis.script().toString(), "run", "monitor", "--config", config.toString());
    builder.environment().putAll(local.environment());
    File log = folder.resolve("second.log").toFile();
    Process second = builder.redirectErrorStream(true).redirectOutput(log).start();
    try {
      Conditions.await("the second one shows something", () -> state(console).isPresent());
      assertFalse(leads(console));
      assertTrue(leads(local.consolePort()));
      long before = epoch(local.consolePort());

      signal("STOP", pid);
      Conditions.await("the second one takes over", () -> leads(console));
      assertTrue(epoch(console) > before);
      signal("CONT", pid);
      Conditions.await("the first one stands by", () -> !leads(local.consolePort()));
      assertTrue(leads(console));
    } finally {
      signal("CONT", pid);
      second.destroy();
      assertTrue(second.waitFor(1, TimeUnit.MINUTES), "the second one does not end");
    }
    Conditions.await("the first one leads again", () -> leads(local.consolePort()));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /// Starts and stops real nodes by what the monitor decides. What that is depends on the machine;
  /// nothing may fail or get lost by it. `-Ddemo.brief=false` for the length that people see.
  @Test
  void theDemoEndsWithoutAFaultAndLeavesNothingBehind() throws Exception {
    Path page = folder.resolve("page.html");
    ProcessBuilder builder =
        new ProcessBuilder(
            LocalTrellis.script().toString(),
            "demo",
            "autoscale",
            Boolean.parseBoolean(System.getProperty("demo.brief", "true"))
                ? "--brief"
                : "--no-brief",
            "--json",
            "--port-base",
            portBase(),
            "--html",
            page.toString());
    builder.environment().putAll(local.environment());
    File errors = folder.resolve("errors").toFile();
    Path printed = folder.resolve("printed");
    Process demo = builder.redirectError(errors).redirectOutput(printed.toFile()).start();
    try {
      assertTrue(demo.waitFor(15, TimeUnit.MINUTES), "the demo does not end");
    } finally {
      demo.destroy(); // which stops what it started
      demo.waitFor();
    }
    assertEquals(0, demo.exitValue(), () -> read(errors.toPath()));
    JsonNode found = LocalTrellis.json(read(printed));
    assertTrue(found.get("faultless").asBoolean(), found::toString);
    assertTrue(read(page).contains("What the monitor decided, and why"));
    local.trellis("status", "--port-base", portBase()).expect(1);
  }
}
