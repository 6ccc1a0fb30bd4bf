package dev.trellis.bench;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;

/// Puts a load on clients. Each client has so many *lanes*, and a lane one call (or batch) on its
/// way at a time.
///
/// In a closed loop, a lane that gets its answer sends its next call: a store that stalls is asked
/// less while it stalls, and latencies are those of a caller that waits. In an open loop a call is
/// due each period whatever the store does, and takes a lane that is free; latency counts from when
/// the call was due, so that a stall is felt by every call that falls into it, also by those that
/// found no lane.
///
/// What a lane needs for a call it keeps and uses again, and keys and values are made beforehand,
/// so that the generator's own garbage is a few objects a call.
final class LoadGenerator {
  private static final int KEYS_KEPT = 1 << 20;
  private static final int VALUES = 64;
  private static final int VALUES_BYTES = 64 << 20;
  private static final long NANOS_PER_SECOND = 1_000_000_000;

  private final Load load;
  private final CallOptions options;
  private final Ticker ticker;
  private final Meter meter = new Meter();
  private final Inserts inserts;
  private final @Nullable Payload[] keys; // those made so far; any thread may make one
  private final Operation[] writes;
  private final Operation read;
  private final AtomicInteger running = new AtomicInteger();
  private final FreeLanes free = new FreeLanes();
  private volatile boolean stopping; // set by the caller, read by every lane

  LoadGenerator(Load load, CallOptions options, Ticker ticker) {
    this.load = load;
    this.options = options;
    this.ticker = ticker;
    this.inserts = new Inserts(load.keyCount());
    this.keys = new Payload[(int) Math.min(load.keyCount(), KEYS_KEPT)];
    this.writes = writes(load);
    this.read =
        new Read.Get(
            Optional.of(
                switch (load.target()) {
                  case LWW -> Kind.LWW;
                  case COUNTER -> Kind.COUNTER;
                }));
  }

  private static Operation[] writes(Load load) {
    if (load.target() == Load.Target.COUNTER) {
      return new Operation[] {new Mutation.Increment(1)};
    }
    ValueSizes sizes = load.values();
    int count = Math.clamp(VALUES_BYTES / Math.max(1, sizes.most()), 1, VALUES);
    Operation[] writes = new Operation[count];
    RandomGenerator random = random(load, 0);
    for (int index = 0; index < count; index++) {
      int spread = sizes.most() - sizes.least();
      byte[] value =
          new byte[sizes.least() + (int) ((long) spread * index / Math.max(1, count - 1))];
      random.nextBytes(value); // so that nothing on the way can save work by its regularity
      writes[index] = new Mutation.Put(Payload.of(value));
    }
    return writes;
  }

  Meter meter() {
    return meter;
  }

  /// Whether [#keepSchedule] is to be called.
  boolean isOpen() {
    return load.rate().isPresent();
  }

  /// The key with a number.
  Payload keyOf(long number) {
    if (number >= keys.length) {
      return makeKey(number);
    }
    Payload key = keys[(int) number];
    if (key == null) {
      key = makeKey(number);
      keys[(int) number] = key;
    }
    return key;
  }

  private Payload makeKey(long number) {
    String digits = Long.toString(number);
    return Payload.ofText(
        load.keyPrefix() + "0".repeat(Math.max(0, load.keyDigits() - digits.length())) + digits);
  }

  /// Adds the lanes of a client. In a closed loop they start at once.
  ///
  /// @param index of the client, from 0
  void start(Store store, int index) {
    for (int lane = 0; lane < load.pipeline(); lane++) {
      Lane added = new Lane(store, random(load, 1 + index * 1_024L + lane));
      running.incrementAndGet();
      if (isOpen()) {
        free.add(added);
      } else {
        added.loop();
      }
    }
  }

  /// Keeps the schedule of an open loop, on the calling thread, until [#stop].
  void keepSchedule() {
    free.owner = Thread.currentThread();
    double periodNanos =
        (double) NANOS_PER_SECOND * load.batch() / Math.max(1, load.rate().orElseThrow());
    long began = ticker.nanos();
    long sent = 0;
    while (!stopping) {
      long due = began + (long) (sent * periodNanos);
      long now = ticker.nanos();
      if (now - due < 0) {
        ticker.waitUntil(due);
        continue;
      }
      Lane lane = free.take();
      if (lane == null) {
        ticker.waitForAnswer();
        continue;
      }
      sent++;
      meter.sentLate(now - due);
      if (lane.send(due)) {
        free.add(lane);
      }
    }
  }

  /// Ends the loops: no lane sends any more.
  void stop() {
    stopping = true;
    free.wakeOwner();
  }

  /// How many lanes still wait for an answer after [#stop].
  int unanswered() {
    return isOpen() ? running.get() - free.size() : running.get();
  }

