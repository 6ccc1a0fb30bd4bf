package dev.trellis.history.check;

import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// After healing, all replicas of a key hold the same.
///
/// Form: an operation `:replicas` of any process whose value is a map from node to what its replica
/// holds; not `:invoke`. One key. The last one counts.
///
/// Invalid: two replicas hold different values. Unknown: nobody looked, or saw fewer than two.
public final class ReplicaConvergence implements Checker {
  @Override
  public String name() {
    return "replicas";
  }

  @Override
  public CheckResult check(History history) {
    Operation last = null;
    for (Operation operation : history.operations()) {
      boolean told =
          operation.type() == Operation.Type.OK || operation.type() == Operation.Type.INFO;
      if (operation.isAbout("replicas") && told) {
        if (!(operation.value() instanceof Map<?, ?>)) {
          throw Forms.wrong(operation, "the value should be a map from node to value");
        }
        last = operation;
      }
    }
    Map<?, ?> held = last != null && last.value() instanceof Map<?, ?> map ? map : Map.of();
    List<Anomaly> anomalies = new ArrayList<>();
    Object first = held.values().stream().filter(Objects::nonNull).findFirst().orElse(null);
    if (last != null && held.values().stream().anyMatch(value -> !Objects.equals(first, value))) {
      anomalies.add(
          new Anomaly("diverged", "the replicas differ: " + Edn.write(held), List.of(last)));
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("replicas", (long) held.size());
    return CheckResult.of(anomalies, held.size() < 2, details);
  }
}
