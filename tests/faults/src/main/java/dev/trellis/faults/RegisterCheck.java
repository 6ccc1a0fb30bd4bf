package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// What is read was written and not refused, and a value that was overwritten is not there in the
/// end. Looks at `:write v`, each v once, and at `:read`.
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
    return "register";
  }

  @Override
  public CheckResult check(History history) {
    Findings findings = new Findings();
    Map<Object, Call> writes = new HashMap<>();
    history.calls("write").forEach(call -> writes.put(call.argument(), call));
    for (Call read : history.calls("read")) {
      if (read.isOk() && read.result() != null) {
        Call write = writes.get(read.result());
        Operation seen = read.completion().orElseThrow();
        if (write == null) {
          findings.add("unexpected", "nobody wrote " + read.result() + ", but it was read", seen);
        } else if (write.isFailed()) {
          findings.add(
              "refused",
              "writing " + read.result() + " was refused, but it was read",
              write.invoke(),
              write.completion().orElseThrow(),
              seen);
        }
      }
    }
    Optional<Call> last = FinalState.read(history);
    last.ifPresent(read -> checkLast(read, writes, findings));
    return findings.result(last.isPresent());
  }

  private void checkLast(Call read, Map<Object, Call> writes, Findings findings) {
    Call shown = writes.get(read.result());
    if (shown == null && read.result() != null) {
      return; // told already
    }
    for (Call write : writes.values()) {
      if (!write.isOk()) {
        continue;
      }
      if (shown == null) {
        findings.add(
            "lost",
            write.argument() + " was written and acknowledged, and nothing is there in the end",
            write.invoke(),
            write.completion().orElseThrow(),
            read.completion().orElseThrow());
      } else if (shown.precedes(write)
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
