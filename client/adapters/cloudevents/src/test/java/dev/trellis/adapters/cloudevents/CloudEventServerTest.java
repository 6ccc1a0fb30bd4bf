package dev.trellis.adapters.cloudevents;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.trellis.causal.InvocationId;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.functions.StoredFuture;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Events over HTTP to a function, which writes to a real node.
@ExtendWith(TrellisExtension.class)
class CloudEventServerTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final String now = Instant.now().toString();

  private final HttpClient http = HttpClient.newHttpClient();
  private Trellis store;
  private CloudEventServer server;

  /// Counts visits, keeps the last one, and gives back what came before; fails if told to.
  private static Payload visit(Invocation invocation, Payload visitor) {
    invocation.counter("visits").add(1);
    Optional<String> before = invocation.register("last").getText();
    invocation.register("last").put(visitor);
    if (visitor.text().equals("trouble")) {
      throw new IllegalStateException("this is " + visitor.text());
    }
    return Payload.ofText(before.orElse("nobody"));
  }

  @BeforeEach
  void start(Trellis trellis) throws IOException {
    store = trellis;
    server =
        CloudEventServer.start(
            Functions.over(trellis),
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            CloudEventFunction.ofData(
                CloudEventServerTest::visit, URI.create("/visits"), "dev.trellis.visited"));
  }

  @AfterEach
  void stop() {
    server.close();
    http.close();
  }

  private HttpResponse<String> send(Map<String, String> headers, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/"))
            .POST(HttpRequest.BodyPublishers.ofString(body));
    headers.forEach(request::header);
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> binary(String id, String time, String token, String body)
      throws IOException, InterruptedException {
    Map<String, String> headers =
        new HashMap<>(
            Map.of(
                "ce-specversion", "1.0",
                "ce-id", id,
                "ce-source", "/test",
                "ce-type", "visit",
                "content-type", "text/plain"));
    if (!time.isEmpty()) {
      headers.put("ce-time", time);
    }
    if (!token.isEmpty()) {
      headers.put("ce-trellissession", token);
    }
    return send(headers, body);
  }

  private static String header(HttpResponse<?> response, String name) {
    return response.headers().firstValue(name).orElse("");
  }

  @Test
  void anEventThatIsDeliveredTwiceCountsOnce() throws Exception {
    HttpResponse<String> first = binary("1", now, "", "ann");
    HttpResponse<String> again = binary("1", now, "", "ann");
    assertEquals(200, first.statusCode(), first.body());
    assertEquals("nobody", first.body());
    assertEquals("dev.trellis.visited", header(first, "ce-type"));
    assertEquals("/visits", header(first, "ce-source"));
    assertEquals(32, header(first, "ce-id").length());
    assertEquals(header(first, "ce-id"), header(again, "ce-id"));
    assertEquals(1, store.counter("visits").value());
    // The same in structured mode is the same event.
    HttpResponse<String> structured =
        send(
            Map.of("Content-Type", "application/cloudevents+json"),
            """
            {"specversion":"1.0","id":"1","source":"/test","type":"visit","time":"%s",
             "datacontenttype":"text/plain","data":"ann"}"""
                .formatted(now));
    assertEquals(200, structured.statusCode(), structured.body());
    assertEquals(1, store.counter("visits").value());
    assertEquals(header(first, "ce-id"), header(structured, "ce-id"));
  }

  @Test
  void anEventWithoutATimeCountsOnceToo() throws Exception {
    HttpResponse<String> first = binary("1", "", "", "ann");
    HttpResponse<String> again = binary("1", "", "", "ann");
    HttpResponse<String> other = binary("2", "", "", "ann");
    assertEquals(header(first, "ce-id"), header(again, "ce-id"));
    assertNotEquals(header(first, "ce-id"), header(other, "ce-id"));
    assertEquals(2, store.counter("visits").value());
  }

  @Test
  void theSessionGoesOnFromAnswerToEvent() throws Exception {
    String token = header(binary("1", now, "", "ann"), "ce-trellissession");
    HttpResponse<String> second = binary("2", now, token, "bob");
    assertEquals("ann", second.body());
    assertEquals(
        "bob",
        store
            .resume(SessionToken.ofText(header(second, "ce-trellissession")))
            .register("last")
            .getText()
            .orElseThrow());
  }

  @Test
  void whatIsNoEventIsRefusedWithTheReason() throws Exception {
    HttpResponse<String> none = send(Map.of("Content-Type", "text/plain"), "hello");
    assertEquals(400, none.statusCode());
    assertTrue(none.body().startsWith("no CloudEvent: "), none.body());
    HttpResponse<String> noId =
        send(Map.of("ce-specversion", "1.0", "ce-source", "/test", "ce-type", "visit"), "");
    assertEquals(400, noId.statusCode());
    assertTrue(noId.body().contains("id"), noId.body());
    HttpResponse<String> noJson =
        send(Map.of("Content-Type", "application/cloudevents+json"), "{\"specversion\":");
    assertEquals(400, noJson.statusCode());
    HttpResponse<String> noTime = binary("1", "yesterday", "", "ann");
    assertEquals(400, noTime.statusCode());
    assertTrue(noTime.body().contains("yesterday"), noTime.body());
    HttpResponse<String> noToken = binary("1", now, "no token", "ann");
    assertEquals(400, noToken.statusCode());
    assertTrue(noToken.body().contains("a session token is base64url"), noToken.body());
    HttpResponse<String> batch =
        send(Map.of("Content-Type", "application/cloudevents-batch+json"), "[]");
    assertEquals(415, batch.statusCode());
    HttpResponse<String> get =
        http.send(
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port())).build(),
            HttpResponse.BodyHandlers.ofString());
    assertEquals(405, get.statusCode());
    assertEquals(0, store.counter("visits").value());
  }

  @Test
  void aCallThatTellsNoIdIsNotToBeRepeated() throws Exception {
    String id = Functions.over(store).newId().toString();
    for (Map<String, String> wrong :
        List.of(
            Map.of("ce-trellisinvocation", "none"),
            Map.of("ce-trellisinvocation", id, "ce-trellisresultof", "none"),
            Map.of("ce-trellisinvocation", id, "ce-trellissession", "no token"))) {
      Map<String, String> headers =
          new HashMap<>(
              Map.of(
                  "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/test", "ce-type", "visit"));
      headers.putAll(wrong);
      HttpResponse<String> refused = send(headers, "");
      assertEquals(400, refused.statusCode(), refused.body());
    }
    assertEquals(0, store.counter("visits").value());
  }

  @Test
  void aFailureIsToBeRepeatedAndWhatIsTooOldIsNot() throws Exception {
    HttpResponse<String> failed = binary("1", now, "", "trouble");
    assertEquals(500, failed.statusCode());
    assertTrue(failed.body().contains("this is trouble"), failed.body());
    assertEquals(0, store.counter("visits").value());
    String old = Instant.now().minus(2, ChronoUnit.HOURS).toString();
    HttpResponse<String> expired = binary("1", old, "", "ann");
    assertEquals(410, expired.statusCode(), expired.body());
    assertTrue(expired.body().contains("invocation.lifetime"), expired.body());
    String early = Instant.now().plus(2, ChronoUnit.HOURS).toString();
    assertEquals(503, binary("1", early, "", "ann").statusCode());
    assertEquals(0, store.counter("visits").value());
  }

  @Test
  void aFunctionMayAnswerNothing(Trellis trellis) throws Exception {
    server.close();
    server =
        CloudEventServer.start(
            Functions.over(trellis),
            0,
            (invocation, event) -> {
              invocation.counter("silent").add(1);
              return Optional.empty();
            });
    HttpResponse<String> response = binary("1", now, "", "ann");
    assertEquals(202, response.statusCode());
    SessionToken token = SessionToken.ofText(header(response, SessionToken.HEADER));
    assertEquals(1, trellis.resume(token).counter("silent").value());
  }

  /// Takes events as a broker does: at once, refusing the first; then delivers each twice, by its
  /// type, and again if that fails.
  private static final class Broker implements AutoCloseable {
    private final HttpServer http;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpClient client = HttpClient.newHttpClient();
    private final Map<String, Integer> ports = new ConcurrentHashMap<>();
    private final Queue<HttpResponse<String>> answers = new ConcurrentLinkedQueue<>();
    private final AtomicInteger taken = new AtomicInteger();

    Broker() throws IOException {
      http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      http.setExecutor(threads);
      http.createContext("/", this::take);
      http.start();
    }

    URI address() {
      return URI.create("http://127.0.0.1:" + http.getAddress().getPort() + "/");
    }

    private void take(HttpExchange exchange) throws IOException {
      try (exchange) {
        byte[] body = exchange.getRequestBody().readAllBytes();
        Integer port = ports.get(exchange.getRequestHeaders().getFirst("ce-type"));
        if (taken.getAndIncrement() == 0 || port == null) {
          exchange.sendResponseHeaders(port == null ? 404 : 503, -1);
          return;
        }
        HttpRequest.Builder request =
            HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/"))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        exchange
            .getRequestHeaders()
            .forEach(
                (name, values) -> {
                  String lower = name.toLowerCase(Locale.ROOT);
                  if (lower.startsWith("ce-") || lower.equals("content-type")) {
                    request.header(lower, values.getFirst());
                  }
                });
        for (int delivery = 0; delivery < 2; delivery++) {
          threads.execute(() -> deliver(request.build()));
        }
        exchange.sendResponseHeaders(202, -1);
      }
    }

    private void deliver(HttpRequest event) {
      try {
        HttpResponse<String> answer = client.send(event, HttpResponse.BodyHandlers.ofString());
        for (int retry = 0; retry < 3 && answer.statusCode() >= 500; retry++) {
          answer = client.send(event, HttpResponse.BodyHandlers.ofString());
        }
        answers.add(answer);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public void close() {
      http.stop(0);
      threads.shutdownNow();
      client.close();
    }
  }

  private static CloudEventServer serve(Trellis trellis, Function function, Invoker invoker)
      throws IOException {
    return CloudEventServer.start(
        Functions.over(trellis),
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
        CloudEventFunction.ofData(function, URI.create("/test"), "dev.trellis.test"),
        invoker);
  }

  @Test
  void aFunctionGoesOnWithTheResultOfAnotherAndTheCallerAwaitsIt(Trellis trellis) throws Exception {
    Functions functions = Functions.over(trellis);
    AtomicInteger failures = new AtomicInteger();
    try (Broker broker = new Broker()) {
      Invoker invoker = CloudEventInvoker.to(broker.address(), URI.create("/caller"));
      Function shout =
          (invocation, word) -> {
            invocation.counter("shouts").add(1);
            if (failures.getAndIncrement() == 0) {
              throw new IllegalStateException("the first run fails");
            }
            return Payload.ofText(word.text() + "!");
          };
      Function greet =
          (invocation, who) -> {
            invocation.counter("greetings").add(1);
            return Payload.ofText(
                "hello " + who.text() + " " + invocation.counter("shouts").value());
          };
      try (CloudEventServer shouting = serve(trellis, shout, invoker);
          CloudEventServer greeting = serve(trellis, greet, invoker)) {
        broker.ports.putAll(Map.of("shout", shouting.port(), "greet", greeting.port()));
        InvocationId id = functions.newId();
        StoredFuture greeted = functions.future(id).then("greet", invoker);
        invoker.invoke(FunctionCall.of("shout", id, Payload.ofText("world"))).join();
        assertEquals("hello world! 1", greeted.get(PATIENCE).text());
        assertEquals("world!", functions.future(id).get(PATIENCE).text());

        // Both deliveries of the one have called the other, and both calls were delivered twice.
        long begun = System.nanoTime();
        while (broker.answers.size() < 6) {
          assertTrue(System.nanoTime() - begun < PATIENCE.toNanos(), "six deliveries");
          Thread.onSpinWait();
        }
        for (HttpResponse<String> answer : broker.answers) {
          assertEquals(202, answer.statusCode(), answer.body());
        }
        assertEquals(1, trellis.counter("shouts").value());
        assertEquals(1, trellis.counter("greetings").value());
        assertEquals("hello world! 1", greeted.get(PATIENCE).text());

        CompletionException unknown =
            assertThrows(
                CompletionException.class,
                () -> invoker.invoke(FunctionCall.of("nobody", id, Payload.EMPTY)).join());
        assertTrue(
            String.valueOf(unknown.getMessage()).contains("the call of nobody: status 404"),
            unknown::toString);
      }
    }
  }

  /// Without a broker, the functions call each other, and a call is done when it was made.
  @Test
  void functionsMayCallEachOtherWithoutABroker(Trellis trellis) throws Exception {
    Functions functions = Functions.over(trellis);
    Map<String, URI> addresses = new ConcurrentHashMap<>();
    Invoker invoker = CloudEventInvoker.to(addresses::get, URI.create("/caller"), PATIENCE);
    try (CloudEventServer shouting =
            serve(trellis, (invocation, word) -> Payload.ofText(word.text() + "!"), invoker);
        CloudEventServer greeting =
            serve(trellis, (invocation, who) -> Payload.ofText("hello " + who.text()), invoker)) {
      addresses.put("shout", URI.create("http://127.0.0.1:" + shouting.port()));
      addresses.put("greet", URI.create("http://127.0.0.1:" + greeting.port()));
      InvocationId id = functions.newId();
      StoredFuture greeted = functions.future(id).then("greet", invoker);
      invoker.invoke(FunctionCall.of("shout", id, Payload.ofText("world"))).join();
      assertEquals(
          Optional.of("hello world!"), greeted.poll().flatMap(Result::payload).map(Payload::text));
    }
  }

  @Test
  void aCallIsRefusedWhereItsIdIsNoneAndFailsWhereNobodyGoesOn() throws Exception {
    Map<String, String> call =
        Map.of(
            "ce-specversion", "1.0",
            "ce-id", "1",
            "ce-source", "/test",
            "ce-type", "visit");
    Map<String, String> bad = new HashMap<>(call);
    bad.put("ce-trellisinvocation", "no id");
    HttpResponse<String> refused = send(bad, "ann");
    assertEquals(400, refused.statusCode(), refused.body());
    assertTrue(refused.body().contains("trellisinvocation"), refused.body());
    assertEquals(0, store.counter("visits").value());

    Functions functions = Functions.over(store);
    InvocationId id = functions.newId();
    Map<String, String> good = new HashMap<>(call);
    good.put("ce-trellisinvocation", id.toString());
    assertEquals(202, send(good, "ann").statusCode());
    assertEquals("nobody", functions.future(id).get(PATIENCE).text());
    assertNotEquals(
        id,
        functions.future(id).then("next", next -> CompletableFuture.completedFuture(null)).id());
    HttpResponse<String> again = send(good, "ann");
    assertEquals(500, again.statusCode(), again.body());
    assertTrue(again.body().contains("without an Invoker"), again.body());
    assertEquals(1, store.counter("visits").value());
  }
}
