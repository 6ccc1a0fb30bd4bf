package dev.trellis.bench;

import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;
import org.jspecify.annotations.Nullable;

/// A load that keeps its schedule whatever the store does: half puts, half gets of keys drawn
/// evenly. Latency counts from when a call should have been sent, so that a stall is felt by every
/// call that falls into it.
final class OpenLoop implements AutoCloseable {
  private static final long HIGHEST_NANOS = 60_000_000_000L;

  private final Trellis client;
  private final long keyCount;
  private final long periodNanos;
  private final byte[] value;
  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
  private final Recorder latencies = new Recorder(HIGHEST_NANOS, 3);
  private final Map<ErrorCode, LongAdder> failures = new ConcurrentHashMap<>();
  private final Thread thread = Thread.ofPlatform().name("open-loop").unstarted(this::run);
  private volatile boolean stopping; // written by the caller, read by the thread
  private volatile @Nullable Throwable defect; // written by any thread, read by the caller

  /// @param keyCount keys in play
  /// @param rate calls a second
  OpenLoop(Trellis client, long keyCount, int valueBytes, int rate) {
    this.client = client;
    this.keyCount = keyCount;
    this.periodNanos = 1_000_000_000L / rate;
    this.value = new byte[valueBytes];
    random.nextBytes(value);
  }

  static Payload keyOf(long number) {
    return Payload.ofText("bench:" + number);
  }

  void start() {
    thread.start();
  }

  /// Latencies since the last call, in nanoseconds, failed calls included.
  Histogram takeLatencies() {
    return latencies.getIntervalHistogram();
  }

  /// Failures since the last call, by code.
  Map<ErrorCode, Long> takeFailures() {
    Map<ErrorCode, Long> taken = new EnumMap<>(ErrorCode.class);
    failures.forEach(
        (code, count) -> {
          long number = count.sumThenReset();
          if (number > 0) {
            taken.put(code, number);
          }
        });
    return taken;
  }

  private void run() {
    long next = System.nanoTime();
    while (!stopping) {
      long wait = next - System.nanoTime();
      if (wait > 0) {
        LockSupport.parkNanos(wait);
        continue;
      }
      call(next);
      next += periodNanos;
    }
  }

  private void call(long due) {
    Payload key = keyOf(random.nextLong(keyCount));
    boolean reads = random.nextBoolean();
    var _ =
        client
            .execute(
                key,
                reads ? new Read.Get(Optional.of(Kind.LWW)) : new Mutation.Put(Payload.of(value)),
                CallOptions.DEFAULT)
            .whenComplete((_, failure) -> ended(due, failure));
  }

  private void ended(long due, @Nullable Throwable failure) {
    latencies.recordValue(Math.clamp(System.nanoTime() - due, 0, HIGHEST_NANOS));
    if (failure == null) {
      return;
    }
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof TrellisException known) {
      failures.computeIfAbsent(known.code(), _ -> new LongAdder()).increment();
    } else {
      defect = cause;
    }
  }

  /// Ends the load.
  ///
  /// @throws IllegalStateException if a call ended in a way that no call should
  @Override
  public void close() {
    stopping = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    @Nullable Throwable found = defect;
    if (found != null) {
      throw new IllegalStateException("a call ended in an unknown way", found);
    }
  }
}
