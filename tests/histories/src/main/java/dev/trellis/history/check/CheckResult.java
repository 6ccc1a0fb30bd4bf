package dev.trellis.history.check;

import dev.trellis.history.edn.Keyword;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a checker found.
///
/// @param verdict whether the promise is kept
/// @param anomalies what breaks it; also what is reported and breaks nothing, where a checker says
///   so
/// @param details counts and whatever else describes the history: names to EDN values, in order
public record CheckResult(
    Verdict verdict, List<Anomaly> anomalies, Map<String, @Nullable Object> details) {
  /// More anomalies of one result are counted and not kept: the first ones tell what is wrong.
  static final int ANOMALIES_MAX = 100;

  public CheckResult {
    anomalies = List.copyOf(anomalies);
    details = Collections.unmodifiableMap(new LinkedHashMap<>(details));
  }

  /// Invalid if there are anomalies, else valid, or unknown if the history shows `nothing`.
  static CheckResult of(
      List<Anomaly> anomalies, boolean nothing, Map<String, @Nullable Object> details) {
    Verdict verdict =
        !anomalies.isEmpty() ? Verdict.INVALID : nothing ? Verdict.UNKNOWN : Verdict.VALID;
    Map<String, @Nullable Object> counted = new LinkedHashMap<>();
    counted.put("anomaly-count", (long) anomalies.size());
    counted.putAll(details);
    return new CheckResult(
        verdict, anomalies.subList(0, Math.min(ANOMALIES_MAX, anomalies.size())), counted);
  }

  /// As a map in EDN, `:valid?` first.
  public Map<Keyword, @Nullable Object> toEdn() {
    Map<Keyword, @Nullable Object> map = new LinkedHashMap<>();
    map.put(Keyword.of("valid?"), verdict.toEdn());
    details.forEach((name, value) -> map.put(Keyword.of(name), value));
    if (!anomalies.isEmpty()) {
      List<Object> all = new ArrayList<>();
      anomalies.forEach(anomaly -> all.add(anomaly.toEdn()));
      map.put(Keyword.of("anomalies"), all);
    }
    return map;
  }
}
