package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import org.jspecify.annotations.Nullable;

/// No read shows less than a write that was acknowledged before it was asked for. Looks at `:write
/// n`, which are made one after the other with growing numbers, and at `:read`.
final class GrowingCheck implements Checker {
  @Override
  public String name() {
    return "no-stale-reads";
  }

  @Override
  public CheckResult check(History history) {
    Findings findings = new Findings();
    long reads = 0;
    for (Call read : history.calls("read")) {
      if (!read.isOk()) {
        continue;
      }
      reads++;
      @Nullable Call newest = null;
      for (Call write : history.calls("write")) {
        if (write.isOk() && write.precedes(read)) {
          newest = write;
        }
      }
      if (newest != null
          && FinalState.number(read.result()) < FinalState.number(newest.argument())) {
        findings.add(
            "stale",
            newest.argument()
                + " was acknowledged before "
                + (read.result() == null ? "nothing" : read.result())
                + " was read",
            newest.invoke(),
            newest.completion().orElseThrow(),
            read.invoke(),
            read.completion().orElseThrow());
      }
    }
    findings.detail("reads", reads);
    return findings.result(reads > 0);
  }
}
