package dev.trellis.node.control;

import static dev.trellis.node.control.TestMember.activate;
import static dev.trellis.node.control.TestMember.await;
import static dev.trellis.node.control.TestMember.awaitTogether;
import static dev.trellis.node.control.TestMember.plan;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.process.StartupException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

class ControlPortTest {
  private static ControlClient client(TestMember member) {
    return new ControlClient("127.0.0.1", member.port(), Duration.ofSeconds(30));
  }

  @Test
  void statusTellsTheWholeView() throws IOException {
    try (TestMember a = plan("a").start()) {
      String hex = Long.toHexString(a.self.incarnation());
      assertEquals(
          "{\"id\":\"a\",\"incarnation\":\""
              + hex
              + "\",\"cluster\":\"test\",\"state\":\"joining\",\"version\":"
              + a.view().topology().version()
              + ",\"faultTolerance\":1,\"settled\":false,\"members\":[{\"id\":\"a\","
              + "\"tier\":\"memory\",\"state\":\"joining\",\"suspected\":false,\"incarnation\":\""
              + hex
              + "\",\"host\":\"127.0.0.1\",\"controlPort\":"
              + a.port()
              + ",\"adminPort\":2,\"statisticsPort\":0,\"shardPorts\":[1],\"capacity\":1,\"zone\":\"zone-a\"}],"
              + "\"absent\":[],\"gone\":[],\"shards\":[{\"shard\":0,\"version\":3,"
              + "\"held\":16384,\"incomplete\":2,\"surplus\":1}]}",
          client(a).status());
    }
  }

  @Test
  void ordersAreCarriedOutOrRefusedWithTheReason() throws Exception {
    try (TestMember a = plan("a").start();
        TestMember b = plan("b").seeds(a).start()) {
      awaitTogether(a, b);
      activate(a, b);
      client(a).changeFaultTolerance(4);
      await(() -> b.view().topology().faultTolerance() == 4, () -> "b: " + b.view());
      assertEquals("fault-tolerance '99' must be a number of nodes, 0 to 15", refusal(a, 99));
      assertEquals(
          "node b is a live member; have it leave instead",
          assertThrows(OrderRefusedException.class, () -> client(a).declareGone("b")).getMessage());
      assertEquals(
          "node x is not absent; absent are []",
          assertThrows(OrderRefusedException.class, () -> client(a).declareGone("x")).getMessage());
      client(b).leave();
      b.asked.get(60, SECONDS);
      b.die();
      await(() -> a.view().absent().contains(b.incarnation()), () -> "a: " + a.view());
      assertEquals(
          "node a is the only member: nobody could take over what it holds; stop it instead",
          assertThrows(OrderRefusedException.class, () -> client(a).leave()).getMessage());
      client(a).declareGone("b");
      await(() -> a.view().gone().contains(b.incarnation()), () -> "a: " + a.view());
    }
  }

  @Test
  void theOrdersOfAMonitorCountUntilAnotherClaimsAHigherEpoch() throws Exception {
    try (TestMember a = plan("a").start();
        TestMember b = plan("b").seeds(a).start()) {
      awaitTogether(a, b);
      activate(a, b);
      assertEquals("{\"epoch\":0,\"ageMillis\":-1}", client(a).claim(0));
      assertTrue(client(a).claim(7).startsWith("{\"epoch\":7,\"ageMillis\":"));
      await(() -> b.view().monitorEpoch() == 7, () -> "b: " + b.view());
      // Known there, though nobody has claimed it from that node.
      assertEquals("{\"epoch\":7,\"ageMillis\":-1}", client(b).claim(0));
      String over = "epoch 6 is over: a monitor of epoch 7 has taken over";
      assertEquals(
          over, assertThrows(OrderRefusedException.class, () -> client(b).claim(6)).getMessage());
      assertEquals(
          over, assertThrows(OrderRefusedException.class, () -> client(b).leave(6)).getMessage());
      client(b).leave(7);
      b.asked.get(60, SECONDS);
    }
  }

  @Test
  void clientsMergeWhileAnOperatorSaysSoAndAMemoryNodeMakesNoBackup() throws Exception {
    try (TestMember a = plan("a").start()) {
      client(a).admitMerges(Duration.ofSeconds(30));
      client(a).admitMerges(Duration.ZERO);
      assertEquals(List.of(Duration.ofSeconds(30), Duration.ZERO), a.leases);
      assertEquals(
          "restore '301' must be a number of seconds, 0 to 300",
          assertThrows(
                  OrderRefusedException.class, () -> client(a).admitMerges(Duration.ofSeconds(301)))
              .getMessage());
      assertEquals(
          "has no disk",
          assertThrows(OrderRefusedException.class, () -> client(a).beginBackup(Path.of("/backup")))
              .getMessage());
      assertEquals(
          "{\"state\":\"none\",\"folder\":\"\",\"bytes\":0,\"bytesExpected\":0,\"problem\":\"\"}",
          client(a).backupProgress());
    }
  }

  private static String refusal(TestMember member, int faultTolerance) {
    return assertThrows(
            OrderRefusedException.class, () -> client(member).changeFaultTolerance(faultTolerance))
        .getMessage();
  }

  @Test
  void nobodyThereIsSaidWithinTheTimeout() {
    TestMember a = plan("a").start();
    a.close();
    ControlClient client = new ControlClient("127.0.0.1", a.port(), Duration.ofMillis(100));
    assertEquals(
        "no answer from control port "
            + a.port()
            + " of 127.0.0.1 within 100 ms; is a node running there?",
        assertThrows(IOException.class, client::status).getMessage());
  }

