package dev.trellis.casestudy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.StandardOptions;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `bin/trellis casestudy`: each study is a command below it.
@Command(
    name = "casestudy",
    description = "Do what functions do with a store, and measure it beside published figures.",
    subcommands = {
      AnomaliesCommand.class,
      LatencyCommand.class,
      LeaderElectionCommand.class,
      ModelTrainingCommand.class,
      PredictionServingCommand.class
    })
@SuppressWarnings("UnusedVariable") // the options are for picocli
final class CaseStudyCommand implements Callable<Integer> {
  @Mixin private final StandardOptions options = new StandardOptions();

  @Override
  public Integer call() {
    throw new CommandFailure(
        ExitCode.MISUSE,
        "which case study? Say 'casestudy anomalies', 'latency', 'leader-election', 'model-training' or"
            + " 'prediction-serving'; 'casestudy --help' tells more.");
  }
}
