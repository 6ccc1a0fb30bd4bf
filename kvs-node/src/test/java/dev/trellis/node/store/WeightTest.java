package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/// Weights decide whether a node refuses a write or runs out of memory, so those of collections are
/// to be what they take of the heap.
class WeightTest {
  private static final int PARTS = 60_000;

  /// Makes a value one part larger.
  private interface Step {
    Value<?> delta(Optional<Value<?>> before, int part);
  }

  private static Payload element(int part) {
    return Payload.ofText("an element " + part);
  }

  private static long usedBytes() {
    long used = Long.MAX_VALUE;
    for (int i = 0; i < 4; i++) {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      used = Math.min(used, runtime.totalMemory() - runtime.freeMemory());
    }
    return used;
  }

  /// Fills a store that is kept until it has been measured.
  private static void fill(MemoryStore store, int partsOfEach, Step step) {
    for (int first = 0; first < PARTS; first += partsOfEach) {
      Entry entry = Entry.BOTTOM;
      for (int part = 0; part < partsOfEach; part++) {
        entry = entry.with(step.delta(entry.values().stream().findFirst(), part));
      }
      store.put(new Slot(Payload.ofText("key" + first), entry, 0));
    }
  }

  private static void assertWeightIsWhatItTakes(String what, double error, Step step) {
    for (int partsOfEach : new int[] {30, 3_000}) {
      fill(new MemoryStore(1, Long.MAX_VALUE), partsOfEach, step); // what is made once, is now
      long before = usedBytes();
      MemoryStore store = new MemoryStore(1, Long.MAX_VALUE);
      fill(store, partsOfEach, step);
      long taken = usedBytes() - before;
      long weight = store.objectBytes();
      assertTrue(
          Math.abs(taken - weight) < error * taken,
          () -> what + " of " + partsOfEach + ": weighs " + weight + " and takes " + taken);
    }
  }

  @Test
  void collectionsWeighWhatTheyTakeOfTheHeap() {
    ReplicaId replica = new ReplicaId(7, 1);
    assertWeightIsWhatItTakes("gset", 0.1, (before, i) -> GrowSet.of(List.of(element(i))));
    assertWeightIsWhatItTakes("oset", 0.1, (before, i) -> OrderedSet.of(List.of(element(i))));
    assertWeightIsWhatItTakes(
        "orset",
        0.1,
        (before, i) ->
            ((ObservedRemoveSet) before.orElse(ObservedRemoveSet.EMPTY))
                .add(replica, List.of(element(i))));
    assertWeightIsWhatItTakes(
        "counter",
        0.1,
        (before, i) -> Counter.of(Map.of(new ReplicaId(i, 1), new Counter.Sums(i, 0))));
    assertWeightIsWhatItTakes(
        "counter with tags",
        0.1,
        (before, i) ->
            Counter.ZERO.increment(
                new ReplicaId(7, 1), new Tag(new InvocationId((1L + i) << 16, i), 1), i));
    assertWeightIsWhatItTakes(
        "log",
        0.1,
        (before, i) ->
            ((Log) before.orElse(Log.EMPTY))
                .append(replica, new HybridTimestamp(i), List.of(element(i))));
    assertWeightIsWhatItTakes(
        "sortedset",
        0.1,
        (before, i) ->
            SortedSet.of(
                Map.of(
                    element(i),
                    new SortedSet.Score(new HybridTimestamp(i), 5, OptionalDouble.of(i)))));
    assertWeightIsWhatItTakes(
        "map",
        0.2,
        (before, i) ->
            LatticeMap.of(
                Map.of(
                    element(i),
                    Entry.of(
                        HybridTimestamp.ZERO,
                        LwwRegister.of(new HybridTimestamp(i), 5, 0, element(i))))));
  }
}
