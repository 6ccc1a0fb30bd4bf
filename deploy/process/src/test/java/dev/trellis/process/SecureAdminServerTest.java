package dev.trellis.process;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.CertificateName;
import dev.trellis.access.KeyRecord;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/// The admin port of a process with `security = on`.
@Timeout(60)
class SecureAdminServerTest {
  private static final SecureRandom RANDOM = new SecureRandom();

  @TempDir Path folder;

  private final ListAppender<ILoggingEvent> audit = new ListAppender<>();
  private final ApiKey scraper = ApiKey.mint(RANDOM);
  private final ApiKey reader = ApiKey.mint(RANDOM);
  private TestSecrets secrets;
  private Secrets own;
  private Protection protection;
  private AdminServer admin;

  @BeforeEach
  void start() {
    secrets = new TestSecrets(folder, "trellis");
    own = secrets.node("n1");
    protection = Protection.of(own, "trellis", "node n1", InstantSource.system());
    CollectorRegistry registry = new CollectorRegistry();
    Counter.build("trellis_tests_total", "Tests run.").register(registry).inc(3);
    Health well =
        new Health() {
          @Override
          public Optional<String> sickness() {
            return Optional.empty();
          }

          @Override
          public Optional<String> unreadiness() {
            return Optional.empty();
          }
        };
    admin =
        AdminServer.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            "node n1",
            registry,
            well,
            Optional.of(protection));
    audit.start();
    logs().forEach(log -> log.addAppender(audit));
  }

  /// Of what was done, and of what was refused.
  private static List<Logger> logs() {
    Logger refused = (Logger) LoggerFactory.getLogger(AuditLog.REFUSED);
    refused.setAdditive(false); // whatever the settings say
    return List.of((Logger) LoggerFactory.getLogger(AuditLog.NAME), refused);
  }

  @AfterEach
  void stop() {
    logs().forEach(log -> log.detachAppender(audit));
    admin.close();
  }

  private void hear(Set<String> flags) {
    protection
        .doorkeeper()
        .heard(
            AccessList.of(
                Map.of(
                    AccessList.keyField(scraper.id()),
                    new KeyRecord(scraper.id(), "prometheus", scraper.hash(RANDOM), 0, 0).text(),
                    AccessList.grantField("prometheus", "_trellis/metrics"),
                    "read",
                    AccessList.keyField(reader.id()),
                    new KeyRecord(reader.id(), "shop", reader.hash(RANDOM), 0, 0).text(),
                    AccessList.grantField("shop", ""),
                    "read,write"),
                flags));
  }

  private HttpResponse<String> get(String path, Optional<Secrets> shown, String... headers)
      throws Exception {
    try (HttpClient client =
        HttpClient.newBuilder().sslContext(HttpsClient.context(own, shown)).build()) {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + admin.port() + path));
      return client.send(
          (headers.length == 0 ? request : request.headers(headers)).build(),
          BodyHandlers.ofString());
    }
  }

  private int metrics(ApiKey key) throws Exception {
    return get("/metrics", Optional.empty(), "Authorization", "Bearer " + key.text()).statusCode();
  }

  private int metrics(Secrets shown) throws Exception {
    return get("/metrics", Optional.of(shown)).statusCode();
  }

  @Test
  void whetherAProcessLivesIsToldToEverybodyAndAllElseOverTls13Only() throws Exception {
    HttpResponse<String> alive = get("/healthz", Optional.empty());
    assertEquals("ok\n", alive.body());
    assertEquals("TLSv1.3", alive.sslSession().orElseThrow().getProtocol());
    assertEquals("ready\n", get("/readyz", Optional.empty()).body());
  }

  @Test
  void metricsAreShownToKeysThatMayReadThem() throws Exception {
    hear(Set.of());
    HttpResponse<String> shown =
        get("/metrics", Optional.empty(), "Authorization", "bearer " + scraper.text());
    assertEquals(200, shown.statusCode());
    assertTrue(shown.body().contains("trellis_tests_total 3.0"), shown::body);
    assertEquals(200, metrics(secrets.administrator()));
  }

  @Test
  void whoShowsNoKeyOrAWrongOneIsAskedForOne() throws Exception {
    hear(Set.of());
    HttpResponse<String> refused = get("/metrics", Optional.empty());
    assertEquals(401, refused.statusCode());
    assertEquals(
        Optional.of("Bearer realm=\"trellis\""), refused.headers().firstValue("WWW-Authenticate"));
    assertFalse(refused.body().contains("trellis_tests_total"));
    ApiKey forged = new ApiKey(scraper.id(), ApiKey.mint(RANDOM).secret());
    assertEquals(401, metrics(forged));
    assertEquals(401, metrics(ApiKey.mint(RANDOM)));
    String basic = "Basic dXNlcjpwYXNzd29yZA==";
    assertEquals(401, get("/metrics", Optional.empty(), "Authorization", basic).statusCode());
    assertEquals(
        401,
        get(
                "/metrics",
                Optional.empty(),
                "Authorization",
                "Bearer " + scraper.text(),
                "Authorization",
                "Bearer " + reader.text())
            .statusCode(),
        "of two keys none counts");
    assertEquals(
        401, get("/metrics?access_token=" + scraper.text(), Optional.empty()).statusCode());
  }

  @Test
  void rightsOnAllKeysOfUsersAreNoneOnMetrics() throws Exception {
    hear(Set.of());
    assertEquals(403, metrics(reader));
  }

  @Test
  void aRevokedKeyIsNotTakenAnyMore() throws Exception {
    hear(Set.of());
    assertEquals(200, metrics(scraper));
    hear(Set.of(AccessList.revokedField(scraper.id())));
    assertEquals(401, metrics(scraper));
  }

  @Test
  void beforeTheListOfPrincipalsIsHereNobodyIsCalledUnknown() throws Exception {
    HttpResponse<String> later =
        get("/metrics", Optional.empty(), "Authorization", "Bearer " + scraper.text());
    assertEquals(503, later.statusCode());
    assertEquals(Optional.of("1"), later.headers().firstValue("Retry-After"));
    // Nor is anybody known, as he may have been revoked.
    assertEquals(503, metrics(secrets.administrator()));
    assertEquals(503, metrics(secrets.monitor("m")));
    hear(Set.of());
    assertEquals(200, metrics(secrets.administrator()));
    assertEquals(200, metrics(secrets.monitor("m")));
  }

  @Test
  void aCertificateOfTheClusterWillDoAndThatOfAnotherWillNot() throws Exception {
    hear(Set.of());
    assertEquals(200, metrics(secrets.client("prometheus")));
    assertEquals(403, metrics(secrets.client("shop")));
    assertEquals(403, metrics(secrets.client("stranger")));
    assertEquals(200, metrics(secrets.monitor("m")));
    assertEquals(
        401,
        metrics(
            secrets.of(
                new CertificateName("elsewhere", CertificateName.Part.CLIENT, "prometheus"))));
  }

  @Test
  void refusalsAreWrittenDownWithoutSecrets() throws Exception {
    hear(Set.of());
    assertEquals(403, metrics(reader));
    ApiKey forged = new ApiKey(scraper.id(), ApiKey.mint(RANDOM).secret());
    assertEquals(401, metrics(forged));
    String lines = String.join("\n", audit.list.stream().map(ILoggingEvent::getMessage).toList());
    assertTrue(lines.contains("\"principal\":\"shop\",\"action\":\"read metrics\""), lines);
    assertTrue(lines.contains(forged.id()), lines);
    assertFalse(lines.contains(forged.text().substring(25)), lines);
  }

  @Test
  void whoSpeaksPlainHttpIsToldThatThePortWantsHttps() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), admin.port())) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), US_ASCII);
      assertTrue(answer.startsWith("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain"), answer);
      assertTrue(answer.contains("https://"), answer);
    }
  }

  @Test
  void whoSpeaksTlsToAPlainPortIsTurnedAwayAtOnce() throws IOException {
    try (AdminServer plain =
            AdminServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                "the test",
                new CollectorRegistry(),
                new Health() {
                  @Override
                  public Optional<String> sickness() {
                    return Optional.empty();
                  }

                  @Override
                  public Optional<String> unreadiness() {
                    return Optional.empty();
                  }
                });
        HttpClient client =
            HttpClient.newBuilder()
                .sslContext(HttpsClient.context(own, Optional.empty()))
                .build()) {
      URI uri = URI.create("https://127.0.0.1:" + plain.port() + "/healthz");
      SSLException refused =
          assertThrows(
              SSLException.class,
              () -> client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()));
      assertTrue(
          String.valueOf(refused.getMessage()).contains("handshake_failure"), refused::toString);
    }
  }
}
