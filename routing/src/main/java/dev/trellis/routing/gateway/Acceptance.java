package dev.trellis.routing.gateway;

import java.util.Locale;

/// What form a client wants a value in, by its `Accept` header (RFC 9110, §12.5.1).
final class Acceptance {
  private Acceptance() {}

  /// Whether JSON is named, and not less wanted than bytes. A wildcard alone leaves bytes as they
  /// are.
  static boolean prefersJson(String accept) {
    double json = 0;
    double bytes = 0;
    for (String range : accept.toLowerCase(Locale.ROOT).split(",", -1)) {
      String[] parts = range.split(";", -1);
      double quality = quality(parts);
      String type = parts[0].strip();
      if (type.equals(Json.MEDIA_TYPE)) {
        json = Math.max(json, quality);
      } else if (type.equals("application/octet-stream")) {
        bytes = Math.max(bytes, quality);
      }
    }
    return json > 0 && json >= bytes;
  }

  private static double quality(String[] parts) {
    for (int at = 1; at < parts.length; at++) {
      String parameter = parts[at].strip();
      if (parameter.startsWith("q=")) {
        try {
          return Double.parseDouble(parameter.substring(2));
        } catch (NumberFormatException e) {
          return 0; // a preference nobody can read is none
        }
      }
    }
    return 1;
  }
}
