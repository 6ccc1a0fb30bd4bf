package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.LocalClusters;
import dev.trellis.cli.StandardOptions;
import dev.trellis.node.KeptData;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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
      "  trellis up --secure           serves nobody without a key; you have one",
      "  trellis up --memory-nodes 5   more nodes; 'trellis node add' adds one later",
      "  trellis up --port-base 9400   a second cluster beside the first"
    })
final class UpCommand implements Callable<Integer> {
  private static final int MEMORY_NODES = 2;
  private static final int SSD_NODES = 1;
  private static final int SHARDS_MAX = 16;
  private static final int FAULT_TOLERANCE = 1;
  private static final Duration CHECK = Duration.ofMillis(200);

  @Mixin private final StandardOptions standard = new StandardOptions();

  @Option(
      names = "--memory-nodes",
      paramLabel = "N",
      description = "Nodes of the memory tier, 1 to 20 (default: 2).")
  private @Nullable Integer memoryNodes;

  @Option(
      names = "--ssd-nodes",
      paramLabel = "N",
      description =
          "Nodes of the SSD tier, which keep all data on disk, 0 to 19 (default: 1, or as many as have"
              + " data in the folder). With 0, nothing outlives the cluster.")
  private @Nullable Integer ssdNodes;

  @Option(
      names = "--shards",
      paramLabel = "N",
      description =
          "Shards of each node, 1 to 16: a thread each (default: the machine's cores, divided among"
              + " the nodes).")
  private @Nullable Integer shards;

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
          "The heap of each node, such as 512m or 4g (default: half of the machine's memory, divided"
              + " among the nodes; a quarter at most).")
  private @Nullable String memory;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description =
          "A setting of every node, as in its configuration file, such as handoff.rate=8MiB; may be"
              + " given several times. 'trellis run node --reference' lists them.")
  private Map<String, String> settings = new LinkedHashMap<>();

  @Option(
      names = "--monitor",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description =
          "With a monitor, which adds nodes and takes them away again, and its console; --no-monitor"
              + " starts none (default: with it).")
  private boolean monitor;

  @Option(
      names = "--set-monitor",
      paramLabel = "KEY=VALUE",
      description =
          "A setting of the monitor, such as objective.latency=5ms or monitor.dry-run=true; may be"
              + " given several times. 'trellis run monitor --reference' lists them.")
  private Map<String, String> monitorSettings = new LinkedHashMap<>();

  @Option(
      names = "--secure",
      negatable = true,
      fallbackValue = "true",
      description =
          "With security = on: certificates and keys are made in the folder, and whoever has none is"
              + " not served (default: as it was when the folder was last used with it, else off).")
  private @Nullable Boolean secure;

  @Option(names = "--detach", description = "Return once all is ready, and leave it running.")
  private boolean detach;

  private volatile boolean isUp; // written by the command, read by the hook at its end
  private volatile boolean isStopping; // written by that hook, read by the command

  @Option(
      names = "--wait",
      paramLabel = "TIME",
      defaultValue = "30s",
      description =
          "How long the processes may take to get ready, and how long nothing may move on until the"
              + " cluster is whole (default: 30s).")
  private Duration patience = Duration.ofSeconds(30);

  @Override
  public Integer call() throws InterruptedException {
    requireSupported();
    Console console = standard.console();
    LocalCluster cluster;
    Thread stopAtExit;
    long began = System.nanoTime();
    try (ClusterLock _ = ClusterLock.take(console, portBase)) {
      Optional<ClusterState> known = ClusterState.read(console, portBase);
      List<ServerState> running = known.map(ClusterState::running).orElse(List.of());
      Optional<ClusterState> goesOn =
          known.filter(_ -> !running.isEmpty()).map(this::forgetThoseThatLeft);
      goesOn.ifPresent(this::requireAsMany);
      goesOn.ifPresent(this::requireAsSecure);
      if (goesOn.isPresent() && running.size() == goesOn.get().servers().size()) {
        tellRunning(goesOn.get());
        return ExitCode.OK;
      }
      ClusterState before = goesOn.orElseGet(this::fresh);
      List<PlannedNode> nodes =
          goesOn.isPresent()
              ? before.nodes().stream().map(PlannedNode::of).toList()
              : choose(before.folder());
      tellStart(known, before, nodes);
      cluster = new LocalCluster(console, before);
      stopAtExit = new Thread(stopping(cluster), "stop");
      Runtime.getRuntime().addShutdownHook(stopAtExit);
      List<ServerState> started =
          cluster.start(ServerPlan.of(before, nodes, Heaps.router(console), console.home()));
      awaitWhole(cluster, started, goesOn.isEmpty());
      tellReady(cluster.state(), Duration.ofNanos(System.nanoTime() - began));
      isUp = true;
    }
    if (detach) {
      Runtime.getRuntime().removeShutdownHook(stopAtExit);
      return ExitCode.OK;
    }
    return stay();
  }

  /// Whoever had them leave may not have waited for it, and they are not to be started again.
  private ClusterState forgetThoseThatLeft(ClusterState known) {
    if (known.nodes().stream().noneMatch(node -> node.leaving() && !Processes.isRunning(node))) {
      return known;
    }
    ClusterState present = ClusterReport.of(known).withoutThoseThatLeft();
    present.write(standard.console());
    return present;
  }

  /// Waits until every process serves and all keys have their copies.
  private void awaitWhole(LocalCluster cluster, List<ServerState> started, boolean isFresh)
      throws InterruptedException {
    ClusterState state = cluster.state();
    new Waiting<>(
            standard.console(),
            () -> {
              started.forEach(cluster::requireRunning);
              ClusterReport report = ClusterReport.of(state);
              if (isFresh) {
                giveUpThoseOfBefore(state, report);
              }
              return report;
            },
            patience)
        .until(
            report -> report.isWhole() && report.unready().isEmpty(),
            ClusterReport::shortageLine,
            report -> notWhole(cluster, report));
  }

  /// Nodes that those with data remember, that were started here before and are not any more, had
  /// memory and have lost it: all processes of the cluster have ended since.
  private static void giveUpThoseOfBefore(ClusterState state, ClusterReport report) {
    for (NodeReport node : report.nodes()) {
      boolean isOfBefore =
          node.process().isEmpty()
              && node.state().equals("absent")
              && Files.exists(ServerPlan.configuration(state.folder(), node.id()));
      Optional<ServerState> other =
          isOfBefore ? NodeCommand.OfNode.answering(report, node.id()) : Optional.empty();
      if (other.isPresent()) {
        try {
          ControlPort.client(Access.to(state), state.ports().nodeControl(other.get().number()))
              .declareGone(node.id());
        } catch (IOException e) {
          // It is tried again with the next look.
        }
      }
    }
  }

  private CommandFailure notWhole(LocalCluster cluster, ClusterReport report) {
    report.unready().stream()
        .map(ServerReport::server)
        .findFirst()
        .ifPresent(cluster::showEndOfLog);
    return new CommandFailure(
        ExitCode.ENVIRONMENT,
        "the cluster does not serve, and nothing has moved for "
            + patience.toSeconds()
            + " s: "
            + report.shortageLine()
            + "; the logs are in "
            + cluster.state().folder().resolve("logs"));
  }

  private int memoryNodes() {
    return memoryNodes == null ? MEMORY_NODES : memoryNodes;
  }

  /// As many as were asked for, or else as there are data of.
  private int ssdNodes(Set<Integer> kept) {
    return ssdNodes != null ? ssdNodes : Math.max(SSD_NODES, kept.size());
  }

  private List<PlannedNode> choose(Path folder) {
    Set<Integer> kept = PlannedNode.withData(folder);
    int ssd = ssdNodes(kept);
    if (ssd < kept.size()) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--ssd-nodes "
              + ssd
              + ": "
              + folder
              + " has data of "
              + kept.stream().sorted().map(ServerPlan::nodeId).collect(Collectors.joining(", "))
              + ", some of which would be left out; use --ssd-nodes "
              + kept.size()
              + ", or another --data");
    }
    if (memoryNodes() + ssd > Ports.NODES_MAX) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--memory-nodes "
              + memoryNodes()
              + " and --ssd-nodes "
              + ssd
              + " are more than "
              + Ports.NODES_MAX
              + " together");
    }
    return PlannedNode.choose(memoryNodes(), ssd, kept);
  }

  /// What was asked for must be what is there, since nothing is taken away silently, nor added.
  private void requireAsMany(ClusterState known) {
    requireAsMany(known, "--memory-nodes", memoryNodes, Tier.MEMORY);
    requireAsMany(known, "--ssd-nodes", ssdNodes, Tier.SSD);
  }

  private void requireAsSecure(ClusterState known) {
    if (secure != null && secure != known.secrets().isPresent()) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          (secure ? "--secure" : "--no-secure")
              + ": the cluster of port "
              + portBase
              + " runs with security "
              + (secure ? "off" : "on")
              + "; 'trellis down' first");
    }
  }

  private void requireAsMany(
      ClusterState known, String option, @Nullable Integer wanted, Tier tier) {
    long there = known.nodes().stream().filter(node -> node.isOf(tier)).count();
    if (wanted != null && wanted != there) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          option
              + " "
              + wanted
              + ": the cluster of port "
              + portBase
              + " has "
              + there
              + "; 'trellis node add' and 'trellis node remove ID' change that");
    }
  }

  private void requireSupported() {
    if (memoryNodes() < 1 || memoryNodes() > Ports.NODES_MAX) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--memory-nodes " + memoryNodes() + " is outside 1 to " + Ports.NODES_MAX);
    }
    if (ssdNodes != null && (ssdNodes < 0 || ssdNodes >= Ports.NODES_MAX)) {
      throw new CommandFailure(
          ExitCode.MISUSE, "--ssd-nodes " + ssdNodes + " is outside 0 to " + (Ports.NODES_MAX - 1));
    }
    if (shards != null && (shards < 1 || shards > SHARDS_MAX)) {
      throw new CommandFailure(
          ExitCode.MISUSE, "--shards " + shards + " is outside 1 to " + SHARDS_MAX);
    }
    if (memory != null && !memory.matches("[1-9]\\d{0,8}[kKmMgG]")) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--memory " + memory + " is no size; write a number and k, m or g: 512m");
    }
    for (String key : settings.keySet()) {
      if (ServerPlan.isDecided(key)) {
        throw new CommandFailure(
            ExitCode.MISUSE,
            "--set "
                + key
                + ": that follows from the other options, or differs from node to node"
                + (key.equals(ServerPlan.FAULT_TOLERANCE)
                    ? "; 'trellis node tolerate K' changes it"
                    : ""));
      }
    }
    var _ = Ports.asked(portBase);
  }

  private ClusterState fresh() {
    Path folder =
        data == null
            ? ClusterState.folderOf(standard.console(), portBase)
            : data.toAbsolutePath().normalize();
    List<PlannedNode> planned = choose(folder);
    int nodes = planned.size();
    return new ClusterState(
        new Ports(portBase),
        shards(folder, nodes),
        memory == null ? Heaps.node(standard.console(), nodes) : memory,
        FAULT_TOLERANCE,
        settings,
        monitor ? Optional.of(monitorSettings(planned)) : Optional.empty(),
        secrets(folder),
        folder,
        List.of());
  }

  /// Where they will be, if there are to be any.
  private Optional<Path> secrets(Path folder) {
    Path secrets = folder.resolve(LocalClusters.SECRETS);
    boolean wanted = secure == null ? Files.isDirectory(secrets) : secure;
    return wanted ? Optional.of(secrets) : Optional.empty();
  }

  private Map<String, String> monitorSettings(List<PlannedNode> nodes) {
    Map<String, String> all = ServerPlan.bounds(nodes);
    all.putAll(monitorSettings);
    return all;
  }

  /// As many as were asked for; or else as there are data of, for what is in one shard can't be
  /// found by another.
  private int shards(Path folder, int nodes) {
    int kept =
        PlannedNode.withData(folder).stream()
            .mapToInt(number -> KeptData.shards(folder.resolve(ServerPlan.nodeId(number))))
            .max()
            .orElse(0);
    if (shards != null && kept > 0 && shards != kept) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "--shards "
              + shards
              + ": the data in "
              + folder
              + " are those of "
              + kept
              + " shards for each node; use --shards "
              + kept
              + ", or restore a backup into another --data");
    }
    if (shards != null) {
      return shards;
    }
    int cores = Runtime.getRuntime().availableProcessors();
    return kept > 0 ? kept : Math.clamp(cores / nodes, 1, SHARDS_MAX);
  }

  /// What ends the processes if this one ends before it should leave them alone: those that it
  /// started while they do not serve yet, all of them later.
  private Runnable stopping(LocalCluster cluster) {
    return () -> {
      Console console = standard.console();
      try (ClusterLock _ = ClusterLock.await(console, portBase)) {
        if (!isUp) {
          cluster.abandon(console::errorLine);
          return;
        }
        isStopping = true;
        Optional<ClusterState> known = ClusterState.read(console, portBase);
        if (known.isPresent()) {
          new LocalCluster(console, known.get()).stop(console::errorLine);
        }
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    };
  }

  /// Waits for the end of the cluster: by Ctrl-C or SIGTERM, which end this process too, by
  /// 'trellis down', or because no node is left. Tells of each process that ends by itself.
  private int stay() throws InterruptedException {
    Console console = standard.console();
    Set<Long> told = new HashSet<>();
    while (true) {
      Thread.sleep(CHECK);
      Optional<ClusterState> now = ClusterState.read(console, portBase);
      if (isStopping
          || (now.isPresent() && ended(now.get()).allMatch(one -> told.contains(one.pid())))) {
        continue;
      }
      // Who stops the cluster, or starts some of it again, has the lock until that is done.
      Optional<ClusterState> left;
      try (ClusterLock _ = ClusterLock.await(console, portBase)) {
        left = ClusterState.read(console, portBase);
      }
      if (isStopping) {
        continue;
      }
      if (left.isEmpty()) {
        return ExitCode.OK;
      }
      if (left.get().nodes().stream().noneMatch(Processes::isRunning)) {
        throw noNodeLeft(left.get());
      }
      ended(left.get()).filter(server -> told.add(server.pid())).forEach(this::tellEnded);
    }
  }

  /// The processes that should be there and are not.
  private static Stream<ServerState> ended(ClusterState state) {
    return state.servers().stream()
        .filter(server -> !server.leaving() && !Processes.isRunning(server));
  }

  private CommandFailure noNodeLeft(ClusterState left) {
    ServerState last = left.nodes().getFirst();
    new LocalCluster(standard.console(), left).showEndOfLog(last);
    return new CommandFailure(
        ExitCode.ENVIRONMENT,
        last.name()
            + " has ended by itself, and no node is left, so everything stops; its log is "
            + last.log());
  }

  private void tellEnded(ServerState server) {
    standard
        .console()
        .errorLine(
            server.name()
                + " (process "
                + server.pid()
                + ") has ended by itself; 'trellis up --detach' starts it again, its log is "
                + server.log());
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

  private void tellStart(
      Optional<ClusterState> known, ClusterState before, List<PlannedNode> nodes) {
    if (standard.json()) {
      return;
    }
    Console console = standard.console();
    if (!before.servers().isEmpty()) {
      console.printLine("Some processes of this cluster have ended; starting those again.");
    } else {
      known.ifPresent(
          _ ->
              console.printLine(
                  "The former cluster here was not stopped in order; starting it again."));
      long ssd = nodes.stream().filter(node -> node.tier() == Tier.SSD).count();
      long memory = nodes.size() - ssd;
      int kept = PlannedNode.withData(before.folder()).size();
      console.printLine(
          (monitor ? "Starting a monitor, a router, " : "Starting a router, ")
              + (memory == 1 ? "a memory node" : memory + " memory nodes")
              + " and "
              + switch ((int) ssd) {
                case 0 -> "no SSD node";
                case 1 -> "an SSD node";
                default -> ssd + " SSD nodes";
              }
              + " of "
              + (before.shards() == 1 ? "1 shard" : before.shards() + " shards")
              + (nodes.size() == 1 ? "" : " each")
              + "."
              + (kept == 0 ? "" : " There are data of an earlier time."));
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
