package dev.trellis.casestudy;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// A ratio of two figures of one run, and how large it may be.
///
/// @param name what is held against what
/// @param atMost empty if it is only reported
record Target(String name, double ratio, Optional<Double> atMost) {
  boolean isMet() {
    return atMost.isEmpty() || ratio <= atMost.get();
  }

  /// As it is printed.
  String line() {
    String measured = String.format(Locale.ROOT, "%s: %.2f×", name, ratio);
    return atMost
        .map(
            limit ->
                String.format(
                    Locale.ROOT,
                    "%s, target ≤ %.2f×: %s",
                    measured,
                    limit,
                    isMet() ? "met" : "MISSED"))
        .orElse(measured);
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", name);
    json.put("ratio", Math.round(ratio * 1e3) / 1e3);
    atMost.ifPresent(
        limit -> {
          json.put("atMost", limit);
          json.put("met", isMet());
        });
    return json;
  }
}
