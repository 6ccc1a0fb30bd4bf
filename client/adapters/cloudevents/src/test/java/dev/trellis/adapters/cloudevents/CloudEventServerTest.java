package dev.trellis.adapters.cloudevents;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Events over HTTP to a function, which writes to a real node.
@ExtendWith(TrellisExtension.class)
class CloudEventServerTest {
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
}
