package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// What was added and acknowledged is there in the end; what is there was asked for, and not
/// refused. Looks at `:add v` and at `:read`, the last of those that are final.
final class SetCheck implements Checker {
  @Override
  public String name() {
    return "set";
  }

  @Override
  public CheckResult check(History history) {
    Findings findings = new Findings();
    Map<Object, Call> adds = new HashMap<>();
    history.calls("add").forEach(call -> adds.put(call.argument(), call));
    for (Call read : history.calls("read")) {
      if (read.isOk()) {
        for (Object element : elements(read)) {
          Call add = adds.get(element);
          Operation seen = read.completion().orElseThrow();
          if (add == null) {
            findings.add("unexpected", "nobody added " + element + ", but it was read", seen);
          } else if (add.isFailed()) {
            findings.add(
                "refused",
                "adding " + element + " was refused, but it was read",
                add.invoke(),
                add.completion().orElseThrow(),
                seen);
          }
        }
      }
    }
    Optional<Call> last = FinalState.read(history);
    if (last.isPresent()) {
      Set<Object> there = new HashSet<>(elements(last.get()));
      long kept = 0;
      for (Call add : adds.values()) {
        if (add.isOk() && !there.contains(add.argument())) {
          findings.add(
              "lost",
              add.argument() + " was added and acknowledged, and is not there in the end",
              add.invoke(),
              add.completion().orElseThrow(),
              last.get().invoke());
        } else if (add.isOk()) {
          kept++;
        }
      }
      findings.detail("acknowledged-and-kept", kept);
    }
    return findings.result(last.isPresent());
  }

  private static Collection<?> elements(Call read) {
    return read.result() instanceof Collection<?> elements ? elements : List.of();
  }
}
