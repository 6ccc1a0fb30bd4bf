package dev.trellis.simulation;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.monitor.simulation.ModelConfig;
import dev.trellis.monitor.simulation.PaperCurve;
import dev.trellis.monitor.simulation.PolicySimulation;
import dev.trellis.monitor.simulation.Scenario;
import dev.trellis.monitor.simulation.SimulationReport;
import dev.trellis.monitor.simulation.SimulationReport.Made;
import dev.trellis.monitor.simulation.SimulationReport.Miss;
import dev.trellis.process.ConfigurationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `bin/trellis simulate policy`: the monitor's policies against a model of a cluster.
@Command(
    name = "policy",
    description = {
      "Runs the monitor's policies against a model of a cluster of any size, and tells what nodes,",
      "cost and latency came of it, and what was decided and why. Without a scenario it lists those",
      "there are. --set changes the model or a policy's setting for a run."
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class PolicyCommand implements Callable<Integer> {
  private static final int LINES_MAX = 40;
  private static final int MISSES_MAX = 8;

  @Mixin private final StandardOptions options = new StandardOptions();

  @Parameters(
      arity = "0..1",
      paramLabel = "SCENARIO",
      description = "What comes upon the cluster; without it, those there are.")
  private @Nullable String name;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      description = "Memory nodes at the beginning; those with disks in proportion.")
  private @Nullable Integer nodes;

  @Option(names = "--keys", paramLabel = "N", description = "How many keys are stored.")
  private @Nullable Long keys;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "All that is left to chance follows from it (${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "A setting of the model or the policies, such as policy.occupancy.high=0.5.")
  private List<String> settings = new ArrayList<>();

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Also write a page with plots and all decisions.")
  private @Nullable Path page;

  @Override
  public Integer call() {
    Console console = options.console();
    if (name == null) {
      list(console);
      return ExitCode.OK;
    }
    Scenario scenario =
        Scenario.named(name)
            .orElseThrow(
                () ->
                    new CommandFailure(
                        ExitCode.MISUSE,
                        "no scenario '%s'; there are %s"
                            .formatted(
                                name,
                                Scenario.all().stream()
                                    .map(Scenario::name)
                                    .collect(Collectors.joining(", ")))));
    SimulationReport report = PolicySimulation.run(scenario, config(scenario), seed);
    if (options.json()) {
      console.printLine(Json.write(json(report)));
    } else {
      summary(report).forEach(console::printLine);
      decisions(report, console);
    }
    if (page != null) {
      write(page, PolicyPage.of(report, summary(report)));
      console.errorLine("The plots are in " + page);
    }
    return ExitCode.OK;
  }

  private void list(Console console) {
    if (options.json()) {
      console.printLine(
          Json.write(
              Scenario.all().stream()
                  .map(each -> Map.of("name", each.name(), "description", each.description()))
                  .toList()));
      return;
    }
    console.printLine("Scenarios:");
    Scenario.all()
        .forEach(
            each -> console.printLine("  %-16s %s".formatted(each.name(), each.description())));
  }

  private ModelConfig config(Scenario scenario) {
    List<String> texts = new ArrayList<>();
    if (keys != null) {
      texts.add("keys = " + keys);
    }
    try {
      if (nodes != null) {
        ModelConfig.Nodes usual = scenario.config(texts).nodes();
        texts.add("nodes.memory = " + nodes);
        texts.add("nodes.ssd = " + Math.ceilDiv((long) nodes * usual.ssd(), usual.memory()));
      }
      texts.addAll(settings);
      return scenario.config(texts);
    } catch (ConfigurationException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot write " + file + ": " + e.getMessage(), e);
    }
  }

  private List<String> summary(SimulationReport report) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "%s, %s, %,d keys, seed %d: %s",
            report.scenario().name(),
            PolicyText.time(report.samples().size()),
            report.config().data().keys(),
            seed,
            report.scenario().description()));
    lines.add(
        String.format(
            Locale.ROOT,
            "objective: %s latency of %s ms met %.1f%% of the time; mean over all %s ms",
            report.config().policy().objective().statistic().name().toLowerCase(Locale.ROOT),
            PolicyText.number(report.config().policy().objective().micros() / 1e3),
            100 * report.shareWithinObjective(),
            PolicyText.number(report.meanLatencyMicros() / 1e3)));
    List<Miss> misses = report.misses();
    misses.stream().limit(MISSES_MAX).map(PolicyCommand::text).forEach(lines::add);
    if (misses.size() > MISSES_MAX) {
      lines.add("  and %d times more".formatted(misses.size() - MISSES_MAX));
    }
    lines.add(
        "nodes: memory %d at first, %d at most, %d in the end; ssd %d, %d, %d"
            .formatted(
                report.samples().getFirst().memoryNodes(),
                report.mostMemoryNodes(),
                report.samples().getLast().memoryNodes(),
                report.samples().getFirst().ssdNodes(),
                report.mostSsdNodes(),
                report.samples().getLast().ssdNodes()));
    lines.add(
        String.format(
            Locale.ROOT,
            "cost: %.2f in all, %.0f node minutes of memory; %s operations a second on average",
            report.cost(),
            report.memoryNodeMinutes(),
            PolicyText.number(report.meanOperationsPerSecond())));
    if (report.scenario().name().equals(PaperCurve.SCENARIO)) {
      lines.add(
          String.format(
              Locale.ROOT,
              "the paper: met %.0f%% of the time, 16 nodes at most, %.0f node minutes",
              100 * PaperCurve.SHARE_WITHIN_OBJECTIVE,
              PaperCurve.nodeMinutes(report.samples().size() / 60.0)));
    }
    lines.add(
        "decisions: %d, of nodes %d, taken back within 10 minutes %d"
            .formatted(report.decisions().size(), report.resizes().size(), report.flaps()));
    return lines;
  }

  private static String text(Miss miss) {
    return "  missed from %s for %d s, at worst %s ms"
        .formatted(
            PolicyText.time(miss.fromSecond()),
            miss.seconds(),
            PolicyText.number(miss.worstMicros() / 1e3));
  }

  private static void decisions(SimulationReport report, Console console) {
    report.decisions().stream()
        .limit(LINES_MAX)
        .forEach(made -> console.printLine("  " + PolicyText.line(made)));
    if (report.decisions().size() > LINES_MAX) {
      console.printLine(
          "  and %d more: see --html or --json".formatted(report.decisions().size() - LINES_MAX));
    }
  }

  private Map<String, Object> json(SimulationReport report) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("scenario", report.scenario().name());
    result.put("seed", seed);
    result.put("seconds", (long) report.samples().size());
    result.put("objectiveMicros", report.config().policy().objective().micros());
    result.put("withinObjective", report.shareWithinObjective());
    result.put("meanLatencyMicros", report.meanLatencyMicros());
    result.put("operationsPerSecond", report.meanOperationsPerSecond());
    result.put("memoryNodesMost", (long) report.mostMemoryNodes());
    result.put("memoryNodesLast", (long) report.samples().getLast().memoryNodes());
    result.put("ssdNodesMost", (long) report.mostSsdNodes());
    result.put("memoryNodeMinutes", report.memoryNodeMinutes());
    result.put("cost", report.cost());
    result.put("flaps", (long) report.flaps());
    result.put(
        "misses",
        report.misses().stream()
            .map(
                miss ->
                    Map.of(
                        "fromSecond",
                        miss.fromSecond(),
                        "seconds",
                        miss.seconds(),
                        "worstMicros",
                        miss.worstMicros()))
            .toList());
    result.put("decisions", report.decisions().stream().map(PolicyCommand::json).toList());
    return result;
  }

  private static Map<String, Object> json(Made made) {
    Explanation why = made.decision().explanation();
    Map<String, Object> decision = new LinkedHashMap<>();
    decision.put("second", made.second());
    decision.put("what", PolicyText.what(made.decision()));
    decision.put("policy", why.policy());
    decision.put("because", why.because());
    decision.put("inputs", why.inputs());
    decision.put("threshold", why.threshold());
    decision.put("expected", why.expected());
    return decision;
  }
}
