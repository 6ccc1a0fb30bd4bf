package dev.trellis.deploy;

import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/// `status`: tells how the cluster of this machine is.
@Command(
    name = "status",
    description = "Show the processes of the cluster of this machine. Exits with 1 if none runs.")
final class StatusCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final LocalOptions local = new LocalOptions();

  @Override
  public Integer call() {
    Console console = standard.console();
    Optional<ClusterState> state = local.state(console).filter(known -> !known.running().isEmpty());
    if (state.isEmpty()) {
      console.printLine(
          standard.json()
              ? Json.write(Map.of("running", false, "whole", false, "nodes", List.of()))
              : "No cluster of 'trellis up' runs here.");
      return ExitCode.NEGATIVE;
    }
    ClusterReport.of(state.get()).print(console, standard.json());
    return ExitCode.OK;
  }
}
