package dev.trellis.simulation;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bin/trellis simulate cluster`: any number of seeded runs; the number of a failing one replays
/// it.
@Command(
    name = "simulate",
    description = "Run simulated clusters: all that happens in them follows from a seed.",
    subcommands = {SimulateCommand.ClusterCommand.class, PolicyCommand.class})
@SuppressWarnings("UnusedVariable") // the options are for picocli
final class SimulateCommand implements Callable<Integer> {
  @Mixin private final StandardOptions options = new StandardOptions();

  @Override
  public Integer call() {
    throw new CommandFailure(
        ExitCode.MISUSE,
        "simulate what? Say 'simulate cluster' or 'simulate policy'; 'simulate --help' tells"
            + " more.");
  }

  @Command(
      name = "cluster",
      description = {
        "Runs clusters of real shards on one thread, while messages are lost, nodes die, join, leave",
        "and are taken for dead, and clocks are wrong. Checks that no acknowledged write is lost or",
        "counted twice, that nothing deleted comes back, and that all replicas agree in the end.",
        "Exits with 1 at the first run that breaks a promise, and prints the seed that replays it."
      })
  @SuppressWarnings("FieldCanBeFinal") // picocli sets them
  static final class ClusterCommand implements Callable<Integer> {
    @Mixin private final StandardOptions options = new StandardOptions();

    @Option(
        names = "--seeds",
        paramLabel = "N",
        defaultValue = "100",
        description = "How many seeds to run (${DEFAULT-VALUE}).")
    private int seeds;

    @Option(
        names = "--seed",
        paramLabel = "S",
        defaultValue = "1",
        description = "The first seed (${DEFAULT-VALUE}).")
    private long seed;

    @Option(
        names = "--profile",
        paramLabel = "NAME",
        description = "Only this kind of day: ${COMPLETION-CANDIDATES}; by default all in turn.")
    private @Nullable Profile profile;

    @Option(names = "--trace", description = "Print every event of the runs.")
    private boolean trace;

    @Override
    public Integer call() {
      if (seeds < 1) {
        throw new CommandFailure(
            ExitCode.MISUSE, "--seeds " + seeds + " is below 1; give the number of runs");
      }
      Console console = options.console();
      Tally total = new Tally();
      for (long current = seed; current < seed + seeds; current++) {
        FaultPlan plan = profile == null ? FaultPlan.of(current) : FaultPlan.of(current, profile);
        Simulation.Report report =
            Simulation.run(
                plan, Defect.NONE, trace ? Optional.of(console::printLine) : Optional.empty());
        if (!report.passed()) {
          tellFailure(console, report);
          return ExitCode.NEGATIVE;
        }
        total.add(report.tally());
        if (console.errorIsTerminal() && (current - seed + 1) % 10 == 0) {
          console.errorLine((current - seed + 1) + " of " + seeds + " seeds");
        }
      }
      if (options.json()) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("passed", true);
        result.put("firstSeed", seed);
        result.put("seeds", (long) seeds);
        result.put("counts", total.counts());
        console.printLine(Json.write(result));
      } else {
        console.printLine(seeds + " seeds from " + seed + " passed.");
        total.counts().forEach((what, count) -> console.printLine("  " + what + ": " + count));
      }
      return ExitCode.OK;
    }

    private void tellFailure(Console console, Simulation.Report report) {
      FaultPlan plan = report.plan();
      if (options.json()) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("passed", false);
        result.put("seed", plan.seed());
        result.put("profile", plan.profile().name());
        result.put("nodes", (long) plan.nodes());
        result.put("plan", plan.toString());
        result.put("violations", report.violations());
        console.printLine(Json.write(result));
        return;
      }
      console.printLine(
          "Seed "
              + plan.seed()
              + " breaks a promise ("
              + plan.profile()
              + ", "
              + plan.nodes()
              + " nodes at first):");
      console.printLine("  " + plan);
      report.violations().forEach(violation -> console.printLine("  " + violation));
      console.printLine(
          "Replay it: bin/trellis simulate cluster --seeds 1 --seed "
              + plan.seed()
              + (profile == null ? "" : " --profile " + profile)
              + " --trace");
    }
  }
}
