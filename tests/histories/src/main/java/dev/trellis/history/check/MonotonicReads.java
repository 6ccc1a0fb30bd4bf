package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A session that has read something never reads anything older afterwards.
///
/// Form and sessions: as for [ReadYourWrites]. Without `:version` this is seen of values that come
/// back after another was read, of two that one session wrote in the other order, and of nil after
/// a value where nothing was deleted.
///
/// Invalid: a session reads something older than before. Unknown: no session has read twice.
public final class MonotonicReads implements Checker {
  @Override
  public String name() {
    return "monotonic-reads";
  }

  @Override
  public CheckResult check(History history) {
    Map<@Nullable Object, Call> writers = Forms.writers(history);
    boolean deleted = history.calls("delete").stream().anyMatch(delete -> !delete.isFailed());
    List<Anomaly> anomalies = new ArrayList<>();
    long judged = 0;
    for (List<Call> session : Forms.bySession(history.calls("read")).values()) {
      Call before = null;
      Set<Object> left = new HashSet<>(); // values that were read and then others
      for (Call read : session) {
        if (!read.isOk()) {
          continue;
        }
        if (before != null) {
          judged++;
          String problem = problem(before, read, left, writers, deleted);
          if (!problem.isEmpty()) {
            anomalies.add(
                new Anomaly(
                    "went-back",
                    "a session read "
                        + Edn.write(before.result())
                        + " and then "
                        + Edn.write(read.result())
                        + ", "
                        + problem,
                    Forms.operations(before, read)));
          }
          Object earlier = before.result();
          if (earlier != null && !earlier.equals(read.result())) {
            left.add(earlier);
          }
        }
        before = read;
      }
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("judged-reads", judged);
    return CheckResult.of(anomalies, judged == 0, details);
  }

  private static String problem(
      Call before,
      Call read,
      Set<Object> left,
      Map<@Nullable Object, Call> writers,
      boolean deleted) {
    Object version = Forms.completion(read).extra("version");
    Object versionBefore = Forms.completion(before).extra("version");
    if (version != null && versionBefore != null) {
      return Forms.compareVersions(version, versionBefore) < 0
          ? "of version " + Edn.write(version) + " after " + Edn.write(versionBefore)
          : "";
    }
    Object value = read.result();
    if (Objects.equals(value, before.result())) {
      return "";
    }
    if (value == null) {
      return deleted ? "" : "though nothing was deleted";
    }
    if (left.contains(value)) {
      return "which it had read before that";
    }
    Call writer = writers.get(value);
    Call writerBefore = writers.get(before.result());
    return writer != null
            && writerBefore != null
            && Forms.session(writer).equals(Forms.session(writerBefore))
            && writer.invokedAt() < writerBefore.invokedAt()
        ? "which its writer had written earlier"
        : "";
  }
}
