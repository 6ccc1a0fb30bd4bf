package dev.trellis.adapters.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// Cases of AWS's own test suite for signature version 4.
class SignatureTest {
  private static final Instant NOW = Instant.parse("2015-08-30T12:36:00Z");
  private static final AwsCredentials CREDENTIALS =
      new AwsCredentials(
          "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", Optional.empty());
  private static final Signature SIGNATURE = new Signature(CREDENTIALS, "us-east-1", "service");

  private static String authorization(String method, Map<String, String> headers, String body) {
    URI uri = URI.create("https://example.amazonaws.com/");
    Map<String, String> sent =
        SIGNATURE.sign(method, uri, headers, body.getBytes(StandardCharsets.UTF_8), NOW);
    assertEquals("20150830T123600Z", sent.get("X-Amz-Date"));
    return sent.get("Authorization");
  }

  private static String expected(String names, String signature) {
    return "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        + " SignedHeaders="
        + names
        + ", Signature="
        + signature;
  }

  @Test
  void getVanilla() {
    assertEquals(
        expected(
            "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        authorization("GET", Map.of(), ""));
  }

  @Test
  void postVanilla() {
    assertEquals(
        expected(
            "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        authorization("POST", Map.of(), ""));
  }

  @Test
  void postFormUrlencoded() {
    assertEquals(
        expected(
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
        authorization(
            "POST", Map.of("Content-Type", "application/x-www-form-urlencoded"), "Param1=value1"));
  }

  @Test
  void secretsAreNotInTheText() {
    String text =
        new AwsCredentials("AKID", "very secret", Optional.of("session token")).toString();
    assertEquals("AwsCredentials[AKID]", text);
    assertTrue(Signature.encode("arn:aws:lambda:f/ü").equals("arn%3Aaws%3Alambda%3Af%2F%C3%BC"));
  }
}
