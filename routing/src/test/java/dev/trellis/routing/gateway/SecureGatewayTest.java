package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.access.AccessList;
import dev.trellis.access.Allowance;
import dev.trellis.access.ApiKey;
import dev.trellis.access.KeyRecord;
import dev.trellis.client.TestExceptions;
import dev.trellis.lattice.Payload;
import dev.trellis.process.AuditLog;
import dev.trellis.process.HttpsClient;
import dev.trellis.process.Protection;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import dev.trellis.routing.gateway.GatewayFixture.Terms;
import dev.trellis.wire.ErrorCode;
import io.prometheus.client.CollectorRegistry;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/// A gateway with `security = on`: nothing without a key, and nothing that its owner may not do.
@Timeout(60)
class SecureGatewayTest {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final byte[] NOTHING = new byte[0];

  @TempDir Path folder;

  private final List<AutoCloseable> closing = new ArrayList<>();
  private final LocalStore store = new LocalStore();
  private final List<Payload> opened = new CopyOnWriteArrayList<>();
  private final List<Payload> closed = new CopyOnWriteArrayList<>();
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private final ApiKey shop = ApiKey.mint(RANDOM);
  private final ApiKey bank = ApiKey.mint(RANDOM);
  private final ApiKey post = ApiKey.mint(RANDOM);
  private final Map<String, String> extraFields = new HashMap<>(); // of the list of principals
  private volatile boolean nodesAreSilent;
  private TestSecrets secrets;
  private Secrets own;
  private Protection protection;
  private Gateway gateway;

  /// All that is written: the audit log may have its own place.
  private static List<Logger> logs() {
    return List.of(
        (Logger) LoggerFactory.getLogger("ROOT"),
        (Logger) LoggerFactory.getLogger(AuditLog.NAME),
        (Logger) LoggerFactory.getLogger(AuditLog.REFUSED));
  }

  @BeforeEach
  void start() {
    secrets = new TestSecrets(folder, "trellis");
    own = secrets.router("r1");
    protection = Protection.of(own, "trellis", "router r1", InstantSource.system());
    logged.start();
    logs().forEach(log -> log.addAppender(logged));
  }

  @AfterEach
  void stop() throws Exception {
    logs().forEach(log -> log.detachAppender(logged));
    for (AutoCloseable open : closing.reversed()) {
      open.close();
    }
  }

  private void listen(Terms terms) {
    gateway =
        Gateway.startProtected(
            terms.config(),
            protection,
            credentials -> {
              if (nodesAreSilent) {
                throw TestExceptions.of(ErrorCode.NO_NODES, "nobody answers", Optional.empty());
              }
              opened.add(credentials);
              return new Principals.Opened(
                  new GuardedStore(store, protection.doorkeeper(), credentials),
                  () -> closed.add(credentials));
            },
            new CollectorRegistry());
    closing.add(gateway);
  }

  private void listen() {
    listen(new Terms());
    hear(0, Set.of());
  }

  /// @param bankExpires when the key of the bank is over; 0 for never
  private void hear(long bankExpires, Set<ApiKey> revoked) {
    Map<String, String> fields = new HashMap<>();
    fields.put(AccessList.keyField(shop.id()), record(shop, "shop", 0).text());
    fields.put(AccessList.keyField(bank.id()), record(bank, "bank", bankExpires).text());
    fields.put(AccessList.keyField(post.id()), record(post, "post", 0).text());
    fields.putAll(extraFields);
    fields.put(AccessList.grantField("shop", "shop/"), "read,write");
    fields.put(AccessList.grantField("bank", "bank/"), "read,write");
    Set<String> flags = new java.util.HashSet<>();
    revoked.forEach(key -> flags.add(AccessList.revokedField(key.id())));
    protection.doorkeeper().heard(AccessList.of(fields, flags));
  }

  private final Map<String, KeyRecord> records = new HashMap<>();

