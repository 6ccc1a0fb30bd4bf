package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.store.PassingStore;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/// Scans that wait until the keys of a shard are in order.
class ScanTest {
  private static final int KEYS = 16;
  private static final int VALUE_BYTES = 128 << 10;

  private volatile boolean held = true;
  private final AtomicInteger steps = new AtomicInteger(); // towards the order of keys
  private final AtomicInteger scans = new AtomicInteger();

  private final class HeldStore extends PassingStore {
    @Override
    public boolean prepareScan() {
      steps.incrementAndGet();
      return !held && super.prepareScan();
    }

    @Override
    public Iterator<Slot> scan(Payload prefix, Optional<Payload> after, boolean withValues) {
      scans.incrementAndGet();
      return super.scan(prefix, after, withValues);
    }
  }

  private DataPlane open() throws IOException {
    DataPlane plane = TestPlane.open(NodeConfig.loopback("n1", 2), HeldStore::new);
    try (RawClient client = RawClient.open(plane.ports().get(0), Frame.Scope.NODE)) {
      for (int key = 0; key < KEYS; key++) {
        client.put("k" + key, Payload.of(new byte[VALUE_BYTES]));
      }
    }
    return plane;
  }

  private static Frame.Scan scan(long id) {
    return new Frame.Scan(id, Payload.EMPTY, Optional.empty(), 1_000, true);
  }

  /// Each of those that waited had the loop do a step at once, one after the other, and sockets
  /// were not looked at.
  @Test
  void howeverManyWaitForTheOrderOfKeysItIsMadeByOne() throws IOException {
    try (DataPlane plane = open()) {
      List<RawClient> clients = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        clients.add(RawClient.open(plane.ports().get(0), Frame.Scope.SHARD));
        clients.getLast().send(scan(i));
      }
      long begun = System.nanoTime();
      int before = steps.get();
      try (RawClient other = RawClient.open(plane.ports().get(0), Frame.Scope.NODE)) {
        for (int i = 0; i < 200; i++) {
          other.get("none");
        }
      }
      long millis = (System.nanoTime() - begun) / 1_000_000;
      int after = steps.get();
      assertTrue(after - before <= millis + 2, after - before + " steps in " + millis + " ms");
      held = false;
      for (RawClient client : clients) {
        Frame.Scanned page = assertInstanceOf(Frame.Scanned.class, client.receive());
        assertEquals(Optional.empty(), page.failure());
        client.close();
      }
    }
  }

  private static Set<Long> firstNumbers(int count) {
    return LongStream.range(0, count).boxed().collect(Collectors.toCollection(LinkedHashSet::new));
  }

  @Test
  void aPageBehindManyDeadKeysComesInTheEnd() throws IOException {
    held = false;
    for (Frame.Scope scope : Frame.Scope.values()) {
      try (DataPlane plane = open();
          RawClient client = RawClient.open(plane.ports().get(0), scope)) {
        for (Mutation mutation : List.of(new Mutation.Put(Payload.EMPTY), new Mutation.Delete())) {
          for (Set<Long> left = firstNumbers(5_000); !left.isEmpty(); ) {
            for (long key : left) {
              RequestContext now =
                  RequestContext.mutation(0, HybridTimestamp.ofMillis(System.currentTimeMillis()));
              Payload dead = Payload.ofText("a" + key);
              client.send(new Frame.Single(new Request(key, dead, mutation, now)));
            }
            // Where a machine is so busy that a request waits for long its stamp is refused.
            for (Reply reply : client.replies(left.size())) {
              boolean isLate =
                  reply.outcome() instanceof Outcome.Failed failed
                      && failed.code() == ErrorCode.CLOCK_SKEW;
              if (!isLate) {
                left.remove(reply.id());
              }
            }
          }
        }
        client.send(scan(-1));
        Frame.Scanned page = client.receive(Frame.Scanned.class);
        assertEquals(-1, page.id());
        assertTrue(page.keys().stream().allMatch(key -> key.key().text().startsWith("k")));
        assertTrue(!page.keys().isEmpty());
      }
    }
  }

  /// All pages were made as soon as the keys were in order, whether the client read them or not.
  @Test
  void whoAsksForManyPagesGetsTheNextOneOnlyWhenItReads() throws IOException {
    for (Frame.Scope scope : Frame.Scope.values()) {
      held = true;
      scans.set(0);
      try (DataPlane plane = open();
          RawClient client = RawClient.narrow(plane.ports().get(0), scope);
          RawClient other = RawClient.open(plane.ports().get(0), Frame.Scope.NODE)) {
        int asked = 100;
        for (int i = 0; i < asked; i++) {
          client.send(scan(i));
        }
        other.get("none");
        held = false;
        int same = 0;
        for (int last = -1; same < 100; other.get("none" + same)) {
          same = scans.get() == last && last > 0 ? same + 1 : 0;
          last = scans.get();
        }
        assertTrue(scans.get() < asked / 2, scans.get() + " pages made that nobody reads");
        for (int i = 0; i < asked; i++) {
          assertEquals(i, assertInstanceOf(Frame.Scanned.class, client.receive()).id());
        }
      }
    }
  }
}
