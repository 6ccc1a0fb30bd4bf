package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Nodes that a cluster must not take, or that find none, as processes of their own: what they say,
/// and that they do no harm. Peers of other protocol versions can't be real processes of this
/// version; `ClusterMembershipTest` plays them.
class UnfitNodesIT {
  @TempDir Path folder;
  private LocalTrellis local;
  private final List<Process> started = new ArrayList<>();

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
  }

  @AfterEach
  void down() {
    for (Process process : started) {
      process.destroyForcibly();
      process.onExit().join();
    }
    local.close();
  }

  /// Settings of a node whose ports are the `number`th that nobody else has.
  private Path config(int number, String id, String clusterName, String... seeds) {
    int port = controlPort(number);
    List<String> lines =
        List.of(
            "node.id = " + id,
            "cluster.name = " + clusterName,
            "cluster.seeds = [" + String.join(",", quoted(seeds)) + "]",
            "cluster.founders = 2",
            "control.port = " + port,
            "admin.port = " + (port + 1),
            "data.ports = " + (port + 2),
            "data.folder = \"" + folder.resolve("data-" + number) + '"');
    try {
      return Files.write(folder.resolve("node-" + number + ".conf"), lines);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> quoted(String... texts) {
    return Stream.of(texts).map(text -> '"' + text + '"').toList();
  }

  private int controlPort(int number) {
    return local.portBase() + 100 + 20 * number;
  }

  private String seed(int number) {
    return "127.0.0.1:" + controlPort(number);
  }

  private CompletableFuture<Execution> run(Path config, Map<String, String> environment) {
    Map<String, String> all = new HashMap<>(local.environment());
    all.putAll(environment);
    return CompletableFuture.supplyAsync(
        () ->
            Execution.of(
                folder,
                all,
                List.of(
                    LocalTrellis.script().toString(),
                    "run",
                    "node",
                    "--config",
                    config.toString())),
        command -> Thread.ofVirtual().start(command));
  }

  /// Starts a node that goes on until the test ends.
  ///
  /// @return where its log is
  private Path start(Path config) throws IOException {
    Path log = Path.of(config + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(
                LocalTrellis.script().toString(), "run", "node", "--config", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().putAll(local.environment());
    started.add(builder.start());
    return log;
  }

  private static boolean says(Path log, String text) {
    try {
      return Files.readString(log).contains(text);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertRefused(CompletableFuture<Execution> node, String... parts) {
    Execution ended = node.join().expect(2);
    String last = ended.error().strip().lines().reduce("", (before, line) -> line);
    assertTrue(last.startsWith("error: "), ended.toString());
    for (String part : parts) {
      assertTrue(last.contains(part), ended.toString());
    }
  }

  /// libfaketime, where it is installed.
  private static Optional<Path> fakeTime() throws IOException {
    try (Stream<Path> folders = Files.list(Path.of("/usr/lib"))) {
      return folders
          .map(candidate -> candidate.resolve("faketime").resolve("libfaketimeMT.so.1"))
          .filter(Files::isReadable)
          .findFirst();
    }
  }

  @Test
  void whoDoesNotFitIsToldWhyAndEndsAndTheClusterGoesOn() throws IOException {
    local.up("--memory-nodes", "1");
    local.trellis("put", "k", "v").expect(0);
    CompletableFuture<Execution> twin = run(config(1, "node-0", "trellis", seed(0)), Map.of());
    CompletableFuture<Execution> stranger = run(config(2, "x", "elsewhere", seed(0)), Map.of());
    Optional<CompletableFuture<Execution>> late =
        fakeTime()
            .map(
                library ->
                    run(
                        config(3, "late", "trellis", seed(0)),
                        Map.of(
                            "LD_PRELOAD", library.toString(),
                            "FAKETIME", "-10s",
                            "FAKETIME_DONT_FAKE_MONOTONIC", "1",
                            "DONT_FAKE_MONOTONIC", "1")));
    assertRefused(
        twin, "node id 'node-0' is taken by the live node at " + seed(0), "needs another node.id");
    assertRefused(
        stranger,
        "node x at " + seed(2) + " belongs to cluster 'elsewhere'",
        "node node-0 at " + seed(0) + " to cluster 'trellis'");
    late.ifPresent(
        node ->
            assertRefused(
                node,
                "the clock of node late at " + seed(3),
                "behind, more than clock.skew.max (500 ms)"));
    assertEquals("v\n", local.trellis("get", "k").expect(0).output());
    assertEquals(1, local.status().get("nodes").size());
  }

  @Test
  void whoseSeedsAreDownSaysSoAndJoinsWhenTheyAreUp() throws IOException {
    Path first = start(config(1, "a", "trellis", seed(1), seed(2)));
    RecordedLoad.Conditions.await(
        "a says that it is alone",
        () -> says(first, "node a finds nobody yet and keeps trying: none of the seeds"));
    Path second = start(config(2, "b", "trellis", seed(1), seed(2)));
    for (Path log : List.of(first, second)) {
      RecordedLoad.Conditions.await("both are active", () -> says(log, "is active"));
    }
  }

  @Test
  void withAllNodesGoneNothingIsDoneUntilTheyReturn() {
    local.up();
    local.trellis("put", "k", "v").expect(0);
    for (String id : List.of("node-0", "node-1")) {
      local.kill(id);
    }
    Execution refused = local.trellis("put", "k", "w").expect(5);
    assertTrue(refused.error().contains("no connection to node"), refused.error());
    local.up();
    // Both were lost at once, more than the one that the cluster tolerates.
    local.trellis("get", "k").expect(1);
    local.trellis("put", "k", "x").expect(0);
    assertEquals("x\n", local.trellis("get", "k").expect(0).output());
  }
}
