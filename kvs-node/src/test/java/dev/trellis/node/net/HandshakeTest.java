package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.View;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What a node says to those who do not know how to behave.
class HandshakeTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());

  private static TrellisNode node;
  private static int port;

  @BeforeAll
  static void start() {
    node = Nodes.start("");
    port = node.descriptor().shardPorts().getFirst();
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @AfterEach
  void theNodeServesOthersAllTheSame() throws IOException {
    try (RawClient other = RawClient.open(port, Frame.Scope.SHARD)) {
      assertEquals(new View.Missing(), other.get("nothing"));
    }
    assertTrue(!node.failure().isDone());
  }

  private static String refusal(byte[] bytes) throws IOException {
    try (RawClient client = RawClient.silent(port)) {
      client.sendBytes(bytes);
      Frame.Refused refused = client.refusal().orElseThrow();
      assertEquals(ErrorCode.BAD_REQUEST, refused.code());
      return refused.message();
    }
  }

  private static String refusal(Frame... frames) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(1 << 20);
    for (Frame frame : frames) {
      byte[] message = FrameCodec.encode(frame);
      bytes.putInt(message.length).put(message);
    }
    byte[] sent = new byte[bytes.flip().remaining()];
    bytes.get(sent);
    return refusal(sent);
  }

  private static Frame.Hello hello(int versionMin, int versionMax, String cluster) {
    return new Frame.Hello(
        versionMin, versionMax, cluster, 1, Frame.Scope.SHARD, Payload.EMPTY, "robot 3");
  }

  @Test
  void theWelcomeTellsWhoAnswers() throws IOException {
    try (RawClient client = RawClient.silent(port)) {
      client.send(hello(1, 9, "trellis"));
      Frame.Welcome welcome = assertInstanceOf(Frame.Welcome.class, client.receive());
      assertEquals(Frame.PROTOCOL_VERSION, welcome.version());
      assertEquals("trellis", welcome.clusterName());
      assertEquals("n1", welcome.nodeId());
      assertEquals(0, welcome.shard());
      assertEquals(Limits.DEFAULT, welcome.limits());
    }
  }

  @Test
  void versionsThatDoNotOverlapAreRefusedNamingBothRanges() throws IOException {
    assertEquals(
        "this node speaks protocol versions 1 to 1, robot 3 speaks 2 to 9",
        refusal(hello(2, 9, "")));
    assertEquals(
        "this node speaks protocol versions 1 to 1, robot 3 speaks 0 to 0",
        refusal(hello(0, 0, "")));
  }

  @Test
  void anotherClusterIsRefusedNamingBoth() throws IOException {
    assertEquals(
        "this node belongs to cluster 'trellis', not to cluster 'prod'",
        refusal(hello(1, 1, "prod")));
  }

  @Test
  void somebodyWhoSpeaksHttpIsToldWhatIsExpected() throws IOException {
    assertEquals(
        "expected a Trellis Hello, a 4-byte length of at most 65536 and a message; got: a frame of"
            + " 1195725856 bytes ('GET ' as text) exceeds the limit of 65536",
        refusal("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
  }

  @Test
  void garbageIsAnsweredAndTheConnectionClosed() throws IOException {
    Random random = new Random(SEED);
    for (int i = 0; i < 200; i++) {
      byte[] bytes = new byte[4 + random.nextInt(1, 2_000)];
      random.nextBytes(bytes);
      // Half of it with an honest length, so that the decoder gets to see it.
      if (i % 2 == 0) {
        ByteBuffer.wrap(bytes).putInt(bytes.length - 4);
      } else {
        bytes[0] |= 1;
      }
      String message = refusal(bytes);
      assertTrue(
          message.startsWith("expected a "), () -> message + ", to be replayed by -Dseed=" + SEED);
    }
  }

  @Test
  void anEmptyFrameIsRefused() throws IOException {
    assertTrue(refusal(new byte[4]).startsWith("expected a Trellis Hello"));
  }

  @Test
  void nothingComesBeforeTheHello() throws IOException {
    assertEquals("expected a Hello first, got Ping", refusal(new Frame.Ping(1)));
  }

  @Test
  void oneHelloIsEnough() throws IOException {
    assertEquals("one Hello is enough", refusal(hello(1, 1, ""), hello(1, 1, "")));
  }

  @Test
  void framesThatOnlyNodesSendAreRefused() throws IOException {
    assertEquals(
        "Pong is for nodes to send, not for clients",
        refusal(hello(1, 1, ""), new Frame.Pong(1, HybridTimestamp.ZERO)));
  }

  @Test
  void aLongFrameIsRefusedBeforeItIsSent() throws IOException {
    String before = refusal(ByteBuffer.allocate(4).putInt(65_537).array());
    assertTrue(before.endsWith("a frame of 65537 bytes exceeds the limit of 65536"), () -> before);
    try (RawClient client = RawClient.open(port, Frame.Scope.SHARD)) {
      client.sendBytes(ByteBuffer.allocate(4).putInt(Limits.FRAME_BYTES_MAX + 1).array());
      assertEquals(
          "a frame of 33554433 bytes exceeds the limit of 33554432",
          client.refusal().orElseThrow().message());
    }
    try (RawClient client = RawClient.open(port, Frame.Scope.SHARD)) {
      client.sendBytes(ByteBuffer.allocate(4).putInt(-1).array());
      assertEquals(
          "a frame of 4294967295 bytes exceeds the limit of 33554432",
          client.refusal().orElseThrow().message());
    }
  }

  @Test
  void aRequestThatIsWrongIsAnsweredAndTheConnectionGoesOn() throws IOException {
    try (RawClient client = RawClient.open(port, Frame.Scope.SHARD)) {
      String tooLong = "k".repeat(Limits.KEY_BYTES_MAX + 1);
      assertEquals(
          ErrorCode.KEY_TOO_LONG,
          RawClient.code(client.ask(RawClient.get(1, tooLong))).orElseThrow());
      assertEquals(
          ErrorCode.BAD_REQUEST, RawClient.code(client.ask(RawClient.get(2, ""))).orElseThrow());
      byte[] tooLarge = new byte[Limits.VALUE_BYTES_MAX + 1];
      assertEquals(
          ErrorCode.VALUE_TOO_LARGE,
          RawClient.code(client.put("large", Payload.of(tooLarge))).orElseThrow());
      assertEquals(new View.Missing(), client.get("large"));
    }
  }

  @Test
  void aReplyOfAClientThatIsRefusedSaysNothingOfCopies() throws IOException {
    try (RawClient client = RawClient.open(port, Frame.Scope.SHARD)) {
      assertEquals(Receipt.NONE, client.ask(RawClient.get(1, "")).receipt());
    }
  }

  @Test
  void whoSaysNothingOrTooLittleIsClosed() throws IOException {
    try (TrellisNode impatient = Nodes.start("handshake.timeout = 50ms")) {
      int port = impatient.descriptor().shardPorts().getFirst();
      for (byte[] said : new byte[][] {{}, {0, 0}, {0, 0, 0, 9, 1, 2, 3}}) {
        try (RawClient client = RawClient.silent(port)) {
          client.sendBytes(said);
          assertEquals(
              "expected a Hello within 50ms, and none came",
              client.refusal().orElseThrow().message());
        }
      }
    }
  }
}
