package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cache.NearCache;
import dev.trellis.cache.NearCacheConfig;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.RegisterHandle;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Receipt;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The near cache against a real node of several shards, while another client writes, with a
/// connection per shard and with one per node.
class NearCacheNodeTest {
  private static final Duration WAIT = Duration.ofSeconds(30);

  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 3));
  private final Trellis writer = connect(Frame.Scope.SHARD);
  private Trellis reader;
  private NearCache cache;

  private Trellis connect(Frame.Scope scope) {
    return Trellis.connect(
        ClientConfig.of("127.0.0.1:" + node.descriptor().shardPorts().getFirst())
            .withScope(scope)
            .withConnectTimeout(WAIT)
            .withTimeout(WAIT));
  }

  private void start(Frame.Scope scope) {
    reader = connect(scope);
    cache = NearCache.over(reader, NearCacheConfig.DEFAULT);
  }

  @AfterEach
  void stop() {
    if (cache != null) {
      cache.close();
      reader.close();
    }
    writer.close();
    node.close();
  }

  private static void await(String what, BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - begun < WAIT.toNanos(), what);
      Thread.onSpinWait();
    }
  }

  /// A value, and where it came from.
  private record Found(Optional<String> value, Receipt receipt) {
    static Found by(RegisterHandle register) {
      AtomicReference<Receipt> receipt = new AtomicReference<>(Receipt.NONE);
      Optional<String> value = register.observing(receipt::set).getText();
      return new Found(value, receipt.get());
    }

    boolean isCached() {
      return receipt.served() == Receipt.Served.CACHE;
    }
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void whatOthersWriteIsAnsweredByTheCacheWithoutAsking(Frame.Scope scope) {
    start(scope);
    for (int round = 0; round < 40; round++) {
      String key = "key-" + round % 8;
      String value = "value-" + round;
      RegisterHandle near = cache.register(key);
      near.getText();
      writer.register(key).putText(value);
      await(
          value + " is not told",
          () -> {
            Found found = Found.by(near);
            return found.isCached() && found.value.equals(Optional.of(value));
          });
    }
    assertTrue(cache.statistics().pushes() >= 40, cache.statistics().toString());
    assertEquals(8, cache.statistics().entries());
    assertEquals(8, cache.statistics().subscriptions());
    writer.register("key-0").delete();
    await("the end of key-0 is not told", () -> cache.register("key-0").getText().isEmpty());
    assertEquals(8, cache.statistics().entries(), "that it is missing is known");
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void aKeyThatDoesNotChangeIsConfirmedAgainAndAgain(Frame.Scope scope) {
    start(scope);
    writer.register("key").putText("value");
    RegisterHandle near = cache.register("key").withMaxStaleness(Duration.ofSeconds(20));
    HybridTimestamp loaded = Found.by(near).receipt.asOf();
    assertTrue(loaded.isAfter(HybridTimestamp.ZERO));
    for (int renewal = 0; renewal < 3; renewal++) {
      HybridTimestamp before = Found.by(near).receipt.asOf();
      await(
          "nothing after " + before + " is confirmed",
          () -> {
            Found found = Found.by(near);
            return found.isCached() && found.receipt.asOf().isAfter(before);
          });
    }
    assertTrue(cache.statistics().pushes() <= 2, "one state, and no other since");
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void whatWasWrittenThroughTheCacheIsReadThroughIt(Frame.Scope scope) {
    start(scope);
    cache.counter("visits").value();
    for (int visit = 1; visit <= 200; visit++) {
      cache.counter("visits").add(1);
      assertEquals(visit, cache.counter("visits").value());
      String name = "visitor-" + visit;
      cache.set("visitors").add(name);
      assertTrue(cache.set("visitors").contains(name));
      cache.map("last").register("name").putText(name);
      assertEquals(Optional.of(name), cache.map("last").register("name").getText());
    }
    assertTrue(cache.set("visitors").delete());
    assertEquals(Set.of(), Set.copyOf(cache.set("visitors").elements()));
    assertTrue(cache.statistics().hits() > 100, cache.statistics().toString());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void aSessionMayReadThroughTheCache(Frame.Scope scope) {
    start(scope);
    Session session = Session.begin(reader, cache, Guarantee.SESSION);
    for (int round = 0; round < 100; round++) {
      session.register("key").putText("value-" + round);
      assertEquals(Optional.of("value-" + round), session.register("key").getText());
    }
    Session next = Session.resume(reader, cache, session.token());
    assertEquals(Optional.of("value-99"), next.register("key").getText());
    long before = cache.statistics().hits();
    await(
        "a session finds nothing in the cache",
        () -> {
          assertEquals(Optional.of("value-99"), next.register("key").getText());
          return cache.statistics().hits() > before + 10;
        });
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void readsOfManyThreadsNeverGoBackWhileOthersWrite(Frame.Scope scope) throws Exception {
    start(scope);
    cache.max("height").raise(0);
    int readers = 3;
    AtomicBoolean over = new AtomicBoolean();
    CountDownLatch started = new CountDownLatch(readers);
    ExecutorService threads = Executors.newFixedThreadPool(readers + 1);
    try {
      List<Future<Long>> seen = new ArrayList<>();
      for (int thread = 0; thread < readers; thread++) {
        boolean writes = thread == 0;
        seen.add(threads.submit(readAll(writes, over, started)));
      }
      started.await();
      Future<?> writing =
          threads.submit(
              () -> {
                for (int height = 1; height <= 2_000; height++) {
                  writer.max("height").raise(2L * height);
                }
              });
      writing.get(4 * WAIT.toSeconds(), TimeUnit.SECONDS);
      await("the last height", () -> cache.max("height").get().orElse(0) >= 4_000);
      over.set(true);
      for (Future<Long> one : seen) {
        assertTrue(one.get(WAIT.toSeconds(), TimeUnit.SECONDS) > 0);
      }
    } finally {
      over.set(true);
      threads.shutdownNow();
    }
    assertTrue(cache.statistics().hits() > 1_000, cache.statistics().toString());
  }

  private Callable<Long> readAll(boolean writes, AtomicBoolean over, CountDownLatch started) {
    return () -> {
      long last = 0;
      long reads = 0;
      started.countDown();
      while (!over.get()) {
        if (writes && reads % 16 == 0) {
          cache.max("height").raise(last + 1);
          last++;
        }
        long now = cache.max("height").get().orElse(0);
        assertTrue(now >= last, now + " after " + last);
        last = now;
        reads++;
      }
      return reads;
    };
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void withoutItsNodeTheCacheAnswersForALeaseAndNoLonger(Frame.Scope scope) {
    start(scope);
    writer.register("key").putText("value");
    RegisterHandle near = cache.register("key").withTimeout(Duration.ofMillis(50));
    assertEquals(Optional.of("value"), cache.register("key").getText());
    await("it is not subscribed to", () -> cache.statistics().pushes() > 0);
    node.close();
    await(
        "a node that is gone is not missed",
        () -> {
          try {
            near.getText();
            return false;
          } catch (TrellisException e) {
            return true;
          }
        });
    // Whoever can live with it says so.
    assertEquals(Optional.of("value"), near.withMaxStaleness(Duration.ofHours(1)).getText());
  }
}
