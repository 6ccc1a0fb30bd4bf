package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Starts the processes of a cluster on this machine, and stops them. Whoever calls holds the
/// [ClusterLock].
final class LocalCluster {
  /// A node answers for up to 10 s what it has taken before it stops.
  static final Duration STOP_PATIENCE = Duration.ofSeconds(15);

  private static final int LOG_LINES_SHOWN = 15;

  private final Console console;
  private final List<ServerState> started = new ArrayList<>(); // guarded by this
  private ClusterState state; // guarded by this
  private boolean isAbandoned; // guarded by this

  /// @param state what runs of it now
  LocalCluster(Console console, ClusterState state) {
    this.console = console;
    this.state = state;
  }

  synchronized ClusterState state() {
    return state;
  }

  /// Starts the processes that are planned and do not run, all at once.
  ///
  /// @return those that were started
  /// @throws CommandFailure if a port is taken or a folder cannot be written; then nothing was
  ///   started
  List<ServerState> start(List<ServerPlan> plans) {
    Set<String> running =
        state().running().stream().map(ServerState::name).collect(Collectors.toSet());
    List<ServerPlan> missing =
        plans.stream().filter(plan -> !running.contains(plan.name())).toList();
    requirePortsFree(missing);
    prepareFolder();
    state().secrets().ifPresent(secrets -> LocalSecrets.prepare(secrets));
    return missing.stream().map(this::remembered).toList();
  }

  /// Starts one more node.
  ///
  /// @throws CommandFailure if a port is taken or a folder cannot be written
  ServerState add(PlannedNode node) {
    ClusterState before = state();
    List<PlannedNode> nodes =
        Stream.concat(before.nodes().stream().map(PlannedNode::of), Stream.of(node)).toList();
    return start(List.of(ServerPlan.node(before, node, nodes))).getFirst();
  }

  /// Remembers what it starts one by one, so that whatever happens next, 'trellis down' finds it.
  private synchronized ServerState remembered(ServerPlan plan) {
    if (isAbandoned) {
      throw new CommandFailure(ExitCode.INTERRUPTED, "stopped before " + plan.name() + " started");
    }
    ServerState server = launch(plan);
    ClusterState changed = state.with(server);
    try {
      changed.write(console);
    } catch (CommandFailure e) {
      Processes.end(server); // nobody would know of it
      throw e;
    }
    started.add(server);
    state = changed;
    return server;
  }

  /// Stops what this object started, and forgets the cluster if that was all of it. What had run
  /// before, and has data, goes on.
  ///
  /// @param tell is told of each, for people
  synchronized void abandon(Consumer<String> tell) throws InterruptedException {
    isAbandoned = true;
    stop(started.reversed(), tell);
    if (state.running().isEmpty() && state.servers().size() == started.size()) {
      ClusterState.delete(console, state.ports().base());
    }
  }

  /// Stops every process, who asks before who is asked, and forgets the cluster.
  ///
  /// @param tell is told of each, for people
  synchronized void stop(Consumer<String> tell) throws InterruptedException {
    stop(state.servers().reversed(), tell);
    ClusterState.delete(console, state.ports().base());
  }

  private static void stop(List<ServerState> servers, Consumer<String> tell)
      throws InterruptedException {
    List<ServerState> running = servers.stream().filter(Processes::isRunning).toList();
    List<ServerState> nodes = running.stream().filter(ServerState::isNode).toList();
    for (ServerState server : running) {
      // All nodes at once, lest those that go on for a moment make up for the ones that ended.
      (server.isNode() ? nodes : List.of(server)).forEach(Processes::askToStop);
      boolean byItself = Processes.awaitStop(server, STOP_PATIENCE);
      tell.accept(
          "Stopped "
              + server.name()
              + " (process "
              + server.pid()
              + (byItself ? ")." : "), which did not listen and was killed."));
    }
  }

