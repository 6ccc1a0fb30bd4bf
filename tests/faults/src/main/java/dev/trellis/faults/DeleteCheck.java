package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What is there in the end is what the last call that succeeded left, or one of unknown outcome
/// after it. Looks at `:write v` and `:delete`, all of one thread, and at the final `:read`.
final class DeleteCheck implements Checker {
  @Override
  public String name() {
    return "last-call";
  }

  @Override
  public CheckResult check(History history) {
    Findings findings = new Findings();
    Optional<Call> last = FinalState.read(history);
    if (last.isPresent()) {
      check(history, last.get(), findings);
    }
    return findings.result(last.isPresent());
  }

  private static void check(History history, Call read, Findings findings) {
    List<@Nullable Object> possible = new ArrayList<>();
    possible.add(null);
    @Nullable Call decisive = null;
    for (Call call : history.calls()) {
      if (call.isAbout("read") || call.isFailed()) {
        continue;
      }
      if (call.isOk()) {
        possible.clear();
        decisive = call;
      }
      possible.add(call.isAbout("write") ? call.argument() : null);
    }
    if (possible.stream().noneMatch(value -> Objects.equals(value, read.result()))) {
      boolean resurrected = read.result() != null && decisive != null && decisive.isAbout("delete");
      findings.add(
          resurrected ? "resurrected" : "lost",
          "in the end there is "
              + read.result()
              + ", where "
              + possible
              + (decisive == null ? "" : " was left by " + decisive.invoke()),
          read.completion().orElseThrow());
    }
  }
}
