package dev.trellis.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.KeyRecord;
import dev.trellis.node.TrellisNode;
import dev.trellis.process.HttpsClient;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A router before real nodes, all with `security = on`, and people who know nothing but HTTPS.
@Timeout(120)
class SecureRestTest {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final String ACCESS = "/v1/keys/_trellis%2Faccess/update-field";

  @TempDir Path folder;

  private final ApiKey shop = ApiKey.mint(RANDOM);
  private TestSecrets secrets;
  private HttpClient http;
  private TrellisNode one;
  private TrellisNode two;
  private TrellisRouter router;

  @BeforeEach
  void start() throws Exception {
    secrets = new TestSecrets(folder, "trellis");
    one = SecuredProcesses.node(secrets.node("n1"), "n1", "shards = 2");
    two = SecuredProcesses.node(secrets.node("n2"), "n2", "shards = 1");
    Secrets own = secrets.router("*");
    router =
        SecuredProcesses.router(own, "cluster.timeout = 50s, gateway.call.timeout = 50s", one, two);
    http = HttpClient.newBuilder().sslContext(HttpsClient.context(own, Optional.empty())).build();
    String map = "";
    while (!map.contains("\"n1\"") || !map.contains("\"n2\"")) {
      map = send(secrets.administrator(), "GET", "/v1/cluster", "").body();
    }
    while (send(secrets.administrator(), "GET", "/v1/keys?limit=1", "").statusCode() != 200) {
      Thread.onSpinWait(); // the time limit of the tests bounds it
    }
  }

  @AfterEach
  void stop() {
    http.shutdownNow();
    router.close();
    one.close();
    two.close();
  }

  private HttpRequest.Builder request(ApiKey key, String target) {
    return HttpRequest.newBuilder(
            URI.create("https://127.0.0.1:" + router.gatewayAddress().getPort() + target))
        .header("Authorization", "Bearer " + key.text());
  }

  private HttpResponse<String> send(ApiKey key, String method, String target, String body)
      throws Exception {
    return http.send(
        request(key, target).method(method, BodyPublishers.ofString(body)).build(),
        BodyHandlers.ofString());
  }

  /// As an administrator does it, and over REST, too.
  private void change(String field, String update) throws Exception {
    HttpResponse<String> changed =
        send(
            secrets.administrator(),
            "POST",
            ACCESS,
            "{\"field\": \"" + field + "\", \"update\": " + update + "}");
    assertTrue(changed.statusCode() == 200 || changed.statusCode() == 202, changed::body);
  }

  private static String put(String value) {
    return "{\"operation\": \"put\", \"value\": \"" + value + "\"}";
  }

  private void letShopIn() throws Exception {
    KeyRecord record = new KeyRecord(shop.id(), "shop", shop.hash(RANDOM), 0, 0);
    change(AccessList.grantField("shop", "shop/"), put("read,write"));
    change(AccessList.keyField(shop.id()), put(record.text()));
    while (send(shop, "GET", "/v1/cluster", "").statusCode() != 200) {
      Thread.onSpinWait();
    }
  }

  /// Nodes hear of rights each for itself; so until all have, the answer may be the one of before.
  private HttpResponse<String> sendUntil(int status, ApiKey key, String method, String target)
      throws Exception {
    HttpResponse<String> answer = send(key, method, target, "x");
    while (answer.statusCode() != status) {
      answer = send(key, method, target, "x");
    }
    return answer;
  }

  @Test
  void aPrincipalOfTheStoreDoesWhatItMayAndNothingElseUntilItsKeyIsRevoked() throws Exception {
    assertEquals(401, send(shop, "GET", "/v1/keys/shop%2Fa", "").statusCode());
    letShopIn();
    for (int at = 0; at < 20; at++) {
      sendUntil(202, shop, "PUT", "/v1/keys/shop%2F" + at + "?ack=replicated");
    }
    assertEquals("x", send(shop, "GET", "/v1/keys/shop%2F7", "").body());
    for (String other : new String[] {"bank%2Fa", "shop", "_trellis%2Faccess", "..%2Fshop%2Fa"}) {
      HttpResponse<String> refused = send(shop, "GET", "/v1/keys/" + other, "");
      assertEquals(403, refused.statusCode(), other);
      assertTrue(refused.body().contains("\"FORBIDDEN\""), refused::body);
    }
    assertEquals(
        200, send(secrets.administrator(), "GET", "/v1/keys?prefix=shop/", "").statusCode());
    HttpResponse<InputStream> watch =
        http.send(request(shop, "/v1/keys/shop%2F7/watch").build(), BodyHandlers.ofInputStream());
    assertEquals(200, watch.statusCode());
    try (BufferedReader events =
        new BufferedReader(new InputStreamReader(watch.body(), StandardCharsets.UTF_8))) {
      while (!events.readLine().equals("event: value")) {
        Thread.onSpinWait();
      }
      change(AccessList.revokedField(shop.id()), "\"enable\"");
      StringBuilder rest = new StringBuilder();
      for (String line = events.readLine(); line != null; line = events.readLine()) {
        rest.append(line).append('\n');
      }
      assertTrue(rest.toString().contains("UNAUTHENTICATED"), rest::toString);
    }
    assertEquals(401, send(shop, "GET", "/v1/keys/shop%2F7", "").statusCode());
  }

  @Test
  void rightsThatAreTakenBackEndAWatchToo() throws Exception {
    letShopIn();
    sendUntil(202, shop, "PUT", "/v1/keys/shop%2Fw?ack=replicated");
    HttpResponse<InputStream> watch =
        http.send(request(shop, "/v1/keys/shop%2Fw/watch").build(), BodyHandlers.ofInputStream());
    assertEquals(200, watch.statusCode());
    change(AccessList.grantField("shop", "shop/"), put(""));
    try (InputStream events = watch.body()) {
      String all = new String(events.readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(all.contains("FORBIDDEN"), all);
    }
    assertEquals(200, send(shop, "GET", "/v1/cluster", "").statusCode(), "he is known still");
  }

  @Test
  void theAdminPortsSpeakTlsAndShowMetricsToWhoMay() throws Exception {
    for (int port : new int[] {router.adminPort(), one.descriptor().adminPort()}) {
      String admin = "https://127.0.0.1:" + port;
      HttpRequest.Builder metrics = HttpRequest.newBuilder(URI.create(admin + "/metrics"));
      assertEquals(401, http.send(metrics.build(), BodyHandlers.ofString()).statusCode());
      metrics.header("Authorization", "Bearer " + secrets.administrator().text());
      assertTrue(http.send(metrics.build(), BodyHandlers.ofString()).body().contains("trellis_"));
      HttpRequest alive = HttpRequest.newBuilder(URI.create(admin + "/healthz")).build();
      assertEquals(200, http.send(alive, BodyHandlers.ofString()).statusCode());
    }
  }
}
