package dev.trellis.monitor.command;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.monitor.MonitorConfig;
import dev.trellis.monitor.decisions.DecisionCodec;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.statistics.Replay;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `replay`: what the policies would have decided of what was recorded, with other settings.
@Command(
    name = "replay",
    description = {
      "Run what a monitor has recorded (monitor.record.file) through the policies, with other"
          + " settings if wanted, and show what they decide.",
      "Nothing is carried out, so the nodes do what they did: what follows from a decision that was"
          + " not taken then does not show."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis replay statistics.rec",
      "  trellis replay statistics.rec --set objective.latency=1ms --set occupancy.high=0.5"
    })
final class ReplayCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();

  @Parameters(paramLabel = "FILE", description = "The recording.")
  private Path file = Path.of("");

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "A setting of the policies, as in a monitor's configuration file; may be given several"
              + " times. 'trellis run monitor --reference' lists them.")
  private Map<String, String> settings = new LinkedHashMap<>();

  @Override
  public Integer call() {
    Console console = standard.console();
    Replay replay;
    try {
      replay = Replay.of(file, config());
    } catch (ConfigurationException e) {
      throw new CommandFailure(ExitCode.MISUSE, "--set: " + e.getMessage(), e);
    } catch (NoSuchFileException e) {
      throw new CommandFailure(ExitCode.MISUSE, file + " does not exist", e);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, String.valueOf(e.getMessage()), e);
    }
    DecisionPrinter printer = new DecisionPrinter(console);
    for (Recorded decision : replay.decisions()) {
      if (standard.json()) {
        console.printLine(Json.write(DecisionCodec.json(decision)));
      } else {
        printer.print(decision);
      }
    }
    if (!standard.json()) {
      console.printLine(
          String.format(
              java.util.Locale.ROOT,
              "%,d reports of %,d nodes over %,.0f s led to %,d decisions.",
              replay.reports(),
              replay.nodes(),
              replay.spanMillis() / 1e3,
              replay.decisions().size()));
    }
    return ExitCode.OK;
  }

  private MonitorConfig config() {
    StringBuilder text = new StringBuilder("cluster.nodes = \"127.0.0.1:1\"\n");
    settings.forEach((key, value) -> text.append(key).append(" = ").append(value).append('\n'));
    return MonitorConfig.of(
        StrictConfig.ofText(MonitorConfig.reference(), text.toString(), Map.of()));
  }
}
