package dev.trellis.monitor.statistics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.NodeReportCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

class StatisticsFeedTest {
  private static final long WAIT_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final BlockingQueue<NodeReport> reports = new LinkedBlockingQueue<>();

  /// A node's socket.
  private static final class Publisher implements AutoCloseable {
    private final ZContext context = new ZContext();
    private final ZMQ.Socket socket = context.createSocket(SocketType.PUB);
    private final int port;
    private final String nodeId;

    Publisher(String nodeId) {
      this(nodeId, 0, Optional.empty());
    }

    /// With security on, but for asking whether a key is known.
    Publisher(String nodeId, int port, Optional<ZMQ.Curve.KeyPair> server) {
      this.nodeId = nodeId;
      server.ifPresent(
          pair -> {
            socket.setCurveServer(true);
            socket.setCurvePublicKey(ZMQ.Curve.z85Decode(pair.publicKey));
            socket.setCurveSecretKey(ZMQ.Curve.z85Decode(pair.secretKey));
          });
      this.port = port == 0 ? socket.bindToRandomPort("tcp://127.0.0.1") : bind(socket, port);
    }

    private static int bind(ZMQ.Socket socket, int port) {
      socket.bind("tcp://127.0.0.1:" + port);
      return port;
    }

    String address() {
      return "127.0.0.1:" + port;
    }

    NodeReport report(long sequence) {
      return new NodeReport(
          "trellis",
          nodeId,
          7,
          Tier.MEMORY,
          sequence,
          1_700_000_000_000L,
          1_000,
          List.of(
              new NodeReport.Shard(
                  0,
                  10,
                  2,
                  3_000,
                  4,
                  500,
                  6_000,
                  new NodeReport.Progress(8, 0, 0),
                  new Histogram(List.of(1L, 2L)),
                  Histogram.EMPTY,
                  List.of(),
                  List.of())));
    }

    void publish(long sequence) {
      send(NodeReportCodec.TOPIC, NodeReportCodec.encode(report(sequence)));
    }

    void send(String topic, byte[]... frames) {
      socket.send(topic, frames.length == 0 ? 0 : ZMQ.SNDMORE);
      for (int at = 0; at < frames.length; at++) {
        socket.send(frames[at], at + 1 < frames.length ? ZMQ.SNDMORE : 0);
      }
    }

    @Override
    public void close() {
      context.close();
    }
  }

  /// Publishes until something comes: whoever listens is connected at some time only, and what was
  /// published before is lost to him.
  private NodeReport publishUntilHeard(Publisher... publishers) throws InterruptedException {
    long deadline = System.nanoTime() + WAIT_NANOS;
    for (long sequence = 1; System.nanoTime() < deadline; sequence++) {
      for (Publisher publisher : publishers) {
        publisher.publish(sequence);
      }
      NodeReport heard = reports.poll(10, TimeUnit.MILLISECONDS);
      if (heard != null) {
        return heard;
      }
    }
    throw new AssertionError("nothing is heard");
  }

  @Test
  void whatNodesPublishIsHandedOn() throws Exception {
    try (StatisticsFeed feed = StatisticsFeed.start(reports::add, Optional.empty());
        Publisher node = new Publisher("n1")) {
      feed.listenTo(Set.of(node.address()));
      NodeReport heard = publishUntilHeard(node);
      assertEquals(node.report(heard.sequence()), heard);
      assertTrue(feed.received() >= 1);
      assertEquals(0, feed.malformed());
    }
  }

  private static CurveKeys keys(Path folder, ZMQ.Curve.KeyPair... servers) throws IOException {
    ZMQ.Curve.KeyPair own = ZMQ.Curve.generateKeyPair();
    Files.writeString(
        folder.resolve(Secrets.CURVE_KEY),
        "public " + own.publicKey + "\nsecret " + own.secretKey + "\n");
    StringBuilder lines = new StringBuilder();
    for (ZMQ.Curve.KeyPair server : servers) {
      lines.append(server.publicKey).append('\n');
    }
    Files.writeString(folder.resolve(CurveKeys.SERVER_PUBLIC), lines.toString());
    return CurveKeys.of(new Secrets(folder));
  }

