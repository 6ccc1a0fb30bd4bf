package dev.trellis.bench.peers;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Starts servers and clients, each a process of its own on cores of its own, and stops them.
final class Lab implements AutoCloseable {
  static final String SERVER_CORE = "0";
  static final String CLIENT_CORE = "1";

  private static final Duration START_MAX = Duration.ofMinutes(1);
  private static final long POLL_MILLIS = 2;

  private final Path home;
  private final Path folder;
  private boolean keepsLogs;
  private final int portBase;
  private final Deque<Process> running = new ArrayDeque<>();
  private int nextPort;

  /// A server that answers.
  record Server(Process process, int port) {
    String address() {
      return "127.0.0.1:" + port;
    }
  }

  /// @param home of the distribution or the source tree
  /// @param folder for configuration and logs
  Lab(Path home, Path folder, int portBase) {
    this.home = home;
    this.folder = folder;
    this.portBase = portBase;
    this.nextPort = portBase + 200; // beyond what 'trellis up' counts from the base
  }

  /// Whether a program is there.
  static boolean has(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .anyMatch(each -> Files.isExecutable(Path.of(each, program)));
  }

  int freePort() {
    return nextPort++;
  }

  Path folder() {
    return folder;
  }

  int portBase() {
    return portBase;
  }

  /// `bin/trellis`.
  String script() {
    return home.resolve("bin").resolve("trellis").toString();
  }

  // ---- Servers ----

  /// A node of one shard that stands alone.
  ///
  /// @param heap as `-Xmx` takes it; the heap is of that size from the start
  /// @param javaOptions more flags of the JVM
  Server node(String core, String heap, String... javaOptions) throws IOException {
    int port = freePort();
    Path config = nodeConfig(port, freePort());
    ProcessBuilder builder =
        builder(onCore(core, script(), "run", "node", "--config", config.toString()));
    builder.environment().put("TRELLIS_HEAP", heap);
    builder
        .environment()
        .put("JDK_JAVA_OPTIONS", String.join(" ", concat(List.of("-Xms" + heap), javaOptions)));
    return started(builder, "node", port);
  }

  /// An SSD node of one shard that stands alone; what it has written is durable with one copy.
  ///
  /// @param heap as `-Xmx` takes it
  /// @param data where it keeps its data
  Server ssdNode(String core, String heap, Path data) throws IOException {
    int port = freePort();
    Path config = nodeConfig(port, freePort());
    Files.writeString(
        config,
        """
        node.tier = ssd
        data.folder = "%s"
        cluster.fault-tolerance = 0
        """
            .formatted(data),
        StandardOpenOption.APPEND);
    ProcessBuilder builder =
        builder(onCore(core, script(), "run", "node", "--config", config.toString()));
    builder.environment().put("TRELLIS_HEAP", heap);
    return started(builder, "ssd-node", port);
  }

  /// The configuration of a node that stands alone.
  Path nodeConfig(int port, int adminPort) throws IOException {
    Path config = folder.resolve("node-" + port + ".conf");
    Files.writeString(
        config,
        """
        node.id = bench
        data.ports = %d
        admin.port = %d
        memory.max = 80%%
        """
            .formatted(port, adminPort));
    return config;
  }

  Server echo(String core, int valueBytes) throws IOException {
    int port = freePort();
    return started(
        builder(
            onCore(
                core,
                java(
                    EchoServer.class,
                    List.of("-Xms1g", "-Xmx1g"),
                    Integer.toString(port),
                    Integer.toString(valueBytes)))),
        "echo",
        port);
  }

