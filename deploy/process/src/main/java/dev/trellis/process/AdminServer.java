package dev.trellis.process;

import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Role;
import dev.trellis.lattice.Payload;
import dev.trellis.process.http.BearerToken;
import dev.trellis.process.http.HttpConfig;
import dev.trellis.process.http.HttpExchange;
import dev.trellis.process.http.HttpServer;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.util.Optional;

/// The admin plane of a process, over HTTP: `/metrics` for Prometheus, `/healthz` (200, or 503 if
/// it had better be restarted) and `/readyz` (200, or 503 while it cannot serve), which say why.
///
/// With a [Protection] it speaks TLS, and shows metrics only to who may read [#METRICS]: by an API
/// key, as `Authorization: Bearer KEY`, or by a certificate of the cluster. Who wants to know
/// whether a process lives need not be known.
public final class AdminServer implements AutoCloseable {
  /// The key on which READ is the right to see metrics. Nothing is kept there.
  public static final Payload METRICS = Payload.ofText("_trellis/metrics");

  private static final String TEXT = "text/plain; charset=utf-8";

  private final HttpServer server;

  private AdminServer(HttpServer server) {
    this.server = server;
  }

  /// As [#start(InetSocketAddress, String, CollectorRegistry, Health, Optional)], without security.
  public static AdminServer start(
      InetSocketAddress address, String owner, CollectorRegistry registry, Health health) {
    return start(address, owner, registry, health, Optional.empty());
  }

  /// Starts to listen.
  ///
  /// @param address where; port 0 takes a free one
  /// @param owner whose admin port it is, such as `node n1`, for error messages
  /// @param protection there if security is on
  /// @throws StartupException if the port cannot be opened
  public static AdminServer start(
      InetSocketAddress address,
      String owner,
      CollectorRegistry registry,
      Health health,
      Optional<Protection> protection) {
    Answers answers = new Answers(registry, health, protection);
    try {
      return new AdminServer(
          HttpServer.start(
              HttpConfig.of(address, "admin"),
              protection.map(by -> by.tls()::server),
              answers::handle));
    } catch (IOException e) {
      throw StartupException.portUnavailable(
          address, "the admin port of " + owner, "admin.port", e);
    }
  }

  /// The port listened on.
  public int port() {
    return server.port();
  }

  /// Stops listening, and ends exchanges under way.
  @Override
  public void close() {
    server.close();
  }

  private record Answers(
      CollectorRegistry registry, Health health, Optional<Protection> protection) {
    void handle(HttpExchange exchange) throws IOException {
      String method = exchange.method();
      if (!method.equals("GET") && !method.equals("HEAD")) {
        exchange.set("Allow", "GET, HEAD");
        exchange.respond(405, TEXT, "the admin port answers GET and HEAD, not " + method + "\n");
        return;
      }
      switch (exchange.path()) {
        case "/metrics" -> metrics(exchange);
        case "/healthz" -> respondUnless(health.sickness(), "ok", exchange);
        case "/readyz" -> respondUnless(health.unreadiness(), "ready", exchange);
        default ->
            exchange.respond(
                404, TEXT, "nothing here; the admin port has /metrics, /healthz and /readyz\n");
      }
    }

    private void metrics(HttpExchange exchange) throws IOException {
      if (protection.isPresent() && !mayRead(protection.get(), exchange)) {
        return;
      }
      String form =
          TextFormat.chooseContentType(
              exchange.headers("Accept").stream().findFirst().orElse(null));
      StringWriter text = new StringWriter();
      TextFormat.writeFormat(form, text, registry.metricFamilySamples());
      exchange.respond(200, form, text.toString());
    }

    /// Answers whoever may not.
    private static boolean mayRead(Protection protection, HttpExchange exchange) {
      Visitor visitor = Visitor.of(exchange, protection);
      if (visitor.undecided()) {
        exchange.set("Retry-After", "1");
        exchange.respond(503, TEXT, "who is known has not been heard from the cluster yet\n");
        return false;
      }
      String reason;
      switch (visitor.authentication()) {
        case Authentication.Known known -> {
          if (known.caller().rights().allow(Role.READ, METRICS)) {
            return true;
          }
          reason = known.caller() + " may not see metrics: that takes read on _trellis/metrics";
          exchange.respond(403, TEXT, reason + "\n");
        }
        case Authentication.Unknown unknown -> {
          reason = unknown.reason();
          exchange.set("WWW-Authenticate", BearerToken.CHALLENGE);
          exchange.respond(401, TEXT, reason + "\n");
        }
      }
      protection
          .audit()
          .refused(visitor.principal(), "read metrics", "/metrics", visitor.from(), reason);
      return false;
    }

    private static void respondUnless(
        Optional<String> problem, String fine, HttpExchange exchange) {
      exchange.respond(problem.isEmpty() ? 200 : 503, TEXT, problem.orElse(fine) + "\n");
    }
  }
}