  @Test
  void nodesWithAnyOfTheServerKeysAreHeardWhereSecurityIsOnAndNoOthers(@TempDir Path folder)
      throws Exception {
    ZMQ.Curve.KeyPair first = ZMQ.Curve.generateKeyPair();
    ZMQ.Curve.KeyPair second = ZMQ.Curve.generateKeyPair();
    CurveKeys keys = keys(folder, first, second);
    try (StatisticsFeed feed = StatisticsFeed.start(reports::add, Optional.of(keys));
        Publisher one = new Publisher("n1", 0, Optional.of(first));
        Publisher two = new Publisher("n2", 0, Optional.of(second));
        Publisher foreign = new Publisher("n3", 0, Optional.of(ZMQ.Curve.generateKeyPair()));
        Publisher plain = new Publisher("n4")) {
      feed.listenTo(
          Set.of(one.address(), two.address(), foreign.address(), plain.address(), "no address"));
      Set<String> heard = new TreeSet<>();
      for (int round = 0; round < 20 || heard.size() < 2; round++) {
        heard.add(publishUntilHeard(one, two, foreign, plain).nodeId());
      }
      assertEquals(Set.of("n1", "n2"), heard);
      feed.listenTo(Set.of(two.address()));
      for (int round = 0; round < 40 || reports.size() > 1; round++) {
        publishUntilHeard(two, foreign);
      }
      assertEquals("n2", publishUntilHeard(two).nodeId());
    }
  }

  @Test
  void aNodeThatIsBackWithTheOtherServerKeyIsHeardAgain(@TempDir Path folder) throws Exception {
    ZMQ.Curve.KeyPair before = ZMQ.Curve.generateKeyPair();
    ZMQ.Curve.KeyPair after = ZMQ.Curve.generateKeyPair();
    CurveKeys keys = keys(folder, before, after);
    try (StatisticsFeed feed = StatisticsFeed.start(reports::add, Optional.of(keys))) {
      int port;
      try (Publisher node = new Publisher("n1", 0, Optional.of(before))) {
        port = node.port;
        feed.listenTo(Set.of(node.address()));
        publishUntilHeard(node);
      }
      reports.clear();
      try (Publisher node = new Publisher("n1", port, Optional.of(after))) {
        assertEquals("n1", publishUntilHeard(node).nodeId());
      }
    }
  }

  @Test
  void whoIsListenedToMayChange() throws Exception {
    try (StatisticsFeed feed = StatisticsFeed.start(reports::add, Optional.empty());
        Publisher one = new Publisher("n1");
        Publisher two = new Publisher("n2")) {
      feed.listenTo(Set.of(one.address()));
      assertEquals("n1", publishUntilHeard(one, two).nodeId());
      feed.listenTo(Set.of(two.address(), "no address"));
      long deadline = System.nanoTime() + WAIT_NANOS;
      while (!publishUntilHeard(one, two).nodeId().equals("n2")) {
        assertTrue(System.nanoTime() < deadline, "n2 is never heard");
      }
      reports.clear();
      // Both go through the same two sockets in order: when n2's next comes, n1's would have too.
      for (int round = 0; round < 20; round++) {
        assertEquals("n2", publishUntilHeard(one, two).nodeId());
      }
    }
  }

  @Test
  void whatIsNoReportIsCountedAndTheRestIsHandedOnAllTheSame() throws Exception {
    try (StatisticsFeed feed = StatisticsFeed.start(reports::add, Optional.empty());
        Publisher node = new Publisher("n1")) {
      feed.listenTo(Set.of(node.address()));
      publishUntilHeard(node);
      reports.clear();
      node.send(NodeReportCodec.TOPIC);
      node.send(NodeReportCodec.TOPIC, new byte[] {1, 2, 3});
      node.send(NodeReportCodec.TOPIC, new byte[0], new byte[0]);
      node.send("something else", new byte[] {1, 2, 3});
      node.publish(1_000_000);
      NodeReport heard = reports.poll(60, TimeUnit.SECONDS);
      while (heard != null && heard.sequence() < 1_000_000) {
        heard = reports.poll(60, TimeUnit.SECONDS);
      }
      assertEquals(node.report(1_000_000), heard);
      assertEquals(3, feed.malformed());
    }
  }

  @Test
  void aConsumerThatFailsGetsTheNextReport() throws Exception {
    boolean[] failed = {false};
    try (StatisticsFeed feed =
            StatisticsFeed.start(
                report -> {
                  if (!failed[0]) {
                    failed[0] = true;
                    throw new IllegalStateException("as the test wants it");
                  }
                  reports.add(report);
                },
                Optional.empty());
        Publisher node = new Publisher("n1")) {
      feed.listenTo(Set.of(node.address()));
      assertTrue(publishUntilHeard(node).sequence() > 1);
    }
  }
}
