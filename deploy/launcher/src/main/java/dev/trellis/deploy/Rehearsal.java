package dev.trellis.deploy;

import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.TrellisCli;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.RouterConfig;
import dev.trellis.routing.TrellisRouter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/// Does in one process, and for itself alone, what processes of Trellis do when they start: a node,
/// a router, and some commands. `bin/trellis` runs it under `-XX:AOTCacheOutput`, by which the JVM
/// keeps the classes that were loaded and linked for all later starts.
final class Rehearsal {
  /// They load what most commands load. Which values they write matters to nobody.
  private static final List<List<String>> COMMANDS =
      List.of(
          List.of("put", "greeting", "hello"),
          List.of("get", "greeting"),
          List.of("get", "greeting", "--json"),
          List.of("incr", "visits", "3"),
          List.of("set", "add", "langs", "java", "clojure"),
          List.of("set", "members", "langs"),
          List.of("map", "put", "user:7", "name", "Ada"),
          List.of("scan", "--values"),
          List.of("placement", "greeting"),
          List.of("watch", "visits", "--count", "1"),
          List.of("delete", "greeting"));

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private Rehearsal() {}

  /// Goes through all of it, and ends the process.
  ///
  /// @param arguments a folder for the files that it needs, which is there
  public static void main(String[] arguments) throws IOException, InterruptedException {
    Thread.ofPlatform().daemon().start(Rehearsal::giveUp);
    Path folder = Path.of(arguments[0]);
    TrellisNode node =
        TrellisNode.start(
            NodeConfig.of(
                settings(
                    folder.resolve("node.conf"),
                    NodeConfig.reference(),
                    """
                    node.id = rehearsal
                    data.ports = 0
                    admin.port = 0
                    control.port = 0
                    """)));
    TrellisRouter router =
        TrellisRouter.start(
            RouterConfig.of(
                settings(
                    folder.resolve("router.conf"),
                    RouterConfig.reference(),
                    """
                    cluster.nodes = ["127.0.0.1:%d"]
                    data.port = 0
                    admin.port = 0
                    gateway.port = 0
                    """
                        .formatted(node.descriptor().shardPorts().getFirst()))));
    try (HttpClient http = HttpClient.newHttpClient()) {
      get(http, node.descriptor().adminPort(), "/readyz");
      get(http, node.descriptor().adminPort(), "/metrics");
      get(http, router.gatewayAddress().getPort(), "/v1/keys/greeting");
    }
    String address = "127.0.0.1:" + router.dataAddress().getPort();
    for (List<String> command : COMMANDS) {
      run(folder, address, command.toArray(String[]::new));
    }
    run(folder, address, "status");
    run(folder, address, "--help");
    router.close();
    node.close();
    System.exit(ExitCode.OK);
  }

  /// Somebody waits for the end of this, to have a command carried out.
  private static void giveUp() {
    try {
      Thread.sleep(PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(ExitCode.UNKNOWN);
  }

  private static StrictConfig settings(Path file, String reference, String text)
      throws IOException {
    Files.writeString(file, text);
    return StrictConfig.read(reference, file, Map.of());
  }

  /// What is answered does not matter: a router that has just started may know no node yet.
  private static void get(HttpClient http, int port, String path)
      throws IOException, InterruptedException {
    var _ =
        http.send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(),
            HttpResponse.BodyHandlers.discarding());
  }

  private static void run(Path folder, String address, String... command) {
    Console console =
        new Console(
            InputStream.nullInputStream(),
            OutputStream.nullOutputStream(),
            System.err,
            false,
            false,
            false,
            Map.of("TRELLIS_ADDRESS", address, "TRELLIS_HOME", folder.toString()));
    var _ = TrellisCli.execute(console, command);
  }
}
