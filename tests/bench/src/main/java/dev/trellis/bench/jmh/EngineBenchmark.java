package dev.trellis.bench.jmh;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.PlainSlot;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What the memory engine takes for one access to a plain `lww` value, of a key that is any of so
/// many: without objects, as the hot path goes, and with them, as everything else does.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class EngineBenchmark {
  private static final int KEY_BYTES = Long.BYTES;
  private static final VarHandle KEY =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /// Keys in the store.
  @Param({"10000", "1000000"})
  public int keys;

  /// Bytes of each value.
  @Param({"64"})
  public int valueBytes;

  private final SplittableRandom random = new SplittableRandom(7);
  private final PlainSlot found = new PlainSlot();
  private final PlainSlot written = new PlainSlot();
  private final byte[] request = new byte[KEY_BYTES];
  private MemoryStore store = new MemoryStore();
  private long clock;

  /// Fills the store.
  @Setup(Level.Trial)
  public void fill() {
    store = new MemoryStore();
    written.value = new byte[2 * valueBytes];
    for (int key = 0; key < keys; key++) {
      put(key, valueBytes);
    }
  }

  private long put(long key, int length) {
    KEY.set(request, 0, key);
    written.timestamp = ++clock;
    written.writer = 7;
    written.valueLength = length;
    store.put(request, 0, KEY_BYTES, written);
    return clock;
  }

  private Payload anyKey() {
    KEY.set(request, 0, (long) random.nextInt(keys));
    return Payload.of(request);
  }

  /// Finds a value in place.
  @Benchmark
  public long findPlain() {
    KEY.set(request, 0, (long) random.nextInt(keys));
    if (store.find(request, 0, KEY_BYTES, found) != Store.Found.PLAIN) {
      throw new IllegalStateException("a key is gone");
    }
    return found.timestamp + found.value[0];
  }

  /// Writes a value of the same length over another one.
  @Benchmark
  public long putPlain() {
    return put(random.nextInt(keys), valueBytes);
  }

  /// Writes values of lengths that differ by up to three times, which moves them.
  @Benchmark
  public long putPlainOfAnotherLength() {
    return put(random.nextInt(keys), valueBytes / 2 + random.nextInt(valueBytes));
  }

  /// Finds the slot of a key.
  @Benchmark
  public Optional<Slot> find() {
    return store.find(anyKey());
  }

  /// Puts a slot that was made anew.
  @Benchmark
  public void put() {
    byte[] value = new byte[valueBytes];
    LwwRegister lww =
        LwwRegister.of(new HybridTimestamp(++clock), 7, Expiry.NEVER, Payload.of(value));
    store.put(new Slot(anyKey(), Entry.of(HybridTimestamp.ZERO, lww), 0));
  }
}
