package dev.trellis.bench.jmh;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.trellis.cache.NearCache;
import dev.trellis.cache.NearCacheConfig;
import dev.trellis.client.CallOptions;
import dev.trellis.client.RegisterHandle;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Reads of values that are near, by one thread, of any of so many keys: through the handles and
/// beneath them, beside maps that know nothing of age. A node in the same process keeps the cache
/// fresh meanwhile.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class NearCacheBenchmark {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.LWW));
  private static final CallOptions BOUNDED =
      CallOptions.DEFAULT.withMaxStaleness(Duration.ofSeconds(30));
  private static final int VALUE_BYTES = 64;

  /// Keys in the cache. A connection may watch 10,000.
  @Param({"1000"})
  public int keys;

  private final SplittableRandom random = new SplittableRandom(7);
  private final Map<Payload, Payload> map = new ConcurrentHashMap<>();
  private final Cache<Payload, Payload> caffeine =
      Caffeine.newBuilder()
          .maximumWeight(64 << 20)
          .weigher((Payload key, Payload value) -> key.size() + value.size())
          .build();
  private Payload[] names = {};
  private RegisterHandle[] handles = {};
  private TrellisNode node = TrellisNode.start(NodeConfig.loopback("near", 1));
  private Trellis trellis = Trellis.connect("127.0.0.1:" + node.descriptor().shardPorts().get(0));
  private NearCache cache = NearCache.over(trellis, NearCacheConfig.DEFAULT);

  /// Has all keys cached.
  @Setup(Level.Trial)
  public void fill() {
    names = new Payload[keys];
    handles = new RegisterHandle[keys];
    for (int key = 0; key < keys; key++) {
      Payload name = Payload.ofText("benchmark/key-" + key);
      Payload value = Payload.of(new byte[VALUE_BYTES]);
      trellis.register(name).put(value);
      names[key] = name;
      handles[key] = cache.register(name);
      handles[key].get();
      map.put(name, value);
      caffeine.put(name, value);
    }
  }

  /// Ends what was started.
  @TearDown(Level.Trial)
  public void stop() {
    System.out.println(cache.statistics());
    cache.close();
    trellis.close();
    node.close();
  }

  private int any() {
    return random.nextInt(keys);
  }

  /// What users write.
  @Benchmark
  public Payload handle() {
    return cache.register(names[any()]).get().orElseThrow();
  }

  /// The same with a handle that is kept.
  @Benchmark
  public Payload keptHandle() {
    return handles[any()].get().orElseThrow();
  }

  /// What is beneath.
  @Benchmark
  public Reply execute() {
    return cache.execute(names[any()], GET, CallOptions.DEFAULT).join();
  }

  /// With a bound on staleness.
  @Benchmark
  public Reply bounded() {
    return cache.execute(names[any()], GET, BOUNDED).join();
  }

  /// A map.
  @Benchmark
  public Payload concurrentHashMap() {
    return Objects.requireNonNull(map.get(names[any()]));
  }

  /// The cache that is beneath, used by itself.
  @Benchmark
  public Payload caffeine() {
    return Objects.requireNonNull(caffeine.getIfPresent(names[any()]));
  }
}
