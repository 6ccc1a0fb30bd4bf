package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.LocalClusters;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Says which cluster of this machine is meant.
final class LocalOptions {
  @Option(
      names = "--port-base",
      paramLabel = "PORT",
      description =
          "The port of the cluster's router, where there are several clusters (by default the one"
              + " that runs, or 7400).")
  private @Nullable Integer portBase;

  /// Whether the user has named it.
  boolean isGiven() {
    return portBase != null;
  }

  /// Names it in place of the user, who has named it in another way.
  void name(int base) {
    portBase = base;
  }

  /// The port base of the cluster that is meant.
  ///
  /// @throws CommandFailure if that is not clear, or no port base
  int portBase(Console console) {
    if (portBase != null) {
      return Ports.asked(portBase).base();
    }
    List<Integer> ports = LocalClusters.ports(console);
    if (ports.isEmpty() || ports.contains(LocalClusters.DEFAULT_PORT)) {
      return LocalClusters.DEFAULT_PORT;
    }
    if (ports.size() > 1) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "several clusters run on this machine; say which with --port-base, one of " + ports);
    }
    return ports.get(0);
  }

  /// What is remembered of the cluster that is meant, of which something must run.
  ///
  /// @throws CommandFailure if nothing does
  ClusterState running(Console console) {
    return state(console)
        .filter(known -> !known.running().isEmpty())
        .orElseThrow(
            () ->
                new CommandFailure(
                    ExitCode.NEGATIVE,
                    "no cluster of 'trellis up' runs here; start one with 'trellis up'"));
  }

  /// What is remembered of the cluster that is meant.
  Optional<ClusterState> state(Console console) {
    return ClusterState.read(console, portBase(console));
  }
}
