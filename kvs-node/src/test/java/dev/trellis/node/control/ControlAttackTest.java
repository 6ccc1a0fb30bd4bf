package dev.trellis.node.control;

import static dev.trellis.node.control.TestMember.activate;
import static dev.trellis.node.control.TestMember.await;
import static dev.trellis.node.control.TestMember.awaitTogether;
import static dev.trellis.node.control.TestMember.plan;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/// What comes to a control port that no member sends.
class ControlAttackTest {
  /// 10,000 with `-Dcontrol.halfopen=10000`, which needs that many files.
  private static final int HALF_OPEN = Integer.getInteger("control.halfopen", 700);

  @TempDir private Path folder;
  private TestSecrets secrets;

  @BeforeEach
  void makeSecrets() {
    secrets = new TestSecrets(folder, "test");
  }

  private TestMember start(String id, TestMember... seeds) {
    return plan(id).secrets(secrets.node(id)).seeds(seeds).defaultTimes().start();
  }

  private String status(TestMember member) throws IOException {
    return new ControlClient(
            "127.0.0.1",
            member.port(),
            Duration.ofSeconds(30),
            Optional.of(CurveKeys.of(new Secrets(secrets.user()))))
        .status();
  }

  private static byte[] greeting(String mechanism) {
    ByteBuffer greeting = ByteBuffer.allocate(64);
    greeting.put((byte) 0xff).putLong(1).put((byte) 0x7f).put((byte) 3).put((byte) 0);
    greeting.put(mechanism.getBytes(StandardCharsets.US_ASCII));
    return greeting.array();
  }