  private void requirePortsFree(List<ServerPlan> plans) {
    for (ServerPlan plan : plans) {
      plan.ports()
          .forEach(
              (port, purpose) -> {
                if (!PortOwner.isFree(port)) {
                  throw new CommandFailure(
                      ExitCode.ENVIRONMENT,
                      "port "
                          + port
                          + ", for "
                          + purpose
                          + ", is in use by "
                          + PortOwner.describe(port).orElse("another process")
                          + "; end that"
                          + (state().servers().isEmpty()
                              ? ", or choose other ports with --port-base"
                              : " first"));
                }
              });
    }
  }

  private void prepareFolder() {
    try {
      createFolder(state.folder());
      createFolder(logs());
      Files.delete(Files.createTempFile(state.folder(), "writable", null));
    } catch (FileAlreadyExistsException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          e.getFile() + " is a file and no folder; choose another with --data",
          e);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "cannot write to "
              + Failures.of(state.folder(), e)
              + "; choose another folder with --data",
          e);
    }
  }

  private static void createFolder(Path folder) throws IOException {
    Files.createDirectories(folder);
  }

  private Path logs() {
    return state.folder().resolve("logs");
  }

  private ServerState launch(ServerPlan plan) {
    Path config = ServerPlan.configuration(state.folder(), plan.name());
    Path log = logs().resolve(plan.name() + ".log");
    try {
      Files.writeString(config, plan.configuration());
      if (Files.exists(log)) {
        Path former = logs().resolve(plan.name() + ".1.log");
        Files.move(log, former, StandardCopyOption.REPLACE_EXISTING);
      }
      ProcessBuilder builder =
          new ProcessBuilder(command(plan.role(), config))
              .directory(state.folder().toFile())
              .redirectInput(new File("/dev/null"))
              .redirectErrorStream(true)
              .redirectOutput(log.toFile());
      builder.environment().put("TRELLIS_BUILD", "never");
      builder.environment().put("TRELLIS_HEAP", plan.heap());
      builder.environment().put("TRELLIS_AUDIT_LOG", audit(plan.name()).toString());
      Process process = builder.start();
      return new ServerState(
          plan.name(),
          plan.role(),
          plan.tier(),
          plan.number(),
          process.pid(),
          Processes.startOf(process.toHandle()).toEpochMilli(),
          plan.adminPort(),
          log,
          false);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot start " + plan.name() + ": " + Failures.of(config, e), e);
    }
  }

  private Path audit(String name) {
    return logs().resolve(name + ".audit.log");
  }

  /// In a session of its own, so that neither Ctrl-C nor the end of the terminal reaches the
  /// process: it stops when it is told to, in the right order.
  private static List<String> command(String role, Path config) {
    List<String> command = new ArrayList<>();
    if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
      command.add("/usr/bin/setsid");
    }
    command.add(script().toString());
    command.addAll(List.of("run", role, "--config", config.toString()));
    return command;
  }

  /// `bin/trellis`, which knows how to run the JVM.
  static Path script() {
    String home = System.getProperty("trellis.home");
    if (home == null) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "processes are started through the script bin/trellis; use that");
    }
    return Path.of(home, "bin", "trellis");
  }

  /// @throws CommandFailure if the server has ended; then the end of its log is shown
  void requireRunning(ServerState server) {
    if (!Processes.isRunning(server)) {
      showEndOfLog(server);
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          server.name() + " ended before it was ready; its log is " + server.log());
    }
  }

  /// Shows the last lines of a server's log on standard error.
  void showEndOfLog(ServerState server) {
    try {
      String text = new String(Files.readAllBytes(server.log()), StandardCharsets.UTF_8);
      List<String> lines = text.lines().toList();
      lines
          .subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size())
          .forEach(line -> console.errorLine("  " + server.name() + ": " + line));
    } catch (NoSuchFileException e) {
      console.errorLine("  " + server.name() + " left no log");
    } catch (IOException e) {
      console.errorLine("  cannot read " + Failures.of(server.log(), e));
    }
  }
}
