package dev.trellis.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Trellis;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.NodeDescriptor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A router before real nodes.
@Timeout(60)
class TrellisRouterTest {
  private final HttpClient http = HttpClient.newHttpClient();
  private TrellisNode one;
  private TrellisNode two;
  private TrellisRouter router;

  @BeforeEach
  void start() throws Exception {
    one = TrellisNode.start(NodeConfig.loopback("n1", 2));
    two = TrellisNode.start(NodeConfig.loopback("n2", 1));
    router = TrellisRouter.start(config());
    awaitReady();
  }

  @AfterEach
  void stop() {
    router.close();
    one.close();
    two.close();
    http.close();
  }

  @Test
  void whatHttpPutsTheClientReads() throws Exception {
    try (Trellis trellis = Trellis.connect("127.0.0.1:" + router.dataAddress().getPort())) {
      for (int at = 0; at < 100; at++) {
        assertEquals(200, send("PUT", "/v1/keys/k" + at, "v" + at).statusCode());
      }
      for (int at = 0; at < 100; at++) {
        assertEquals("v" + at, trellis.register("k" + at).getText().orElseThrow());
      }
      trellis.counter("visits").add(6);
      assertTrue(send("POST", "/v1/keys/visits/add?by=1", "").body().contains("\"value\":7"));
      assertEquals(7, trellis.counter("visits").value());
      assertEquals(101, trellis.keys("").count());
    }
  }

  @Test
  void keysOfAllShardsAreListedInOrder() throws Exception {
    for (int at = 0; at < 50; at++) {
      send("PUT", "/v1/keys/k" + (100 + at), "v");
    }
    String page = send("GET", "/v1/keys?limit=3", "").body();
    assertTrue(page.matches("(?s).*k100.*k101.*k102.*cursor.*"), page);
  }

  @Test
  void aWatchTellsChangesAsTheyHappen() throws Exception {
    HttpResponse<java.io.InputStream> watch =
        http.send(request("/v1/keys/w/watch").build(), HttpResponse.BodyHandlers.ofInputStream());
    try (BufferedReader events =
        new BufferedReader(new InputStreamReader(watch.body(), StandardCharsets.UTF_8))) {
      assertTrue(nextData(events).contains("\"value\":null"));
      send("PUT", "/v1/keys/w", "one");
      assertTrue(nextData(events).contains("\"value\":\"one\""));
      send("DELETE", "/v1/keys/w", "");
      assertTrue(nextData(events).contains("\"value\":null"));
    }
  }

  @Test
  void aRouterIsReadyAsLongAsAnyNodeAnswers() throws Exception {
    two.close();
    assertEquals(200, admin("/readyz").statusCode());
    one.close();
    while (admin("/readyz").statusCode() == 200) {
      Thread.onSpinWait();
    }
    assertTrue(admin("/readyz").body().contains("none of the nodes answers"));
    HttpResponse<String> refused = send("GET", "/v1/keys/a?timeout=300ms", "");
    assertFalse(refused.statusCode() < 500, refused::body);
  }

  @Test
  void theAdminPortHasTheMetrics() throws Exception {
    send("PUT", "/v1/keys/a", "x");
    String metrics = admin("/metrics").body();
    assertTrue(
        metrics.contains("trellis_gateway_requests_total{route=\"put\",status=\"200\",} 1.0"),
        metrics);
    assertTrue(metrics.contains("trellis_router_nodes 2.0"), metrics);
    assertEquals(200, admin("/healthz").statusCode());
  }

  /// On free ports, and patient with a busy machine.
  private RouterConfig config() {
    String text =
        "cluster.nodes = [\""
            + address(one)
            + "\", \""
            + address(two)
            + "\"], cluster.timeout = 50s, gateway.call.timeout = 50s, data.port = 0, admin.port = 0,"
            + " gateway.port = 0";
    return RouterConfig.of(StrictConfig.ofText(RouterConfig.reference(), text, Map.of()));
  }

  private void awaitReady() throws Exception {
    String map = "";
    while (!map.contains("\"n1\"") || !map.contains("\"n2\"")) {
      map = send("GET", "/v1/cluster", "").body();
    }
    // The gateway is a client like any other and learns the map a little later.
    while (send("GET", "/v1/keys?limit=1", "").statusCode() != 200) {
      Thread.onSpinWait();
    }
  }

  private HttpResponse<String> send(String method, String target, String body)
      throws IOException, InterruptedException {
    HttpRequest.BodyPublisher publisher =
        body.isEmpty()
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofString(body);
    return http.send(
        request(target).method(method, publisher).build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpRequest.Builder request(String target) {
    return HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + router.gatewayAddress().getPort() + target))
        .version(HttpClient.Version.HTTP_1_1);
  }

  private HttpResponse<String> admin(String path) throws IOException, InterruptedException {
    return http.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + router.adminPort() + path)).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  private static String nextData(BufferedReader events) throws IOException {
    String line = events.readLine();
    while (!line.startsWith("data: ")) {
      line = events.readLine();
    }
    return line;
  }

  private static String address(TrellisNode node) {
    NodeDescriptor descriptor = node.descriptor();
    return descriptor.host() + ":" + descriptor.shardPorts().get(0);
  }
}
