package dev.trellis.adapters.lambda;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The HTTP interface between Lambda and the processes that run functions: gives out invocations,
/// takes in answers.
final class FakeRuntimeApi implements AutoCloseable {
  private static final String ROOT = "/2018-06-01/runtime/";
  private static final long WAIT_SECONDS = 60;
  private static final long FAR_MILLIS = 900_000;

  /// @param context the client context as JSON; empty for none
  record Invocation(String requestId, String event, String context) {}

  /// @param how `response`, `error`, or `init` for an error before the first invocation
  record Answer(String requestId, String how, String body) {}

  private final BlockingQueue<Invocation> invocations = new LinkedBlockingQueue<>();
  private final BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();
  private final CompletableFuture<@Nullable Void> asked = new CompletableFuture<>();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;

  FakeRuntimeApi() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext(ROOT, this::serve);
    server.start();
  }

  String address() {
    return "127.0.0.1:" + server.getAddress().getPort();
  }

  /// Done once the process has asked for its first event, so it is up.
  CompletableFuture<@Nullable Void> asked() {
    return asked;
  }

  void invoke(String requestId, String event, String context) {
    invocations.add(new Invocation(requestId, event, context));
  }

  Answer answer() throws InterruptedException {
    Answer answer = answers.poll(WAIT_SECONDS, TimeUnit.SECONDS);
    if (answer == null) {
      throw new AssertionError("no answer within " + WAIT_SECONDS + " s");
    }
    return answer;
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath().substring(ROOT.length());
      if (path.equals("invocation/next")) {
        give(exchange);
        return;
      }
      String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      String[] parts = path.split("/", -1);
      answers.add(
          parts[0].equals("invocation")
              ? new Answer(parts[1], parts[2], body)
              : new Answer("", parts[0], body));
      byte[] accepted = "{\"status\":\"OK\"}".getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(202, accepted.length);
      exchange.getResponseBody().write(accepted);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void give(HttpExchange exchange) throws IOException, InterruptedException {
    asked.complete(null);
    Invocation next = invocations.take();
    var headers = exchange.getResponseHeaders();
    headers.set("Lambda-Runtime-Aws-Request-Id", next.requestId);
    headers.set("Content-Type", "application/json");
    headers.set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700");
    headers.set(
        "Lambda-Runtime-Deadline-Ms", Long.toString(System.currentTimeMillis() + FAR_MILLIS));
    headers.set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu:1:function:visits");
    if (!next.context.isEmpty()) {
      headers.set("Lambda-Runtime-Client-Context", next.context);
    }
    byte[] event = next.event.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, event.length);
    exchange.getResponseBody().write(event);
  }

  @Override
  public void close() {
    threads.shutdownNow();
    server.stop(0);
  }
}
