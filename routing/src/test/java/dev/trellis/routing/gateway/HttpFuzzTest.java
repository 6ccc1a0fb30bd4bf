package dev.trellis.routing.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Requests that were right until bytes of them were changed: whatever comes, the gateway answers
/// in HTTP or hangs up, never with a defect of its own, and goes on.
@Timeout(120)
class HttpFuzzTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int ROUNDS = Integer.getInteger("rounds", 1_500);

  private static final List<String> REQUESTS =
      List.of(
          "GET /v1/keys/a?kind=lww&read=any&timeout=2s HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n",
          "GET /v1/keys/a%20b?contains=x&contains=y HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /v1/keys?prefix=a&limit=3&cursor=YQ&values HTTP/1.1\r\nHost: x\r\n\r\n",
          "HEAD /v1/keys/a HTTP/1.1\r\nConnection: keep-alive\r\n\r\n",
          request("PUT", "/v1/keys/a?ttl=30s", "world"),
          "PUT /v1/keys/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          "PUT /v1/keys/c?kind=causal HTTP/1.1\r\nTrellis-Context: AQ\r\nContent-Length: 1\r\n\r\nx",
          "DELETE /v1/keys/a?generation=0.0 HTTP/1.1\r\n\r\n",
          request("POST", "/v1/keys/v/add?by=1&ack=one", ""),
          request("POST", "/v1/keys/s/add", "{\"elements\":[\"a\",{\"base64\":\"/w==\"}]}"),
          request("POST", "/v1/keys/z/add", "{\"members\":{\"a\":1.5,\"b\":\"Infinity\"}}"),
          request("POST", "/v1/keys/l/append", "{\"records\":[\"a\",\"b\"]}"),
          request(
              "POST",
              "/v1/keys/m/update-field",
              "{\"field\":[\"a\",\"b\"],\"update\":{\"operation\":\"raise\",\"to\":3}}"),
          request(
              "POST",
              "/v1/batch",
              "[{\"operation\":\"get\",\"key\":\"a\"},{\"operation\":\"add\",\"key\":\"v\",\"by\":1}]"));

  private GatewayFixture gateway;

  @BeforeEach
  void start() {
    gateway = new GatewayFixture();
  }

  @AfterEach
  void stop() {
    gateway.close();
  }

  @Test
  void whateverComesIsAnsweredInHttpOrHungUpOn() throws IOException {
    Random random = new Random(SEED);
    Map<String, Integer> answers = new TreeMap<>();
    for (int round = 0; round < ROUNDS; round++) {
      byte[] request = mutilated(REQUESTS.get(random.nextInt(REQUESTS.size())), random);
      String answer = exchange(request);
      String status =
          answer.isEmpty() ? "nothing" : answer.substring(0, Math.min(12, answer.length()));
      String sent = new String(request, ISO_8859_1);
      assertTrue(
          answer.isEmpty() || status.matches("HTTP/1\\.1 [1-4]\\d\\d"),
          () -> status + " to " + sent + ", -Dseed=" + SEED);
      answers.merge(status, 1, Integer::sum);
    }
    assertTrue(answers.getOrDefault("HTTP/1.1 200", 0) > ROUNDS / 20, answers::toString);
    assertTrue(answers.getOrDefault("HTTP/1.1 400", 0) > ROUNDS / 20, answers::toString);
    gateway.awaitMemoryGivenBack();
    assertEquals(200, gateway.put("/v1/keys/after", "x").status());
  }

  /// Sends, says that this was all, and reads until the gateway has said all.
  private String exchange(byte[] request) throws IOException {
    try (Socket socket = new Socket(gateway.address.getAddress(), gateway.address.getPort())) {
      socket.setSoTimeout(30_000);
      socket.getOutputStream().write(request);
      socket.shutdownOutput();
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    } catch (java.net.SocketException reset) {
      return "";
    }
  }

  private static byte[] mutilated(String request, Random random) {
    byte[] bytes = request.getBytes(ISO_8859_1);
    for (int change = random.nextInt(4); change > 0 && bytes.length > 2; change--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes = java.util.Arrays.copyOf(bytes, at + 1);
        case 3 -> bytes = spliced(bytes, at, at, random);
        default -> bytes = spliced(bytes, at, Math.min(bytes.length, at + 5), random);
      }
    }
    return bytes;
  }

  /// Puts bytes of another place, or interesting ones, in place of those from `from` to `to`.
  private static byte[] spliced(byte[] bytes, int from, int to, Random random) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(bytes, 0, from);
    List<String> interesting =
        List.of("%", "%ff", "\r\n", "{", "\"", "\0", "-1", "99999999999", "[[[");
    if (random.nextBoolean()) {
      out.writeBytes(interesting.get(random.nextInt(interesting.size())).getBytes(ISO_8859_1));
    } else {
      int start = random.nextInt(bytes.length);
      out.write(bytes, start, random.nextInt(bytes.length - start));
    }
    out.write(bytes, to, bytes.length - to);
    return out.toByteArray();
  }

  private static String request(String method, String target, String body) {
    return method
        + " "
        + target
        + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
        + body.length()
        + "\r\n\r\n"
        + body;
  }
}