  /// The same salt each time, as it is in a cluster.
  private KeyRecord record(ApiKey key, String principal, long expires) {
    KeyRecord made =
        records.computeIfAbsent(
            key.id(), id -> new KeyRecord(id, principal, key.hash(RANDOM), 0, 0));
    return new KeyRecord(key.id(), principal, made.hash(), 0, expires);
  }

  private RawHttp connect(Optional<Secrets> shown) {
    RawHttp http = new RawHttp(gateway.address(), Optional.of(HttpsClient.context(own, shown)));
    closing.add(http);
    return http;
  }

  private RawHttp connect() {
    return connect(Optional.empty());
  }

  private static String bearer(ApiKey key) {
    return "Authorization: Bearer " + key.text();
  }

  private RawHttp.Response send(ApiKey key, String method, String target, String body) {
    return connect().request(method, target, body.getBytes(UTF_8), bearer(key));
  }

  private static JsonNode refused(int status, String code, RawHttp.Response response) {
    assertEquals(status, response.status(), response::text);
    assertEquals(Optional.of("application/problem+json"), response.header("Content-Type"));
    JsonNode problem = json(response);
    assertEquals(code, problem.get("code").textValue());
    assertTrue(problem.get("definite").booleanValue());
    return problem;
  }

  private static void unauthenticated(RawHttp.Response response) {
    refused(401, "UNAUTHENTICATED", response);
    assertEquals(Optional.of("Bearer realm=\"trellis\""), response.header("WWW-Authenticate"));
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /",
    "GET, /v1/cluster",
    "GET, /v1/keys",
    "GET, /v1/keys/shop%2Fa",
    "PUT, /v1/keys/shop%2Fa",
    "DELETE, /v1/keys/shop%2Fa",
    "GET, /v1/keys/shop%2Fa/watch",
    "GET, /v1/keys/shop%2Fa/await?kind=flag&enabled",
    "POST, /v1/keys/shop%2Fa/add?by=1",
    "POST, /v1/batch",
    "POST, /v1/commit",
    "POST, /v1/abort",
    "PATCH, /v1/keys/shop%2Fa",
    "GET, /nowhere",
    "GET, /openapi.yaml/",
    "GET, //openapi.yaml",
    "GET, /v1/../openapi.yaml",
  })
  void whateverIsAskedForAKeyIsAskedForFirst(String method, String target) {
    listen();
    RawHttp http = connect();
    unauthenticated(http.request(method, target, NOTHING));
    assertEquals(List.of(), opened, "nobody has spoken to the cluster");
  }

  @Test
  void theDocumentIsForEverybodyAndSoIsTheConnectionAfterwards() {
    listen();
    RawHttp http = connect();
    assertEquals(200, http.request("GET", "/openapi.yaml", NOTHING).status());
    assertEquals(200, http.request("GET", "/%6fpenapi.yaml", NOTHING).status());
    unauthenticated(http.request("GET", "/v1/cluster", NOTHING));
    assertEquals(200, http.request("GET", "/v1/cluster", NOTHING, bearer(shop)).status());
    unauthenticated(http.request("GET", "/v1/cluster", NOTHING));
  }

  @Test
  void wrongKeysExpiredOnesAndOtherSchemesAreNoKeys() {
    listen();
    ApiKey forged = new ApiKey(shop.id(), bank.secret());
    unauthenticated(send(forged, "GET", "/v1/cluster", ""));
    unauthenticated(send(ApiKey.mint(RANDOM), "GET", "/v1/cluster", ""));
    for (String header :
        List.of(
            "Authorization: " + shop.text(),
            "Authorization: Basic " + shop.text(),
            "Authorization: Bearer",
            "Authorization: Bearer " + shop.text() + "x",
            "Authorization: Bearer " + shop.text() + ", Bearer " + bank.text(),
            "Authorization: Bearer t\u00ff\u0100",
            "Proxy-" + bearer(shop),
            "Cookie: Authorization=" + shop.text(),
            bearer(shop) + "\r\n" + bearer(bank),
            bearer(shop) + "\r\n" + bearer(shop))) {
      unauthenticated(connect().request("GET", "/v1/cluster", NOTHING, header));
    }
    unauthenticated(connect().request("GET", "/v1/cluster?access_token=" + shop.text(), NOTHING));
    hear(1, Set.of());
    unauthenticated(send(bank, "GET", "/v1/cluster", ""));
    hear(0, Set.of(bank));
    unauthenticated(send(bank, "GET", "/v1/cluster", ""));
    assertEquals(200, send(shop, "GET", "/v1/cluster", "").status());
  }

  @Test
  void aCertificateOfAClientIsNoIdentityHere() {
    listen();
    unauthenticated(
        connect(Optional.of(secrets.client("shop"))).request("GET", "/v1/cluster", NOTHING));
  }

  @Test
  void requestsAreCarriedOutWithTheKeyOfWhoAsksAndNoOther() {
    listen();
    assertEquals(200, send(shop, "PUT", "/v1/keys/shop%2Fa", "one").status());
    assertEquals(200, send(bank, "PUT", "/v1/keys/bank%2Fa", "two").status());
    assertEquals("one", send(shop, "GET", "/v1/keys/shop%2Fa", "").text());
    assertEquals(
        List.of(Payload.ofText(shop.text()), Payload.ofText(bank.text())),
        opened,
        "one client for each key, made once");
    refused(403, "FORBIDDEN", send(shop, "GET", "/v1/keys/bank%2Fa", ""));
    refused(403, "FORBIDDEN", send(shop, "PUT", "/v1/keys/bank%2Fa", "x"));
    refused(403, "FORBIDDEN", send(shop, "GET", "/v1/keys/bank%2Fa/watch", ""));
    refused(403, "FORBIDDEN", send(shop, "GET", "/v1/keys?prefix=bank/", ""));
    refused(403, "FORBIDDEN", send(shop, "GET", "/v1/keys", ""));
    refused(403, "FORBIDDEN", send(shop, "GET", "/v1/keys/_trellis%2Faccess", ""));
    RawHttp.Response batch =
        send(
            shop,
            "POST",
            "/v1/batch",
            "[{\"operation\":\"get\",\"key\":\"shop/a\"},{\"operation\":\"get\",\"key\":\"bank/a\"},"
                + "{\"operation\":\"put\",\"key\":\"bank/a\",\"value\":\"x\"}]");
    JsonNode outcomes = json(batch);
    assertEquals(200, outcomes.at("/0/status").intValue());
    assertEquals(403, outcomes.at("/1/status").intValue());
    assertEquals("FORBIDDEN", outcomes.at("/2/problem/code").textValue());
    assertEquals("two", send(bank, "GET", "/v1/keys/bank%2Fa", "").text());
  }

  @Test
  void pagesOfAListGoOnOnlyForWhoMayReadIt() {
    listen();
    for (int at = 0; at < 5; at++) {
      assertEquals(200, send(bank, "PUT", "/v1/keys/bank%2F" + at, "x").status());
    }
    JsonNode page = json(send(bank, "GET", "/v1/keys?prefix=bank/&limit=2", ""));
    String next = "/v1/keys?prefix=bank/&limit=2&cursor=" + page.get("cursor").textValue();
    assertEquals(2, json(send(bank, "GET", next, "")).get("keys").size());
    refused(403, "FORBIDDEN", send(shop, "GET", next, ""));
  }

  @Test
  void whoIsNotKnownIsRefusedBeforeHisBodyIsRead() {
    listen();
    RawHttp http = connect();
    http.send("PUT /v1/keys/shop%2Fa HTTP/1.1\r\nContent-Length: 9000000\r\n");
    http.send("Expect: 100-continue\r\n\r\n");
    RawHttp.Response refused = http.receive(false);
    unauthenticated(refused);
    assertEquals(Optional.of("close"), refused.header("Connection"));
  }

  @Test
  void beforeTheListOfPrincipalsIsHereNobodyIsCalledUnknown() {
    listen(new Terms());
    RawHttp.Response later = send(shop, "GET", "/v1/cluster", "");
    refused(503, "NO_NODES", later);
    assertEquals(Optional.of("1"), later.header("Retry-After"));
    unauthenticated(connect().request("GET", "/v1/cluster", NOTHING));
    // Nor is an administrator known, as he may have been revoked.
    refused(503, "NO_NODES", send(secrets.administrator(), "GET", "/v1/cluster", ""));
    hear(0, Set.of());
    assertEquals(200, send(secrets.administrator(), "GET", "/v1/cluster", "").status());
  }

  @Test
  void aWatchEndsWhenItsKeyIsRevokedAndNoOther() {
    listen();
    RawHttp watch = connect();
    RawHttp other = connect();
    for (RawHttp http : List.of(watch, other)) {
      ApiKey key = http == watch ? bank : shop;
      http.send("GET /v1/keys/" + (http == watch ? "bank" : "shop") + "%2Fw/watch HTTP/1.1\r\n");
      http.send(bearer(key) + "\r\n\r\n");
      assertEquals(200, http.receive(false).status());
      assertEquals("retry: 1000\n\n", http.chunk());
      assertTrue(http.chunk().contains("event: missing"));
    }
    hear(0, Set.of(bank));
    String end = watch.chunk();
    assertTrue(end.startsWith("event: problem\ndata: {"), end);
    assertTrue(end.contains("UNAUTHENTICATED"), end);
    assertEquals("", watch.chunk());
    assertTrue(watch.isAtEnd());
    while (!closed.equals(List.of(Payload.ofText(bank.text())))) {
      Thread.onSpinWait(); // the time limit of the tests bounds it
    }
    assertEquals(1, store.watchCount());
    assertEquals(200, send(shop, "PUT", "/v1/keys/shop%2Fw", "still").status());
    assertTrue(other.chunk().contains("still"));
  }

  @Test
  void aWatchEndsWhenItsKeyIsOver() {
    listen();
    hear(System.currentTimeMillis() + 3_000, Set.of());
    RawHttp watch = connect();
    watch.send("GET /v1/keys/bank%2Fw/watch HTTP/1.1\r\n" + bearer(bank) + "\r\n\r\n");
    RawHttp.Response begun = watch.receive(false);
    assertEquals(200, begun.status(), begun::text);
    assertEquals("retry: 1000\n\n", watch.chunk());
    assertTrue(watch.chunk().contains("event: missing"));
    assertTrue(watch.chunk().contains("UNAUTHENTICATED"));
    assertEquals("", watch.chunk());
    assertTrue(watch.isAtEnd());
  }

  @Test
  void aWaitEndsWhenItsKeyIsRevoked() {
    listen();
    RawHttp wait = connect();
    wait.send("GET /v1/keys/bank%2Ff/await?kind=flag&enabled=true&timeout=1h HTTP/1.1\r\n");
    wait.send(bearer(bank) + "\r\n\r\n");
    while (opened.isEmpty() || store.waitCount() == 0) {
      Thread.onSpinWait();
    }
    hear(0, Set.of(bank));
    unauthenticated(wait.receive(false));
  }

  @Test
  void noMoreKeysAreInUseThanMayBeAndTheOneThatIsNotIsLetGo() {
    listen(new Terms().principalsMax(1));
    hear(0, Set.of());
    RawHttp watch = connect();
    watch.send("GET /v1/keys/bank%2Fw/watch HTTP/1.1\r\n" + bearer(bank) + "\r\n\r\n");
    assertEquals(200, watch.receive(false).status());
    RawHttp.Response refused = send(shop, "GET", "/v1/cluster", "");
    JsonNode problem = refused(503, "OVERLOADED", refused);
    assertTrue(problem.get("detail").textValue().contains("gateway.principals.max"));
    watch.close();
    while (send(shop, "GET", "/v1/cluster", "").status() != 200) {
      Thread.onSpinWait();
    }
    assertEquals(List.of(Payload.ofText(bank.text())), closed);
  }

  @Test
  void aClusterThatCannotBeReachedIsTriedAgain() {
    listen();
    nodesAreSilent = true;
    refused(503, "NO_NODES", send(shop, "GET", "/v1/cluster", ""));
    nodesAreSilent = false;
    assertEquals(200, send(shop, "GET", "/v1/cluster", "").status());
  }

  @Test
  void closingClosesTheClients() {
    listen();
    assertEquals(200, send(shop, "GET", "/v1/cluster", "").status());
    gateway.close();
    assertEquals(opened, closed);
  }

  @Test
  void whoSpeaksPlainHttpIsToldThatThePortWantsHttps() {
    listen();
    try (RawHttp plain = new RawHttp(gateway.address())) {
      RawHttp.Response told = plain.request("GET", "/v1/cluster", NOTHING, bearer(shop));
      assertEquals(400, told.status());
      assertTrue(told.text().contains("https://"), told::text);
      assertTrue(plain.isAtEnd());
    }
  }

  @Test
  void whileTenThousandConnectionsAreHalfOpenItServes() {
    listen(new Terms().connectionsMax(300).principalsMax(10));
    hear(0, Set.of());
    RawHttp stays = connect();
    assertEquals(200, stays.request("GET", "/v1/cluster", NOTHING, bearer(shop)).status());
    for (int at = 0; at < 10_000; at++) {
      RawHttp half = new RawHttp(gateway.address());
      closing.add(half);
      if (at % 2 == 0) {
        half.send("\u0016\u0003\u0001\u0002\u0000\u0001"); // the beginning of a handshake
      }
      if (at % 500 == 0) {
        assertEquals(200, send(shop, "GET", "/v1/cluster", "").status());
      }
    }
    assertEquals(200, stays.request("GET", "/v1/cluster", NOTHING, bearer(shop)).status());
  }

  private static GatewayFixture.Terms withConnections(int max) {
    return new GatewayFixture.Terms().connectionsMax(max);
  }

  /// A connection that is busy for as long as it is open.
  private RawHttp watching(ApiKey key, String name) {
    RawHttp watch = connect();
    watch.send("GET /v1/keys/" + name + "%2Fw/watch HTTP/1.1\r\n" + bearer(key) + "\r\n\r\n");
    assertEquals(200, watch.receive(false).status());
    return watch;
  }

  private RawHttp idle(ApiKey key) {
    RawHttp http = connect();
    assertEquals(200, http.request("GET", "/v1/cluster", NOTHING, bearer(key)).status());
    return http;
  }

  @Test
  void nobodyTakesAllConnectionsOfTheGateway() {
    listen(withConnections(8));
    hear(0, Set.of());
    RawHttp one = watching(shop, "shop");
    for (int at = 1; at < 4; at++) {
      watching(shop, "shop");
    }
    RawHttp fifth = connect();
    RawHttp.Response refused = fifth.request("GET", "/v1/cluster", NOTHING, bearer(shop));
    JsonNode problem = refused(503, "OVERLOADED", refused);
    assertTrue(problem.get("detail").textValue().startsWith("shop has 4 connections"));
    assertEquals(Optional.of("1"), refused.header("Retry-After"));
    assertTrue(fifth.isAtEnd());
    for (int at = 0; at < 4; at++) {
      watching(bank, "bank");
    }
    RawHttp.Response full = send(post, "GET", "/v1/cluster", "");
    assertTrue(
        refused(503, "OVERLOADED", full)
            .get("detail")
            .textValue()
            .contains("gateway.connections.max"));
    assertEquals(
        200,
        send(secrets.administrator(), "GET", "/v1/cluster", "").status(),
        "there are places for administrators");
    one.close();
    while (send(shop, "GET", "/v1/cluster", "").status() != 200) {
      Thread.onSpinWait(); // the time limit of the tests bounds it
    }
  }

  @Test
  void aConnectionThatWaitsForItsNextRequestMakesRoomForNewcomers() {
    listen(withConnections(4));
    hear(0, Set.of());
    RawHttp eldest = idle(shop);
    RawHttp other = idle(shop);
    RawHttp busy = watching(bank, "bank");
    RawHttp last = idle(bank);
    assertEquals(200, other.request("GET", "/v1/cluster", NOTHING, bearer(shop)).status());
    assertEquals(200, send(post, "GET", "/v1/cluster", "").status());
    assertTrue(eldest.isAtEnd());
    assertEquals(200, other.request("GET", "/v1/cluster", NOTHING, bearer(shop)).status());
    assertEquals(200, last.request("GET", "/v1/cluster", NOTHING, bearer(bank)).status());
    assertEquals("retry: 1000\n\n", busy.chunk());
  }

  @Test
  void nobodyHoldsAllTheMemoryOfTheGateway() {
    listen(GatewayMemoryTest.terms(64 << 20));
    hear(0, Set.of());
    String big = "x".repeat(16 << 20);
    assertEquals(200, send(shop, "PUT", "/v1/keys/shop%2Fbig", big).status());
    assertEquals(200, send(bank, "PUT", "/v1/keys/bank%2Fbig", big).status());
    int served = 0;
    for (int at = 0; at < 6; at++) {
      RawHttp http = connect();
      http.send("GET /v1/keys/shop%2Fbig HTTP/1.1\r\n" + bearer(shop) + "\r\n\r\n");
      served += http.receive(true).status() == 200 ? 1 : 0;
    }
    assertTrue(served >= 2 && served <= 3, "of " + served + " answers nothing is taken");
    assertEquals(200, send(bank, "GET", "/v1/keys/bank%2Fbig", "").status());
    // Who takes nothing while half of the memory is held is let go, also behind TLS.
    while (send(shop, "GET", "/v1/keys/shop%2Fbig", "").status() != 200) {
      Thread.onSpinWait(); // the time limit of the tests bounds it
    }
  }

  @Test
  void theLimitOfConnectionsCountsAtTheGateway() {
    listen();
    extraFields.put(AccessList.allowanceField("shop"), AccessList.text(new Allowance(0, 0, 1, 0)));
    hear(0, Set.of());
    RawHttp only = idle(shop);
    RawHttp.Response refused = send(shop, "GET", "/v1/cluster", "");
    refused(503, "OVERLOADED", refused);
    // A connection that changes hands counts for whose it is.
    assertEquals(200, only.request("GET", "/v1/cluster", NOTHING, bearer(bank)).status());
    assertEquals(200, send(shop, "GET", "/v1/cluster", "").status());
  }

  @Test
  void whoWasRefusedIsWrittenDownAndNoSecretIs() {
    listen();
    ApiKey forged = new ApiKey(shop.id(), bank.secret());
    unauthenticated(send(forged, "GET", "/v1/keys/a%0d%0ab", ""));
    send(shop, "PUT", "/v1/keys/shop%2Fa", "a value");
    send(shop, "GET", "/v1/keys/bank%2Fa", "");
    String lines =
        String.join("\n", logged.list.stream().map(ILoggingEvent::getFormattedMessage).toList());
    assertTrue(
        lines.contains(
            "\"event\":\"refused\",\"action\":\"http\",\"target\":\"GET /v1/keys/a%0d%0ab\""),
        lines);
    assertTrue(lines.contains(shop.id()), lines);
    for (ApiKey key : List.of(shop, bank)) {
      assertFalse(lines.contains(key.text().substring("trellis_0123456789abcdef_".length())));
    }
    assertFalse(lines.contains("a value"));
  }
}
