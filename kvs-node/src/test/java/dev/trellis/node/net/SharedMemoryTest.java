package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Request;
import dev.trellis.wire.View;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Many clients that each stay within their own bounds, and together would ask too much.
class SharedMemoryTest {
  private static final int MIB = 1 << 20;
  private static final int CROWD = 30;

  private TrellisNode node;
  private AdminClient admin;
  private int port;

  @BeforeEach
  void start() throws IOException {
    node =
        Nodes.start(
            "memory.inbound = 4MiB, memory.outbound = 4MiB, stall.timeout = 200ms, outbound.max ="
                + " 64KiB");
    admin = new AdminClient(node);
    port = node.descriptor().shardPorts().getFirst();
  }

  @AfterEach
  void stop() {
    admin.close();
    node.close();
  }

  @Test
  void whoDoesNotReadIsClosedWhenOthersNeedTheMemory() throws Exception {
    List<RawClient> greedy = new ArrayList<>();
    try (RawClient honest = RawClient.open(port, Frame.Scope.SHARD)) {
      honest.put("k", Payload.of(new byte[MIB]));
      List<Request> gets = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        gets.add(RawClient.get(i, "k"));
      }
      for (int i = 0; i < CROWD; i++) {
        RawClient client = RawClient.narrow(port, Frame.Scope.SHARD);
        greedy.add(client);
        client.send(new Frame.Batch(gets));
      }
      for (int i = 0; i < 20; i++) {
        assertEquals(new View.Bytes(Payload.of(new byte[MIB]), 0), honest.get("k"));
        double pending = admin.sum("trellis_outbound_pending_bytes");
        assertTrue(pending <= 4.0 * MIB + 1.1 * MIB, () -> "pending " + pending + " bytes");
      }
      while (admin.sum("trellis_connections_stalled_total") == 0) {
        honest.get("k");
      }
    } finally {
      for (RawClient client : greedy) {
        client.close();
      }
    }
  }

  @Test
  void whoDoesNotFinishARequestIsClosedWhenOthersNeedTheMemory() throws Exception {
    byte[] message =
        FrameCodec.encode(new Frame.Single(RawClient.put(1, "k", Payload.of(new byte[2 * MIB]))));
    byte[] most =
        Arrays.copyOf(
            ByteBuffer.allocate(4 + message.length).putInt(message.length).put(message).array(),
            64 << 10);
    List<RawClient> slow = new ArrayList<>();
    try (RawClient honest = RawClient.open(port, Frame.Scope.SHARD)) {
      for (int i = 0; i < CROWD; i++) {
        RawClient client = RawClient.open(port, Frame.Scope.SHARD);
        slow.add(client);
        client.sendBytes(most);
      }
      for (int i = 0; i < 5; i++) {
        assertEquals(
            Optional.empty(), RawClient.code(honest.put("k", Payload.of(new byte[2 * MIB]))));
      }
      double stalled = admin.sum("trellis_connections_stalled_total");
      assertTrue(stalled >= 1, () -> stalled + " stalled");
      assertTrue(!node.failure().isDone());
    } finally {
      for (RawClient client : slow) {
        client.close();
      }
    }
  }

  @Test
  void whoReadsIsServedHoweverManyThereAre() throws Exception {
    try (RawClient first = RawClient.open(port, Frame.Scope.SHARD)) {
      first.put("k", Payload.of(new byte[MIB]));
    }
    List<Request> gets = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      gets.add(RawClient.get(i, "k"));
    }
    List<Thread> readers = new ArrayList<>();
    List<Integer> read = Collections.synchronizedList(new ArrayList<>());
    for (int i = 0; i < CROWD; i++) {
      readers.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    try (RawClient client = RawClient.open(port, Frame.Scope.SHARD)) {
                      client.send(new Frame.Batch(gets));
                      read.add(client.replies(gets.size()).size());
                    } catch (IOException e) {
                      throw new AssertionError("a client that reads was closed", e);
                    }
                  }));
    }
    for (Thread reader : readers) {
      reader.join();
    }
    assertEquals(Collections.nCopies(CROWD, gets.size()), read);
  }
}
