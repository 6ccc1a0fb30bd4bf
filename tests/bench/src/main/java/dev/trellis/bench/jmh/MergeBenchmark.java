package dev.trellis.bench.jmh;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What it takes to merge a delta into a state: what each write and each change from another
/// replica costs a shard.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class MergeBenchmark {
  private static final long MILLIS = 1_700_000_000_000L;
  private static final int VALUE_BYTES = 64;

  /// Parts of the states of collections and counters.
  @Param({"1", "100", "10000"})
  public int parts;

  private Entry register = Entry.BOTTOM;
  private Entry laterRegister = Entry.BOTTOM;
  private Counter counter = Counter.ZERO;
  private Counter counterDelta = Counter.ZERO;
  private GrowSet set = GrowSet.EMPTY;
  private GrowSet setDelta = GrowSet.EMPTY;
  private ObservedRemoveSet observed = ObservedRemoveSet.EMPTY;
  private ObservedRemoveSet observedDelta = ObservedRemoveSet.EMPTY;

  /// Makes the states.
  @Setup
  public void prepare() {
    register = register(MILLIS);
    laterRegister = register(MILLIS + 1);
    List<Payload> elements = new ArrayList<>();
    for (int part = 0; part < parts; part++) {
      ReplicaId replica = new ReplicaId(1 + part, 1);
      counter = counter.merge(Counter.ZERO.increment(replica, 1 + part));
      elements.add(Payload.ofText("element-" + part));
    }
    counterDelta = counter.merge(Counter.ZERO.increment(new ReplicaId(1, 1), 7));
    set = GrowSet.of(elements);
    setDelta = GrowSet.of(List.of(Payload.ofText("another")));
    ReplicaId replica = new ReplicaId(1, 1);
    observed = ObservedRemoveSet.EMPTY.add(replica, elements);
    observedDelta =
        ObservedRemoveSet.EMPTY.add(new ReplicaId(2, 1), List.of(Payload.ofText("another")));
  }

  private static Entry register(long millis) {
    return Entry.of(
        HybridTimestamp.ZERO,
        LwwRegister.of(
            HybridTimestamp.ofMillis(millis), 7, Expiry.NEVER, Payload.of(new byte[VALUE_BYTES])));
  }

  /// A later value of 64 B over an earlier one.
  @Benchmark
  public Entry lww() {
    return register.merge(laterRegister);
  }

  /// A counter and one of its states of a moment later.
  @Benchmark
  public Counter counter() {
    return counter.merge(counterDelta);
  }

  /// One new element into a set that only grows.
  @Benchmark
  public GrowSet growSet() {
    return set.merge(setDelta);
  }

  /// One new element into a set with removal.
  @Benchmark
  public ObservedRemoveSet observedRemoveSet() {
    return observed.merge(observedDelta);
  }
}
