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
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
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

  /// Has something done again and again, until it fails.
  private static void keepDoing(ScheduledExecutorService pace, int millis, Callable<?> work) {
    var _ =
        pace.scheduleAtFixedRate(
            () -> {
              try {
                work.call();
              } catch (Exception e) {
                throw new IllegalStateException("the connection was closed", e);
              }
            },
            millis,
            millis,
            TimeUnit.MILLISECONDS);
  }

  private static byte[] announcing(int bytes) {
    return ByteBuffer.allocate(4).putInt(bytes).array();
  }

  @Test
  void whoSendsAByteNowAndThenIsClosedWhenOthersNeedTheMemory() throws Exception {
    List<RawClient> slow = new ArrayList<>();
    try (ScheduledExecutorService pace = Executors.newScheduledThreadPool(1);
        RawClient honest = RawClient.open(port, Frame.Scope.SHARD)) {
      for (int i = 0; i < 3; i++) {
        RawClient client = RawClient.open(port, Frame.Scope.SHARD);
        slow.add(client);
        client.sendBytes(announcing(16 * MIB));
        keepDoing(
            pace,
            10,
            () -> {
              client.sendBytes(new byte[1]);
              return 0;
            });
      }
      for (int i = 0; i < 5; i++) {
        assertEquals(
            Optional.empty(), RawClient.code(honest.put("k", Payload.of(new byte[2 * MIB]))));
      }
      assertTrue(admin.sum("trellis_connections_stalled_total") >= 1);
      pace.shutdownNow();
    } finally {
      for (RawClient client : slow) {
        client.close();
      }
    }
  }

  @Test
  void whoReadsALittleNowAndThenIsClosedWhenOthersNeedTheMemory() throws Exception {
    List<RawClient> slow = new ArrayList<>();
    try (ScheduledExecutorService pace = Executors.newScheduledThreadPool(1);
        RawClient honest = RawClient.open(port, Frame.Scope.SHARD)) {
      honest.put("k", Payload.of(new byte[12 * MIB]));
      byte[] some = new byte[8 << 10];
      for (int i = 0; i < 3; i++) {
        RawClient client = RawClient.narrow(port, Frame.Scope.SHARD);
        slow.add(client);
        client.send(new Frame.Batch(List.of(RawClient.get(1, "k"), RawClient.get(2, "k"))));
        keepDoing(pace, 20, () -> client.socket().getInputStream().read(some));
      }
      while (admin.sum("trellis_connections_stalled_total") == 0) {
        honest.get("k");
      }
      pace.shutdownNow();
    } finally {
      for (RawClient client : slow) {
        client.close();
      }
    }
  }

  @Test
  void strangersTakeNoneOfTheMemoryForRequests() throws Exception {
    node.close();
    admin.close();
    node = Nodes.start("memory.inbound = 1MiB, stall.timeout = 1h, handshake.timeout = 1m");
    admin = new AdminClient(node);
    port = node.descriptor().shardPorts().getFirst();
    List<RawClient> strangers = new ArrayList<>();
    try (RawClient honest = RawClient.open(port, Frame.Scope.SHARD)) {
      for (int i = 0; i < 40; i++) {
        RawClient client = RawClient.silent(port);
        strangers.add(client);
        client.sendBytes(announcing(64 << 10));
      }
      while (admin.sum("trellis_connections") < 41) {
        honest.get("k");
      }
      assertEquals(
          Optional.empty(), RawClient.code(honest.put("k", Payload.of(new byte[2 * MIB]))));
      try (RawClient another = RawClient.open(port, Frame.Scope.SHARD)) {
        assertEquals(new View.Bytes(Payload.of(new byte[2 * MIB]), 0), another.get("k"));
      }
    } finally {
      for (RawClient client : strangers) {
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
