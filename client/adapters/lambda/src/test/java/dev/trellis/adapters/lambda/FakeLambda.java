package dev.trellis.adapters.lambda;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/// Lambda as those see it who have functions run: takes asynchronous invocations whose signatures
/// are right, and delivers each event twice, as it may. Busy at first.
final class FakeLambda implements AutoCloseable {
  static final String REGION = "eu-central-1";
  static final AwsCredentials CREDENTIALS =
      new AwsCredentials("AKIDEXAMPLE", "secret/of+test", Optional.of("session"));

  private static final String ROOT = "/2015-03-31/functions/";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmssX").withZone(ZoneOffset.UTC);

  private final Map<String, FakeRuntimeApi> functions;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final AtomicInteger requests = new AtomicInteger();
  private final HttpServer server;

  /// @param functions by the names under which they are called
  FakeLambda(Map<String, FakeRuntimeApi> functions) throws IOException {
    this.functions = functions;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext(ROOT, this::serve);
    server.start();
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      String path = exchange.getRequestURI().getRawPath();
      String name =
          URLDecoder.decode(
              path.substring(ROOT.length(), path.lastIndexOf('/')), StandardCharsets.UTF_8);
      FakeRuntimeApi function = functions.get(name);
      if (!isSigned(exchange, body)) {
        answer(exchange, 403, "{\"message\":\"The request signature does not match\"}");
      } else if (!path.endsWith("/invocations")
          || !"Event".equals(exchange.getRequestHeaders().getFirst("X-Amz-Invocation-Type"))) {
        answer(exchange, 400, "{\"message\":\"no asynchronous invocation\"}");
      } else if (requests.getAndIncrement() == 0) {
        answer(exchange, 429, "{\"Reason\":\"ConcurrentInvocationLimitExceeded\"}");
      } else if (function == null) {
        answer(exchange, 404, "{\"Message\":\"Function not found: " + name + "\"}");
      } else {
        String requestId = UUID.randomUUID().toString();
        String event = new String(body, StandardCharsets.UTF_8);
        function.invoke(requestId, event, "");
        function.invoke(requestId, event, "");
        answer(exchange, 202, "");
      }
    }
  }

  /// Whether what came is what was signed.
  private static boolean isSigned(HttpExchange exchange, byte[] body) {
    var headers = exchange.getRequestHeaders();
    Map<String, String> sent =
        new Signature(CREDENTIALS, REGION, "lambda")
            .sign(
                exchange.getRequestMethod(),
                URI.create(
                    "http://" + headers.getFirst("Host") + exchange.getRequestURI().getRawPath()),
                Map.of(
                    "Content-Type",
                    headers.getFirst("Content-Type"),
                    "X-Amz-Invocation-Type",
                    headers.getFirst("X-Amz-Invocation-Type")),
                body,
                TIME.parse(headers.getFirst("X-Amz-Date"), Instant::from));
    return sent.get("Authorization").equals(headers.getFirst("Authorization"))
        && "session".equals(headers.getFirst("X-Amz-Security-Token"));
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
  }

  @Override
  public void close() {
    threads.shutdownNow();
    server.stop(0);
  }
}
