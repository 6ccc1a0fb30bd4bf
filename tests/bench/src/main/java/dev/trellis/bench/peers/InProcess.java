package dev.trellis.bench.peers;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.infinispan.Cache;
import org.infinispan.configuration.cache.ConfigurationBuilder;
import org.infinispan.manager.DefaultCacheManager;

/// One thread that gets and puts values inside of its own process: a shard of ours, or a local
/// cache of Infinispan. No network, no codec; the shard also orders, stamps and accounts for what
/// it is told, and answers with replies.
public final class InProcess {
  private static final int KEYS = 100_000;
  private static final int VALUE_BYTES = 64;
  private static final int CHUNK = 10_000;
  private static final long NANOS_PER_SECOND = 1_000_000_000;

  private InProcess() {}

  /// Something that has values.
  private interface Values extends AutoCloseable {
    void put(int key, byte[] value);

    boolean has(int key);

    @Override
    void close();
  }

  /// Prints puts and gets a second.
  ///
  /// @param arguments `trellis` or `infinispan`, and the seconds of each part
  public static void main(String[] arguments) {
    double seconds = Double.parseDouble(arguments[1]);
    try (Values values = arguments[0].equals("infinispan") ? new OfInfinispan() : new OfTrellis()) {
      RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
      for (int key = 0; key < KEYS; key++) {
        values.put(key, new byte[VALUE_BYTES]);
      }
      double puts = 0;
      double gets = 0;
      for (int round = 0; round < 2; round++) { // the first one warms up
        puts =
            perSecond(
                seconds,
                () -> {
                  values.put(random.nextInt(KEYS), new byte[VALUE_BYTES]);
                  return true;
                });
        gets = perSecond(seconds, () -> values.has(random.nextInt(KEYS)));
      }
      System.out.printf("%.0f %.0f%n", puts, gets);
    }
  }

  /// An operation; whether it found what must be there.
  private interface Step {
    boolean run();
  }

  private static double perSecond(double seconds, Step step) {
    long began = System.nanoTime();
    long done = 0;
    while (System.nanoTime() - began < seconds * NANOS_PER_SECOND) {
      for (int at = 0; at < CHUNK; at++) {
        if (!step.run()) {
          throw new IllegalStateException("a value that was put is missing");
        }
      }
      done += CHUNK;
    }
    return done * (double) NANOS_PER_SECOND / (System.nanoTime() - began);
  }

  /// A shard, called as its event loop would.
  private static final class OfTrellis implements Values, Outbox {
    private static final Origin ORIGIN = new Origin(1, 7, Caller.ANONYMOUS);

    private final ShardCore shard =
        new ShardCore(ShardConfig.of("in-process", 0, 1, 1), new MemoryStore());
    private final HybridLogicalClock clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
    private final Payload[] keys = new Payload[KEYS];
    private final Operation read = new Read.Get(Optional.of(Kind.LWW));
    private boolean isDone; // by the last call
    private long sequence;

    OfTrellis() {
      shard.found();
      for (int key = 0; key < KEYS; key++) {
        keys[key] = Payload.ofText("key:" + key);
      }
    }

    @Override
    public void put(int key, byte[] value) {
      long now = System.currentTimeMillis();
      handle(
          key,
          new Mutation.Put(Payload.of(value)),
          RequestContext.mutation(++sequence, clock.tick(now)),
          now);
      if (!isDone) {
        throw new IllegalStateException("a put failed");
      }
    }

    @Override
    public boolean has(int key) {
      handle(key, read, RequestContext.READ, System.currentTimeMillis());
      return isDone;
    }

    private void handle(int key, Operation operation, RequestContext context, long now) {
      shard.handle(ORIGIN, new Request(1, keys[key], operation, context), now, this);
    }

    @Override
    public void reply(Origin origin, Reply reply) {
      isDone = reply.outcome() instanceof Outcome.Done;
    }

    @Override
    public void changesPending(Origin origin) {}

    @Override
    public void close() {}
  }

  /// A local cache without limits, as it comes.
  private static final class OfInfinispan implements Values {
    private final DefaultCacheManager manager = new DefaultCacheManager();
    private final Cache<String, byte[]> cache;
    private final String[] keys = new String[KEYS];

    OfInfinispan() {
      manager.defineConfiguration("values", new ConfigurationBuilder().build());
      cache = manager.getCache("values");
      for (int key = 0; key < KEYS; key++) {
        keys[key] = "key:" + key;
      }
    }

    @Override
    public void put(int key, byte[] value) {
      cache.put(keys[key], value);
    }

    @Override
    public boolean has(int key) {
      return cache.get(keys[key]) != null;
    }

    @Override
    public void close() {
      manager.stop();
    }
  }
}
