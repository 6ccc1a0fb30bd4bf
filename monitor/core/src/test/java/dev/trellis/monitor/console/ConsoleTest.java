package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.trellis.process.StartupException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ConsoleTest {
  private static final ConsoleConfig CONFIG =
      new ConsoleConfig(
          Set.of("console.shop.example"), Duration.ofMillis(100), 2, Duration.ofMillis(300));

  private final FakeCluster cluster = new FakeCluster();
  private Console console;
  private HttpClient client;

  @BeforeEach
  void start() {
    console =
        Console.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            cluster,
            new ConsoleHistory(),
            CONFIG,
            cluster.clock());
    client = HttpClient.newHttpClient();
  }

  @AfterEach
  void stop() {
    client.shutdownNow();
    console.close();
  }

  private URI uri(String path) {
    return URI.create("http://127.0.0.1:" + console.port() + path);
  }

  private HttpResponse<String> send(String method, String path) throws Exception {
    return client.send(
        HttpRequest.newBuilder(uri(path)).method(method, BodyPublishers.noBody()).build(),
        BodyHandlers.ofString());
  }

  private JsonNode json(String path) throws Exception {
    HttpResponse<String> response = send("GET", path);
    assertEquals(200, response.statusCode(), response.body());
    assertEquals("application/json", response.headers().firstValue("Content-Type").orElseThrow());
    return new ObjectMapper().readTree(response.body());
  }

  private JsonNode problem(int status, HttpResponse<String> response) throws IOException {
    assertEquals(status, response.statusCode(), response.body());
    assertEquals(
        "application/problem+json", response.headers().firstValue("Content-Type").orElseThrow());
    JsonNode problem = new ObjectMapper().readTree(response.body());
    assertEquals(status, problem.get("status").asInt());
    for (String field : List.of("type", "title", "detail")) {
      assertFalse(problem.get(field).asText().isEmpty());
    }
    return problem;
  }

  private static List<String> fieldNames(JsonNode object) {
    List<String> names = new ArrayList<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }

  /// What programs rely on: none of these names may go.
  @Test
  void theStateHasTheFieldsThatTheDocumentationPromises() throws Exception {
    JsonNode state = json("/api/state");
    assertEquals(
        List.of(
            "cluster",
            "atMillis",
            "servedMillis",
            "periodMillis",
            "whole",
            "faultTolerance",
            "monitor",
            "objective",
            "latency",
            "operationsPerSecond",
            "costPerHour",
            "budgetPerHour",
            "tiers",
            "nodes",
            "hotKeys",
            "handoffs",
            "decisions"),
        fieldNames(state));
    assertEquals(
        "{\"scaler\":\"local\",\"dryRun\":false,\"epoch\":12,\"leads\":true}",
        state.get("monitor").toString());
    assertEquals("{\"statistic\":\"p95\",\"micros\":2500}", state.get("objective").toString());
    assertEquals(
        List.of("samples", "meanMicros", "p95Micros", "fromClients"),
        fieldNames(state.get("latency")));
    assertEquals(
        List.of(
            "tier",
            "nodes",
            "wanted",
            "operationsPerSecond",
            "bytes",
            "bytesMax",
            "occupancyBand",
            "useBand",
            "ringImbalance",
            "loadImbalance"),
        fieldNames(state.get("tiers").get(0)));
    assertTrue(state.get("tiers").get(1).get("occupancyBand").isNull());
    assertEquals(
        List.of(
            "id",
            "tier",
            "state",
            "sinceMillis",
            "suspected",
            "occupancy",
            "readsPerSecond",
            "writesPerSecond",
            "operationsPerSecond",
            "entries",
            "bytes",
            "bytesMax",
            "ringShare",
            "loadShare",
            "shards"),
        fieldNames(state.get("nodes").get(0)));
    assertEquals(
        List.of("m1", "m2", "m3", "s1", "s2"),
        StreamSupport.stream(state.get("nodes").spliterator(), false)
            .map(node -> node.get("id").asText())
            .toList());
    assertEquals("joining", state.get("nodes").get(4).get("state").asText());
    JsonNode hottest = state.get("hotKeys").get(0);
    assertEquals("cart:7f3a91", hottest.get("key").asText());
    assertEquals(
        "{\"memoryNodes\":3,\"ssdNodes\":1,\"shardsPerNode\":2}",
        hottest.get("placement").toString());
    assertEquals(FakeCluster.HOSTILE, state.get("hotKeys").get(3).get("key").asText());
    assertEquals(7904, state.get("handoffs").get(0).get("partitionsTotal").asInt());
    JsonNode decision = state.get("decisions").get(1);
    assertEquals(
        List.of(
            "id",
            "atMillis",
            "policy",
            "kind",
            "what",
            "key",
            "keys",
            "from",
            "to",
            "because",
            "inputs",
            "threshold",
            "expected",
            "state",
            "note",
            "doneMillis",
            "effect"),
        fieldNames(decision));
    assertEquals("replicate", decision.get("kind").asText());
    assertEquals(List.of("p95Micros", "keyShare"), fieldNames(decision.get("effect")));
    JsonNode resize = state.get("decisions").get(0);
    assertEquals("ssd", resize.get("tier").asText());
    assertEquals("ordered", resize.get("state").asText());
    assertTrue(resize.get("doneMillis").isNull());
  }

  @Test
  void beforeAnythingIsKnownTheConsoleSaysSo() throws Exception {
    cluster.isSilent = true;
    for (String path : List.of("/api/state", "/api/events")) {
      HttpResponse<String> response = send("GET", path);
      problem(503, response);
      assertEquals(Optional.of("1"), response.headers().firstValue("Retry-After"));
    }
    assertTrue(json("/api/decisions").get("decisions").size() > 0);
    assertEquals(200, send("GET", "/").statusCode());
  }

  @Test
  void aSourceThatFailsIsOurFaultAndIsSaid() throws Exception {
    cluster.decisions = null;
    problem(500, send("GET", "/api/decisions"));
  }

  @Test
  void eachPeriodAddsToTheSeriesAndGapsHaveNoRows() throws Exception {
    long start = FakeCluster.START.toEpochMilli();
    awaitRows(start);
    cluster.isSilent = true;
    cluster.advance(Duration.ofSeconds(5));
    cluster.isSilent = false;
    awaitRows(start + 5000);
    JsonNode series = json("/api/series?from=" + (start - 1000));
    assertEquals(List.of("fromMillis", "stepMillis", "series"), fieldNames(series));
    assertEquals(1000, series.get("stepMillis").asInt());
    assertEquals(
        List.of(
            "latencyMeanMicros",
            "latencyP95Micros",
            "objectiveMicros",
            "memoryNodes",
            "ssdNodes",
            "operationsPerSecond",
            "costPerHour"),
        fieldNames(series.get("series")));
    JsonNode nodes = series.get("series").get("memoryNodes");
    assertEquals(2, nodes.size());
    assertEquals("[" + start + ",3,3,3]", nodes.get(0).toString());
    assertEquals("[" + (start + 5000) + ",3,3,3]", nodes.get(1).toString());
  }

  private void awaitRows(long atMillis) throws Exception {
    while (true) {
      JsonNode rows = json("/api/series").get("series").get("memoryNodes");
      if (!rows.isEmpty() && rows.get(rows.size() - 1).get(0).asLong() == atMillis) {
        return;
      }
      Thread.onSpinWait();
    }
  }

  @Test
  void sixHoursAreChartedInCoarserSteps() throws Exception {
    long start = FakeCluster.START.toEpochMilli();
    try (Console full =
        Console.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            cluster,
            cluster.history(),
            CONFIG,
            cluster.clock())) {
      URI uri =
          URI.create(
              "http://127.0.0.1:%d/api/series?from=%d"
                  .formatted(full.port(), start - Duration.ofHours(6).toMillis()));
      String body =
          client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body();
      JsonNode series = new ObjectMapper().readTree(body);
      assertEquals(30_000, series.get("stepMillis").asInt());
      int rows = series.get("series").get("latencyP95Micros").size();
      assertTrue(rows > 700 && rows <= 720, () -> "rows: " + rows);
    }
  }

  @Test
  void decisionsArePagedFromTheLatestBackwards() throws Exception {
    JsonNode first = json("/api/decisions?limit=15");
    assertEquals(15, first.get("decisions").size());
    assertEquals(120, first.get("decisions").get(0).get("id").asInt());
    assertEquals(106, first.get("nextBefore").asInt());
    JsonNode rest = json("/api/decisions?limit=15&before=106");
    assertEquals(5, rest.get("decisions").size());
    assertTrue(rest.get("nextBefore").isNull());
  }

  @Test
  void whatWaitsInMailboxesIsTold() throws Exception {
    JsonNode mailboxes = json("/api/mailboxes").get("mailboxes");
    assertEquals(2, mailboxes.size());
    assertEquals("orders/eu", mailboxes.get(0).get("name").asText());
    assertEquals(4, mailboxes.get(0).get("waiting").asInt());
    assertEquals(1, json("/api/mailboxes?limit=1").get("mailboxes").size());
    JsonNode messages = json("/api/mailboxes/messages?name=orders%2Feu").get("messages");
    assertEquals(4, messages.size());
    JsonNode first = messages.get(0);
    assertEquals(
        List.of("id", "sentMillis", "from", "purpose", "headers", "bytes", "text", "cut"),
        fieldNames(first));
    assertEquals("shop", first.get("from").asText());
    assertEquals("notice", first.get("purpose").asText());
    assertEquals("{\"cart\": \"7f3a91\"}", first.get("text").asText());
    assertEquals("question", messages.get(1).get("purpose").asText());
    assertEquals("replies/shop", messages.get(1).get("replyTo").asText());
    assertEquals(FakeCluster.HOSTILE, messages.get(2).get("headers").get("kind").asText());
    assertEquals(3_000, messages.get(3).get("bytes").asInt());
    assertTrue(messages.get(3).get("cut").asBoolean());
    assertEquals(
        1, json("/api/mailboxes/messages?name=orders%2Feu&limit=1").get("messages").size());
    assertEquals(0, json("/api/mailboxes/messages?name=nobody").get("messages").size());
    cluster.isSilent = true;
    problem(503, send("GET", "/api/mailboxes"));
    problem(503, send("GET", "/api/mailboxes/messages?name=orders%2Feu"));
  }

  @Test
  void parametersThatAreWrongOrUnknownAreRefused() throws Exception {
    for (String path :
        List.of(
            "/api/decisions?limit=0",
            "/api/decisions?limit=201",
            "/api/decisions?limit=",
            "/api/decisions?limit=1&limit=2",
            "/api/decisions?before=-1",
            "/api/series?from=yesterday",
            "/api/series?to=1",
            "/api/mailboxes?limit=501",
            "/api/mailboxes/messages",
            "/api/mailboxes/messages?name=",
            "/api/mailboxes/messages?name=a&limit=101",
            "/api/state?x=1")) {
      problem(400, send("GET", path));
    }
  }

  @Test
  void whoListensIsToldTheStateAtOnceAndEachPeriod() throws Exception {
    HttpResponse<InputStream> response =
        client.send(
            HttpRequest.newBuilder(uri("/api/events")).build(), BodyHandlers.ofInputStream());
    assertEquals("text/event-stream", response.headers().firstValue("Content-Type").orElseThrow());
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      assertEquals("event: state", lines.readLine());
      String first = lines.readLine();
      JsonNode state = new ObjectMapper().readTree(first.substring("data: ".length()));
      assertEquals("shop-eu", state.get("cluster").asText());
      assertEquals("", lines.readLine());
      cluster.advance(Duration.ofSeconds(7));
      String later = FakeCluster.START.plusSeconds(7).toEpochMilli() + ",";
      String line = lines.readLine();
      while (!line.contains("\"atMillis\":" + later)) {
        line = lines.readLine();
        assertNotNull(line);
      }
    }
  }

  @Test
  void tooManyListenersAreRefusedAndAPlaceIsFreedByWhoGoes() throws Exception {
    Socket going = listen();
    try (Socket _ = listen()) {
      HttpResponse<String> refused = send("GET", "/api/events");
      problem(503, refused);
      assertTrue(refused.headers().firstValue("Retry-After").isPresent());
      assertEquals(200, send("HEAD", "/api/events").statusCode());
      going.close();
      awaitPlace();
    }
  }

  /// A socket that has read the first line of an answer, and reads no more.
  private Socket listen() throws IOException {
    Socket socket = new Socket();
    socket.setReceiveBufferSize(1024);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), console.port()));
    socket
        .getOutputStream()
        .write(
            "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
                .getBytes(StandardCharsets.US_ASCII));
    byte[] start = socket.getInputStream().readNBytes(15);
    assertEquals("HTTP/1.1 200 OK", new String(start, StandardCharsets.US_ASCII));
    return socket;
  }

  private void awaitPlace() throws Exception {
    while (true) {
      HttpResponse<InputStream> response =
          client.send(
              HttpRequest.newBuilder(uri("/api/events")).build(), BodyHandlers.ofInputStream());
      response.body().close();
      if (response.statusCode() == 200) {
        return;
      }
    }
  }

  @Test
  void aListenerThatDoesNotReadIsLetGo() throws Exception {
    // Much to tell, so that the buffers between the two are soon full.
    DecisionEntry talkative = cluster.decisions.getFirst();
    cluster.decisions =
        List.of(
            new DecisionEntry(
                talkative.id(),
                talkative.atMillis(),
                talkative.decision(),
                DecisionEntry.State.FAILED,
                "x".repeat(1 << 21),
                OptionalLong.empty(),
                Map.of()));
    try (Socket _ = listen();
        Socket _ = listen()) {
      awaitPlace();
    }
  }

  @Test
  void unknownPathsAndOtherMethodsAreProblems() throws Exception {
    for (String path :
        List.of("/nothing", "/index.html", "/../console.js", "/api", "/api/state/")) {
      problem(404, send("GET", path));
    }
    for (String method : List.of("POST", "PUT", "DELETE", "OPTIONS")) {
      HttpResponse<String> response = send(method, "/api/state");
      problem(405, response);
      assertEquals(Optional.of("GET, HEAD"), response.headers().firstValue("Allow"));
    }
  }

  @Test
  void headSaysWhatGetWouldSend() throws Exception {
    for (String path : List.of("/", "/console.css", "/console.js", "/icon.svg")) {
      HttpResponse<String> got = send("GET", path);
      HttpResponse<String> head = send("HEAD", path);
      assertEquals(200, head.statusCode());
      assertEquals("", head.body());
      for (String header : List.of("Content-Type", "Content-Length", "Cache-Control")) {
        assertEquals(got.headers().firstValue(header), head.headers().firstValue(header));
      }
    }
  }

  @Test
  void everyAnswerForbidsKeepingFramingGuessingAndWhatIsFromElsewhere() throws Exception {
    for (String path : List.of("/", "/console.js", "/api/state", "/nothing")) {
      HttpResponse<String> response = send("GET", path);
      String policy = response.headers().firstValue("Content-Security-Policy").orElseThrow();
      assertTrue(policy.startsWith("default-src 'none'; script-src 'self';"), policy);
      assertTrue(policy.contains("frame-ancestors 'none'"), policy);
      assertFalse(policy.contains("unsafe"), policy);
      assertEquals(Optional.of("no-store"), response.headers().firstValue("Cache-Control"));
      assertEquals(Optional.of("nosniff"), response.headers().firstValue("X-Content-Type-Options"));
      assertTrue(response.headers().firstValue("Access-Control-Allow-Origin").isEmpty());
    }
  }

  @Test
  void aNameThatSomebodyElseOwnsIsNotAnsweredTo() throws Exception {
    assertEquals("HTTP/1.1 421", statusFor("evil.example"));
    assertEquals("HTTP/1.1 421", statusFor("evil.example:" + console.port()));
    assertEquals("HTTP/1.1 200", statusFor("localhost:8080"));
    assertEquals("HTTP/1.1 200", statusFor("console.shop.example"));
  }

  private String statusFor(String host) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), console.port())) {
      socket
          .getOutputStream()
          .write(
              ("GET /api/state HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
                  .getBytes(StandardCharsets.US_ASCII));
      return new String(
          socket.getInputStream().readNBytes("HTTP/1.1 200".length()), StandardCharsets.US_ASCII);
    }
  }

  @Test
  void aPortInUseIsNamedWithWhoWantedIt() {
    InetSocketAddress taken =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), console.port());
    String message =
        assertThrows(
                StartupException.class, () -> Console.start(taken, cluster, ConsoleConfig.DEFAULT))
            .getMessage();
    assertTrue(message.contains("the console of the monitor needs it"), message);
    assertTrue(message.contains("console.port"), message);
  }

  /// A page that asks anybody else would tell them that it is looked at.
  @Test
  void thePageNamesNoAddressButItsOwn() throws Exception {
    for (String path : List.of("/", "/console.css", "/console.js", "/icon.svg")) {
      String text = send("GET", path).body().replace("http://www.w3.org/2000/svg", "");
      assertFalse(
          text.contains("//www.") || text.contains("http:") || text.contains("https:"), path);
    }
    String script = send("GET", "/console.js").body();
    for (String sink :
        List.of("innerHTML =", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")) {
      assertFalse(script.contains(sink), sink);
    }
  }
}
