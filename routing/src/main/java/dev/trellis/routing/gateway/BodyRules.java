package dev.trellis.routing.gateway;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// What must hold of a body, as far as the header tells.
final class BodyRules {
  private BodyRules() {}

  /// @param follows whether a body of one byte or more is announced, or one of unknown length
  /// @throws Refusal if the body is not one that the route takes
  static void check(GatewayConfig config, Route.Match match, HttpHeaders headers, boolean follows) {
    Route route = match.route();
    boolean lengthTold =
        headers.contains(HttpHeaderNames.CONTENT_LENGTH)
            || headers.contains(HttpHeaderNames.TRANSFER_ENCODING);
    if (route.body() == Route.Body.VALUE && !lengthTold) {
      throw new Refusal(
          ProblemType.LENGTH_REQUIRED,
          "a put needs a body, even for an empty value: send Content-Length, or"
              + " Transfer-Encoding: chunked (curl: --data-binary '')");
    }
    if (!follows) {
      return;
    }
    if (route.body() == Route.Body.NONE) {
      throw Refusal.badRequest("this method takes no body here");
    }
    long length = headers.contains(HttpHeaderNames.CONTENT_LENGTH) ? length(headers) : 0;
    if (length > config.bodyBytesMax(route.body())) {
      throw new Refusal(tooLarge(config, route.body(), "the body has " + length));
    }
    List<String> encodings = headers.getAll(HttpHeaderNames.CONTENT_ENCODING);
    String encoding = String.join(", ", encodings);
    if (!encodings.stream().allMatch(one -> one.equalsIgnoreCase("identity"))) {
      throw new Refusal(
          ProblemType.MEDIA_TYPE_UNSUPPORTED,
          "Content-Encoding '" + encoding + "' is not undone here; send the body as it is");
    }
    if (route.body() == Route.Body.DOCUMENT) {
      requireJson(headers.get(HttpHeaderNames.CONTENT_TYPE, Json.MEDIA_TYPE));
    }
  }

  static Problem tooLarge(GatewayConfig config, Route.Body rule, String found) {
    String limit = rule == Route.Body.VALUE ? "limits.value" : "limits.frame";
    return Problem.of(
        ProblemType.VALUE_TOO_LARGE,
        found + " bytes; the limit, " + limit + ", is " + config.bodyBytesMax(rule));
  }

  private static long length(HttpHeaders headers) {
    // The decoder has refused what is no number.
    return Long.parseLong(headers.get(HttpHeaderNames.CONTENT_LENGTH).strip());
  }

  private static void requireJson(String contentType) {
    List<String> parts =
        Arrays.stream(contentType.split(";", -1))
            .map(part -> part.strip().toLowerCase(Locale.ROOT))
            .toList();
    boolean isJson = parts.get(0).equals(Json.MEDIA_TYPE) || parts.get(0).endsWith("+json");
    boolean isUtf8 =
        parts.stream()
            .filter(part -> part.startsWith("charset="))
            .allMatch(part -> part.replace("\"", "").equals("charset=utf-8"));
    if (!isJson || !isUtf8) {
      throw new Refusal(
          ProblemType.MEDIA_TYPE_UNSUPPORTED,
          "Content-Type '"
              + contentType
              + "' is not read here; send JSON in UTF-8 (curl: -H 'Content-Type:"
              + " application/json')");
    }
  }
}
