package dev.trellis.bench.jmh;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.AccessConfig;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.PlainRequests;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.nio.ByteBuffer;
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

/// What a shard takes for one plain request, from the bytes of its frame on to its answer, with and
/// without looking at which keys are asked for.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ShardBenchmark {
  private static final long NOW_MILLIS = 1_700_000_000_000L;
  private static final int FRAMES = 1 << 14; // made in advance
  private static final Origin CLIENT = new Origin(1, 77, Caller.ANONYMOUS);

  /// See [AccessConfig#sampleEveryMax].
  @Param({"0", "32"})
  public int sampleEvery;

  /// Keys in the store, each as likely as the others.
  @Param({"10000", "1000000"})
  public int keys;

  private final PlainRequests plain = new PlainRequests(Limits.DEFAULT);
  private final byte[][] gets = new byte[FRAMES][];
  private final Answers answers = new Answers();
  private ShardCore core = core(0);
  private int next;

  private static final class Answers implements Outbox {
    private long count;

    @Override
    public void reply(Origin origin, Reply reply) {
      throw new IllegalStateException("not the plain way: " + reply);
    }

    @Override
    public void reply(Origin origin, PlainReply reply) {
      count++;
    }

    @Override
    public void changesPending(Origin origin) {}
  }

  private static ShardCore core(int sampleEvery) {
    ShardConfig d = ShardConfig.of("n1", 0, 1, 7);
    return new ShardCore(
        new ShardConfig(
            d.nodeId(),
            d.shard(),
            d.shardCount(),
            d.incarnation(),
            d.limits(),
            d.clockSkewMax(),
            d.tombstoneGrace(),
            d.bytesMax(),
            d.clientsMax(),
            d.watchesMax(),
            d.nodeIncarnation(),
            d.partitions(),
            d.replication(),
            d.waitingBytesMax(),
            new AccessConfig(sampleEvery, 0.5),
            d.invocationLifetime()),
        new MemoryStore());
  }

  private static Payload key(int number) {
    return Payload.of(ByteBuffer.allocate(Long.BYTES).putLong(number).array());
  }

  /// Fills the shard, and makes the frames.
  @Setup(Level.Trial)
  public void fill() {
    core = core(sampleEvery);
    for (int number = 0; number < keys; number++) {
      handle(put(number, number));
    }
    SplittableRandom random = new SplittableRandom(7);
    for (int number = 0; number < FRAMES; number++) {
      gets[number] =
          FrameCodec.encode(
              new Frame.Single(
                  new Request(
                      number, key(random.nextInt(keys)), Read.Get.ANY, RequestContext.READ)));
    }
  }

  /// As each second.
  @Setup(Level.Iteration)
  public void beginPeriod() {
    core.report(NOW_MILLIS, 0, Histogram.EMPTY, Histogram.EMPTY);
  }

  private static byte[] put(int key, int stamp) {
    // Without a number, so that it may come again and again.
    return FrameCodec.encode(
        new Frame.Single(
            new Request(
                stamp,
                key(key),
                new Mutation.Put(Payload.of(new byte[64])),
                RequestContext.mutation(0, HybridTimestamp.of(NOW_MILLIS, 1 + stamp % 60_000)))));
  }

  private long handle(byte[] frame) {
    if (!plain.accept(frame, 0, frame.length) || !plain.next()) {
      throw new IllegalStateException("a frame is not plain");
    }
    core.handle(CLIENT, plain, NOW_MILLIS, answers);
    return answers.count;
  }

  /// Reads a value.
  @Benchmark
  public long get() {
    next = (next + 1) % FRAMES;
    return handle(gets[next]);
  }
}
