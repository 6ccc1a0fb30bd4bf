package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A client that asks for much and reads little costs the node little.
class BackPressureTest {
  private static final int MIB = 1 << 20;
  private static final int KEYS = 8; // enough for both shards to own some
  private static final int OUTBOUND_MAX = MIB; // the default
  private static final int PACK = MIB / 4;

  private final NodeConfig config = Nodes.config("shards = 2");
  private TrellisNode node;
  private AdminClient admin;
  private RawClient other;

  @BeforeEach
  void start() throws IOException {
    assertEquals(OUTBOUND_MAX, config.connections().outboundBytesMax());
    node = TrellisNode.start(config);
    admin = new AdminClient(node);
    other = RawClient.open(port(), Frame.Scope.NODE);
  }

  @AfterEach
  void stop() throws IOException {
    other.close();
    admin.close();
    node.close();
  }

  private int port() {
    return node.descriptor().shardPorts().getFirst();
  }

  private void store(int valueBytes) throws IOException {
    for (int key = 0; key < KEYS; key++) {
      assertEquals(
          Optional.empty(), RawClient.code(other.put("k" + key, Payload.of(new byte[valueBytes]))));
    }
  }

  private static List<Request> gets(int count) {
    List<Request> gets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      gets.add(RawClient.get(i, "k" + i % KEYS));
    }
    return gets;
  }

  /// Runs turns of all shards until one metric stays the same for many of them.
  private double settled(String metric) throws Exception {
    double last = -1;
    for (int same = 0; same < 8; same++) {
      for (int key = 0; key < KEYS; key++) {
        other.get("none" + key);
      }
      double now = admin.sum(metric);
      same = now == last ? same : 0;
      last = now;
    }
    return last;
  }

  @Test
  void whoFloodsAndNeverReadsCostsTheBoundAndAValuePerShard() throws Exception {
    store(MIB);
    int flood = 10_000;
    try (RawClient greedy = RawClient.narrow(port(), Frame.Scope.NODE)) {
      greedy.send(new Frame.Batch(gets(flood)));
      double pending = settled("trellis_outbound_pending_bytes");
      double queued = admin.sum("trellis_requests_queued");
      int shards = 2;
      assertTrue(
          pending <= 2.0 * OUTBOUND_MAX + PACK + shards * 1.1 * MIB,
          () -> "pending " + pending + " bytes");
      assertTrue(pending >= OUTBOUND_MAX / 2.0, () -> "only " + pending + " bytes: no flood");
      int underWay = config.connections().requestsMax();
      assertTrue(queued >= flood - underWay - 20, () -> queued + " queued: some were carried out");
    }
    assertEquals(0, settled("trellis_outbound_pending_bytes"));
    assertEquals(0, settled("trellis_requests_queued"));
  }

  @Test
  void manyFramesOfWhoNeverReadsStayInItsOwnBuffers() throws Exception {
    store(MIB);
    try (RawClient greedy = RawClient.narrow(port(), Frame.Scope.SHARD)) {
      double before = admin.sum("trellis_received_bytes_total");
      Thread flood =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      for (Request get : gets(1_000_000)) {
                        greedy.send(new Frame.Single(get));
                      }
                    } catch (IOException e) {
                      // The test closes the socket under this write, which waits for ever.
                    }
                  });
      double pending = settled("trellis_outbound_pending_bytes");
      assertTrue(pending <= OUTBOUND_MAX + PACK + 1.1 * MIB, () -> "pending " + pending + " bytes");
      double received = admin.sum("trellis_received_bytes_total") - before;
      assertTrue(received < 4 * MIB, () -> "received " + received + " bytes it could not answer");
      greedy.socket().close();
      flood.join();
    }
    assertEquals(0, settled("trellis_outbound_pending_bytes"));
  }

  @Test
  void whoReadsLateGetsEverythingAllTheSame() throws Exception {
    store(64 << 10);
    int count = 2_000;
    try (RawClient late = RawClient.narrow(port(), Frame.Scope.NODE)) {
      late.send(new Frame.Batch(gets(count)));
      settled("trellis_requests_queued");
      Set<Long> answered = new HashSet<>();
      for (Reply reply : late.replies(count)) {
        assertEquals(Optional.empty(), RawClient.code(reply));
        answered.add(reply.id());
      }
      assertEquals(count, answered.size());
    }
  }

  @Test
  void theGreatestValuesGoOutOneByOne() throws Exception {
    int valueBytes = 16 * MIB;
    assertEquals(
        Optional.empty(), RawClient.code(other.put("k0", Payload.of(new byte[valueBytes]))));
    try (RawClient greedy = RawClient.narrow(port(), Frame.Scope.NODE)) {
      List<Request> gets = new ArrayList<>();
      for (int i = 0; i < 10_000; i++) {
        gets.add(RawClient.get(i, "k0"));
      }
      greedy.send(new Frame.Batch(gets));
      for (int read = 0; read < 3; read++) {
        greedy.replies(1);
        double pending = settled("trellis_outbound_pending_bytes");
        assertTrue(
            pending <= 2.0 * valueBytes + 2 * OUTBOUND_MAX + PACK,
            () -> "pending " + pending + " bytes");
      }
    }
  }

  @Test
  void changesThatAWatcherDoesNotReadAreNotKept() throws Exception {
    try (RawClient watcher = RawClient.narrow(port(), Frame.Scope.NODE)) {
      for (int key = 0; key < KEYS; key++) {
        watcher.send(new Frame.Watch(key, Payload.ofText("k" + key), Optional.empty()));
      }
      byte[] value = new byte[MIB];
      for (int round = 0; round < 20; round++) {
        value[0] = (byte) round;
        for (int key = 0; key < KEYS; key++) {
          other.put("k" + key, Payload.of(value));
        }
      }
      double pending = settled("trellis_outbound_pending_bytes");
      assertTrue(
          pending <= 2.0 * OUTBOUND_MAX + PACK + 2.2 * MIB, () -> "pending " + pending + " bytes");
      // What it reads at last is old first, but ends with the present.
      Set<Long> current = new HashSet<>();
      while (current.size() < KEYS) {
        Reply reply = watcher.receive(Frame.Changed.class).reply();
        if (reply.outcome() instanceof Outcome.Done done
            && done.view() instanceof View.Bytes bytes
            && bytes.value().at(0) == 19) {
          current.add(reply.id());
        }
      }
    }
  }
}
