package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.HistoryException;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What was deleted, or has expired, does not come back.
///
/// Form: `:write v`, each v once and not nil, with the field `:ttl`, in milliseconds, in its
/// invocation if it expires; `:delete`; `:read` → v or nil. One register; [EachKey] makes it many.
///
/// Invalid: a read shows a value whose write had ended before an acknowledged delete began, which
/// had ended before the read began; or one whose time to live had run out. Unknown: nothing was
/// read after a delete, or after a value had expired.
public final class NoResurrection implements Checker {
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final boolean lagging;
  private final Duration clockError;

  /// @param lagging whether reads may lag behind what was acknowledged: then only those with
  ///   `:final true` are judged by the deletes before them
  /// @param clockError by how much clocks may differ: a delete by another session than the one that
  ///   wrote counts if it began more than this after the write had ended, and a value may be seen
  ///   this much longer than its time to live. Above zero it needs `:time`
  public NoResurrection(boolean lagging, Duration clockError) {
    this.lagging = lagging;
    this.clockError = clockError;
  }

  @Override
  public String name() {
    return "no-resurrection";
  }

  @Override
  public CheckResult check(History history) {
    Map<@Nullable Object, Call> writers = Forms.writers(history);
    List<Call> deletes = history.calls("delete").stream().filter(Call::isOk).toList();
    List<Call> brief =
        writers.values().stream().filter(w -> w.isOk() && ttlNanos(w).isPresent()).toList();
    List<Anomaly> anomalies = new ArrayList<>();
    long judged = 0;
    for (Call read : history.calls("read")) {
      if (!read.isOk()) {
        continue;
      }
      boolean byDeletes = !lagging || Forms.isFinal(read);
      boolean afterDelete = byDeletes && deletes.stream().anyMatch(d -> d.precedes(read));
      boolean afterExpiry = brief.stream().anyMatch(write -> hasExpired(write, read));
      judged += afterDelete || afterExpiry ? 1 : 0;
      Call write = writers.get(read.result());
      if (read.result() == null || write == null || !write.isOk()) {
        continue;
      }
      if (byDeletes) {
        deletes.stream()
            .filter(delete -> write.precedes(delete) && delete.precedes(read))
            .filter(
                delete ->
                    Forms.session(delete).equals(Forms.session(write))
                        || Forms.isLater(delete, write, clockError))
            .findFirst()
            .ifPresent(
                delete ->
                    anomalies.add(
                        new Anomaly(
                            "undeleted",
                            Edn.write(read.result()) + " was deleted and is read again",
                            Forms.operations(write, delete, read))));
      }
      if (hasExpired(write, read)) {
        anomalies.add(
            new Anomaly(
                "unexpired",
                Edn.write(read.result()) + " is read after its time to live",
                Forms.operations(write, read)));
      }
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("judged-reads", judged);
    return CheckResult.of(anomalies, judged == 0, details);
  }

  private boolean hasExpired(Call write, Call read) {
    Optional<Long> ttl = ttlNanos(write);
    return ttl.isPresent()
        && write.isOk()
        && read.invokedTime() > write.completedTime() + ttl.get() + clockError.toNanos();
  }

  private static Optional<Long> ttlNanos(Call write) {
    Object ttl = write.invoke().extra("ttl");
    if (ttl == null) {
      return Optional.empty();
    }
    if (!(ttl instanceof Long millis) || millis <= 0) {
      throw new HistoryException(
          write.invoke() + ": :ttl should be a whole number of milliseconds above zero");
    }
    if (write.isOk() && write.completedTime() == Operation.NOT_STATED) {
      throw new HistoryException(
          write.invoke() + ": a history with :ttl needs :time in all operations");
    }
    return Optional.of(millis * NANOS_PER_MILLI);
  }
}
