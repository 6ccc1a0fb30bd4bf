package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The writes of a session take effect in their order: a later one does not lose to an earlier one,
/// and a removal takes away what the session has added before.
///
/// Form: of one register `:write v` and `:delete`, of which `:ok` ones tell their `:version` (see
/// [ReadYourWrites]); of one set `:add e` and `:remove e`, each e added once, and `:read` → the
/// elements, of which those with `:final true` are judged. [EachKey] makes it many. Sessions: as
/// for [ReadYourWrites].
///
/// Invalid: a write of an older version than an earlier one of its session (`overtaken`), or an
/// element in a final read that its session had added and then removed (`kept`), all of them `:ok`.
/// Unknown: no session has written twice where it could be seen.
public final class MonotonicWrites implements Checker {
  @Override
  public String name() {
    return "monotonic-writes";
  }

  @Override
  public CheckResult check(History history) {
    List<Anomaly> anomalies = new ArrayList<>();
    long judged = 0;
    for (List<Call> session : Forms.bySession(history.calls()).values()) {
      Optional<Call> newest = Optional.empty();
      for (Call call : session) {
        if (!SessionWrites.isVersioned(call)) {
          continue;
        }
        judged += newest.isPresent() ? 1 : 0;
        newest
            .filter(before -> SessionWrites.isOlder(call, before))
            .ifPresent(before -> anomalies.add(SessionWrites.overtaken("wrote", before, call)));
        if (newest.isEmpty() || SessionWrites.isOlder(newest.get(), call)) {
          newest = Optional.of(call);
        }
      }
    }
    SessionWrites.Removals removals =
        new SessionWrites.Removals(
            history, (call, element) -> call.isAbout("add") && element.equals(call.argument()));
    anomalies.addAll(removals.anomalies("added"));
    judged += removals.judged();
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("judged-writes", judged);
    return CheckResult.of(anomalies, judged == 0, details);
  }
}