  @Test
  void aHandshakeThatGetsStuckIsBegunAnew() throws Exception {
    try (TestMember a = plan("a").start();
        ServerSocket between = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> letTheSecondThrough(between, a.port()));
      ControlClient client =
          new ControlClient("127.0.0.1", between.getLocalPort(), Duration.ofSeconds(20));
      assertTrue(client.status().startsWith("{\"id\":\"a\""));
    }
  }

  /// Takes a connection and says nothing on it, then joins all later ones to a port.
  private static void letTheSecondThrough(ServerSocket between, int port) {
    try (Socket _ = between.accept()) {
      while (true) {
        Socket from = between.accept();
        Socket to = new Socket(InetAddress.getLoopbackAddress(), port);
        Thread.ofVirtual().start(() -> copy(from, to));
        Thread.ofVirtual().start(() -> copy(to, from));
      }
    } catch (IOException e) {
      // the test is over
    }
  }

  private static void copy(Socket from, Socket to) {
    try (from;
        to) {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // one of the two has closed
    }
  }

  @Test
  void aPortInUseIsSaid() {
    try (TestMember a = plan("a").start()) {
      String message =
          assertThrows(StartupException.class, () -> plan("b").port(a.port()).start()).getMessage();
      assertEquals(
          "port "
              + a.port()
              + " of localhost is in use, and the control plane of node b needs it; stop what"
              + " listens there, or set control.port to another port (0 takes a free one)",
          message);
    }
  }

  /// It is a negative size to JeroMQ, whose thread then connected nobody any more.
  @Test
  void aFrameThatClaimsMoreThanThereIsEndsItsConnectionAndNothingElse() throws Exception {
    try (TestMember a = plan("a").start()) {
      ByteBuffer bytes = ByteBuffer.allocate(73);
      bytes.put((byte) 0xff).putLong(1).put((byte) 0x7f).put((byte) 3).put((byte) 0);
      bytes.put("NULL".getBytes(StandardCharsets.US_ASCII));
      bytes.position(64).put((byte) 6).putLong(0x80000000_90000000L);
      for (int round = 0; round < 20; round++) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), a.port())) {
          socket.setSoTimeout(60_000);
          socket.getOutputStream().write(bytes.array());
          // Greeting and a command; then the end.
          assertTrue(isEnded(socket), "the connection stands");
        }
      }
      assertTrue(client(a).status().startsWith("{\"id\":\"a\""));
      try (TestMember b = plan("b").seeds(a).start()) {
        awaitTogether(a, b);
      }
    }
  }

  private static boolean isEnded(Socket socket) throws IOException {
    try {
      return socket.getInputStream().readAllBytes().length < 4_096;
    } catch (SocketException e) {
      return true; // with what was not read
    }
  }

  @Test
  void whatIsNoMessageIsCountedAndDoesNoHarm() throws Exception {
    Random random = new Random(11);
    try (TestMember a = plan("a").start();
        TestMember b = plan("b").seeds(a).start();
        ZContext context = new ZContext();
        ZMQ.Socket stranger = context.createSocket(SocketType.DEALER)) {
      awaitTogether(a, b);
      for (int length : new int[] {1, 9, 64, 500, 70_000}) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), a.port())) {
          byte[] garbage = new byte[length];
          random.nextBytes(garbage);
          OutputStream out = socket.getOutputStream();
          try {
            out.write(garbage);
            out.flush();
          } catch (IOException e) {
            assertTrue(length > 9, "closed before it sent more than a greeting");
          }
        }
      }
      stranger.setLinger(0);
      stranger.connect("tcp://127.0.0.1:" + a.port());
      int sent = 0;
      for (; sent < 200; sent++) {
        byte[] garbage = new byte[random.nextInt(100)];
        random.nextBytes(garbage);
        stranger.send(garbage);
      }
      // Well-formed but for what it carries: as if a member sent it.
      for (; sent < 400; sent++) {
        byte[] body = new byte[random.nextInt(60)];
        random.nextBytes(body);
        for (int at = 0; at < body.length; at++) {
          body[at] = (byte) (body[at] % 14); // numbers of classes, mostly
        }
        Envelope envelope =
            new Envelope(
                Envelope.VERSION,
                Envelope.Kind.CLUSTER,
                "test",
                b.incarnation(),
                b.address(),
                System.currentTimeMillis(),
                Payload.of(body));
        stranger.send(envelope.encode().toBytes());
      }
      int all = sent;
      await(
          () -> a.tallies.malformed.sum() >= all,
          () -> a.tallies.malformed.sum() + " of " + all + " counted");
      awaitTogether(a, b);
      try (TestMember c = plan("c").seeds(a).start()) {
        awaitTogether(a, b, c);
      }
      assertTrue(client(a).status().startsWith("{\"id\":\"a\""));
    }
  }

  @Test
  void nothingRemainsOfAMembershipThatWasClosed() {
    TestMember a = plan("leaktest").start();
    a.close();
    await(
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(
                    thread ->
                        thread.getName().contains("leaktest")
                            || thread.getName().contains(a.address())),
        () -> "threads: " + Thread.getAllStackTraces().keySet());
    plan("b").port(a.port()).start().close(); // the port is free again
  }
}
