package dev.trellis.faults;

import dev.trellis.cli.Json;
import dev.trellis.history.check.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// A run: one [Column] for each fault, and a folder with the configuration, the histories, the
/// nodes' logs, the verdicts and a report. Ended early, by [#close] from any thread, it removes
/// what it made all the same.
final class FaultRun implements AutoCloseable {
  private final RunPlan plan;
  private final Path folder;
  private final Consumer<String> progress;
  private final List<Cell> cells = new ArrayList<>();
  private final Report report;
  private String place = "";
  private Optional<Lab> lab = Optional.empty(); // guarded by this
  private Optional<FaultCluster> cluster = Optional.empty(); // guarded by this
  private boolean isOver; // guarded by this

  /// @param folder that the run gets for itself
  /// @param progress is told how far it is, for people
  FaultRun(RunPlan plan, Path folder, Consumer<String> progress) {
    this.plan = plan;
    this.folder = folder;
    this.progress = progress;
    this.report = new Report(plan);
  }

  /// Those faults of the plan that cannot be had here, and why.
  static Map<Fault, String> unavailable(List<Fault> faults) {
    Optional<String> obstacle = NamespaceLab.obstacle();
    Map<Fault, String> unavailable = new LinkedHashMap<>();
    for (Fault fault : faults) {
      switch (fault.need()) {
        case NOTHING -> {}
        case CUTS -> {
          if (obstacle.isPresent()) {
            unavailable.put(fault, "there are no network namespaces: " + obstacle.get());
          } else if (Tool.find("iptables").isEmpty()) {
            unavailable.put(fault, "there is no 'iptables' (package iptables)");
          }
        }
        case CLOCKS -> {
          if (SkewedClock.library().isEmpty()) {
            unavailable.put(fault, "there is no libfaketime (package libfaketime)");
          }
        }
      }
    }
    return unavailable;
  }

  /// Runs all faults of the plan, which must be available.
  ///
  /// @param tell is given the cells of each fault when they are there
  List<Cell> run(Consumer<List<Cell>> tell) throws IOException, InterruptedException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("run.json"), Json.write(describe()) + "\n");
    for (Fault fault : plan.faults()) {
      List<Cell> column = column(fault);
      cells.addAll(column);
      report.add(column);
      tell.accept(column);
      write();
    }
    return List.copyOf(cells);
  }

  private List<Cell> column(Fault fault) throws IOException, InterruptedException {
    Lab built = open();
    try {
      return new Column(
              plan,
              fault,
              folder.resolve(fault.word()),
              text -> progress.accept(fault.word() + ": " + text))
          .run(built, this::opened);
    } finally {
      closeLab();
    }
  }

  private synchronized Lab open() throws IOException {
    if (isOver) {
      throw new IOException("the run was ended");
    }
    Optional<String> obstacle = NamespaceLab.obstacle();
    Lab built = obstacle.isPresent() ? new LoopbackLab(obstacle.get()) : NamespaceLab.build();
    lab = Optional.of(built);
    place = built.describe();
    return built;
  }

  private synchronized void opened(FaultCluster made) {
    cluster = Optional.of(made);
    if (isOver) {
      made.close();
    }
  }

  private synchronized void closeLab() throws IOException {
    if (cluster.isPresent()) {
      cluster.get().close();
      cluster = Optional.empty();
    }
    if (lab.isPresent()) {
      lab.get().close();
      lab = Optional.empty();
    }
  }

  /// Where the last cluster ran, for people.
  String place() {
    return place;
  }

  Path report() {
    return folder.resolve("report.html");
  }

  private void write() throws IOException {
    Files.writeString(
        folder.resolve("verdicts.json"),
        Json.write(cells.stream().map(Cell::toJson).toList()) + "\n");
    report.write(report(), place);
  }

  private Map<String, Object> describe() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("seed", plan.seed());
    json.put("nodes", (long) plan.cluster().nodes());
    json.put("ssdNodes", (long) plan.cluster().ssdNodes());
    json.put("shards", (long) plan.cluster().shards());
    json.put("heap", plan.cluster().heap());
    json.put("settings", plan.cluster().settings());
    json.put("sabotage", plan.cluster().sabotage().orElse(""));
    json.put("workloads", plan.workloads());
    json.put("faults", plan.faults().stream().map(Fault::word).toList());
    json.put("seconds", plan.time().toSeconds());
    json.put("rate", (long) plan.rate());
    json.put("callers", (long) plan.callers());
    json.put("clients", (long) plan.clients());
    json.put("java", Runtime.version().toString());
    json.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    json.put("processors", (long) Runtime.getRuntime().availableProcessors());
    return json;
  }

  /// The verdict on all cells.
  static Verdict verdict(List<Cell> cells) {
    return Verdict.ofAll(cells.stream().map(Cell::verdict).toList());
  }

  /// Ends all processes and removes what was made, in the midst of it if need be.
  @Override
  public void close() throws IOException {
    synchronized (this) {
      isOver = true;
    }
    closeLab();
  }
}
