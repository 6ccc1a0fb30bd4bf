package dev.trellis.integration;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

/// A cluster of real processes, started and used with `bin/trellis` as a person would, on ports
/// that were free and with a state folder of its own.
final class CommandLineCluster implements AutoCloseable {
  private static final Path ROOT = Path.of(System.getProperty("trellis.root"));
  private static final Set<Integer> OFFSETS = Set.of(0, 1, 80, 90, 100, 101, 102, 103);

  private final Path home;
  private final int portBase;
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  CommandLineCluster(Path home) {
    this.home = home;
    this.portBase = freePortBase();
  }

  /// Runs `bin/trellis` in an environment that knows of no other cluster.
  Execution trellis(String... arguments) {
    return trellisReading("", arguments);
  }

  /// As [#trellis], with a text on standard input.
  Execution trellisReading(String input, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(ROOT.resolve("bin").resolve("trellis").toString());
    command.addAll(List.of(arguments));
    return Execution.of(
        home, Map.of("TRELLIS_HOME", home.toString(), "TRELLIS_ADDRESS", ""), input, command);
  }

  Execution up() {
    return trellis("up", "--detach", "--shards", "2", "--port-base", Integer.toString(portBase));
  }

  Execution down() {
    return trellis("down", "--port-base", Integer.toString(portBase));
  }

  int portBase() {
    return portBase;
  }

  String address() {
    return "127.0.0.1:" + portBase;
  }

  /// Sends a request to the gateway.
  HttpResponse<String> rest(String method, String path, String body) {
    try {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + (portBase + 80) + path))
              .method(method, HttpRequest.BodyPublishers.ofString(body))
              .build();
      return http.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(method + " " + path + " was interrupted", e);
    }
  }

  /// The processes that this cluster's folder is named by: its nodes and its router.
  Set<Long> processes() {
    return ProcessHandle.allProcesses()
        .filter(
            process ->
                process
                    .info()
                    .commandLine()
                    .map(line -> line.contains(home.toString()) && !line.contains("surefire"))
                    .orElse(false))
        .filter(process -> process.pid() != ProcessHandle.current().pid())
        .map(ProcessHandle::pid)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Override
  public void close() {
    down();
    http.close();
  }

  private static int freePortBase() {
    for (int attempt = 0; attempt < 100; attempt++) {
      // Below what the kernel hands out to clients, so that none of those is in the way later.
      int base = ThreadLocalRandom.current().nextInt(10_000, 32_000);
      if (OFFSETS.stream().allMatch(offset -> isFree(base + offset))) {
        return base;
      }
    }
    throw new AssertionError("no free ports after 100 tries");
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      return socket.isBound();
    } catch (IOException e) {
      return false;
    }
  }
}
