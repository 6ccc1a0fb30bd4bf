package dev.trellis.node.control;

import static dev.trellis.node.control.TestMember.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Protection;
import dev.trellis.process.Secrets;
import dev.trellis.process.StrictConfig;
import dev.trellis.process.TestSecrets;
import dev.trellis.process.TestSecrets.CurvePair;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeReportCodec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

class StatisticsSecurityTest {
  @TempDir private Path folder;
  private TestSecrets secrets;

  @BeforeEach
  void makeSecrets() {
    secrets = new TestSecrets(folder, "trellis");
  }

  private static StatisticsPublisher start(Secrets own) {
    NodeConfig config =
        NodeConfig.of(
            StrictConfig.ofText(
                NodeConfig.reference(),
                "node.id = n1, shards = 1, data.ports = 0, admin.port = 0, control.port = 0,"
                    + " statistics.period = 100ms",
                Map.of()));
    StatisticsPublisher publisher =
        StatisticsPublisher.bind(
                config,
                InetAddress.getLoopbackAddress(),
                Optional.of(Protection.of(own, "trellis", "node n1", InstantSource.system())))
            .orElseThrow();
    NodeDescriptor self =
        new NodeDescriptor(
            "n1",
            NodeDescriptor.Tier.MEMORY,
            "127.0.0.1",
            List.of(1),
            2,
            3,
            1,
            NodeDescriptor.State.ACTIVE,
            "",
            4);
    publisher.start(self, InstantSource.system(), List::of);
    return publisher;
  }

  /// Whoever listens, with keys or without.
  private static final class Listener implements AutoCloseable {
    private final ZContext context = new ZContext();
    private final ZMQ.Socket socket = context.createSocket(SocketType.SUB);
    private final AtomicInteger ends = new AtomicInteger(); // of connections
    private final Dialling dialling = Dialling.watch(socket, ends::incrementAndGet);

    Listener(StatisticsPublisher to, Optional<Secrets> own) {
      own.map(CurveKeys::of)
          .map(CurveKeys::held)
          .ifPresent(held -> CurveServer.protectClient(socket, held, held.serverKeys().getFirst()));
      socket.setReceiveTimeOut(60_000);
      socket.subscribe(NodeReportCodec.TOPIC);
      socket.connect("tcp://127.0.0.1:" + to.port());
    }

    String heard() throws Exception {
      assertEquals(NodeReportCodec.TOPIC, socket.recvStr());
      return NodeReportCodec.decode(ByteBuffer.wrap(socket.recv())).nodeId();
    }

    void assertHearsNothing(Dialling.Problem problem) {
      await(dialling::hasEnded, () -> "the connection stands");
      // The first try may have ended otherwise, as where a handshake takes too long.
      await(() -> dialling.problem() == problem, () -> "it is " + dialling.problem());
      assertNull(socket.recv(ZMQ.DONTWAIT));
    }

    @Override
    public void close() {
      context.close();
    }
  }

  @Test
  void onlyWhoIsKnownHearsWhatANodePublishes() throws Exception {
    Secrets stranger = secrets.monitor("x");
    CurvePair key = TestSecrets.strangersPair();
    TestSecrets.replace(
        stranger,
        Secrets.CURVE_KEY,
        "public " + key.publicKey() + "\nsecret " + key.secretKey() + "\n");
    TestSecrets others = new TestSecrets(folder.resolve("other"), "trellis");
    try (AuditedLines audit = new AuditedLines();
        StatisticsPublisher publisher = start(secrets.node("n1"));
        Listener monitor = new Listener(publisher, Optional.of(secrets.monitor("m")));
        Listener unknown = new Listener(publisher, Optional.of(stranger));
        Listener foreign = new Listener(publisher, Optional.of(others.monitor("m")));
        Listener plain = new Listener(publisher, Optional.empty())) {
      assertEquals("n1", monitor.heard());
      unknown.assertHearsNothing(Dialling.Problem.REFUSED);
      foreign.assertHearsNothing(Dialling.Problem.SERVER_KEY);
      plain.assertHearsNothing(Dialling.Problem.GREETING);
      await(
          () -> audit.has("refused", "\"target\":\"statistics\"", "is not in curve.known"),
          () -> "audited: " + audit.lines());
      assertEquals("n1", monitor.heard());
    }
  }

  /// Half-open connections, of more than one host, and of the one that the monitor is on too. The
  /// eldest of all is the monitor's.
  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.2", "127.0.0.1"})
  void strangersEndEachOtherAndNobodyWhoWasLetIn(String host) throws Exception {
    List<Socket> strangers = new ArrayList<>();
    try (StatisticsPublisher publisher = start(secrets.node("n1"));
        Listener monitor = new Listener(publisher, Optional.of(secrets.monitor("m")))) {
      assertEquals("n1", monitor.heard());
      int endsBefore = monitor.ends.get(); // as of a handshake that took too long
      long ended = 0;
      while (ended < 10) {
        // More than there are places for, and then, one by one, those for whom others have to go.
        for (int i = strangers.isEmpty() ? 0 : 79; i < 80; i++) {
          Socket stranger = new Socket();
          strangers.add(stranger);
          stranger.setSoTimeout(1);
          stranger.bind(new InetSocketAddress(host, 0));
          stranger.connect(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), publisher.port()));
        }
        // In their first second those that are new are turned away.
        ended = strangers.subList(0, 20).stream().filter(StatisticsSecurityTest::hasEnded).count();
      }
      assertEquals(endsBefore, monitor.ends.get(), "the line of the monitor has ended");
      assertEquals("n1", monitor.heard());
    } finally {
      for (Socket stranger : strangers) {
        stranger.close();
      }
    }
  }

  private static boolean hasEnded(Socket stranger) {
    try {
      while (stranger.getInputStream().read() >= 0) {
        // what is said to everybody
      }
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Test
  void whoIsRevokedHearsNoMore() throws Exception {
    Secrets own = secrets.node("n1");
    try (StatisticsPublisher publisher = start(own);
        Listener monitor = new Listener(publisher, Optional.of(secrets.monitor("m")))) {
      assertEquals("n1", monitor.heard());
      long begun = System.nanoTime();
      TestSecrets.replace(own, Secrets.CURVE_KNOWN, secrets.known("node").publicKey() + " node\n");
      await(monitor.dialling::hasEnded, () -> "the connection stands");
      assertTrue(System.nanoTime() - begun < 20_000_000_000L);
      await(
          () -> monitor.dialling.problem() == Dialling.Problem.REFUSED,
          () -> "it is " + monitor.dialling.problem());
    }
  }
}