  /// Redis with a log that is synced before each answer.
  Server durableRedis(String core, Path data) throws IOException {
    int port = freePort();
    Files.createDirectories(data);
    return started(
        builder(
            onCore(
                core,
                "redis-server",
                "--port",
                Integer.toString(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                data.toString(),
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--auto-aof-rewrite-percentage",
                "0")),
        "redis-durable",
        port);
  }

  Server redis(String core) throws IOException {
    int port = freePort();
    return started(
        builder(
            onCore(
                core,
                "redis-server",
                "--port",
                Integer.toString(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no")),
        "redis",
        port);
  }

  private Server started(ProcessBuilder builder, String name, int port) throws IOException {
    builder.redirectErrorStream(true);
    builder.redirectOutput(folder.resolve(name + "-" + port + ".log").toFile());
    Process process = builder.start();
    running.push(process);
    awaitPort(process, port, name);
    return new Server(process, port);
  }

  private void awaitPort(Process process, int port, String name) throws IOException {
    long giveUp = System.nanoTime() + START_MAX.toNanos();
    while (!answers(port)) {
      if (!process.isAlive() || System.nanoTime() - giveUp > 0) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT,
            name + " does not start; its log is " + folder.resolve(name + "-" + port + ".log"));
      }
      pause();
    }
  }

  static boolean answers(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 100);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static void pause() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.INTERRUPTED, "interrupted", e);
    }
  }

  /// Stops what runs, after a measurement that failed.
  void stopAll() {
    running.forEach(Lab::end);
    running.clear();
  }

  /// Stops a server, without ceremony: it keeps nothing.
  void stop(Server server) {
    running.remove(server.process());
    end(server.process());
  }

  private static void end(Process process) {
    process.destroyForcibly();
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- Clients ----

  /// Runs `bin/trellis bench` against a server and returns its JSON.
  Map<?, ?> bench(String core, String address, String... options) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(script(), "bench", "--json", "--timeout", "1m", "--address", address));
    command.addAll(List.of(options));
    ProcessBuilder builder = builder(onCore(core, command.toArray(String[]::new)));
    builder.environment().put("JDK_JAVA_OPTIONS", "-Xms2g -Xmx2g");
    Object json = Json.read(output(builder).strip());
    return json instanceof Map<?, ?> map ? map : Map.of();
  }

  /// Runs a command and returns what it prints.
  String run(String core, String... command) throws IOException {
    return output(builder(onCore(core, command)));
  }

  /// The seconds that a whole command takes, its process included.
  double seconds(Map<String, String> environment, String... command) throws IOException {
    ProcessBuilder builder = builder(List.of(command));
    builder.environment().putAll(environment);
    long began = System.nanoTime();
    var _ = output(builder);
    return (System.nanoTime() - began) / 1e9;
  }

  /// The seconds from the start of a command until it prints its first line.
  double secondsToFirstLine(List<String> command) throws IOException {
    ProcessBuilder builder = builder(command);
    long began = System.nanoTime();
    Process process = builder.start();
    try (var lines = process.inputReader(StandardCharsets.UTF_8)) {
      @Nullable String line = lines.readLine();
      double seconds = (System.nanoTime() - began) / 1e9;
      if (line == null) {
        throw failed(command);
      }
      return seconds;
    } finally {
      end(process);
    }
  }

  /// The seconds until a node that is started now is ready. It is stopped then.
  double secondsToReady(Map<String, String> environment) throws IOException {
    int port = freePort();
    int adminPort = freePort();
    Path config = nodeConfig(port, adminPort);
    ProcessBuilder builder =
        builder(List.of(script(), "run", "node", "--config", config.toString()));
    builder.environment().putAll(environment);
    builder.environment().put("TRELLIS_HEAP", "512m");
    builder.redirectErrorStream(true).redirectOutput(folder.resolve("start.log").toFile());
    long began = System.nanoTime();
    Process process = builder.start();
    running.push(process);
    // A node that stands alone is ready when it listens: the data port is bound first, and the
    // admin
    // port when all is.
    awaitPort(process, adminPort, "node");
    double seconds = (System.nanoTime() - began) / 1e9;
    running.remove(process);
    end(process);
    return seconds;
  }

  /// The line that starts a class of this jar in a JVM of its own.
  String[] java(Class<?> main, List<String> flags, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED"));
    command.add("-Dslf4j.provider=org.slf4j.helpers.NOP_FallbackServiceProvider");
    command.add("-Dslf4j.internal.verbosity=WARN");
    command.addAll(flags);
    command.addAll(List.of("-cp", classPath()));
    command.add(main.getName());
    command.addAll(List.of(arguments));
    return command.toArray(String[]::new);
  }

  /// The jars of the distribution and, behind them, those of the peers, where they are.
  String classPath() {
    Path peers = peerJars(home);
    String own = System.getProperty("java.class.path");
    return Files.isDirectory(peers) ? own + File.pathSeparator + peers.resolve("*") : own;
  }

  /// The folder of what is measured with and against, which a build in a source tree fills.
  static Path peerJars(Path home) {
    return home.resolve("tests").resolve("bench").resolve("target").resolve("peers");
  }

  private static List<String> onCore(String core, String... command) {
    return concat(List.of("taskset", "-c", core), command);
  }

  private static List<String> concat(List<String> first, String... rest) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(rest));
    return all;
  }

  private ProcessBuilder builder(List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectInput(new File("/dev/null"));
    builder.redirectError(ProcessBuilder.Redirect.appendTo(folder.resolve("errors.log").toFile()));
    builder.environment().put("TRELLIS_BUILD", "never");
    builder.environment().put("TRELLIS_HOME", folder.resolve("home").toString());
    builder.environment().remove("TRELLIS_ADDRESS");
    return builder;
  }

  private String output(ProcessBuilder builder) throws IOException {
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (process.waitFor() != ExitCode.OK) {
        throw failed(builder.command());
      }
    } catch (InterruptedException e) {
      end(process);
      Thread.currentThread().interrupt();
      throw new CommandFailure(ExitCode.INTERRUPTED, "interrupted", e);
    }
    return output;
  }

  /// Names a command that failed, less the class path in it, which fills a page.
  private CommandFailure failed(List<String> command) {
    String shown =
        command.stream()
            .map(word -> word.contains(".jar" + File.pathSeparator) ? "…" : word)
            .collect(Collectors.joining(" "));
    return new CommandFailure(
        ExitCode.ENVIRONMENT,
        "'" + shown + "' failed; what it said is in " + folder.resolve("errors.log"));
  }

  /// Keeps the logs, as an error names them.
  void keepLogs() {
    keepsLogs = true;
  }

  /// Ends what runs and deletes what it wrote.
  @Override
  public void close() {
    stopAll();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        if (!keepsLogs || Files.isDirectory(entry)) {
          delete(entry);
        }
      }
      if (!keepsLogs) {
        Files.delete(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("what was measured with is left in " + folder, e);
    }
  }

  private static void delete(Path tree) throws IOException {
    try (Stream<Path> entries = Files.walk(tree)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(entry);
      }
    }
  }
}