  private static SocketChannel connect(TestMember to) throws IOException {
    return SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), to.port()));
  }

  private static void send(SocketChannel to, byte[] bytes) {
    try {
      ByteBuffer left = ByteBuffer.wrap(bytes);
      while (left.hasRemaining() && to.write(left) >= 0) {
        // goes on
      }
    } catch (IOException e) {
      // It was closed before all of it was sent.
    }
  }

  private static boolean isEnded(SocketChannel channel) {
    try {
      ByteBuffer read = ByteBuffer.allocate(4_096);
      int count = channel.read(read);
      while (count > 0) {
        read.clear();
        count = channel.read(read);
      }
      return count < 0;
    } catch (IOException e) {
      return true;
    }
  }

  private static List<Integer> standing(List<SocketChannel> open) {
    List<Integer> standing = new ArrayList<>();
    for (int at = 0; at < open.size(); at++) {
      if (!isEnded(open.get(at))) {
        standing.add(at);
      }
    }
    return standing;
  }

  private static void closeAll(List<SocketChannel> channels) throws IOException {
    for (SocketChannel one : channels) {
      one.close();
    }
  }

  /// Members of which none is ever suspected until the end.
  private static List<String> listen(TestMember... members) {
    List<String> complaints = new CopyOnWriteArrayList<>();
    for (TestMember member : members) {
      member.membership.listen(
          view -> {
            if (view.topology().members().size() != members.length) {
              complaints.add(member.self.id() + " sees " + view);
            }
          });
    }
    return complaints;
  }

  @Test
  void halfOpenConnectionsAreEndedAndTakeNoMemoryAndNobodyIsTakenForDead() throws Exception {
    List<SocketChannel> open = new ArrayList<>();
    try (TestMember a = start("a");
        TestMember b = start("b", a)) {
      awaitTogether(a, b);
      activate(a, b);
      List<String> complaints = listen(a, b);
      int most = 0;
      for (int at = 0; at < HALF_OPEN; at++) {
        SocketChannel one = connect(a);
        one.configureBlocking(false);
        open.add(one);
        byte[] greeting = greeting("CURVE");
        switch (at % 4) {
          case 0 -> send(one, greeting); // and then nothing
          case 1 -> send(one, new byte[] {(byte) 0xff, 0}); // a greeting that never ends
          case 2 -> {
            send(one, greeting);
            // A command of 2 MiB that never comes.
            send(one, new byte[] {6, 0, 0, 0, 0, 0, 0x1f, (byte) 0xff, (byte) 0xff, 5});
          }
          default -> {}
        }
        most = Math.max(most, a.socket.connections());
      }
      assertTrue(most <= 512 + 8, most + " connections were held at once");
      assertTrue(status(a).startsWith("{\"id\":\"a\""));
      await(
          () -> open.stream().allMatch(ControlAttackTest::isEnded),
          () -> "some of the connections stand for ever; held are " + a.socket.connections());
      awaitTogether(a, b);
      assertEquals(List.of(), complaints);
    } finally {
      closeAll(open);
    }
  }

  @Test
  void garbageAndFramesThatClaimTwoGigabytesEndTheirConnectionAndNothingElse() throws Exception {
    Random random = new Random(7);
    List<SocketChannel> open = new ArrayList<>();
    try (TestMember a = start("a");
        TestMember b = start("b", a)) {
      awaitTogether(a, b);
      for (int at = 0; at < 200; at++) {
        SocketChannel one = connect(a);
        one.configureBlocking(false);
        open.add(one);
        byte[] garbage = new byte[1 + random.nextInt(2_000)];
        random.nextBytes(garbage);
        switch (at % 8) {
          case 0 -> send(one, garbage);
          case 1 -> send(one, greeting("NULL"));
          case 2 -> send(one, greeting("PLAIN"));
          case 3 -> {
            send(one, greeting("CURVE"));
            send(one, garbage);
          }
          case 4 -> {
            send(one, greeting("CURVE"));
            send(one, new byte[] {6, 0, 0, 0, 0, 0x7f, (byte) 0xff, (byte) 0xff, (byte) 0xff, 5});
          }
          case 5 -> {
            send(one, greeting("CURVE"));
            send(one, new byte[] {6, (byte) 0xff, 0, 0, 0, 0, 0, 0, 1, 5});
          }
          case 6 -> {
            send(one, greeting("CURVE"));
            send(one, hello(random));
          }
          default -> {
            // ZMTP 1.0 and 2.0 know no CURVE.
            byte[] old = greeting("CURVE");
            old[10] = (byte) (at / 8 % 2);
            send(one, old);
          }
        }
      }
      await(
          () -> open.stream().allMatch(ControlAttackTest::isEnded),
          () -> "these stand for ever: " + standing(open));
      assertEquals(0, a.tallies.malformed.sum());
      assertTrue(status(a).startsWith("{\"id\":\"a\""));
      awaitTogether(a, b);
      try (TestMember c = start("c", a)) {
        awaitTogether(a, b, c);
      }
    } finally {
      closeAll(open);
    }
  }

  /// Of the right size, by somebody without the server key.
  private static byte[] hello(Random random) {
    byte[] command = new byte[202];
    random.nextBytes(command);
    command[0] = 4;
    command[1] = (byte) 200;
    byte[] name = "\5HELLO\1\0".getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(name, 0, command, 2, name.length);
    return command;
  }

  @Test
  void aMemberThatSendsGarbageIsCountedAndDoesNoHarm() throws Exception {
    CurveKeys keys = CurveKeys.of(secrets.node("x"));
    Random random = new Random(13);
    try (TestMember a = start("a");
        TestMember b = start("b", a);
        ZContext context = new ZContext();
        ZMQ.Socket member = context.createSocket(SocketType.DEALER)) {
      awaitTogether(a, b);
      member.setLinger(0);
      CurveServer.protectClient(member, keys.held(), keys.held().serverKeys().getFirst());
      member.connect("tcp://127.0.0.1:" + a.port());
      member.setReceiveTimeOut(60_000);
      assertEquals(0, member.recv().length); // the handshake is done
      for (int at = 0; at < 300; at++) {
        byte[] garbage = new byte[1 + random.nextInt(200)];
        random.nextBytes(garbage);
        member.send(garbage);
      }
      await(() -> a.tallies.malformed.sum() >= 300, () -> a.tallies.malformed.sum() + " counted");
      awaitTogether(a, b);
    }
  }

  /// JeroMQ lets what a client says of itself overwrite what ZAP said of it.
  @Test
  void whoCallsHimselfOperatorIsNotTakenForOne() throws Exception {
    CurveKeys keys = CurveKeys.of(secrets.node("x"));
    try (TestMember a = start("a");
        ZContext context = new ZContext();
        ZMQ.Socket member = context.createSocket(SocketType.DEALER)) {
      member.setLinger(0);
      member.setIdentity("operator".getBytes(StandardCharsets.US_ASCII));
      CurveServer.protectClient(member, keys.held(), keys.held().serverKeys().getFirst());
      member.connect("tcp://127.0.0.1:" + a.port());
      member.setReceiveTimeOut(60_000);
      assertEquals(0, member.recv().length);
      Envelope order =
          new Envelope(
              Envelope.VERSION,
              Envelope.Kind.ORDER,
              "",
              new dev.trellis.node.membership.Incarnation("", 0),
              "",
              System.currentTimeMillis(),
              new Order("fault-tolerance", "0").encode());
      member.send(order.encode().toBytes());
      Order.Answer answer = Order.Answer.decode(Envelope.decode(Payload.of(member.recv())).body());
      assertEquals(
          new Order.Answer(
              false, "the key of 'node' in curve.known does not allow the order fault-tolerance"),
          answer);
    }
  }

  @Test
  void roomForLargeMessagesIsLimitedPerSecond() {
    LargeMessages room = new LargeMessages();
    long now = System.nanoTime();
    int taken = 0;
    while (room.mayTake(2 << 20, now)) {
      taken++;
    }
    assertTrue(taken >= 3 && taken <= 4, taken + " messages of 2 MiB");
    assertEquals(0, room.allocate(2 << 20).size());
    assertEquals(1_000, room.allocate(1_000).size());
    assertTrue(room.mayTake(2 << 20, now + Duration.ofSeconds(1).toNanos()));
  }
}
