package dev.trellis.simulation;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Peer;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What the clients of a run did and saw, and what they must not see.
final class History {
  /// @param promised whether it is kept by as many nodes as survive the losses that may come
  /// @param everywhere whether all shards that held the key had to have it for that
  private record Acknowledged(
      Payload key, Mutation mutation, boolean promised, boolean everywhere, long millis) {}

  private final SimulatedCluster cluster;
  private final List<Step> steps = new ArrayList<>();
  private final List<Acknowledged> acknowledged = new ArrayList<>(); // of lasting keys
  private final Map<Payload, Long> spreadMillis = new HashMap<>(); // all who held a key had it

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
      acknowledged.add(
          new Acknowledged(
              step.key(),
              step.mutation(),
              step.promised(),
              step.replicated()
                  && cluster.seenHolders(step.key()).size() <= 1 + cluster.tolerated(),
              cluster.nowMillis()));
    }
  }

  /// A read was answered. Where nobody has been taken for dead wrongly or cut off since, what all
  /// replicas had before the read began must not be missing; and where nobody dies either, a read
  /// of all replicas shows all that was acknowledged before.
  ///
  /// What was replicated all replicas have, unless there are more than must acknowledge it, as of a
  /// key placed by hand, or while nodes join and leave: the others may hear of it later.
  void read(Workload.Action action, View view, long startedMillis) {
    long fairSince = cluster.fairSinceMillis();
    boolean isFair = cluster.plan().keepsPromise() && fairSince < startedMillis;
    boolean known =
        isWithin(spreadMillis.get(action.key()), fairSince, startedMillis)
            || acknowledged.stream()
                .anyMatch(
                    one ->
                        one.everywhere
                            && one.key.equals(action.key())
                            && isWithin(one.millis, fairSince, startedMillis));
    if (isFair && known && view instanceof View.Missing) {
      cluster.violated("key " + action.key() + " was replicated, and " + action + " misses it");
    }
    if (isFair
        && action.mode() == ReadMode.ALL
        && !cluster.hasLost()
        && cluster.tally().partitions == 0
        && cluster.tally().falseSuspicions == 0) {
      seenByAll(action, view, startedMillis);
    }
  }

  private static boolean isWithin(@Nullable Long millis, long from, long to) {
    return millis != null && millis >= from && millis < to;
  }

  /// Takes note of those among some keys that all who hold them have now, and so many nodes that
  /// they survive the losses that may come.
  void look(List<Payload> keys) {
    for (Payload key : keys) {
      boolean before = isWithin(spreadMillis.get(key), cluster.fairSinceMillis(), Long.MAX_VALUE);
      if (!before && Workload.lasts(key) && isEverywhere(key)) {
        spreadMillis.put(key, cluster.nowMillis());
      }
    }
  }

  private boolean isEverywhere(Payload key) {
    Set<Peer> having = new HashSet<>();
    Set<String> nodes = new HashSet<>();
    for (SimulatedShard shard : cluster.copies(key).keySet()) {
      having.add(shard.peer());
      nodes.add(shard.node().id());
    }
    return nodes.size() > cluster.tolerated() && having.containsAll(cluster.seenHolders(key));
  }

  /// What was acknowledged as replicated and is on fewer nodes than it takes to survive the losses
  /// that may still come; elements tell.
  void checkCopies(Payload key) {
    long needed = cluster.copiesNeeded();
    for (Acknowledged one : acknowledged) {
      if (one.promised
          && one.key.equals(key)
          && one.mutation instanceof Mutation.Add add
          && cluster.nodesWith(key, add) < needed) {
        cluster.violated(
            one
                + " is on "
                + cluster.nodesWith(key, add)
                + " nodes; so many losses may come that it takes "
                + needed);
        return;
      }
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
