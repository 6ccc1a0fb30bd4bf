package dev.trellis.faults;

import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;

/// All replicas of a key hold the same in the end, and there are as many as there should be. Looks
/// at the last operation `:replicas`, whose value is a map from node to what it holds.
final class ReplicasCheck implements Checker {
  @Override
  public String name() {
    return "convergence";
  }

  @Override
  public CheckResult check(History history) {
    Findings findings = new Findings();
    Optional<Map<?, ?>> replicas = FinalState.replicas(history);
    if (replicas.isPresent()) {
      Operation operation = FinalState.replicasOperation(history).orElseThrow();
      Map<?, ?> held = replicas.get();
      if (held.size() <= ClusterPlan.FAULT_TOLERANCE) {
        findings.add("too-few", "only " + held.keySet() + " have a replica", operation);
      }
      if (new HashSet<>(held.values()).size() > 1) {
        findings.add("divergence", "the replicas differ: " + held, operation);
      }
    }
    return findings.result(replicas.isPresent());
  }
}
