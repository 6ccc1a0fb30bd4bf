package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.store.PassingStore;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Request;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// How a node ends: in order when it is told to, at once when it must.
class StopTest {
  private static List<Request> gets(int count) {
    List<Request> gets = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      gets.add(RawClient.get(i, "k" + i % 8));
    }
    return gets;
  }

  private static void store(int port) throws IOException {
    try (RawClient client = RawClient.open(port, Frame.Scope.NODE)) {
      for (int key = 0; key < 8; key++) {
        client.put("k" + key, Payload.of(new byte[64 << 10]));
      }
    }
  }

  @Test
  void whatWasTakenIsAnsweredBeforeTheEnd() throws Exception {
    int count = 1_000;
    TrellisNode node = Nodes.start("shards = 2");
    int port = node.descriptor().shardPorts().getFirst();
    store(port);
    try (RawClient client = RawClient.narrow(port, Frame.Scope.NODE)) {
      client.send(new Frame.Batch(gets(count)));
      // 64 MB do not fit any buffer, so with the first answers most is yet to be done.
      int first = client.replies(1).size();
      Thread stop = Thread.ofPlatform().start(node::close);
      assertEquals(count - first, client.replies(count - first).size());
      assertThrows(EOFException.class, client::receive);
      client.socket().close();
      stop.join();
    }
    assertThrows(IOException.class, () -> RawClient.silent(port).close());
  }

  @Test
  void whoNeverReadsCannotKeepANodeFromStopping() throws Exception {
    TrellisNode node = Nodes.start("shards = 2, stop.timeout = 100ms");
    int port = node.descriptor().shardPorts().getFirst();
    store(port);
    try (RawClient client = RawClient.narrow(port, Frame.Scope.NODE)) {
      client.send(new Frame.Batch(gets(10_000)));
      client.replies(1);
      node.close();
    }
  }

  @Test
  void idleConnectionsAreClosedAtOnce() throws Exception {
    TrellisNode node = Nodes.start("");
    try (RawClient open =
            RawClient.open(node.descriptor().shardPorts().getFirst(), Frame.Scope.SHARD);
        RawClient silent = RawClient.silent(node.descriptor().shardPorts().getFirst())) {
      open.get("k");
      Thread stop = Thread.ofPlatform().start(node::close);
      assertThrows(EOFException.class, open::receive);
      open.socket().close();
      assertThrows(IOException.class, silent::receive);
      stop.join();
    }
  }

  @Test
  void stoppingTwiceIsStoppingOnce() {
    TrellisNode node = Nodes.start("");
    node.close();
    node.close();
  }

  @Test
  void aDefectStopsTheNodeAndSaysSo() throws Exception {
    NodeConfig config = NodeConfig.loopback("n1", 2);
    try (DataPlane plane = TestPlane.open(config, DefectiveStore::new)) {
      try (RawClient client = RawClient.open(plane.ports().get(0), Frame.Scope.NODE);
          RawClient bystander = RawClient.open(plane.ports().get(1), Frame.Scope.NODE)) {
        assertEquals(Optional.empty(), plane.unreadiness());
        client.send(new Frame.Single(RawClient.put(1, "k", Payload.EMPTY)));
        assertInstanceOf(IllegalStateException.class, plane.failure().get());
        assertThrows(IOException.class, client::receive);
        assertThrows(IOException.class, bystander::receive);
      }
      assertEquals(Optional.of("shard 0 does not listen"), plane.unreadiness());
      assertEquals(Optional.of("a shard met a defect, which is in the log"), plane.sickness());
    }
  }

  private static final class DefectiveStore extends PassingStore {
    @Override
    public void put(Slot slot) {
      throw new IllegalStateException("a store that cannot store, for a test");
    }
  }
}
