package dev.trellis.process;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The admin plane of a process, over HTTP: `/metrics` for Prometheus, `/healthz` (200, or 503 if
/// it had better be restarted) and `/readyz` (200, or 503 while it cannot serve), which say why.
public final class AdminServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AdminServer.class);
  private static final String TEXT = "text/plain; charset=utf-8";

  private final HttpServer server;
  private final ExecutorService threads;
  private final CollectorRegistry registry;
  private final Health health;

  private AdminServer(
      HttpServer server, ExecutorService threads, CollectorRegistry registry, Health health) {
    this.server = server;
    this.threads = threads;
    this.registry = registry;
    this.health = health;
  }

  /// Starts to listen.
  ///
  /// @param address where; port 0 takes a free one
  /// @param owner whose admin port it is, such as `node n1`, for error messages
  /// @throws StartupException if the port cannot be opened
  public static AdminServer start(
      InetSocketAddress address, String owner, CollectorRegistry registry, Health health) {
    HttpServer server;
    try {
      server = HttpServer.create(address, 0);
    } catch (IOException e) {
      throw StartupException.portUnavailable(
          address, "the admin port of " + owner, "admin.port", e);
    }
    ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    AdminServer admin = new AdminServer(server, threads, registry, health);
    server.setExecutor(threads);
    server.createContext("/", admin::handle);
    server.start();
    return admin;
  }

  /// The port listened on.
  public int port() {
    return server.getAddress().getPort();
  }

  /// Stops listening, and ends exchanges under way.
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String method = exchange.getRequestMethod();
      if (!method.equals("GET") && !method.equals("HEAD")) {
        exchange.getResponseHeaders().set("Allow", "GET, HEAD");
        respond(exchange, 405, TEXT, "the admin port answers GET and HEAD, not " + method + "\n");
        return;
      }
      switch (exchange.getRequestURI().getPath()) {
        case "/metrics" -> metrics(exchange);
        case "/healthz" -> respondUnless(health.sickness(), "ok", exchange);
        case "/readyz" -> respondUnless(health.unreadiness(), "ready", exchange);
        default ->
            respond(
                exchange,
                404,
                TEXT,
                "nothing here; the admin port has /metrics, /healthz and /readyz\n");
      }
    } catch (RuntimeException e) {
      LOG.error("{} failed", exchange.getRequestURI(), e);
    }
  }

  private void metrics(HttpExchange exchange) throws IOException {
    String form = TextFormat.chooseContentType(exchange.getRequestHeaders().getFirst("Accept"));
    StringWriter text = new StringWriter();
    TextFormat.writeFormat(form, text, registry.metricFamilySamples());
    respond(exchange, 200, form, text.toString());
  }

  private static void respondUnless(Optional<String> problem, String fine, HttpExchange exchange)
      throws IOException {
    respond(exchange, problem.isEmpty() ? 200 : 503, TEXT, problem.orElse(fine) + "\n");
  }

  private static void respond(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }
}
