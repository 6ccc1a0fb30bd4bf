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

/// `down`: stops the cluster of this machine.
@Command(name = "down", description = "Stop the cluster of this machine.")
final class DownCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final LocalOptions local = new LocalOptions();

  @Override
  public Integer call() throws InterruptedException {
    Console console = standard.console();
    int portBase = local.portBase(console);
    try (ClusterLock _ = ClusterLock.take(console, portBase)) {
      Optional<ClusterState> state = ClusterState.read(console, portBase);
      List<ServerState> running = state.map(ClusterState::running).orElse(List.of());
      if (state.isPresent()) {
        new LocalCluster(console, state.get())
            .stop(standard.json() ? stopped -> {} : console::printLine);
      }
      if (standard.json()) {
        console.printLine(
            Json.write(Map.of("stopped", running.stream().map(ServerState::name).toList())));
      } else if (running.isEmpty()) {
        console.printLine("Nothing to stop: no cluster of 'trellis up' runs here.");
      }
    }
    return ExitCode.OK;
  }
}
