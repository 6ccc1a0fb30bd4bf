package dev.trellis.integration;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;

/// `bin/trellis` as people use it, with a home of its own and ports that nobody else has: real
/// processes, which end with this object.
final class LocalTrellis implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();

  /// Below those that the system gives to outgoing connections. Test classes that run at a time, in
  /// a JVM each, have a range each: a port is taken only when its process starts.
  private static final int PORT_BASE_MIN = 10_000;

  private static final int PORT_BASE_MAX = 32_000;
  private static final int FORKS_MAX = 4;
  private static final int FORK = Math.floorMod(Integer.getInteger("trellis.fork", 1), FORKS_MAX);

  private static final int ATTEMPTS_MAX = 100;

  /// Nodes that a test may have.
  private static final int NODES_MAX = 8;

  /// What they take, counted from the base.
  private static final int PORTS = 100 + 20 * NODES_MAX;

  static {
    prepareQuickStarts();
  }

  private final Path folder;
  private final int portBase;

  /// As handles, which are not mistaken for later processes with the same ids.
  private final Set<ProcessHandle> processes = new LinkedHashSet<>();

  /// @param folder where its home is
  LocalTrellis(Path folder) {
    this.folder = folder;
    this.portBase = freePortBase();
  }

  /// As a person's first command does: without it, each of the many processes takes longer to
  /// start.
  private static void prepareQuickStarts() {
    try (FileChannel file =
            FileChannel.open(Path.of("target", "quick-starts.lock"), CREATE, WRITE);
        FileLock _ = file.lock()) { // one at a time makes it, and who waited finds it
      Map<String, String> changes = new HashMap<>(environment(Path.of("target", "no-home")));
      changes.put("TRELLIS_AOT", "always");
      var _ =
          Execution.of(Path.of("target"), changes, List.of(script().toString(), "--version"))
              .expect(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int freePortBase() {
    int ofFork = (PORT_BASE_MAX - PORT_BASE_MIN) / FORKS_MAX;
    int first = PORT_BASE_MIN + FORK * ofFork;
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      int base = ThreadLocalRandom.current().nextInt(first, first + ofFork - PORTS);
      if (IntStream.of(0, 1, 80, 90, 91).allMatch(offset -> isFree(base + offset))
          && IntStream.range(100, PORTS).allMatch(offset -> isFree(base + offset))) {
        return base;
      }
    }
    throw new AssertionError("no free ports after " + ATTEMPTS_MAX + " attempts");
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  int portBase() {
    return portBase;
  }

  int gatewayPort() {
    return portBase + 80;
  }

  int consolePort() {
    return portBase + 90;
  }

  String address() {
    return "127.0.0.1:" + portBase;
  }

  Path home() {
    return folder.resolve("home");
  }

  /// Runs `bin/trellis` with these arguments.
  Execution trellis(String... arguments) {
    return withInput("", arguments);
  }

  /// Runs `bin/trellis` with a text on its standard input.
  Execution withInput(String input, String... arguments) {
    List<String> command = new ArrayList<>(List.of(script().toString()));
    command.addAll(List.of(arguments));
    return Execution.of(folder, environment(), input, command);
  }

  /// Runs a line of shell in which `trellis` stands for the script.
  Execution shell(String line) {
    return Execution.of(
        folder,
        environment(),
        List.of("bash", "-c", "trellis() { '" + script() + "' \"$@\"; }; " + line));
  }

  static Path script() {
    return Path.of(System.getProperty("trellis.root"), "bin", "trellis");
  }

  Map<String, String> environment() {
    return environment(home());
  }

  private static Map<String, String> environment(Path home) {
    return Map.of(
        "TRELLIS_HOME",
        home.toString(),
        "TRELLIS_BUILD",
        "never",
        "TRELLIS_ADDRESS",
        "",
        "JAVA_HOME",
        System.getProperty("java.home"));
  }

  /// Starts the cluster and leaves it running; without SSD nodes, unless the options name some.
  Execution up(String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("up", "--detach", "--port-base", Integer.toString(portBase)));
    arguments.addAll(List.of(options));
    if (!arguments.contains("--ssd-nodes")) {
      arguments.addAll(List.of("--ssd-nodes", "0"));
    }
    if (!arguments.contains("--monitor")) {
      arguments.add("--no-monitor"); // nothing comes or goes but what a test is about
    }
    Execution up = trellis(arguments.toArray(String[]::new)).expect(0);
    status();
    return up;
  }

  /// What `status --json` tells.
  JsonNode status() {
    JsonNode status = json(trellis("status", "--json").expect(0).output());
    status
        .findValues("pid")
        .forEach(pid -> ProcessHandle.of(pid.asLong()).ifPresent(processes::add));
    return status;
  }

  /// What `status --json` tells of a node; a missing node where it does not speak of it.
  static JsonNode node(JsonNode status, String id) {
    for (JsonNode node : status.get("nodes")) {
      if (node.get("id").asText().equals(id)) {
        return node;
      }
    }
    return MissingNode.getInstance();
  }

  static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException("no JSON: " + text, e);
    }
  }

  /// Ends a node without a word, and waits until it has.
  void kill(String id) {
    long pid = node(status(), id).get("pid").asLong();
    ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    RecordedLoad.Conditions.await(id + " ends", () -> !isRunning(pid));
  }

  /// The processes of the clusters started so far that still run.
  List<Long> running() {
    return processes.stream().filter(LocalTrellis::isRunning).map(ProcessHandle::pid).toList();
  }

  /// A process that ended and whose parent has not taken note yet does not run.
  static boolean isRunning(long pid) {
    return ProcessHandle.of(pid).filter(LocalTrellis::isRunning).isPresent();
  }

  private static boolean isRunning(ProcessHandle process) {
    return process.isAlive() && process.info().commandLine().isPresent();
  }

  @Override
  public void close() {
    trellis("down", "--port-base", Integer.toString(portBase));
    List<ProcessHandle> left = processes.stream().filter(LocalTrellis::isRunning).toList();
    left.forEach(ProcessHandle::destroyForcibly);
    if (!left.isEmpty()) {
      throw new AssertionError("'trellis down' left processes " + left);
    }
  }
}
