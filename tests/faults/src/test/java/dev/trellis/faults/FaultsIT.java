package dev.trellis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.history.History;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.EachKey;
import dev.trellis.history.check.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Short runs of `test-faults`, on real processes.
class FaultsIT {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String TRAVELLING = "sessions-"; // how those workloads' names begin

  /// How often all nodes are killed; `-Dfaults.blackouts=10` for a longer run.
  private static final int BLACKOUTS = Integer.getInteger("faults.blackouts", 4);

  @TempDir Path folder;

  private static RunPlan plan(List<String> workloads, List<Fault> faults, String sabotage) {
    return plan(workloads, faults, sabotage, 1, Map.of());
  }

  private static RunPlan plan(
      List<String> workloads,
      List<Fault> faults,
      String sabotage,
      int faultsMin,
      Map<String, String> furtherSettings) {
    Map<String, String> settings = new HashMap<>();
    settings.put("tombstone.grace", "1s");
    settings.put("antientropy.period", "2s");
    settings.putAll(furtherSettings);
    return new RunPlan(
        new ClusterPlan(
            4,
            1,
            2,
            "160m",
            settings,
            false,
            Optional.of(sabotage).filter(name -> !name.isEmpty())),
        workloads,
        faults,
        Duration.ofSeconds(6),
        PATIENCE,
        200,
        6,
        2,
        300,
        faultsMin,
        SEED);
  }

  private static List<String> words(List<Cell> cells) {
    return cells.stream()
        .map(cell -> cell.fault().word() + "/" + cell.workload() + " " + cell.verdictWord())
        .toList();
  }

  @Test
  void promisesAreKeptUnderFaultsAndNothingIsLeftBehind() throws Exception {
    List<Fault> wanted = List.of(Fault.KILL, Fault.HALVES, Fault.MEMBERS);
    List<Fault> faults = new ArrayList<>(wanted);
    faults.removeAll(FaultRun.unavailable(wanted).keySet());
    List<String> workloads =
        Workload.names().stream().filter(name -> !name.startsWith(TRAVELLING)).toList();
    List<Cell> cells;
    Path report;
    try (FaultRun run = new FaultRun(plan(workloads, faults, ""), folder, ignored -> {})) {
      cells = run.run(ignored -> {});
      report = run.report();
    }
    List<String> expected = new ArrayList<>();
    faults.forEach(
        fault ->
            workloads.forEach(workload -> expected.add(fault.word() + "/" + workload + " pass")));
    assertEquals(expected, words(cells), () -> "-Dseed=" + SEED + ": " + details(cells));
    cells.forEach(cell -> assertTrue(cell.faults() > 0));
    assertEquals(List.of(), Leftovers.of(Owner.self()));
    assertNoInterfaceIsLeft();
    String page = Files.readString(report);
    assertTrue(page.contains("<svg") && page.contains("kill-session"));
    assertFalse(page.contains("http://") || page.contains("https://"), "it needs nothing else");
  }

  /// Sessions go from client to client while nodes die, join and leave. Six seconds are too few for
  /// a word on everything, so what can't be judged passes; what breaks a promise does not.
  @Test
  void sessionsKeepWhatTheyPromiseFromReplicaToReplicaAndWhileTheClusterIsResized()
      throws Exception {
    List<String> workloads =
        Workload.names().stream().filter(name -> name.startsWith(TRAVELLING)).toList();
    assertEquals(3, workloads.size(), workloads::toString);
    List<Cell> cells;
    try (FaultRun run =
        new FaultRun(plan(workloads, List.of(Fault.KILL, Fault.MEMBERS), ""), folder, any -> {})) {
      cells = run.run(ignored -> {});
    }
    assertEquals(6, cells.size());
    for (Cell cell : cells) {
      String told = "-Dseed=" + SEED + ": " + details(cells);
      assertNotEquals("FAIL", cell.verdictWord(), told);
      assertTrue(cell.succeeded() > 50 && cell.faults() > 0, told);
    }
    assertEquals(List.of(), Leftovers.of(Owner.self()));
  }

  /// What is on disk, and nothing else, is there each time.
  @Test
  void whatIsDurableSurvivesThatAllNodesAreKilledAgainAndAgain() throws Exception {
    List<Cell> cells;
    try (FaultRun run =
        new FaultRun(
            plan(List.of("set-durable"), List.of(Fault.BLACKOUT), "", BLACKOUTS, Map.of()),
            folder,
            ignored -> {})) {
      cells = run.run(ignored -> {});
    }
    assertEquals(
        List.of("blackout/set-durable pass"),
        words(cells),
        () -> "-Dseed=" + SEED + ": " + details(cells));
    assertTrue(cells.getFirst().faults() >= BLACKOUTS, () -> details(cells));
    assertEquals(List.of(), Leftovers.of(Owner.self()));
  }

