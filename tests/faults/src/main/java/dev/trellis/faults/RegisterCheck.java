package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// An acknowledged write is there in the end, or one that did not end well before it began. Looks
/// at `:write v`, each v once, and at the final `:read`.
///
/// [dev.trellis.history.check.LwwConvergence] can say the same where each write has a later stamp
/// than all that ended before. That is so of one client, and not quite of several.
final class RegisterCheck implements Checker {
  /// Two writes so far apart are in the order of their timestamps, whoever made them: clients do
  /// not share a counter, so that within a millisecond the earlier one may have the later
  /// timestamp.
  private static final Duration APART = Duration.ofMillis(100);

  private final long apartNanos;

  /// @param skewMax how wrong clocks may be
  RegisterCheck(Duration skewMax) {
    this.apartNanos = APART.plus(skewMax.multipliedBy(2)).toNanos();
  }

  @Override
  public String name() {
    return "not-overwritten";
  }

  @Override
  public CheckResult check(History history) {
    Findings findings = new Findings();
    Map<Object, Call> writes = new HashMap<>();
    history.calls("write").forEach(call -> writes.put(call.argument(), call));
    Optional<Call> last = FinalState.read(history);
    last.ifPresent(read -> check(read, writes, findings));
    return findings.result(last.isPresent());
  }

  private void check(Call read, Map<Object, Call> writes, Findings findings) {
    Call shown = writes.get(read.result());
    for (Call write : writes.values()) {
      if (!write.isOk()) {
        continue;
      }
      if (read.result() == null) {
        findings.add(
            "lost",
            write.argument() + " was written and acknowledged, and nothing is there in the end",
            write.invoke(),
            write.completion().orElseThrow(),
            read.completion().orElseThrow());
      } else if (shown != null
          && shown.precedes(write)
          && write.invokedTime() - shown.completedTime() > apartNanos) {
        findings.add(
            "lost",
            write.argument()
                + " was written over "
                + shown.argument()
                + " and acknowledged, but "
                + shown.argument()
                + " is there in the end",
            shown.invoke(),
            write.invoke(),
            write.completion().orElseThrow(),
            read.completion().orElseThrow());
      }
    }
  }
}
