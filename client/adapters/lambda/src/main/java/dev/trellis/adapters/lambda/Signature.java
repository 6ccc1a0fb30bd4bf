package dev.trellis.adapters.lambda;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// Signs requests to AWS that have no query. Pure.
///
/// @see "AWS, Signature Version 4 for API requests"
final class Signature {
  private static final String ALGORITHM = "AWS4-HMAC-SHA256";
  private static final String END = "aws4_request";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);
  private static final int DATE_LENGTH = 8;
  private static final String UNRESERVED = "-_.~";

  private final AwsCredentials credentials;
  private final String region;
  private final String service;

  Signature(AwsCredentials credentials, String region, String service) {
    this.credentials = credentials;
    this.region = region;
    this.service = service;
  }

  /// The headers with which to send a request: those given, when it was signed, and the signature.
  /// `Host` is signed too, and not among them, as clients send it themselves.
  Map<String, String> sign(
      String method, URI uri, Map<String, String> headers, byte[] body, Instant now) {
    String time = TIME.format(now);
    Map<String, String> sent = new LinkedHashMap<>(headers);
    sent.put("X-Amz-Date", time);
    credentials.sessionToken().ifPresent(token -> sent.put("X-Amz-Security-Token", token));

    Map<String, String> signed = new TreeMap<>();
    sent.forEach((name, value) -> signed.put(name.toLowerCase(Locale.ROOT), value.strip()));
    signed.put("host", host(uri));
    String names = String.join(";", signed.keySet());
    String request =
        String.join(
            "\n",
            method,
            path(uri),
            "",
            signed.entrySet().stream()
                .map(header -> header.getKey() + ":" + header.getValue() + "\n")
                .collect(Collectors.joining()),
            names,
            hex(sha256(body)));
    String date = time.substring(0, DATE_LENGTH);
    String scope = String.join("/", date, region, service, END);
    String toSign = String.join("\n", ALGORITHM, time, scope, hex(sha256(utf8(request))));
    byte[] key = utf8("AWS4" + credentials.secretAccessKey());
    for (String part : new String[] {date, region, service, END}) {
      key = hmac(key, part);
    }
    sent.put(
        "Authorization",
        ALGORITHM
            + " Credential="
            + credentials.accessKeyId()
            + "/"
            + scope
            + ", SignedHeaders="
            + names
            + ", Signature="
            + hex(hmac(key, toSign)));
    return sent;
  }

  /// As a client sends it: with the port, unless that goes without saying.
  private static String host(URI uri) {
    int standard = "https".equals(uri.getScheme()) ? 443 : 80;
    return uri.getPort() == -1 || uri.getPort() == standard
        ? uri.getHost()
        : uri.getHost() + ":" + uri.getPort();
  }

  /// The path, in which what is encoded already is encoded once more.
  private static String path(URI uri) {
    String raw = uri.getRawPath();
    return raw.isEmpty()
        ? "/"
        : Arrays.stream(raw.split("/", -1)).map(Signature::encode).collect(Collectors.joining("/"));
  }

  /// A text as a segment of a path.
  static String encode(String text) {
    StringBuilder encoded = new StringBuilder();
    for (byte each : utf8(text)) {
      char letter = (char) (each & 0xff);
      boolean plain =
          letter < 0x80 && (Character.isLetterOrDigit(letter) || UNRESERVED.indexOf(letter) >= 0);
      if (plain) {
        encoded.append(letter);
      } else {
        encoded.append('%').append(HexFormat.of().withUpperCase().toHexDigits(each));
      }
    }
    return encoded.toString();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }

  private static byte[] hmac(byte[] key, String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return mac.doFinal(utf8(text));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no HmacSHA256", e);
    }
  }
}
