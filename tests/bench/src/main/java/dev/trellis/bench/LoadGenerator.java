package dev.trellis.bench;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;
import org.jspecify.annotations.Nullable;

/// A closed loop: each client keeps so many calls unanswered, and sends the next when an answer
/// comes. A store that stalls is therefore asked less while it stalls: the latencies are those of a
/// caller that waits, not of one that keeps a schedule.
final class LoadGenerator {
  /// The operations that are told apart.
  enum Type {
    READ,
    WRITE
  }

  private static final long HIGHEST_NANOS = 60_000_000_000L;

  private final Load load;
  private final CallOptions options;
  private final byte[] value;
  private final Map<Type, Recorder> latencies =
      Map.of(Type.READ, new Recorder(HIGHEST_NANOS, 3), Type.WRITE, new Recorder(HIGHEST_NANOS, 3));
  private final LongAdder completed = new LongAdder();
  private final ConcurrentMap<ErrorCode, LongAdder> failures = new ConcurrentHashMap<>();
  private volatile boolean stopping; // set by the caller, read by every client's loops
  private volatile @Nullable Throwable defect; // set by any loop, read by the caller

  LoadGenerator(Load load, CallOptions options) {
    this.load = load;
    this.options = options;
    this.value = new byte[load.valueBytes()];
    random(0).nextBytes(value);
  }

  /// Operations answered since the start of the measured part, failed ones not counted.
  long completed() {
    return completed.sum();
  }

  /// Failures by code.
  Map<ErrorCode, Long> failures() {
    Map<ErrorCode, Long> counts = new java.util.EnumMap<>(ErrorCode.class);
    failures.forEach((code, count) -> counts.put(code, count.sum()));
    return counts;
  }

  /// Takes the latencies measured since the last call, in nanoseconds.
  Histogram takeLatencies(Type type) {
    return recorder(type).getIntervalHistogram();
  }

  /// Forgets what was measured so far: the end of the warm-up.
  void reset() {
    latencies.values().forEach(Recorder::reset);
    completed.reset();
    failures.clear();
  }

  /// Writes every key once, so that reads find something.
  ///
  /// @param progress is told the number of keys written so far
  void fill(Trellis client, java.util.function.LongConsumer progress) {
    int step = 1_000;
    for (long from = 0; from < load.keyCount(); from += step) {
      List<Call> calls = new ArrayList<>();
      for (long key = from; key < Math.min(from + step, load.keyCount()); key++) {
        calls.add(new Call(keyOf(key), write(), options));
      }
      client.executeAll(calls).forEach(CompletableFuture::join);
      progress.accept(Math.min(from + step, load.keyCount()));
    }
  }

  /// Starts the loops of one client.
  ///
  /// @param done is counted down when the loops have ended, after [#stop]
  void start(Trellis client, int index, CountDownLatch done) {
    AtomicInteger running = new AtomicInteger(load.pipeline());
    for (int loop = 0; loop < load.pipeline(); loop++) {
      RandomGenerator random = random(1 + index * 1_024L + loop);
      LongSupplier keys = load.keys().draw(load.keyCount(), load.theta(), random);
      new Loop(client, random, keys, running, done).run();
    }
  }

  /// Fails if a call ended in a way that no call should.
  void requireSound() {
    Throwable found = defect;
    if (found != null) {
      throw new IllegalStateException("a call ended in an unknown way", found);
    }
  }

  /// Lets the loops end once their last calls are answered.
  void stop() {
    stopping = true;
  }

  private RandomGenerator random(long stream) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(load.seed() * 1_000_003 + stream);
  }

  private static Payload keyOf(long number) {
    return Payload.ofText("bench:" + number);
  }

  private Operation write() {
    return switch (load.target()) {
      case LWW -> new Mutation.Put(Payload.of(value));
      case COUNTER -> new Mutation.Increment(1);
    };
  }

  private Operation read() {
    return switch (load.target()) {
      case LWW -> new Read.Get(Optional.of(Kind.LWW));
      case COUNTER -> new Read.Get(Optional.of(Kind.COUNTER));
    };
  }

  private Recorder recorder(Type type) {
    Recorder recorder = latencies.get(type);
    if (recorder == null) {
      throw new IllegalStateException("no recorder for " + type);
    }
    return recorder;
  }

  private void finished(Type type, long startNanos, boolean ok) {
    if (ok) {
      long nanos = Math.min(System.nanoTime() - startNanos, HIGHEST_NANOS);
      recorder(type).recordValue(nanos);
      completed.increment();
    }
  }

  private void failed(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (!(cause instanceof TrellisException known)) {
      defect = cause;
      stopping = true;
      return;
    }
    failures.computeIfAbsent(known.code(), ignored -> new LongAdder()).increment();
  }

  /// One position of a client's pipeline: a call, and when it is answered the next.
  private final class Loop {
    private final Trellis client;
    private final RandomGenerator random;
    private final LongSupplier keys;
    private final AtomicInteger running;
    private final CountDownLatch done;

    Loop(
        Trellis client,
        RandomGenerator random,
        LongSupplier keys,
        AtomicInteger running,
        CountDownLatch done) {
      this.client = client;
      this.random = random;
      this.keys = keys;
      this.running = running;
      this.done = done;
    }

    void run() {
      // Calls answered at once, as refused ones are, go round here and not ever deeper.
      while (!stopping) {
        CompletableFuture<?> answered = load.batch() == 1 ? single() : batch();
        if (!answered.isDone()) {
          var _ = answered.whenComplete((result, failure) -> run());
          return;
        }
      }
      if (running.decrementAndGet() == 0) {
        done.countDown();
      }
    }

    private CompletableFuture<?> single() {
      Type type = next();
      long start = System.nanoTime();
      return client
          .execute(keyOf(keys.getAsLong()), operation(type), options)
          .handle((reply, failure) -> ended(type, start, reply, failure));
    }

    private CompletableFuture<?> batch() {
      Type type = next();
      List<Call> calls = new ArrayList<>(load.batch());
      for (int at = 0; at < load.batch(); at++) {
        calls.add(new Call(keyOf(keys.getAsLong()), operation(type), options));
      }
      long start = System.nanoTime();
      CompletableFuture<?>[] ends =
          client.executeAll(calls).stream()
              .map(f -> f.handle((reply, failure) -> ended(type, start, reply, failure)))
              .toArray(CompletableFuture[]::new);
      return CompletableFuture.allOf(ends);
    }

    private boolean ended(
        Type type, long start, @Nullable Reply reply, @Nullable Throwable failure) {
      if (failure != null) {
        failed(failure);
      }
      finished(type, start, failure == null);
      return reply != null;
    }

    private Type next() {
      return random.nextInt(100) < load.readPercent() ? Type.READ : Type.WRITE;
    }

    private Operation operation(Type type) {
      return type == Type.READ ? read() : write();
    }
  }
}
