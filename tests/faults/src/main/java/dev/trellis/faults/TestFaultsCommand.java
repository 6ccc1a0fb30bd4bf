package dev.trellis.faults;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.history.check.Verdict;
import dev.trellis.node.shard.Sabotage;
import dev.trellis.process.ConfigurationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bin/trellis test-faults`: real processes under real faults, and what is left of the promises.
@Command(
    name = "test-faults",
    description = {
      "Start clusters of real processes, do them harm while clients write down what they see, and"
          + " judge the histories.",
      "Prints a table of faults and workloads: the calls that succeeded, the faults that really"
          + " happened, the verdict. Exits with 0 if all pass, 1 if a promise is broken, 3 if"
          + " something is unknown."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis test-faults",
      "  trellis test-faults --time 20 --workload set,counter --nemesis kill,halves --seed 7",
      "  trellis test-faults --nemesis kill --sabotage incomplete-answers-missing    must fail"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class TestFaultsCommand implements Callable<Integer> {
  private static final String ALL = "all";
  private static final int UNKNOWN = 3;
  private static final int CALLERS = 10;
  private static final int CLIENTS = 3;
  private static final DateTimeFormatter FOLDER_NAME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'", Locale.ROOT);

  @Mixin private final StandardOptions standard = new StandardOptions();

  @Option(
      names = "--time",
      paramLabel = "SECONDS",
      defaultValue = "60",
      description = "How long each fault is done again and again, 5 to 3600 (${DEFAULT-VALUE}).")
  private int seconds;

  @Option(
      names = "--workload",
      paramLabel = "NAME",
      split = ",",
      defaultValue = ALL,
      description =
          "set, set-one, set-durable, counter, register, delete, session, sessions-single,"
              + " sessions-atomic, sessions-causal, or all (${DEFAULT-VALUE}); several separated by"
              + " commas. They run side by side on one cluster.")
  private List<String> workloads = new ArrayList<>();

  @Option(
      names = "--nemesis",
      paramLabel = "FAULT",
      split = ",",
      defaultValue = ALL,
      description =
          "kill, blackout, restart, pause, isolate, halves, ring, one-way, clients, clock, clock-far,"
              + " members, churn, or all"
              + " (${DEFAULT-VALUE}); several separated by commas. Each gets a cluster of its own.")
  private List<String> faults = new ArrayList<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "What is called and what is done follows from it, but for the timing.")
  private @Nullable Long seed;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "A folder for histories, logs, verdicts and the report, which must not be there yet; by"
              + " default a new one in ~/.trellis/faults.")
  private @Nullable Path out;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "5",
      description = "Nodes of each cluster, 3 to 9 (${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = "--ssd-nodes",
      paramLabel = "N",
      defaultValue = "2",
      description =
          "How many of them keep their data on disk, 0 to all but one (${DEFAULT-VALUE}).")
  private int ssdNodes;

  @Option(
      names = "--shards",
      paramLabel = "N",
      defaultValue = "2",
      description = "Shards of each node, 1 to 8 (${DEFAULT-VALUE}).")
  private int shards;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "100",
      description = "Calls a second of each workload, 10 to 10000 (${DEFAULT-VALUE}).")
  private int rate;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "A setting of every node, as of 'trellis up'.")
  private Map<String, String> settings = new LinkedHashMap<>();

  @Option(
      names = "--sabotage",
      paramLabel = "DEFECT",
      description =
          "Give the nodes a known defect, to see that the checks notice, such as"
              + " incomplete-answers-missing or no-retransmission.")
  private @Nullable String sabotage;

  @Override
  public Integer call() throws InterruptedException {
    Console console = standard.console();
    CommandFailure.requireWithin("--time", seconds, 5, 3_600);
    CommandFailure.requireWithin("--nodes", nodes, 3, 9);
    CommandFailure.requireWithin("--ssd-nodes", ssdNodes, 0, nodes - 1);
    CommandFailure.requireWithin("--shards", shards, 1, 8);
    CommandFailure.requireWithin("--rate", rate, 10, 10_000);
    List<String> chosenWorkloads = workloads();
    List<Fault> chosenFaults = faults();
    boolean everything = faults.contains(ALL);
    Map<Fault, String> unavailable = FaultRun.unavailable(chosenFaults);
    if (!everything && !unavailable.isEmpty()) {
      Map.Entry<Fault, String> first = unavailable.entrySet().iterator().next();
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "--nemesis " + first.getKey().word() + " is not to be had here: " + first.getValue());
    }
    ClusterPlan cluster = cluster();
    List<Fault> available =
        chosenFaults.stream()
            .filter(fault -> !unavailable.containsKey(fault))
            .filter(fault -> isOfUse(fault, chosenWorkloads, cluster, everything))
            .toList();
    RunPlan plan =
        new RunPlan(
            cluster,
            chosenWorkloads,
            available,
            Duration.ofSeconds(seconds),
            Duration.ZERO,
            rate,
            CALLERS,
            CLIENTS,
            RunPlan.OPERATIONS_MIN,
            1,
            seed == null ? System.nanoTime() : seed);
    Path folder = folder(console);
    try {
      return run(console, plan, folder, unavailable);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "the run could not go on: " + e.getMessage() + "; what there is of it is in " + folder,
          e);
    }
  }

  /// Whether anything is promised to some workload under a fault. Who names a fault expects it to
  /// be done.
  private static boolean isOfUse(
      Fault fault, List<String> workloads, ClusterPlan cluster, boolean everything) {
    boolean isOfUse = Workload.isAnyFor(workloads, fault, cluster);
    if (!isOfUse && !everything) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--nemesis "
              + fault.word()
              + " leaves nothing of the workloads "
              + String.join(", ", workloads)
              + "; add set-durable"
              + (cluster.ssdNodes() == 0 ? ", and --ssd-nodes 1 or more" : ""));
    }
    return isOfUse;
  }

  private int run(Console console, RunPlan plan, Path folder, Map<Fault, String> unavailable)
      throws IOException, InterruptedException {
    for (String removed : Leftovers.remove()) {
      console.errorLine("removed what a killed run had left: " + removed);
    }
    boolean json = standard.json();
    FaultRun run = new FaultRun(plan, folder, console::progress);
    Thread hook = new Thread(() -> closeQuietly(run), "remove-all");
    Runtime.getRuntime().addShutdownHook(hook);
    List<Cell> cells;
    try (run) {
      if (!json) {
        console.printLine("Seed " + plan.seed() + ", files in " + folder);
        printLeftOut(console, unavailable);
        console.printLine("");
        console.printLine(Table.header(plan.workloads()));
        console.flush();
      }
      cells =
          run.run(
              column -> {
                console.progress("");
                if (json) {
                  column.forEach(cell -> console.printLine(Json.write(cell.toJson())));
                } else {
                  console.printLine(Table.row(plan.workloads(), column));
                }
                console.flush();
              });
    } finally {
      removeHook(hook);
    }
    Verdict verdict = FaultRun.verdict(cells);
    // What was left out is not known to work.
    if (!unavailable.isEmpty() && verdict == Verdict.VALID) {
      verdict = Verdict.UNKNOWN;
    }
    if (json) {
      console.printLine(Json.write(summary(plan, run, verdict, unavailable)));
    } else {
      printSummary(console, run, cells, verdict, unavailable);
    }
    return switch (verdict) {
      case VALID -> ExitCode.OK;
      case INVALID -> ExitCode.NEGATIVE;
      case UNKNOWN -> UNKNOWN;
    };
  }

  private static void closeQuietly(FaultRun run) {
    try {
      run.close();
    } catch (IOException e) {
      System.err.println("error: not all could be removed: " + e.getMessage());
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // It runs already.
    }
  }

  private static Map<String, Object> summary(
      RunPlan plan, FaultRun run, Verdict verdict, Map<Fault, String> unavailable) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("valid", verdict.toJson());
    json.put("seed", plan.seed());
    json.put("place", run.place());
    Map<String, Object> left = new LinkedHashMap<>();
    unavailable.forEach((fault, reason) -> left.put(fault.word(), reason));
    json.put("leftOut", left);
    json.put("report", run.report().toString());
    return json;
  }

  /// A line for each reason.
  private static void printLeftOut(Console console, Map<Fault, String> unavailable) {
    Map<String, List<String>> faultsByReason = new LinkedHashMap<>();
    unavailable.forEach(
        (fault, reason) ->
            faultsByReason.computeIfAbsent(reason, ignored -> new ArrayList<>()).add(fault.word()));
    faultsByReason.forEach(
        (reason, words) ->
            console.printLine("Left out: " + String.join(", ", words) + ", since " + reason));
  }

  private static void printSummary(
      Console console,
      FaultRun run,
      List<Cell> cells,
      Verdict verdict,
      Map<Fault, String> unavailable) {
    console.printLine("");
    console.printLine("Each cell: calls that succeeded, faults that really happened, verdict.");
    console.printLine("Where: " + run.place() + ".");
    for (Cell cell : cells) {
      String where = cell.fault().word() + "/" + cell.workload() + ": ";
      cell.problems().forEach(problem -> console.printLine("FAIL " + where + problem));
      cell.failures().forEach(f -> console.printLine("FAIL " + where + Cell.describe(f)));
      cell.measured().forEach(sentence -> console.printLine("Measured " + where + sentence));
    }
    console.printLine("");
    console.printLine(
        switch (verdict) {
              case VALID -> "All promises were kept.";
              case INVALID -> "A promise was broken.";
              case UNKNOWN ->
                  "Nothing was broken, but not all is known"
                      + (unavailable.isEmpty() ? "." : ": some faults were left out.");
            }
            + " "
            + run.report());
  }

  private List<String> workloads() {
    List<String> known = Workload.names();
    if (workloads.contains(ALL)) {
      return known;
    }
    for (String name : workloads) {
      if (!known.contains(name)) {
        throw new CommandFailure(
            ExitCode.MISUSE,
            "--workload "
                + name
                + " is unknown; known are "
                + String.join(", ", known)
                + ", or all");
      }
    }
    return known.stream().filter(workloads::contains).toList();
  }

  private List<Fault> faults() {
    if (faults.contains(ALL)) {
      return List.of(Fault.values());
    }
    try {
      List<Fault> chosen = faults.stream().map(Fault::ofWord).toList();
      return Arrays.stream(Fault.values()).filter(chosen::contains).toList();
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, "--nemesis: " + e.getMessage(), e);
    }
  }

  private ClusterPlan cluster() {
    ClusterPlan cluster =
        new ClusterPlan(nodes, ssdNodes, shards, "256m", nodeSettings(), false, sabotage());
    try {
      var _ = cluster.gossipEpoch();
      return cluster;
    } catch (ConfigurationException e) {
      throw new CommandFailure(ExitCode.MISUSE, "--set: " + e.getMessage(), e);
    }
  }

  /// Deletions are forgotten soon, so that forgetting them too early would show.
  private Map<String, String> nodeSettings() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("tombstone.grace", "2s");
    all.putAll(settings);
    return all;
  }

  private Optional<String> sabotage() {
    if (sabotage == null) {
      return Optional.empty();
    }
    String name = sabotage.toUpperCase(Locale.ROOT).replace('-', '_');
    if (Arrays.stream(Sabotage.values()).noneMatch(defect -> defect.name().equals(name))) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--sabotage "
              + sabotage
              + " is unknown; known are "
              + String.join(
                  ", ",
                  Arrays.stream(Sabotage.values())
                      .map(defect -> defect.name().toLowerCase(Locale.ROOT).replace('_', '-'))
                      .toList()));
    }
    return Optional.of(name);
  }

  private Path folder(Console console) {
    Path folder =
        out == null
            ? console
                .home()
                .resolve("faults")
                .resolve(FOLDER_NAME.format(ZonedDateTime.now(ZoneOffset.UTC)))
            : out.toAbsolutePath();
    if (Files.exists(folder.resolve("run.json"))) {
      throw new CommandFailure(
          ExitCode.MISUSE, "--out " + folder + " holds a run already; name another folder");
    }
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, Failures.of(folder, e), e);
    }
    return folder;
  }
}
