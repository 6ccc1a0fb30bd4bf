package dev.trellis.routing.gateway;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What an HTTP request line asks for: path segments and query parameters, decoded strictly.
///
/// @param segments of the path, percent-decoded: `/v1/keys/a%2Fb` has `v1`, `keys`, `a/b`, and `/`
///   has none; an empty segment, as at the end of `/v1/keys/`, is kept
/// @param query values by parameter name, in the order given
record RequestTarget(List<String> segments, Map<String, List<String>> query) {
  RequestTarget {
    segments = List.copyOf(segments);
  }

  /// Decodes a request target in origin form (`/path?query`) or absolute form
  /// (`http://host/path?query`).
  ///
  /// @throws Refusal if it has another form, malformed percent-encoding or bytes that are not UTF-8
  static RequestTarget parse(String target) {
    String local = withoutAuthority(target);
    int fragment = local.indexOf('#');
    if (fragment >= 0) {
      throw Refusal.badRequest("the request target contains '#'; inside a key write %23");
    }
    int mark = local.indexOf('?');
    String path = mark < 0 ? local : local.substring(0, mark);
    String query = mark < 0 ? "" : local.substring(mark + 1);
    List<String> segments =
        path.equals("/")
            ? List.of()
            : Arrays.stream(path.substring(1).split("/", -1))
                .map(segment -> decode("the path", segment, false))
                .toList();
    return new RequestTarget(segments, parseQuery(query));
  }

  private static String withoutAuthority(String target) {
    if (target.startsWith("/")) {
      return target;
    }
    if (target.startsWith("http://") || target.startsWith("https://")) {
      int authority = target.indexOf("//") + 2;
      int end = authority;
      while (end < target.length() && "/?#".indexOf(target.charAt(end)) < 0) {
        end++;
      }
      String rest = target.substring(end);
      return rest.startsWith("/") ? rest : "/" + rest;
    }
    throw Refusal.badRequest("the request target must start with '/', as in GET /v1/keys/a");
  }

  private static Map<String, List<String>> parseQuery(String query) {
    Map<String, List<String>> values = new LinkedHashMap<>();
    for (String pair : query.split("&", -1)) {
      if (pair.isEmpty()) {
        continue;
      }
      int equals = pair.indexOf('=');
      String name = decode("the query", equals < 0 ? pair : pair.substring(0, equals), true);
      String value = equals < 0 ? "" : decode("the query", pair.substring(equals + 1), true);
      values.computeIfAbsent(name, first -> new ArrayList<>(1)).add(value);
    }
    return values;
  }

  /// Undoes percent-encoding. `+` means a space in a query, as browsers and form libraries write
  /// it, and itself in a path.
  private static String decode(String where, String encoded, boolean plusIsSpace) {
    byte[] bytes = new byte[encoded.length()];
    int length = 0;
    for (int at = 0; at < encoded.length(); at++) {
      char character = encoded.charAt(at);
      if (character == '%') {
        int high = at + 2 < encoded.length() ? Character.digit(encoded.charAt(at + 1), 16) : -1;
        int low = at + 2 < encoded.length() ? Character.digit(encoded.charAt(at + 2), 16) : -1;
        if (high < 0 || low < 0) {
          throw Refusal.badRequest(
              "malformed percent-encoding in "
                  + where
                  + ": '"
                  + encoded.substring(at, Math.min(at + 3, encoded.length()))
                  + "' must be % and two hexadecimal digits; a percent sign itself is %25");
        }
        bytes[length++] = (byte) ((high << 4) | low);
        at += 2;
      } else if (character > 0x20 && character < 0x7f) {
        bytes[length++] = (byte) (character == '+' && plusIsSpace ? ' ' : character);
      } else {
        throw Refusal.badRequest(
            "a raw character U+"
                + String.format("%04X", (int) character)
                + " in "
                + where
                + "; write it percent-encoded");
      }
    }
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes, 0, length))
          .toString();
    } catch (CharacterCodingException e) {
      throw Refusal.badRequest(
          "'" + encoded + "' in " + where + " is not UTF-8 once it is percent-decoded");
    }
  }
}
