package dev.trellis.simulation;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/// How often each hard case happened, and how many calls and transactions ended how.
public final class SessionTally {
  private final Map<SessionCase, Long> cases = new EnumMap<>(SessionCase.class);
  private long done;
  private long refused;
  private long unknown;

  void count(SessionCase happened) {
    count(happened, 1);
  }

  void count(SessionCase happened, long times) {
    cases.merge(happened, times, Long::sum);
  }

  void done() {
    done++;
  }

  void refused() {
    refused++;
  }

  void unknown() {
    unknown++;
  }

  /// Adds the counts of another run.
  public void add(SessionTally other) {
    other.cases.forEach(this::count);
    done += other.done;
    refused += other.refused;
    unknown += other.unknown;
  }

  /// What was counted, by name; each case is there.
  public Map<String, Long> counts() {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("done", done);
    counts.put("refused", refused);
    counts.put("of unknown outcome", unknown);
    for (SessionCase each : SessionCase.values()) {
      counts.put(each.toString(), cases.getOrDefault(each, 0L));
    }
    return counts;
  }

  @Override
  public String toString() {
    return counts().toString();
  }
}
