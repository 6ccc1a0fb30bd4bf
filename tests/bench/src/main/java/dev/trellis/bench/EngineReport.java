package dev.trellis.bench;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import org.HdrHistogram.Histogram;

/// Loads one shard with keys of 8 bytes, without a network, and tells what they take of the
/// process's memory and how long the puts took. Start it with a heap of fixed size that is touched
/// at the start (`-Xms1g -Xmx1g -XX:+AlwaysPreTouch`), so that what the heap does is not mistaken
/// for what the keys take.
///
///     java … dev.trellis.bench.EngineReport KEYS VALUE_BYTES
public final class EngineReport {
  private static final Origin CLIENT = new Origin(1, 77, Caller.ANONYMOUS);
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final int TICK_PUTS = 1_000;
  private static final long START_MILLIS = 1_700_000_000_000L;

  private final ShardCore core;
  private final MemoryStore store = new MemoryStore();
  private final HybridLogicalClock clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private final Random random = new Random(7);
  private final Answers answers = new Answers();
  private long sequence;

  private EngineReport() {
    ShardConfig d = ShardConfig.of("n1", 0, 1, 7);
    core =
        new ShardCore(
            new ShardConfig(
                d.nodeId(),
                d.shard(),
                d.shardCount(),
                d.incarnation(),
                Limits.DEFAULT,
                d.clockSkewMax(),
                Duration.ofMinutes(10),
                1L << 40,
                d.clientsMax(),
                d.watchesMax()),
            store);
  }

  /// Counts what was not done.
  private static final class Answers implements Outbox {
    private long refused;

    @Override
    public void reply(Origin origin, Reply reply) {
      if (!(reply.outcome() instanceof Outcome.Done)) {
        refused++;
      }
    }

    @Override
    public void changesPending(Origin origin) {}
  }

  private void put(long number, int valueBytes) {
    byte[] value = new byte[valueBytes];
    random.nextBytes(value);
    Payload key = Payload.of(ByteBuffer.allocate(Long.BYTES).putLong(number).array());
    Request request =
        new Request(
            number,
            key,
            new Mutation.Put(Payload.of(value)),
            RequestContext.mutation(++sequence, clock.tick(START_MILLIS)));
    core.handle(CLIENT, request, START_MILLIS, answers);
  }

  /// @param anew whether each is of a key of its own, else of any of them
  private Histogram puts(long keys, long count, boolean anew, int valueBytes) {
    Histogram nanos = new Histogram(3);
    for (long number = 0; number < count; number++) {
      // The thread's own time: what others on the machine do is not the engine's doing.
      long start = THREADS.getCurrentThreadCpuTime();
      put(anew ? number : random.nextLong(keys), valueBytes);
      nanos.recordValue(THREADS.getCurrentThreadCpuTime() - start);
      if (number % TICK_PUTS == 0) {
        core.tick(START_MILLIS, answers);
      }
    }
    return nanos;
  }

  private static long residentBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1_024;
      }
    }
    throw new IOException("no VmRSS in /proc/self/status");
  }

  private static void print(String what, Histogram nanos) {
    System.out.printf(
        "%-28s p50 %6.1f us  p99 %6.1f us  p99.9 %6.1f us  p99.99 %6.1f us  longest %8.1f us%n",
        what,
        nanos.getValueAtPercentile(50) / 1e3,
        nanos.getValueAtPercentile(99) / 1e3,
        nanos.getValueAtPercentile(99.9) / 1e3,
        nanos.getValueAtPercentile(99.99) / 1e3,
        nanos.getMaxValue() / 1e3);
  }

  public static void main(String[] arguments) throws IOException {
    long keys = Long.parseLong(arguments[0]);
    int valueBytes = Integer.parseInt(arguments[1]);
    EngineReport first = new EngineReport();
    first.puts(200_000, 200_000, true, valueBytes); // so that the code is compiled
    first.puts(200_000, 200_000, false, valueBytes);
    try {
      new EngineReport().report(keys, valueBytes);
    } finally {
      Reference.reachabilityFence(first); // or its memory would be given back meanwhile
    }
  }

  private void report(long keys, int valueBytes) throws IOException {
    long before = residentBytes();
    Histogram loading = puts(keys, keys, true, valueBytes);
    long taken = residentBytes() - before;
    System.out.printf(
        "%d keys of 8 + %d bytes: resident %.1f, weight %.1f, reserved %.1f bytes a key%n",
        keys,
        valueBytes,
        (double) taken / keys,
        (double) store.weight() / keys,
        (double) store.reserved() / keys);
    print("loading", loading);
    print("writing again", puts(keys, Math.min(keys, 1_000_000), false, valueBytes));
    if (answers.refused > 0) {
      throw new IllegalStateException(answers.refused + " puts were refused");
    }
  }
}
