package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Last write wins: once all is mended, everybody reads the same, it was written by somebody, and
/// no acknowledged write came after it.
///
/// Form: `:write v`, each v once and not nil; `:delete`, which writes nil; `:read` → v or nil. One
/// register. `:final true` marks the reads made once all was mended and at rest.
///
/// Invalid: two final reads differ; one shows what was never written or failed; with clocks that
/// agree, one shows a write that had ended before another, acknowledged one began. Unknown: there
/// is no final read.
public final class LwwConvergence implements Checker {
  private final Duration clockError;

  /// @param clockError by how much the clocks of those who write may differ: a write that began
  ///   more than this after another had ended has the later stamp. Above zero it needs `:time`
  public LwwConvergence(Duration clockError) {
    this.clockError = clockError;
  }

  @Override
  public String name() {
    return "lww";
  }

  @Override
  public CheckResult check(History history) {
    Map<@Nullable Object, Call> writers = Forms.writers(history);
    List<Call> deletes = history.calls("delete");
    List<Call> writes =
        history.calls().stream()
            .filter(call -> call.isAbout("write") || call.isAbout("delete"))
            .toList();
    List<Call> finals =
        history.calls("read").stream().filter(Call::isOk).filter(Forms::isFinal).toList();
    List<Anomaly> anomalies = new ArrayList<>();
    for (Call read : finals) {
      Object value = read.result();
      if (!Objects.equals(value, finals.get(0).result())) {
        anomalies.add(
            new Anomaly(
                "diverged",
                "one reads "
                    + Edn.write(finals.get(0).result())
                    + " and another "
                    + Edn.write(value)
                    + " when all should agree",
                Forms.operations(finals.get(0), read)));
      }
      List<Call> origins = value == null ? deletes : originOf(value, writers);
      List<Call> possible = origins.stream().filter(call -> !call.isFailed()).toList();
      boolean untouched = value == null && writes.stream().noneMatch(Call::isOk);
      if (possible.isEmpty() && !untouched) {
        anomalies.add(
            new Anomaly(
                value == null ? "lost" : origins.isEmpty() ? "unexpected" : "failed-write",
                Edn.write(value)
                    + " is read in the end, "
                    + (value == null
                        ? "though writes were acknowledged and nothing was deleted"
                        : "which nobody wrote"),
                Forms.operations(read)));
      } else if (!untouched) {
        overtaken(read, possible, writes, anomalies);
      }
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("final-reads", (long) finals.size());
    details.put("writes", (long) writes.size());
    return CheckResult.of(anomalies, finals.isEmpty(), details);
  }

  private static List<Call> originOf(Object value, Map<@Nullable Object, Call> writers) {
    Call writer = writers.get(value);
    return writer == null ? List.of() : List.of(writer);
  }

  /// Adds an anomaly if each write that may have been read was followed by an acknowledged one.
  private void overtaken(
      Call read, List<Call> possible, List<Call> writes, List<Anomaly> anomalies) {
    Call later = null;
    for (Call origin : possible) {
      later =
          writes.stream()
              .filter(write -> write.isOk() && Forms.isLater(write, origin, clockError))
              .filter(write -> write.precedes(read))
              .findFirst()
              .orElse(null);
      if (later == null) {
        return;
      }
    }
    if (later != null) {
      anomalies.add(
          new Anomaly(
              "lost",
              Edn.write(read.result())
                  + " is read in the end, though "
                  + later.invoke()
                  + " came after it and was acknowledged",
              Forms.operations(possible.get(0), later, read)));
    }
  }
}