  /// With an epoch so long that something is always lost, and that what a node may lose is far from
  /// what it may lose with the usual one. Comparing would find it before the epoch is over.
  @Test
  void withAckOneACrashLosesTheLastGossipEpochAndNothingOlder() throws Exception {
    Duration epoch = Duration.ofSeconds(8);
    RunPlan plan =
        plan(
            List.of("set-one"),
            List.of(Fault.KILL),
            "",
            3,
            Map.of("gossip.epoch", epoch.toSeconds() + "s", "antientropy.period", "5m"));
    List<Cell> cells;
    try (FaultRun run = new FaultRun(plan, folder, ignored -> {})) {
      cells = run.run(ignored -> {});
      assertTrue(Files.readString(run.report()).contains("acknowledged adds"));
    }
    Cell cell = cells.getFirst();
    assertEquals(Verdict.VALID, cell.verdict(), () -> "-Dseed=" + SEED + ": " + details(cells));
    System.out.println("with a gossip epoch of " + epoch + ", " + cell.measured());
    // The same history, judged as one of nodes with the usual epoch.
    History history = HistoryReader.read(cell.history());
    Duration usual = Duration.ofMillis(10).plus(SetOneWorkload.IN_FLIGHT);
    CheckResult result = new EachKey(new LossCheck(usual, Ending.of(history))).check(history);
    assertEquals(Verdict.INVALID, result.verdict(), () -> "-Dseed=" + SEED);
    assertTrue(result.anomalies().stream().allMatch(anomaly -> anomaly.kind().equals("lost")));
  }

  @Test
  void nodesThatAnswerBeforeTheyHaveEverythingAreCaught() throws Exception {
    List<Cell> cells;
    String report;
    try (FaultRun run =
        new FaultRun(
            plan(
                List.of("session"),
                List.of(Fault.KILL),
                "INCOMPLETE_ANSWERS_MISSING",
                3,
                // So that a node that was started again is without its share for long.
                Map.of("handoff.rate", "2KiB")),
            folder,
            ignored -> {})) {
      cells = run.run(ignored -> {});
      report = Files.readString(run.report());
    }
    assertEquals(
        Verdict.INVALID, FaultRun.verdict(cells), () -> "-Dseed=" + SEED + ": " + details(cells));
    assertTrue(report.contains("stale"));
    assertTrue(
        cells.getFirst().failures().stream()
            .anyMatch(finding -> finding.checker().equals("no-stale-reads")),
        () -> details(cells));
    assertEquals(List.of(), Leftovers.of(Owner.self()));
  }

  private static String details(List<Cell> cells) {
    StringBuilder text = new StringBuilder();
    for (Cell cell : cells) {
      text.append('\n').append(cell.toJson());
    }
    return text.toString();
  }

  /// The clients' end of the cable is the only interface that is not in a namespace.
  private static void assertNoInterfaceIsLeft() throws IOException {
    if (Tool.find("ip").isPresent()) {
      String mine = " tf" + Long.toString(ProcessHandle.current().pid(), 36) + ".";
      assertFalse(Tool.require("ip", "-o", "link").contains(mine));
    }
  }

  @Test
  void aRunThatIsInterruptedRemovesAllAndOneThatIsKilledIsRemovedLater() throws Exception {
    Process interrupted = started("interrupted");
    Owner first = Owner.ofProcess(interrupted.pid());
    assertFalse(Leftovers.of(first).isEmpty());
    Tool.require("kill", "-INT", Long.toString(interrupted.pid()));
    assertTrue(interrupted.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS));
    assertEquals(List.of(), Leftovers.of(first));

    Process killed = started("killed");
    Owner second = Owner.ofProcess(killed.pid());
    killed.destroyForcibly().waitFor();
    assertFalse(Leftovers.of(second).isEmpty());
    var _ = Leftovers.remove();
    assertEquals(
        "",
        Patience.await(
            PATIENCE,
            () -> {
              try {
                return String.join(", ", Leftovers.of(second));
              } catch (IOException e) {
                return e.toString();
              }
            }));
  }

  /// A run in a process of its own that is in the midst of it.
  private Process started(String name) throws IOException, InterruptedException {
    Path out = folder.resolve(name);
    Path log = folder.resolve(name + ".log");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "dev.trellis.cli.TrellisCli",
                "test-faults",
                "--nemesis=pause",
                "--workload=set",
                "--time=600",
                "--nodes=3",
                "--out=" + out)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    Path history = out.resolve("pause").resolve("set").resolve("history.edn");
    String obstacle =
        Patience.await(
            PATIENCE,
            () -> history.toFile().length() > 0 ? "" : process.isAlive() ? "not yet" : "");
    assertTrue(obstacle.isEmpty() && process.isAlive(), () -> "it did not start, see " + log);
    return process;
  }
}
