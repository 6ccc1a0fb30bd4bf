package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.io.IOException;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Frames that were damaged on their way: an answer or an end, never a hang, and never a node that
/// stops.
class BadFramesTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int ROUNDS = 1_000;

  @Test
  void damagedFramesHarmNobodyElse() throws IOException {
    Random random = new Random(SEED);
    try (TrellisNode node = Nodes.start("shards = 2")) {
      int port = node.descriptor().shardPorts().getFirst();
      try (RawClient other = RawClient.open(port, Frame.Scope.NODE)) {
        other.put("healthy", Payload.ofText("v"));
        for (int round = 0; round < ROUNDS; round++) {
          sendDamaged(port, random);
          assertFalse(node.failure().isDone(), () -> "replay by -Dseed=" + SEED);
        }
        assertEquals(new View.Bytes(Payload.ofText("v"), 0), other.get("healthy"));
      }
    }
  }

  private static void sendDamaged(int port, Random random) throws IOException {
    boolean greeted = random.nextInt(4) > 0;
    try (RawClient client =
        greeted ? RawClient.open(port, Frame.Scope.NODE) : RawClient.silent(port)) {
      Frame frame = greeted ? someRequest(random) : RawClient.hello(Frame.Scope.NODE);
      byte[] message = FrameCodec.encode(frame);
      byte[] bytes =
          ByteBuffer.allocate(4 + message.length).putInt(message.length).put(message).array();
      for (int flips = random.nextInt(1, 6); flips > 0; flips--) {
        bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
      }
      if (random.nextInt(4) == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(1, bytes.length));
      }
      client.sendBytes(bytes);
      client.socket().shutdownOutput();
      client.refusal(); // reads to the end, which comes
    } catch (SocketException e) {
      // The node closed first, with something unread: an end as well.
    }
  }

  private static Frame someRequest(Random random) {
    RequestContext now =
        RequestContext.mutation(1, HybridTimestamp.ofMillis(System.currentTimeMillis()));
    Payload key = Payload.ofText("k" + random.nextInt(4));
    return switch (random.nextInt(5)) {
      case 0 -> new Frame.Single(RawClient.put(1, key.text(), Payload.of(new byte[40])));
      case 1 ->
          new Frame.Batch(
              List.of(RawClient.get(1, key.text()), RawClient.put(2, "k", Payload.EMPTY)));
      case 2 -> new Frame.Watch(1, key, Optional.of(Kind.LWW));
      case 3 -> new Frame.Scan(1, key, Optional.of(key), 10, true);
      default ->
          new Frame.Single(
              new Request(1, key, new Mutation.Add(Kind.ORSET, List.of(key, key)), now));
    };
  }
}
