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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// Starts the processes of a cluster on this machine, and stops them. Whoever calls holds the
/// [ClusterLock].
final class LocalCluster {
  /// A node answers for up to 10 s what it has taken before it stops.
  static final Duration STOP_PATIENCE = Duration.ofSeconds(15);

  private static final Duration POLL = Duration.ofMillis(20);
  private static final int LOG_LINES_SHOWN = 15;

  private final Console console;
  private ClusterState state;

  /// @param state what runs of it now
  LocalCluster(Console console, ClusterState state) {
    this.console = console;
    this.state = state;
  }

  ClusterState state() {
    return state;
  }

  /// Starts the processes that are planned and do not run, all at once, and returns when each is
  /// ready.
  ///
  /// @param environment variables for them beside those of this process
  /// @throws CommandFailure if one does not get ready in time; those that run are left to the
  ///   caller
  void start(List<ServerPlan> plans, Map<String, String> environment, Duration patience)
      throws InterruptedException {
    List<ServerState> running = state.running();
    List<ServerPlan> missing =
        plans.stream()
            .filter(plan -> running.stream().noneMatch(one -> one.name().equals(plan.name())))
            .toList();
    requirePortsFree(missing);
    prepareFolder();
    for (ServerPlan plan : missing) {
      // Remembered one by one, so that whatever happens next, 'trellis down' finds what was
      // started.
      state = state.withServers(inOrder(plans, launch(plan, environment)));
      state.write(console);
    }
    awaitReady(patience);
  }

  /// The servers known with `started` in place of a former one of that name, in the order planned.
  private List<ServerState> inOrder(List<ServerPlan> plans, ServerState started) {
    Map<String, ServerState> byName = new LinkedHashMap<>();
    state.servers().forEach(server -> byName.put(server.name(), server));
    byName.put(started.name(), started);
    return plans.stream()
        .flatMap(plan -> Optional.ofNullable(byName.get(plan.name())).stream())
        .toList();
  }

  /// Stops every process, who asks before who is asked, and forgets the cluster.
  ///
  /// @param tell is told of each, for people
  void stop(Consumer<String> tell) throws InterruptedException {
    for (ServerState server : state.servers().reversed()) {
      if (!Processes.isRunning(server)) {
        continue;
      }
      boolean byItself = Processes.stop(server, STOP_PATIENCE);
      tell.accept(
          "Stopped "
              + server.name()
              + " (process "
              + server.pid()
              + (byItself ? ")." : "), which did not listen and was killed."));
    }
    ClusterState.delete(console, state.ports().base());
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
                          + "; end that, or choose other ports with --port-base");
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

  private ServerState launch(ServerPlan plan, Map<String, String> environment) {
    Path config = state.folder().resolve(plan.name() + ".conf");
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
      builder.environment().putAll(environment);
      Process process = builder.start();
      return new ServerState(
          plan.name(),
          plan.role(),
          process.pid(),
          Processes.startOf(process.toHandle()).toEpochMilli(),
          plan.adminPort(),
          log);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot start " + plan.name() + ": " + Failures.of(config, e), e);
    }
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
  private static Path script() {
    String home = System.getProperty("trellis.home");
    if (home == null) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "processes are started through the script bin/trellis; use that");
    }
    return Path.of(home, "bin", "trellis");
  }

  private void awaitReady(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    for (ServerState server : state.servers()) {
      while (!isReady(server)) {
        if (!Processes.isRunning(server)) {
          showEndOfLog(server);
          throw new CommandFailure(
              ExitCode.ENVIRONMENT,
              server.name() + " ended before it was ready; its log is " + server.log());
        }
        if (System.nanoTime() - deadline > 0) {
          showEndOfLog(server);
          throw new CommandFailure(
              ExitCode.ENVIRONMENT,
              server.name()
                  + " was not ready after "
                  + patience.toSeconds()
                  + " s; its log is "
                  + server.log());
        }
        Thread.sleep(POLL);
      }
    }
  }

  static boolean isReady(ServerState server) {
    return Admin.get(server.adminPort(), "/readyz").filter(Admin.Response::isOk).isPresent();
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
