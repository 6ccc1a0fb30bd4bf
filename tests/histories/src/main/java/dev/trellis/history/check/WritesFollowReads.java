package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A write of a session comes after all that the session has read: it does not lose to that, and a
/// removal takes away what was read.
///
/// Form: as for [MonotonicWrites], and `:read` of the register, of which `:ok` ones tell the
/// `:version` of what was read, unless that is nil.
///
/// Invalid: a write of an older version than what its session had read (`overtaken`), or an element
/// in a final read that a session had read and then removed (`kept`). Unknown: no session has
/// written after it read where that could be seen.
public final class WritesFollowReads implements Checker {
  @Override
  public String name() {
    return "writes-follow-reads";
  }

  @Override
  public CheckResult check(History history) {
    List<Anomaly> anomalies = new ArrayList<>();
    long judged = 0;
    for (List<Call> session : Forms.bySession(history.calls()).values()) {
      Optional<Call> newest = Optional.empty(); // read
      for (Call call : session) {
        if (SessionWrites.isVersioned(call) && newest.isPresent()) {
          judged++;
          newest
              .filter(read -> SessionWrites.isOlder(call, read))
              .ifPresent(read -> anomalies.add(SessionWrites.overtaken("read", read, call)));
        }
        if (SessionWrites.isVersionedRead(call)
            && (newest.isEmpty() || SessionWrites.isOlder(newest.get(), call))) {
          newest = Optional.of(call);
        }
      }
    }
    SessionWrites.Removals removals =
        new SessionWrites.Removals(
            history,
            (call, element) -> call.isAbout("read") && Forms.elements(call).contains(element));
    anomalies.addAll(removals.anomalies("read"));
    judged += removals.judged();
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("judged-writes", judged);
    return CheckResult.of(anomalies, judged == 0, details);
  }
}
