package dev.trellis.faults;

import dev.trellis.faults.Lab.Host;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// A process of the cluster: a node or the router. It may end and be started again, at the same
/// place. For one thread at a time, but for [#destroy].
final class Server {
  private static final Path SETSID = Path.of("/usr/bin/setsid");

  private static final Duration STOP_PATIENCE = Duration.ofSeconds(10);

  private final String name;
  private final Host host;
  private final List<String> program; // main class and arguments but for the configuration
  private final String heap;
  private final Path config;
  private final Path log;
  private final Optional<SkewedClock> clock;
  private @Nullable Process process; // guarded by this
  private boolean isOver; // guarded by this

  /// @param program main class and first arguments; `--config FILE` follows
  /// @param heap as `-Xmx` takes it
  /// @param folder where its configuration and log are
  /// @param clock with which it sees the time of day; empty for the machine's
  Server(
      String name,
      Host host,
      List<String> program,
      String heap,
      Path folder,
      Optional<SkewedClock> clock) {
    this.name = name;
    this.host = host;
    this.program = List.copyOf(program);
    this.heap = heap;
    this.config = folder.resolve(name + ".conf");
    this.log = folder.resolve(name + ".log");
    this.clock = clock;
  }

  String name() {
    return name;
  }

  Host host() {
    return host;
  }

  Optional<SkewedClock> clock() {
    return clock;
  }

  /// Starts the process; its log goes on where it ended.
  ///
  /// @param settings its configuration, as HOCON text by key
  synchronized void start(Map<String, String> settings) throws IOException {
    if (isOver) {
      throw new IOException(name + " is not started any more, since the run ends");
    }
    StringBuilder text = new StringBuilder("# Written at each start of the process.\n");
    settings.forEach((key, value) -> text.append(key).append(" = ").append(value).append('\n'));
    Files.writeString(config, text);
    Files.writeString(
        log,
        "---- " + name + " starts on " + host.address() + " ----\n",
        StandardCharsets.UTF_8,
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    ProcessBuilder builder =
        new ProcessBuilder(command())
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    Map<String, String> environment = builder.environment();
    // They are settings to a process, and whoever set them meant another one.
    environment.keySet().removeIf(variable -> variable.startsWith("TRELLIS_"));
    environment.put(Leftovers.MARK, Owner.self().newName());
    if (clock.isPresent()) {
      environment.putAll(clock.get().environment());
    }
    process = builder.start();
  }

  /// The program itself runs under the id of the process that is started: each part of the prefix
  /// becomes the next.
  private List<String> command() {
    List<String> command = new ArrayList<>();
    if (Files.isExecutable(SETSID)) {
      command.add(SETSID.toString()); // so that Ctrl-C reaches only who started it all
    }
    command.addAll(host.prefix());
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:+UseSerialGC", // many processes share few cores here
            "-XX:TieredStopAtLevel=1",
            "-Xmx" + heap,
            "-Dlogback.configurationFile=dev/trellis/faults/server-log.xml",
            "-cp",
            System.getProperty("java.class.path")));
    command.addAll(program);
    command.addAll(List.of("--config", config.toString()));
    return command;
  }

  synchronized boolean isRunning() {
    return process != null && process.isAlive();
  }

  /// The id of the process that runs, or ran last; 0 before the first.
  synchronized long pid() {
    return process == null ? 0 : process.pid();
  }

  /// Ends the process as a power failure would.
  ///
  /// @return whether there was one, and it has ended
  boolean kill() throws InterruptedException {
    Process current = current();
    if (current == null || !current.isAlive()) {
      return false;
    }
    current.destroyForcibly();
    current.waitFor();
    return true;
  }

  /// Asks the process to end, and waits for it.
  ///
  /// @return whether it has ended by itself
  boolean stop(Duration patience) throws InterruptedException {
    Process current = current();
    if (current == null || !current.isAlive()) {
      return false;
    }
    current.destroy();
    return current.waitFor(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  /// Waits for a process that was told to end in another way.
  boolean awaitEnd(Duration patience) throws InterruptedException {
    Process current = current();
    return current == null || current.waitFor(patience.toNanos(), TimeUnit.NANOSECONDS);
  }

  /// Stops the process where it is, without its knowing.
  ///
  /// @return whether it stands still
  boolean pause() throws IOException, InterruptedException {
    signal("STOP");
    // Its threads stop one by one, once each has the processor.
    return Patience.await(
            STOP_PATIENCE, () -> Owner.stateOf(pid()) == 'T' ? "" : "it has not stopped yet")
        .isEmpty();
  }

  /// Lets the process go on.
  void resume() throws IOException {
    signal("CONT");
  }

  private void signal(String signal) throws IOException {
    if (isRunning()) {
      Tool.run("kill", "-" + signal, Long.toString(pid()));
    }
  }

  private synchronized @Nullable Process current() {
    return process;
  }

  /// Ends it for good. From any thread.
  void destroy() {
    Process current;
    synchronized (this) {
      isOver = true;
      current = process;
    }
    if (current != null) {
      current.destroyForcibly(); // SIGKILL ends what stands still too
    }
  }

  /// The last lines of its log, for people.
  String endOfLog(int lines) {
    try {
      List<String> all =
          new String(Files.readAllBytes(log), StandardCharsets.UTF_8).lines().toList();
      return String.join("\n", all.subList(Math.max(0, all.size() - lines), all.size()));
    } catch (IOException e) {
      return "no log: " + e.getMessage();
    }
  }

  /// A configuration, in the order given.
  static Map<String, String> settings(String... keysAndValues) {
    Map<String, String> settings = new LinkedHashMap<>();
    for (int at = 0; at < keysAndValues.length; at += 2) {
      settings.put(keysAndValues[at], keysAndValues[at + 1]);
    }
    return settings;
  }
}
