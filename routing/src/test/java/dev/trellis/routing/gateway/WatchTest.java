package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.routing.gateway.GatewayFixture.Terms;
import dev.trellis.wire.ErrorCode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WatchTest {
  private static final byte[] NOTHING = new byte[0];

  private final List<AutoCloseable> closing = new ArrayList<>();
  private GatewayFixture gateway;

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable open : closing.reversed()) {
      open.close();
    }
  }

  /// A reader of server-sent events, as HTTP/1.0, whose bodies have no chunks to be put together.
  private static final class Events implements AutoCloseable {
    private final Socket socket;
    private final BufferedReader in;
    private final Map<String, String> headers = new HashMap<>();
    private final String status;

    Events(GatewayFixture gateway, String target) throws IOException {
      socket = new Socket(gateway.address.getAddress(), gateway.address.getPort());
      socket.setSoTimeout(20_000);
      in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
      socket.getOutputStream().write(("GET " + target + " HTTP/1.0\r\n\r\n").getBytes(UTF_8));
      status = in.readLine();
      for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
        headers.put(
            line.split(": ", 2)[0].toLowerCase(java.util.Locale.ROOT), line.split(": ", 2)[1]);
      }
    }

    /// The fields of the next event; comments count as one of their own, named `comment`.
    Map<String, String> next() {
      Map<String, String> event = new HashMap<>();
      try {
        for (String line = in.readLine(); ; line = in.readLine()) {
          if (line == null) {
            return Map.of();
          }
          if (line.isEmpty()) {
            return event;
          }
          String[] field = line.split(": ?", 2);
          event.put(field[0].isEmpty() ? "comment" : field[0], field[1]);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  @Test
  void tellsTheCurrentStateFirstAndThenEveryChange() throws Exception {
    start(new Terms());
    gateway.put("/v1/keys/a", "one");
    Events events = watch("/v1/keys/a/watch");
    assertEquals("HTTP/1.1 200 OK", events.status);
    assertEquals("text/event-stream", events.headers.get("content-type"));
    assertEquals("1000", events.next().get("retry"));
    Map<String, String> first = events.next();
    assertEquals("value", first.get("event"));
    JsonNode data = json(first.get("data"));
    assertEquals("one", data.get("value").textValue());
    assertEquals("a", data.get("key").textValue());
    assertEquals(data.get("clock").textValue(), first.get("id"));

    gateway.put("/v1/keys/a?ttl=5s", "two");
    assertEquals("two", json(events.next().get("data")).get("value").textValue());
    gateway.store.pass(Duration.ofSeconds(6));
    Map<String, String> expired = events.next();
    assertEquals("missing", expired.get("event"));
    assertTrue(json(expired.get("data")).get("value").isNull());
    gateway.post("/v1/keys/a/add?by=3", "");
    assertEquals("counter", json(events.next().get("data")).get("kind").textValue());
  }

  @Test
  void aWatchOnAnotherKindIsRefusedAndTheConnectionGoesOn() {
    start(new Terms());
    gateway.put("/v1/keys/a", "one");
    RawHttp http = closing(new RawHttp(gateway.address));
    assertEquals(409, http.request("GET", "/v1/keys/a/watch?kind=counter", NOTHING).status());
    assertEquals("one", http.request("GET", "/v1/keys/a", NOTHING).text());
    assertEquals(0.0, gateway.registry.getSampleValue("trellis_gateway_watches"));
  }

  @Test
  void aWatchThatIsOvertakenByAnotherKindEndsWithTheProblem() throws Exception {
    start(new Terms());
    gateway.put("/v1/keys/a?ttl=5s", "one");
    Events events = watch("/v1/keys/a/watch?kind=lww");
    events.next();
    events.next();
    gateway.store.pass(Duration.ofSeconds(6));
    assertEquals("missing", events.next().get("event"));
    gateway.post("/v1/keys/a/add?by=3", "");
    Map<String, String> problem = events.next();
    assertEquals("problem", problem.get("event"));
    assertEquals("KIND_MISMATCH", json(problem.get("data")).get("code").textValue());
    assertEquals(Map.of(), events.next(), "the stream has ended");
  }

  @Test
  void aClusterThatFailsEndsTheStreamWithTheProblem() throws Exception {
    start(new Terms());
    Events events = watch("/v1/keys/a/watch");
    events.next();
    events.next();
    gateway.store.failWatches(ErrorCode.NO_NODES);
    assertEquals("NO_NODES", json(events.next().get("data")).get("code").textValue());
    assertEquals(Map.of(), events.next());
  }

  @Test
  void signsOfLifeAreSentWhileNothingChanges() throws Exception {
    start(new Terms().heartbeat(Duration.ofMillis(50)));
    Events events = watch("/v1/keys/a/watch");
    events.next();
    events.next();
    assertEquals("heartbeat", events.next().get("comment"));
    assertEquals("heartbeat", events.next().get("comment"));
  }

  @Test
  void aClientThatLeavesEndsItsWatch() throws Exception {
    start(new Terms());
    Events events = watch("/v1/keys/a/watch");
    events.next();
    events.next();
    assertEquals(1, gateway.store.watchCount());
    events.close();
    while (gateway.store.watchCount() > 0
        || gateway.registry.getSampleValue("trellis_gateway_watches") > 0) {
      Thread.onSpinWait();
    }
  }

  @Test
  void aSlowReaderGetsFewerStatesAndTheLastOne() throws Exception {
    start(new Terms());
    Events events = watch("/v1/keys/a/watch");
    String filling = "x".repeat(100_000);
    int changes = 1_000;
    try (RawHttp http = new RawHttp(gateway.address)) {
      for (int at = 1; at <= changes; at++) {
        http.request("PUT", "/v1/keys/a", (at + filling).getBytes(UTF_8));
      }
    }
    int told = 0;
    String last = "";
    while (!last.startsWith(changes + "x")) {
      Map<String, String> event = events.next();
      if (event.containsKey("data")) {
        told++;
        last = json(event.get("data")).get("value").asText();
      }
    }
    assertTrue(told < changes, "of " + changes + " changes " + told + " were told");
  }

  @Test
  void aReaderThatTakesNothingIsLeft() throws Exception {
    start(new Terms().writeTimeout(Duration.ofMillis(300)));
    Events deaf = watch("/v1/keys/a/watch");
    assertTrue(deaf.status.contains("200"));
    gateway.put("/v1/keys/a", "x".repeat(16 << 20));
    while (gateway.registry.getSampleValue("trellis_gateway_watches") > 0) {
      Thread.onSpinWait();
    }
  }

  @Test
  void watchesInHttp11ComeInChunks() {
    start(new Terms());
    RawHttp http = closing(new RawHttp(gateway.address));
    RawHttp.Response header = http.request("GET", "/v1/keys/a/watch", NOTHING);
    assertEquals(Optional.of("chunked"), header.header("Transfer-Encoding"));
    assertEquals("retry: 1000\n\n", http.chunk());
    assertTrue(http.chunk().contains("event: missing\n"));
  }

  @Test
  void stoppingEndsWatchesInOrder() {
    start(new Terms());
    RawHttp http = closing(new RawHttp(gateway.address));
    http.request("GET", "/v1/keys/a/watch", NOTHING);
    http.chunk();
    http.chunk();
    gateway.close();
    assertEquals("", http.chunk(), "the last chunk");
    assertTrue(http.isAtEnd());
    assertEquals(0, gateway.store.watchCount());
  }

  private void start(Terms terms) {
    gateway = closing(new GatewayFixture(terms));
  }

  private Events watch(String target) throws IOException {
    return closing(new Events(gateway, target));
  }

  private <T extends AutoCloseable> T closing(T open) {
    closing.add(open);
    return open;
  }
}
