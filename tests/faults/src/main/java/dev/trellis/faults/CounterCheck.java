package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import java.util.List;
import java.util.Optional;

/// No read shows more than was asked for until then, and the last shows no less than what was
/// acknowledged. Looks at `:add n` with n above 0 and at `:read`, the last of those that are final.
final class CounterCheck implements Checker {
  @Override
  public String name() {
    return "counter";
  }

  @Override
  public CheckResult check(History history) {
    Findings findings = new Findings();
    List<Call> adds = history.calls("add").stream().filter(add -> !add.isFailed()).toList();
    for (Call read : history.calls("read")) {
      if (read.isOk()) {
        long most =
            adds.stream()
                .filter(add -> add.invokedAt() < read.completedAt())
                .mapToLong(add -> FinalState.number(add.argument()))
                .sum();
        long value = FinalState.number(read.result());
        if (value > most) {
          findings.add(
              "too-much",
              "the counter shows " + value + ", though no more than " + most + " was added",
              read.invoke(),
              read.completion().orElseThrow());
        }
      }
    }
    Optional<Call> last = FinalState.read(history);
    if (last.isPresent()) {
      long least =
          adds.stream()
              .filter(Call::isOk)
              .mapToLong(add -> FinalState.number(add.argument()))
              .sum();
      long value = FinalState.number(last.get().result());
      findings.detail("acknowledged", least);
      findings.detail("value", value);
      if (value < least) {
        findings.add(
            "lost",
            "the counter shows " + value + " in the end, though " + least + " was acknowledged",
            last.get().invoke(),
            last.get().completion().orElseThrow());
      }
    }
    return findings.result(last.isPresent());
  }
}
