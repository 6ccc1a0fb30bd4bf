package dev.trellis.faults;

import dev.trellis.history.Operation;
import dev.trellis.history.check.Anomaly;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Collects what a check finds.
final class Findings {
  private static final int KEPT_MAX = 100;

  private final List<Anomaly> anomalies = new ArrayList<>();
  private final Map<String, @Nullable Object> details = new LinkedHashMap<>();
  private long count;

  void add(String kind, String explanation, Operation... operations) {
    count++;
    if (anomalies.size() < KEPT_MAX) {
      anomalies.add(new Anomaly(kind, explanation, List.of(operations)));
    }
  }

  void detail(String name, @Nullable Object value) {
    details.put(name, value);
  }

  /// @param isTelling whether the history shows enough for a verdict if nothing was found
  CheckResult result(boolean isTelling) {
    Verdict verdict = count > 0 ? Verdict.INVALID : isTelling ? Verdict.VALID : Verdict.UNKNOWN;
    details.put("anomaly-count", count);
    return new CheckResult(verdict, anomalies, details);
  }
}
