package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.net.AdminClient;
import dev.trellis.node.net.RawClient;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StartupException;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReportCodec;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

class StatisticsTest {
  private static final int PATIENCE_MILLIS = 60_000;

  private static TrellisNode start(String settings) {
    return Nodes.start("control.port = 0, statistics.period = 100ms\n" + settings);
  }

  private static void awaitReady(AdminClient admin) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
    while (!admin.get("/readyz").body().equals("ready\n")) {
      assertTrue(System.nanoTime() < deadline, "the node founds no cluster");
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }

  /// Whoever listens to a node.
  private static final class Listener implements AutoCloseable {
    private final ZContext context = new ZContext();
    private final ZMQ.Socket socket = context.createSocket(SocketType.SUB);

    Listener(TrellisNode node) {
      socket.setReceiveTimeOut(PATIENCE_MILLIS);
      socket.subscribe(NodeReportCodec.TOPIC);
      socket.connect("tcp://127.0.0.1:" + node.descriptor().statisticsPort());
    }

    NodeReport next() throws Exception {
      assertEquals(NodeReportCodec.TOPIC, socket.recvStr());
      assertTrue(socket.hasReceiveMore());
      byte[] message = socket.recv();
      assertTrue(!socket.hasReceiveMore());
      return NodeReportCodec.decode(ByteBuffer.wrap(message));
    }

    @Override
    public void close() {
      context.close();
    }
  }

  @Test
  void aNodePublishesWhatItsShardsDo() throws Exception {
    try (TrellisNode node = start("shards = 2");
        AdminClient admin = new AdminClient(node);
        Listener listener = new Listener(node);
        RawClient client =
            RawClient.open(node.descriptor().shardPorts().getFirst(), Frame.Scope.NODE)) {
      NodeReport first = listener.next();
      assertEquals("trellis", first.cluster());
      assertEquals(node.descriptor().id(), first.nodeId());
      assertEquals(node.descriptor().incarnation(), first.incarnation());
      assertEquals(node.descriptor().tier(), first.tier());
      assertTrue(first.periodMillis() >= 90, first::toString);
      awaitReady(admin);
      long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS);
      long sequence = first.sequence();
      long told = 0;
      while (told == 0) {
        client.put("key", Payload.of(new byte[100])); // a shard that is late is left out
        NodeReport report = listener.next();
        sequence++;
        assertEquals(sequence, report.sequence());
        for (NodeReport.Shard shard : report.shards()) {
          long heavy = shard.heavy().stream().mapToLong(NodeReport.Heavy::writes).sum();
          assertEquals(shard.mutations(), heavy);
          told += heavy;
        }
        assertTrue(System.nanoTime() < deadline, "what was put is not told");
      }
      String metrics = admin.get("/metrics").body();
      assertTrue(metric(metrics, "trellis_statistics_published_total") >= 1, metrics);
      assertTrue(metric(metrics, "trellis_statistics_dropped_total") >= 0, metrics);
    }
  }

  private static double metric(String metrics, String name) {
    return metrics
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + name + " in " + metrics));
  }

  @Test
  void thePortMayBeGivenAndIsTakenByOneOnly() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
      String message =
          assertThrows(StartupException.class, () -> start("statistics.port = " + port))
              .getMessage();
      assertTrue(message.contains("statistics.port"), message);
    }
    try (TrellisNode node = start("statistics.port = " + port)) {
      assertEquals(port, node.descriptor().statisticsPort());
    }
  }

  @Test
  void whoStandsAloneOrIsToldNotToPublishesNothing() {
    try (TrellisNode alone = Nodes.start("");
        TrellisNode silent = start("statistics.port = null")) {
      assertEquals(0, alone.descriptor().statisticsPort());
      assertEquals(0, silent.descriptor().statisticsPort());
    }
    String message =
        assertThrows(ConfigurationException.class, () -> Nodes.config("statistics.port = 7518"))
            .getMessage();
    assertTrue(message.contains("is set, but control.port is not"), message);
  }
}
