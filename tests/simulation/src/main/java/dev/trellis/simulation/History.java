package dev.trellis.simulation;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// What the clients of a run did and saw, and what they must not see.
final class History {
  private record Acknowledged(Payload key, Mutation mutation, long millis) {}

  private final SimulatedCluster cluster;
  private final List<Step> steps = new ArrayList<>();
  private final List<Acknowledged> acknowledged = new ArrayList<>(); // of lasting keys
  private final Map<Payload, Long> replicatedMillis = new HashMap<>(); // first, of lasting keys

  History(SimulatedCluster cluster) {
    this.cluster = cluster;
  }

  List<Step> steps() {
    return steps;
  }

  void add(Step step) {
    steps.add(step);
    boolean counts =
        step.ending() == Step.Ending.OK
            && !(step.mutation() instanceof Mutation.Place)
            && Workload.lasts(step.key());
    if (counts) {
      acknowledged.add(new Acknowledged(step.key(), step.mutation(), cluster.nowMillis()));
    }
    if (counts && step.replicated()) {
      replicatedMillis.putIfAbsent(step.key(), cluster.nowMillis());
    }
  }

  /// A read was answered. Where nobody is taken for dead wrongly and nobody is cut off, what was
  /// replicated before the read began must not be missing; and where nobody dies either, a read of
  /// all replicas shows all that was acknowledged before.
  void read(Workload.Action action, View view, long startedMillis) {
    boolean isFair =
        cluster.plan().keepsPromise()
            && cluster.tally().partitions == 0
            && cluster.tally().falseSuspicions == 0;
    Long since = replicatedMillis.get(action.key());
    if (isFair && since != null && since < startedMillis && view instanceof View.Missing) {
      cluster.violated("key " + action.key() + " was replicated, and " + action + " misses it");
    }
    if (isFair && action.mode() == ReadMode.ALL && !cluster.hasLost()) {
      seenByAll(action, view, startedMillis);
    }
  }

  private void seenByAll(Workload.Action action, View view, long startedMillis) {
    long sum = 0;
    long greatest = Long.MIN_VALUE;
    Set<Payload> elements = new HashSet<>();
    for (Acknowledged one : acknowledged) {
      if (!one.key.equals(action.key()) || one.millis >= startedMillis) {
        continue;
      }
      switch (one.mutation) {
        case Mutation.Increment increment -> sum += increment.by();
        case Mutation.Raise raise -> greatest = Math.max(greatest, raise.to());
        case Mutation.Add add -> elements.addAll(add.elements());
        default -> {}
      }
    }
    boolean shown =
        switch (Workload.type(action.key())) {
          case "counter" -> sum == 0 || (view instanceof View.Whole w && w.value() >= sum);
          case "max" ->
              greatest == Long.MIN_VALUE || (view instanceof View.Whole w && w.value() >= greatest);
          case "gset", "oset" ->
              elements.isEmpty()
                  || (view instanceof View.Elements e && e.elements().containsAll(elements));
          default -> true;
        };
    if (!shown) {
      cluster.violated(
          "a read of all replicas of "
              + action.key()
              + " shows "
              + view
              + ", less than was acknowledged before: sum "
              + sum
              + ", greatest "
              + greatest
              + ", elements "
              + elements);
    }
  }
}
