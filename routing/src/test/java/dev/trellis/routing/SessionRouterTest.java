package dev.trellis.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.Placement;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Sessions over HTTP, through two routers, with two nodes that tell each other of writes as late
/// as they can.
@Timeout(120)
class SessionRouterTest {
  private static final String SECRET = "what both of the routers know";
  private static final int ROUNDS = 40;

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<AutoCloseable> opened = new ArrayList<>();
  private String nodes;
  private TrellisRouter one;
  private TrellisRouter two;
  private Trellis trellis;

  @BeforeEach
  void start() throws Exception {
    TrellisNode first = node("n1", "");
    TrellisNode second = node("n2", "127.0.0.1:" + first.descriptor().controlPort());
    nodes = address(first) + "," + address(second);
    one = router("gateway.session.key = \"" + SECRET + "\"");
    two = router("gateway.session.key = \"" + SECRET + "\"");
    trellis =
        Trellis.connect(
            ClientConfig.of(address(first))
                .withTimeout(Duration.ofSeconds(50))
                .withSessionKey(Payload.ofText(SECRET)));
    opened.add(trellis);
    for (TrellisRouter router : List.of(one, two)) {
      // With two copies, both nodes are members, and the gateway has heard of both.
      while (send(router, "PUT", "/v1/keys/ready?ack=replicated", "x", "").statusCode() != 200) {
        Thread.onSpinWait();
      }
    }
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable each : opened.reversed()) {
      each.close();
    }
    http.close();
  }

  private TrellisNode node(String id, String seeds) {
    String text =
        "node.id = "
            + id
            + ", data.ports = 0, admin.port = 0, control.port = 0, gossip.epoch = 10s,"
            + " membership.suspect.after = 10s, membership.remove.after = 30s, clock.skew.max = 1m,"
            + " cluster.seeds = ["
            + (seeds.isEmpty() ? "" : "\"" + seeds + "\"")
            + "]";
    TrellisNode node =
        TrellisNode.start(
            NodeConfig.of(StrictConfig.ofText(NodeConfig.reference(), text, Map.of())));
    opened.add(node);
    return node;
  }

  private TrellisRouter router(String more) {
    String text =
        "cluster.timeout = 50s, gateway.call.timeout = 50s, data.port = 0, admin.port = 0,"
            + " gateway.port = 0\n"
            + more;
    TrellisRouter router =
        TrellisRouter.start(
            RouterConfig.of(
                StrictConfig.ofText(
                    RouterConfig.reference(), text, Map.of("TRELLIS_CLUSTER_NODES", nodes))));
    opened.add(router);
    return router;
  }

  private static String address(TrellisNode node) {
    return "127.0.0.1:" + node.descriptor().shardPorts().getFirst();
  }

  /// A key of which each call may go to either node: of others all go to the same one.
  private void spread(String key) {
    trellis.placement(key).set(new Placement(2, 0, 1));
  }

  private HttpResponse<String> send(
      TrellisRouter router, String method, String target, String body, String session)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:" + router.gatewayAddress().getPort() + target))
            .version(HttpClient.Version.HTTP_1_1)
            .method(
                method,
                body.isEmpty()
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    if (!session.isEmpty()) {
      request.header(SessionToken.HEADER, session);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static String token(HttpResponse<String> response) {
    return response
        .headers()
        .firstValue(SessionToken.HEADER)
        .orElseThrow(() -> new AssertionError(response + ": " + response.body()));
  }

  @Test
  void aSessionReadsItsOwnWritesAtWhicheverGatewayAndReplica() throws Exception {
    spread("k");
    String session = "begin=session";
    int stale = 0;
    // Without a replica that lags behind this shows nothing. There is one once the gateways have
    // heard that the second node is ready.
    for (int round = 0; round < ROUNDS || stale == 0; round++) {
      String value = "v" + round;
      HttpResponse<String> written = send(one, "PUT", "/v1/keys/k?ack=one", value, session);
      assertEquals(200, written.statusCode(), written::body);
      stale += send(two, "GET", "/v1/keys/k", "", "").body().equals(value) ? 0 : 1;
      HttpResponse<String> read = send(two, "GET", "/v1/keys/k", "", token(written));
      assertEquals(value, read.body());
      assertTrue(
          read.headers().firstValue("Trellis-Receipt").orElse("").endsWith("served=memory"),
          () -> read.headers().toString());
      session = token(read);
    }
  }

  @Test
  void aWriteThatIsTooLongForTheTokenIsDemandedOfTheReplica() throws Exception {
    spread("long");
    String session = "begin=pram";
    for (int round = 0; round < 10; round++) {
      String value = ("v" + round).repeat(3_000);
      HttpResponse<String> written = send(one, "PUT", "/v1/keys/long?ack=one", value, session);
      assertEquals(Optional.of("true"), written.headers().firstValue("Trellis-Session-Coarse"));
      HttpResponse<String> read = send(two, "GET", "/v1/keys/long", "", token(written));
      assertEquals(value, read.body());
      session = token(read);
    }
  }

  @Test
  void ofACommitASessionReadsAllOrNothing() throws Exception {
    spread("a");
    spread("b");
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      CompletableFuture<Void> writing =
          CompletableFuture.runAsync(
              () -> {
                try {
                  commitAll();
                } catch (Exception e) {
                  throw new AssertionError(e);
                }
              },
              threads);
      int compared = 0;
      while (!writing.isDone() || compared == 0) {
        HttpResponse<String> a = send(two, "GET", "/v1/keys/a", "", "begin=read-atomic");
        HttpResponse<String> b = send(one, "GET", "/v1/keys/b", "", token(a));
        if (a.statusCode() == 503 || b.statusCode() == 503) {
          continue; // more was committed meanwhile than is told apart
        }
        assertEquals(a.statusCode(), b.statusCode(), () -> a.body() + " and " + b.body());
        if (a.statusCode() == 200) {
          assertEquals(a.body(), b.body());
          compared++;
        }
      }
      writing.join();
    }
    HttpResponse<String> put = send(one, "PUT", "/v1/keys/a", "never", "begin=read-atomic");
    HttpResponse<String> aborted = send(two, "POST", "/v1/abort", "", token(put));
    assertEquals("{\"aborted\":1}", aborted.body().strip());
    HttpResponse<String> last = send(one, "GET", "/v1/keys/a?read=all", "", "");
    assertEquals("v" + (ROUNDS - 1), last.body());
  }

  private void commitAll() throws Exception {
    String session = "begin=read-atomic,read-your-writes";
    for (int round = 0; round < ROUNDS; round++) {
      HttpResponse<String> a = send(one, "PUT", "/v1/keys/a?ack=one", "v" + round, session);
      assertEquals(202, a.statusCode(), a::body);
      HttpResponse<String> b = send(two, "PUT", "/v1/keys/b?ack=one", "v" + round, token(a));
      HttpResponse<String> committed = send(one, "POST", "/v1/commit", "", token(b));
      assertEquals(200, committed.statusCode(), committed::body);
      session = token(committed);
    }
  }

  @Test
  void whoHasTheSessionKeyTakesTheTokenAndNobodyElse() throws Exception {
    String session = token(send(one, "PUT", "/v1/keys/k", "v", "begin=session"));
    assertEquals(
        Optional.of("v"),
        trellis.resume(SessionToken.ofText(session)).register("k").getText(),
        "a Java client with the key");
    char last = session.charAt(session.length() - 3);
    String tampered =
        session.substring(0, session.length() - 3)
            + (last == 'A' ? 'B' : 'A')
            + session.substring(session.length() - 2);
    HttpResponse<String> refused = send(two, "GET", "/v1/keys/k", "", tampered);
    assertEquals(400, refused.statusCode());
    assertTrue(refused.body().contains("or was changed"), refused::body);
    assertFalse(refused.body().contains(SECRET), refused::body);
    TrellisRouter stranger = router("");
    HttpResponse<String> there = send(stranger, "GET", "/v1/keys/k", "", session);
    assertEquals(400, there.statusCode());
    assertTrue(there.body().contains("has no session key"), there::body);
  }
}
