package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cache.NearCache;
import dev.trellis.cache.NearCacheConfig;
import dev.trellis.client.CallOptions;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.MaxHandle;
import dev.trellis.client.Trellis;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Receipt;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The near cache against several real nodes, of which one dies, one joins, and one leaves: the
/// shards that tell it of changes are others from then on.
@Timeout(300)
class NearCacheClusterTest {
  private static final int KEYS = 24;
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final RealNodes nodes = new RealNodes();
  private final long[] written = new long[KEYS]; // acknowledged by two nodes
  private final long[] seen = new long[KEYS]; // through the cache
  private Trellis writer;
  private NearCache cache;
  private long last;

  @AfterEach
  void stop() throws Exception {
    nodes.close();
  }

  private Trellis connect(TrellisNode node) {
    return nodes.connect(config -> config.withConnectTimeout(WAIT).withTimeout(WAIT), node);
  }

  private static void await(String what, BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - begun < WAIT.toNanos(), what);
      LockSupport.parkNanos(POLL_NANOS); // the nodes need the processors
    }
  }

  /// Raises a key until two nodes have it.
  private void write(int key) {
    long value = ++last;
    CallOptions replicated = CallOptions.DEFAULT.withAcknowledgement(Acknowledgement.REPLICATED);
    await(
        "key " + key + " is not written twice",
        () -> {
          try {
            writer.max("key-" + key).withOptions(replicated).raise(value);
            return true;
          } catch (IndefiniteException repeated) {
            return false; // whoever raises twice raises once
          }
        });
    written[key] = value;
  }

  /// Reads a key through the cache, which must not go back.
  ///
  /// @return whether the cache itself answered, with all that was acknowledged
  private boolean isToldByCache(int key) {
    AtomicReference<Receipt> receipt = new AtomicReference<>(Receipt.NONE);
    MaxHandle near = cache.max("key-" + key).observing(receipt::set);
    long value = near.get().orElse(0);
    assertTrue(value >= seen[key], () -> "key " + key + ": " + value + " after " + seen[key]);
    seen[key] = value;
    return receipt.get().served() == Receipt.Served.CACHE && value >= written[key];
  }

  /// Writes each key, and reads all through the cache meanwhile, until that tells of each what was
  /// written last without asking.
  private void keepsUp(String when) {
    for (int key = 0; key < KEYS; key++) {
      write(key);
      for (int other = 0; other < KEYS; other++) {
        var _ = isToldByCache(other);
      }
    }
    for (int key = 0; key < KEYS; key++) {
      int asked = key;
      await("key " + key + " is not told " + when, () -> isToldByCache(asked));
    }
  }

  @Test
  void readsGoOnAndNeverBackWhileReplicasDieAndMove() {
    TrellisNode first = nodes.start("n1");
    TrellisNode second = nodes.start("n2", first);
    TrellisNode third = nodes.start("n3", first);
    writer = connect(first);
    cache = nodes.closing(NearCache.over(connect(first), NearCacheConfig.DEFAULT));
    keepsUp("with three nodes");
    long pushes = cache.statistics().pushes();

    second.close();
    keepsUp("after a node has died");
    nodes.start("n4", first);
    keepsUp("as a node joins");
    third.leave();
    await(
        "n3 does not leave",
        () -> {
          for (int key = 0; key < KEYS; key++) {
            write(key);
            var _ = isToldByCache(key);
          }
          return third.finished().isDone();
        });
    keepsUp("after a node has left");
    assertTrue(cache.statistics().pushes() > pushes, cache.statistics().toString());
  }
}
