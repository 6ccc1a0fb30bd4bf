package dev.trellis.bench;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.node.control.ControlClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A cluster of real processes, started for a measurement through `bin/trellis` with a home of its
/// own, and stopped at its end.
public final class BenchCluster implements AutoCloseable {
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(1);
  private static final String HOST = "127.0.0.1";
  private static final String PEER_BYTES = "trellis_peer_sent_bytes_total";
  private static final String REQUESTS = "trellis_requests_total";

  private final int portBase;
  private final Path folder;

  /// A node of the cluster.
  public record Node(String id, long pid, int adminPort, int controlPort) {}

  /// @param folder where it keeps configuration and logs
  public BenchCluster(int portBase, Path folder) {
    this.portBase = portBase;
    this.folder = folder;
  }

  /// Starts it, and returns once it is whole.
  public void up(List<String> options) throws IOException, InterruptedException {
    List<String> arguments =
        new ArrayList<>(
            List.of("up", "--detach", "--no-monitor", "--port-base", Integer.toString(portBase)));
    arguments.addAll(options);
    var _ = trellis(arguments);
  }

  /// Runs `bin/trellis node …` and returns what it prints as JSON.
  Map<?, ?> node(String... arguments) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(List.of("node"));
    line.addAll(List.of(arguments));
    line.add("--json");
    return map(Json.read(trellis(line)));
  }

  /// Where clients find it.
  public String address() {
    return HOST + ":" + portBase;
  }

  /// The nodes whose processes run.
  public List<Node> nodes() throws IOException, InterruptedException {
    Map<?, ?> status = map(Json.read(trellis(List.of("status", "--json"))));
    List<Node> nodes = new ArrayList<>();
    for (Object each : list(status.get("nodes"))) {
      Map<?, ?> node = map(each);
      if (Boolean.TRUE.equals(node.get("running"))) {
        nodes.add(
            new Node(
                String.valueOf(node.get("id")),
                number(node.get("pid")),
                (int) number(node.get("adminPort")),
                (int) number(node.get("controlPort"))));
      }
    }
    return nodes;
  }

  /// What a node says of itself and of the cluster; empty if it does not answer.
  static Optional<Map<?, ?>> ask(Node node) {
    try {
      String status = new ControlClient(HOST, node.controlPort(), ANSWER_TIMEOUT).status();
      return Optional.of(map(Json.read(status)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// Bytes that the nodes have sent to each other's shards since they started.
  static double bytesBetween(List<Node> nodes) throws IOException, InterruptedException {
    double sum = 0;
    for (Node node : nodes) {
      sum += metric(node, PEER_BYTES);
    }
    return sum;
  }

  /// Requests of clients that a node has carried out or refused since it started.
  public static long requests(Node node) throws IOException, InterruptedException {
    return Math.round(metric(node, REQUESTS));
  }

  /// The sum of a metric over its labels.
  private static double metric(Node node, String name) throws IOException, InterruptedException {
    URI metrics = URI.create("http://" + HOST + ":" + node.adminPort() + "/metrics");
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(HttpRequest.newBuilder(metrics).build(), HttpResponse.BodyHandlers.ofLines())
          .body()
          .filter(line -> line.startsWith(name))
          .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
          .sum();
    }
  }

  /// Whether all of these have all that they shall hold, and act upon the same members.
  static boolean areWhole(List<Map<?, ?>> answers) {
    return answers.stream().map(answer -> answer.get("version")).distinct().count() == 1
        && answers.stream()
            .allMatch(
                answer ->
                    "active".equals(answer.get("state"))
                        && list(answer.get("shards")).stream()
                            .map(BenchCluster::map)
                            .allMatch(
                                shard ->
                                    number(answer.get("version")) == number(shard.get("version"))
                                        && number(shard.get("incomplete")) == 0));
  }

  private String trellis(List<String> arguments) throws IOException, InterruptedException {
    @Nullable String home = System.getProperty("trellis.home");
    if (home == null) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "processes are started through the script bin/trellis; use that");
    }
    List<String> command = new ArrayList<>(List.of(Path.of(home, "bin", "trellis").toString()));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("TRELLIS_HOME", folder.toString());
    builder.environment().put("TRELLIS_BUILD", "never");
    builder.environment().remove("TRELLIS_ADDRESS");
    Process process = builder.start();
    process.getOutputStream().close();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (process.waitFor() != ExitCode.OK) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "'trellis " + String.join(" ", arguments) + "' failed");
    }
    return output;
  }

  static Map<?, ?> map(@Nullable Object json) {
    return json instanceof Map<?, ?> map ? map : Map.of();
  }

  static List<?> list(@Nullable Object json) {
    return json instanceof List<?> list ? list : List.of();
  }

  static long number(@Nullable Object json) {
    return json instanceof Number number ? number.longValue() : 0;
  }

  @Override
  public void close() throws IOException {
    try {
      var _ = trellis(List.of("down", "--port-base", Integer.toString(portBase)));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