  private static RandomGenerator random(Load load, long stream) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(load.seed() * 1_000_003 + stream);
  }

  /// The lanes of an open loop that have no call on its way.
  private static final class FreeLanes {
    private final ArrayList<Lane> lanes = new ArrayList<>(); // guarded by this
    volatile @Nullable Thread owner; // who waits for one

    synchronized @Nullable Lane take() {
      return lanes.isEmpty() ? null : lanes.removeLast();
    }

    void add(Lane lane) {
      boolean wasEmpty;
      synchronized (this) {
        wasEmpty = lanes.isEmpty();
        lanes.add(lane);
      }
      if (wasEmpty) {
        wakeOwner();
      }
    }

    synchronized int size() {
      return lanes.size();
    }

    void wakeOwner() {
      LockSupport.unpark(owner);
    }
  }

  /// A place for one call, or batch, on its way.
  private final class Lane implements BiConsumer<@Nullable Reply, @Nullable Throwable> {
    private final Store store;
    private final RandomGenerator random;
    private final LongSupplier drawn;
    private final long[] numbers = new long[load.batch()]; // of the keys on their way
    private final List<Call> calls = new ArrayList<>(load.batch());
    private List<CompletableFuture<Reply>> replies = List.of(); // to what is on its way
    private int open; // of the replies; the later ones are known
    private int successful; // of the later ones
    // Whoever waits for an answer, and the answer itself: who is the last of the two goes on.
    private final AtomicInteger met = new AtomicInteger();
    private boolean writesBack; // after the read of a read-modify-write
    private OperationType type = OperationType.READ; // of the call on its way
    private long start; // when it was sent, or due

    Lane(Store store, RandomGenerator random) {
      this.store = store;
      this.random = random;
      this.drawn = load.keys().draw(inserts::count, load.theta(), random);
    }

    /// Sends one call after the other, until one is not answered at once; its answer goes on.
    void loop() {
      while (!stopping) {
        if (!send(ticker.nanos())) {
          return;
        }
      }
      running.decrementAndGet();
    }

    /// Sends a call.
    ///
    /// @param from when its latency begins
    /// @return whether it is answered already, as refused ones are; else [#ended] follows
    boolean send(long from) {
      start = from;
      type = load.mix().draw(random);
      writesBack = type == OperationType.READ_MODIFY_WRITE;
      int batch = load.batch();
      for (int at = 0; at < batch; at++) {
        numbers[at] = type == OperationType.INSERT ? inserts.next() : drawn.getAsLong();
      }
      if (batch == 1) {
        replies = List.of(store.execute(keyOf(numbers[0]), operation(), options));
      } else {
        calls.clear();
        for (int at = 0; at < batch; at++) {
          calls.add(new Call(keyOf(numbers[at]), operation(), options));
        }
        replies = store.executeAll(calls);
      }
      open = batch;
      successful = 0;
      return isAnswered();
    }

    private Operation operation() {
      return switch (type) {
        case READ, READ_MODIFY_WRITE -> read;
        case WRITE, INSERT -> write();
      };
    }

    private Operation write() {
      return writes.length == 1 ? writes[0] : writes[random.nextInt(writes.length)];
    }

    /// Takes note of the answers that are there. The last call of a batch is mostly answered last,
    /// so mostly only that one is waited for.
    ///
    /// @return whether all are there; else [#accept] will go on
    private boolean isAnswered() {
      while (open > 0) {
        CompletableFuture<Reply> reply = replies.get(open - 1);
        if (!reply.isDone()) {
          met.set(2);
          var _ = reply.whenComplete(this);
          if (met.decrementAndGet() > 0) {
            return false;
          }
        }
        take(reply);
      }
      end();
      return true;
    }

    /// Goes on once an answer is there.
    @Override
    public void accept(@Nullable Reply reply, @Nullable Throwable failure) {
      if (met.decrementAndGet() == 0 && isAnswered()) {
        ended();
      }
    }

    private void take(CompletableFuture<Reply> reply) {
      open--;
      if (reply.isCompletedExceptionally()) {
        meter.failed(reply.exceptionNow(), ticker.nanos() - start);
        return;
      }
      if (isMissing(reply.resultNow())) {
        meter.missed();
      }
      if (writesBack) {
        writesBack = false;
        replies = List.of(store.execute(keyOf(numbers[0]), write(), options));
        open = 1;
      } else {
        successful++;
      }
    }

    /// All that was sent is answered. What went well of a batch took as long as the whole of it,
    /// for which its caller waits.
    private void end() {
      if (successful > 0) {
        meter.answered(type, ticker.nanos() - start, successful);
      }
      if (type == OperationType.INSERT) {
        for (long number : numbers) {
          inserts.end(number);
        }
      }
    }

    /// Goes on after a call that was not answered at once.
    private void ended() {
      if (isOpen()) {
        free.add(this);
      } else {
        loop();
      }
    }

    private static boolean isMissing(Reply reply) {
      return reply.outcome() instanceof Outcome.Done done && done.view() instanceof View.Missing;
    }
  }

  // ---- Filling ----

  private static final int FILL_BATCH = 100;
  private static final int FILL_BATCHES = 8;

  /// Writes every key once, so that reads find something.
  ///
  /// @param progress is told the number of keys written so far
  /// @throws java.util.concurrent.CompletionException if a write fails
  void fill(Store store, LongConsumer progress) {
    RandomGenerator random = random(load, -1);
    List<List<CompletableFuture<Reply>>> underway = new ArrayList<>();
    long count = load.keyCount();
    for (long from = 0; from < count; from += FILL_BATCH) {
      List<Call> calls = new ArrayList<>(FILL_BATCH);
      for (long key = from; key < Math.min(from + FILL_BATCH, count); key++) {
        calls.add(new Call(keyOf(key), writes[random.nextInt(writes.length)], options));
      }
      underway.add(store.executeAll(calls));
      if (underway.size() == FILL_BATCHES) {
        underway.removeFirst().forEach(CompletableFuture::join);
      }
      progress.accept(Math.min(from + FILL_BATCH, count));
    }
    underway.forEach(batch -> batch.forEach(CompletableFuture::join));
  }
}
