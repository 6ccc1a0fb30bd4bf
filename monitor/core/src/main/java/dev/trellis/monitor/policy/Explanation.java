package dev.trellis.monitor.policy;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/// Why something was decided, for people, and for those who compare what was expected with what
/// came.
///
/// @param policy the policy's name, as in `hot-keys`
/// @param because one sentence
/// @param inputs the numbers that it was decided by, by name with the unit last, as in `occupancy`
///   or `p95Micros`, in the order to show them
/// @param threshold the name of the setting that was passed, and its value, as in `occupancy.high =
///   0.2`
/// @param expected what is expected of it, by the names of inputs
public record Explanation(
    String policy,
    String because,
    Map<String, Double> inputs,
    String threshold,
    Map<String, Double> expected) {
  public Explanation {
    inputs = Collections.unmodifiableMap(new LinkedHashMap<>(inputs));
    expected = Collections.unmodifiableMap(new LinkedHashMap<>(expected));
  }
}
