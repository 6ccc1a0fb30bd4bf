package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.trellis.access.ApiKey;
import dev.trellis.process.AuditLog;
import dev.trellis.process.HttpsClient;
import java.io.BufferedReader;
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
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/// The console of a monitor with `security = on`.
@Timeout(60)
class SecureConsoleTest {
  private static final ConsoleConfig CONFIG =
      new ConsoleConfig(Set.of(), Duration.ofMillis(100), 8, Duration.ofSeconds(20));
  private static final Pattern TOKEN = Pattern.compile("name=\"token\" value=\"([^\"]+)\"");

  @TempDir Path folder;

  private final FakeCluster cluster = new FakeCluster();
  private final ListAppender<ILoggingEvent> audit = new ListAppender<>();
  private ConsoleKeys keys;
  private Console console;
  private HttpClient client;

  @BeforeEach
  void start() {
    keys = new ConsoleKeys(folder).heard();
    console =
        Console.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            cluster,
            new ConsoleHistory(),
            CONFIG,
            cluster.clock(),
            Optional.of(keys.protection));
    client =
        HttpClient.newBuilder().sslContext(HttpsClient.context(keys.own, Optional.empty())).build();
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
    client.shutdownNow();
    console.close();
  }

  private String origin() {
    return "https://127.0.0.1:" + console.port();
  }

  private HttpResponse<String> send(String method, String path, String body, String... headers)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(origin() + path))
            .method(method, BodyPublishers.ofString(body));
    return client.send(
        (headers.length == 0 ? request : request.headers(headers)).build(),
        BodyHandlers.ofString());
  }

  private HttpResponse<String> get(String path, String... headers) throws Exception {
    return send("GET", path, "", headers);
  }

  /// A page that asks for a key, as a browser has it.
  private record Page(String token, String cookie) {}

  private Page loginPage() throws Exception {
    HttpResponse<String> page = get("/login");
    assertEquals(200, page.statusCode());
    Matcher token = TOKEN.matcher(page.body());
    assertTrue(token.find(), page::body);
    return new Page(token.group(1), cookieOf(page));
  }

  private static String cookieOf(HttpResponse<String> response) {
    return response.headers().firstValue("Set-Cookie").orElseThrow().split(";", 2)[0];
  }

  private HttpResponse<String> login(Page page, String key, String... headers) throws Exception {
    List<String> all =
        new ArrayList<>(
            List.of(
                "Content-Type",
                "application/x-www-form-urlencoded",
                "Cookie",
                page.cookie,
                "Origin",
                origin()));
    all.addAll(List.of(headers));
    return send(
        "POST", "/login", "token=" + page.token + "&key=" + key, all.toArray(String[]::new));
  }

  /// The cookie of somebody who has logged in.
  private String login(ApiKey key) throws Exception {
    HttpResponse<String> response = login(loginPage(), key.text());
    assertEquals(303, response.statusCode(), response::body);
    assertEquals(Optional.of("/"), response.headers().firstValue("Location"));
    return cookieOf(response);
  }

  private JsonNode session(String cookie) throws Exception {
    HttpResponse<String> response = get("/api/session", "Cookie", cookie);
    assertEquals(200, response.statusCode(), response::body);
    return new ObjectMapper().readTree(response.body());
  }

  private int state(String cookie) throws Exception {
    return get("/api/state", "Cookie", cookie).statusCode();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/console.js",
        "/api/state",
        "/api/events",
        "/api/series",
        "/api/decisions",
        "/api/session",
        "/nothing",
        "/login/",
        "//",
        "/%2e/api/state",
        "/console.css/../api/state",
        "/login/../api/state",
      })
  void whoIsNotLoggedInSeesNothing(String path) throws Exception {
    for (String method : List.of("GET", "HEAD", "POST", "PUT")) {
      HttpResponse<String> refused = send(method, path, "");
      assertEquals(401, refused.statusCode(), method);
      assertEquals(
          Optional.of("Bearer realm=\"trellis\""),
          refused.headers().firstValue("WWW-Authenticate"));
      assertFalse(refused.body().contains("shop-eu"));
    }
  }

  @Test
  void whoIsNotLoggedInIsAskedForAKeyByAPageWithoutScript() throws Exception {
    HttpResponse<String> sent = get("/");
    assertEquals(303, sent.statusCode());
    assertEquals(Optional.of("/login"), sent.headers().firstValue("Location"));
    HttpResponse<String> page = get("/login");
    assertEquals("TLSv1.3", page.sslSession().orElseThrow().getProtocol());
    assertFalse(page.body().contains("<script"));
    assertFalse(page.body().contains("style="));
    String policy = page.headers().firstValue("Content-Security-Policy").orElseThrow();
    assertTrue(policy.contains("default-src 'none'; script-src 'self';"), policy);
    assertTrue(policy.contains("form-action 'self'; frame-ancestors 'none'"), policy);
    assertFalse(policy.contains("unsafe"), policy);
    assertEquals(200, get("/console.css").statusCode());
    assertEquals(200, get("/icon.svg").statusCode());
  }

  @Test
  void whoMayLookLogsInWithACookieThatIsRandomAndSafe() throws Exception {
    HttpResponse<String> response = login(loginPage(), keys.viewer.text());
    String cookie = response.headers().firstValue("Set-Cookie").orElseThrow();
    assertTrue(
        cookie.matches(
            "__Host-trellis-console=[A-Za-z0-9_-]{43}; Path=/; Secure; HttpOnly; SameSite=Strict"),
        cookie);
    assertNotEquals(cookieOf(response), login(keys.viewer));
    assertEquals(200, state(cookieOf(response)));
    assertEquals(200, get("/", "Cookie", cookieOf(response)).statusCode());
    JsonNode session = session(cookieOf(response));
    assertEquals("viewer", session.get("principal").asText());
    assertFalse(session.get("mayChange").asBoolean());
    assertTrue(session(login(keys.secrets.administrator())).get("mayChange").asBoolean());
  }

  @Test
  void wrongKeysAndThoseWithoutTheRightAreTurnedAwayAndWrittenDown() throws Exception {
    ApiKey forged = new ApiKey(keys.viewer.id(), keys.shop.secret());
    for (String wrong : List.of("", "x", forged.text(), ApiKey.mint(new SecureRandom()).text())) {
      HttpResponse<String> refused = login(loginPage(), wrong);
      assertEquals(401, refused.statusCode());
      assertTrue(refused.body().contains("not known here, was revoked"), refused::body);
      assertEquals(
          "__Host-trellis-login", cookieOf(refused).split("=", 2)[0], "another try, no login");
    }
    HttpResponse<String> lacks = login(loginPage(), keys.shop.text());
    assertEquals(403, lacks.statusCode());
    assertTrue(lacks.body().contains("shop may not see the console"), lacks::body);
    String lines = String.join("\n", audit.list.stream().map(ILoggingEvent::getMessage).toList());
    assertTrue(lines.contains("\"principal\":\"shop\",\"action\":\"log in\""), lines);
    assertFalse(lines.contains(forged.text().substring(25)), lines);
    login(keys.viewer);
    String later = String.join("\n", audit.list.stream().map(ILoggingEvent::getMessage).toList());
    assertTrue(later.contains("\"event\":\"administered\",\"principal\":\"viewer\""), later);
  }

  @Test
  void whoIsRefusedByTheApiIsWrittenDown() throws Exception {
    assertEquals(401, get("/api/state").statusCode());
    assertEquals(401, state("__Host-trellis-console=made-up"));
    ApiKey unknown = ApiKey.mint(new SecureRandom());
    assertEquals(401, get("/api/series", "Authorization", "Bearer " + unknown.text()).statusCode());
    assertEquals(
        401, get("/api/events", "Authorization", "Bearer " + keys.shop.text()).statusCode());
    String viewer = "Bearer " + keys.viewer.text();
    assertEquals(
        403, get("/api/mailboxes/messages?name=orders%2Feu", "Authorization", viewer).statusCode());
    List<String> lines =
        audit.list.stream()
            .filter(event -> event.getLoggerName().equals(AuditLog.REFUSED))
            .map(ILoggingEvent::getMessage)
            .toList();
    assertEquals(5, lines.size(), lines::toString);
    assertTrue(lines.get(0).contains("\"target\":\"/api/state\""), lines::toString);
    assertTrue(lines.get(2).contains(unknown.id()), lines::toString);
    assertTrue(
        lines.get(3).contains("\"principal\":\"shop\",\"action\":\"see the console\""),
        lines::toString);
    assertTrue(
        lines
            .get(4)
            .contains(
                "\"principal\":\"viewer\",\"action\":\"see a mailbox\",\"target\":\"orders/eu\""),
        lines::toString);
    assertFalse(lines.toString().contains(unknown.text()), lines::toString);
    // Who is asked to log in was refused nothing.
    assertEquals(303, get("/").statusCode());
    assertEquals(200, get("/console.css").statusCode());
    assertEquals(5, audit.list.size());
  }

  @Test
  void cookiesThatAreMadeUpOrDoubledOrMixedUpAreNone() throws Exception {
    String cookie = login(keys.viewer);
    assertEquals(401, state("__Host-trellis-console="));
    assertEquals(401, state("__Host-trellis-console=" + keys.viewer.text()));
    assertEquals(401, state(cookie.replace("__Host-", "")));
    assertEquals(401, state(cookie + "; " + cookie));
    assertEquals(401, state(cookie.substring(0, cookie.length() - 1)));
    assertEquals(401, state(loginPage().cookie));
    assertEquals(200, state("other=1; " + cookie + "; more=2"));
  }

  @Test
  void programsShowTheirKeyWithEachRequest() throws Exception {
    assertEquals(
        200, get("/api/state", "Authorization", "Bearer " + keys.viewer.text()).statusCode());
    assertEquals(
        401, get("/api/state", "Authorization", "Bearer " + keys.shop.text()).statusCode());
    assertNull(
        new ObjectMapper()
            .readTree(get("/api/session", "Authorization", "Bearer " + keys.viewer.text()).body())
            .get("token"));
  }

  @Test
  void whatWaitsInAMailboxIsForWhoMayReadIt() throws Exception {
    String key = "Bearer " + keys.viewer.text();
    assertEquals("{\"mailboxes\":[]}", get("/api/mailboxes", "Authorization", key).body());
    String messages = "/api/mailboxes/messages?name=orders%2Feu";
    assertEquals(403, get(messages, "Authorization", key).statusCode());
    keys.grantViewerMailboxes("orders/e");
    HttpResponse<String> seen = get("/api/mailboxes", "Authorization", key);
    assertEquals("{\"mailboxes\":[{\"name\":\"orders/eu\",\"waiting\":4}]}", seen.body());
    assertEquals(200, get(messages, "Authorization", key).statusCode());
    assertEquals(
        403, get("/api/mailboxes/messages?name=orders%2Fus", "Authorization", key).statusCode());
  }

  @Test
  void aLoginIsTakenOnlyFromThePageThatAskedForIt() throws Exception {
    Page page = loginPage();
    String key = keys.viewer.text();
    assertEquals(403, login(new Page(loginPage().token, page.cookie), key).statusCode());
    assertEquals(403, login(new Page("", "__Host-trellis-login="), key).statusCode());
    assertEquals(403, login(page, key, "Sec-Fetch-Site", "cross-site").statusCode());
    assertEquals(403, login(page, key, "Sec-Fetch-Site", "same-site").statusCode());
    String body = "token=" + page.token + "&key=" + key;
    String form = "application/x-www-form-urlencoded";
    for (String origin : List.of("https://evil.example", "null", origin().replace("s:", ":"))) {
      HttpResponse<String> refused =
          send(
              "POST",
              "/login",
              body,
              "Content-Type",
              form,
              "Cookie",
              page.cookie,
              "Origin",
              origin);
      assertEquals(403, refused.statusCode(), origin);
    }
    assertEquals(
        403,
        send("POST", "/login", body, "Content-Type", form, "Cookie", page.cookie).statusCode(),
        "nobody says where it comes from");
    assertEquals(303, login(page, key, "Sec-Fetch-Site", "same-origin").statusCode());
  }

  @Test
  void whoLogsOutIsOutAndNobodyElseCanLogHimOut() throws Exception {
    String cookie = login(keys.viewer);
    String token = session(cookie).get("token").asText();
    String form = "application/x-www-form-urlencoded";
    String[] own = {"Content-Type", form, "Cookie", cookie, "Origin", origin()};
    assertEquals(403, send("POST", "/logout", "", own).statusCode());
    assertEquals(403, send("POST", "/logout", "token=x", own).statusCode());
    String other = session(login(keys.viewer)).get("token").asText();
    assertEquals(403, send("POST", "/logout", "token=" + other, own).statusCode());
    String[] foreign = {"Content-Type", form, "Cookie", cookie, "Origin", "https://evil.example"};
    assertEquals(403, send("POST", "/logout", "token=" + token, foreign).statusCode());
    assertEquals(405, get("/logout", "Cookie", cookie).statusCode());
    assertEquals(200, state(cookie));
    HttpResponse<String> out = send("POST", "/logout", "token=" + token, own);
    assertEquals(303, out.statusCode());
    assertTrue(out.headers().firstValue("Set-Cookie").orElseThrow().contains("Max-Age=0"));
    assertEquals(401, state(cookie));
  }

  @Test
  void aLoginIsOverWhenItIsNotUsedAndInAnyCaseAfterHalfADay() throws Exception {
    String idle = login(keys.viewer);
    cluster.advance(Logins.IDLE.plusSeconds(1));
    assertEquals(401, state(idle));
    String busy = login(keys.viewer);
    for (int at = 0; at < 24; at++) {
      assertEquals(200, state(busy));
      cluster.advance(Logins.IDLE);
    }
    cluster.advance(Duration.ofSeconds(1));
    assertEquals(401, state(busy));
  }

  @Test
  void whoTriesTooOftenHasToWait() throws Exception {
    for (int at = 0; at < LoginLimit.FAILURES_MAX; at++) {
      assertEquals(401, login(loginPage(), "x").statusCode());
    }
    HttpResponse<String> waits = login(loginPage(), keys.viewer.text());
    assertEquals(429, waits.statusCode());
    assertEquals(Optional.of("60"), waits.headers().firstValue("Retry-After"));
    cluster.advance(LoginLimit.WINDOW);
    login(keys.viewer);
  }

  @Test
  void beforeTheListOfPrincipalsIsHereNobodyIsCalledUnknown(@TempDir Path other) throws Exception {
    ConsoleKeys silent = new ConsoleKeys(other);
    console.close();
    client.shutdownNow();
    console =
        Console.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            cluster,
            new ConsoleHistory(),
            CONFIG,
            cluster.clock(),
            Optional.of(silent.protection));
    client =
        HttpClient.newBuilder()
            .sslContext(HttpsClient.context(silent.own, Optional.empty()))
            .build();
    assertEquals(503, login(loginPage(), silent.viewer.text()).statusCode());
    // Nor is an administrator known, as he may have been revoked.
    assertEquals(503, login(loginPage(), silent.secrets.administrator().text()).statusCode());
    String bearer = "Bearer " + silent.secrets.administrator().text();
    HttpResponse<String> later = get("/api/state", "Authorization", bearer);
    assertEquals(503, later.statusCode());
    assertEquals(Optional.of("1"), later.headers().firstValue("Retry-After"));
    assertEquals(401, get("/api/state").statusCode());
    silent.heard();
    login(silent.secrets.administrator());
    assertEquals(200, get("/api/state", "Authorization", bearer).statusCode());
  }

  @ParameterizedTest
  @ValueSource(strings = {"revoked", "rights taken back", "logged out", "too long"})
  void eventsEndForWhoMaySeeThemNoMore(String how) throws Exception {
    String cookie = login(keys.viewer);
    String stays = login(keys.secrets.administrator());
    String token = session(cookie).get("token").asText();
    HttpResponse<InputStream> events = listen(cookie);
    HttpResponse<InputStream> others = listen(stays);
    switch (how) {
      case "revoked" -> keys.revoke(keys.viewer);
      case "rights taken back" -> keys.takeBackFromViewer();
      case "logged out" -> {
        String form = "application/x-www-form-urlencoded";
        send(
            "POST",
            "/logout",
            "token=" + token,
            "Content-Type",
            form,
            "Cookie",
            cookie,
            "Origin",
            origin());
      }
      default -> cluster.advance(Logins.LIFE.plusSeconds(1));
    }
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(events.body(), StandardCharsets.UTF_8))) {
      while (lines.readLine() != null) {
        Thread.onSpinWait(); // the time limit of the tests bounds it
      }
    }
    assertEquals(401, state(cookie));
    try (InputStream body = others.body()) {
      if (!how.equals("too long")) {
        assertTrue(body.read() >= 0);
        assertEquals(200, state(stays));
      }
    }
  }

  private HttpResponse<InputStream> listen(String cookie) throws Exception {
    HttpResponse<InputStream> events =
        client.send(
            HttpRequest.newBuilder(URI.create(origin() + "/api/events"))
                .header("Cookie", cookie)
                .build(),
            BodyHandlers.ofInputStream());
    assertEquals(200, events.statusCode());
    return events;
  }

  @Test
  void whoSpeaksPlainHttpIsToldThatThePortWantsHttps() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), console.port())) {
      socket.setSoTimeout(20_000);
      socket
          .getOutputStream()
          .write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
      assertTrue(answer.contains("https://"), answer);
    }
  }
}
