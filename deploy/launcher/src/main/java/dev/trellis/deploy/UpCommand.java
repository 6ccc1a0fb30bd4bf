package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.LocalClusters;
import dev.trellis.cli.StandardOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `up`: starts a cluster of real processes on this machine.
@Command(
    name = "up",
    description = "Start a cluster on this machine.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis up                    until Ctrl-C",
      "  trellis up --detach           until 'trellis down'",
      "  trellis up --port-base 9400   a second cluster beside the first"
    })
final class UpCommand implements Callable<Integer> {
  private static final int SHARDS_MAX = 16;
  private static final Duration CHECK = Duration.ofMillis(200);

  @Mixin private final StandardOptions standard = new StandardOptions();

  @Option(
      names = "--memory-nodes",
      paramLabel = "N",
      defaultValue = "1",
      description = "Nodes of the memory tier (default and, in this version, only choice: 1).")
  private int memoryNodes = 1;

  @Option(
      names = "--ssd-nodes",
      paramLabel = "N",
      defaultValue = "0",
      description = "Nodes of the SSD tier (default and, in this version, only choice: 0).")
  private int ssdNodes;

  @Option(
      names = "--shards",
      paramLabel = "N",
      description = "Shards of each node, 1 to 16: a thread each (default: one for each core).")
  private int shards = Math.min(SHARDS_MAX, Runtime.getRuntime().availableProcessors());

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "The folder for configuration, logs and data (default: ~/.trellis/clusters/PORT).")
  private @Nullable Path data;

  @Option(
      names = "--port-base",
      paramLabel = "PORT",
      defaultValue = "7400",
      description =
          "The router's port; all others are counted from it (default: 7400, REST is then 7480).")
  private int portBase = LocalClusters.DEFAULT_PORT;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      description =
          "The heap of each node, such as 512m or 4g (default: a quarter of the machine's memory).")
  private @Nullable String memory;

  @Option(names = "--detach", description = "Return once all is ready, and leave it running.")
  private boolean detach;

  @Option(
      names = "--wait",
      paramLabel = "TIME",
      defaultValue = "30s",
      description = "How long the processes may take to get ready (default: 30s).")
  private Duration patience = Duration.ofSeconds(30);

  @Override
  public Integer call() throws InterruptedException {
    requireSupported();
    Console console = standard.console();
    LocalCluster cluster;
    Thread stopAtExit;
    try (ClusterLock _ = ClusterLock.take(console, portBase)) {
      Optional<ClusterState> known = ClusterState.read(console, portBase);
      List<ServerState> running = known.map(ClusterState::running).orElse(List.of());
      if (known.isPresent() && running.size() == known.get().servers().size()) {
        tellRunning(known.get());
        return ExitCode.OK;
      }
      ClusterState before = running.isEmpty() ? fresh() : known.orElseGet(this::fresh);
      tellStart(known, running);
      cluster = new LocalCluster(console, before);
      stopAtExit = new Thread(stopping(cluster), "stop");
      Runtime.getRuntime().addShutdownHook(stopAtExit);
      long began = System.nanoTime();
      cluster.start(
          ServerPlan.of(before.ports(), memoryNodes, before.shards(), before.folder()),
          environment(),
          patience);
      tellReady(cluster.state(), Duration.ofNanos(System.nanoTime() - began));
    }
    if (detach) {
      Runtime.getRuntime().removeShutdownHook(stopAtExit);
      return ExitCode.OK;
    }
    return stay(cluster);
  }

  private void requireSupported() {
    if (memoryNodes != 1) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--memory-nodes "
              + memoryNodes
              + ": this version runs exactly 1, since nodes do not copy keys to each other yet");
    }
    if (ssdNodes != 0) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--ssd-nodes "
              + ssdNodes
              + ": this version runs none, since the SSD tier does not exist yet");
    }
    if (shards < 1 || shards > SHARDS_MAX) {
      throw new CommandFailure(
          ExitCode.MISUSE, "--shards " + shards + " is outside 1 to " + SHARDS_MAX);
    }
    if (memory != null && !memory.matches("[1-9]\\d{0,8}[kKmMgG]")) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--memory " + memory + " is no size; write a number and k, m or g: 512m");
    }
    try {
      new Ports(portBase);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    }
  }

  private ClusterState fresh() {
    Path folder =
        data == null
            ? ClusterState.folderOf(standard.console(), portBase)
            : data.toAbsolutePath().normalize();
    return new ClusterState(new Ports(portBase), shards, folder, List.of());
  }

  private Map<String, String> environment() {
    return memory == null ? Map.of() : Map.of("TRELLIS_HEAP", memory);
  }

  /// What ends the processes if this one ends before it should leave them alone.
  private Runnable stopping(LocalCluster cluster) {
    return () -> {
      try (ClusterLock _ = ClusterLock.await(standard.console(), portBase)) {
        if (ClusterState.read(standard.console(), portBase).isPresent()) {
          cluster.stop(standard.console()::errorLine);
        }
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    };
  }

  /// Waits for the end of the cluster: by Ctrl-C or SIGTERM, which end this process too, by
  /// 'trellis down', or by a crash.
  private int stay(LocalCluster cluster) throws InterruptedException {
    ClusterState state = cluster.state();
    while (state.running().size() == state.servers().size()) {
      Thread.sleep(CHECK);
    }
    // Who stops the cluster has the lock until all of it is forgotten.
    try (ClusterLock _ = ClusterLock.await(standard.console(), portBase)) {
      if (ClusterState.read(standard.console(), portBase).isEmpty()) {
        return ExitCode.OK;
      }
    }
    ServerState gone =
        state.servers().stream()
            .filter(server -> !Processes.isRunning(server))
            .findFirst()
            .orElseThrow();
    cluster.showEndOfLog(gone);
    throw new CommandFailure(
        ExitCode.ENVIRONMENT,
        gone.name() + " has ended by itself, so everything stops; its log is " + gone.log());
  }

  private void tellRunning(ClusterState state) {
    ClusterReport report = ClusterReport.of(state);
    if (standard.json()) {
      report.print(standard.console(), true);
      return;
    }
    standard.console().printLine("A cluster is running here already; 'trellis down' stops it.");
    report.printAddresses(standard.console());
    standard.console().flush();
  }

  private void tellStart(Optional<ClusterState> known, List<ServerState> running) {
    if (standard.json()) {
      return;
    }
    Console console = standard.console();
    if (!running.isEmpty()) {
      console.printLine("Some processes of this cluster have ended; starting those again.");
    } else {
      known.ifPresent(
          _ ->
              console.printLine(
                  "The former cluster here was not stopped in order; starting anew."));
      console.printLine(
          "Starting a router and a memory node of "
              + shards
              + (shards == 1 ? " shard" : " shards")
              + ". There is no SSD node: the SSD tier does not exist yet.");
    }
    console.flush();
  }

  private void tellReady(ClusterState state, Duration time) {
    Console console = standard.console();
    ClusterReport report = ClusterReport.of(state);
    if (standard.json()) {
      report.print(console, true);
    } else {
      console.printLine(String.format(Locale.ROOT, "Ready in %.1f s.", time.toMillis() / 1e3));
      report.printAddresses(console);
      console.printLine("Try:  trellis put greeting hello");
      console.printLine(detach ? "Stop: trellis down" : "Stop: Ctrl-C");
    }
    console.flush();
  }
}
