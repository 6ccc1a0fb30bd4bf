package dev.trellis.node.net;

import dev.trellis.node.TrellisNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/// Asks the admin port of a node.
public final class AdminClient implements AutoCloseable {
  private final HttpClient http = HttpClient.newHttpClient();
  private final int port;

  public AdminClient(TrellisNode node) {
    port = node.descriptor().adminPort();
  }

  public HttpResponse<String> get(String path) throws IOException, InterruptedException {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }

  /// The sum of a metric over its labels.
  public double sum(String metric) throws IOException, InterruptedException {
    return get("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(metric + "{"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  @Override
  public void close() {
    http.close();
  }
}
