package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.View;
import dev.trellis.wire.WireException;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// Mutations over connections that break again and again, in the middle of a frame and in either
/// direction: what is acknowledged happened once, and what is refused did not.
class RepeatTest {
  private static final long WAIT_SECONDS = 120;
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int ROUNDS = 1_500;

  /// Passes bytes on, and cuts each connection after some of them.
  private static final class CuttingProxy implements AutoCloseable {
    private final ServerSocket server;
    private final int target;
    private final Random random;
    private final List<Socket> open = new CopyOnWriteArrayList<>();
    final AtomicInteger cuts = new AtomicInteger();
    volatile boolean cutting = true;

    CuttingProxy(int target, Random random) throws IOException {
      this.target = target;
      this.random = random;
      server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
      Thread.ofVirtual().start(this::acceptAll);
    }

    int port() {
      return server.getLocalPort();
    }

    private void acceptAll() {
      try {
        while (true) {
          Socket client = server.accept();
          Socket node = new Socket(InetAddress.getLoopbackAddress(), target);
          client.setTcpNoDelay(true);
          node.setTcpNoDelay(true);
          open.add(client);
          open.add(node);
          int there = 100 + random.nextInt(20_000);
          int back = 100 + random.nextInt(20_000);
          Thread.ofVirtual().start(() -> pass(client, node, there));
          Thread.ofVirtual().start(() -> pass(node, client, back));
        }
      } catch (IOException e) {
        // closed
      }
    }

    private void pass(Socket from, Socket to, int budget) {
      byte[] buffer = new byte[1_024];
      int left = budget;
      try (from;
          to) {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        while (true) {
          int count = in.read(buffer);
          if (count < 0) {
            return;
          }
          boolean cut = cutting && count > left;
          out.write(buffer, 0, cut ? left : count);
          if (cut) {
            cuts.incrementAndGet();
            return;
          }
          left -= cutting ? count : 0;
        }
      } catch (IOException e) {
        // the other direction has closed it
      }
    }

    @Override
    public void close() throws IOException {
      server.close();
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  /// Greets, and answers every question for the map with the same one.
  private static final class MapServer implements AutoCloseable {
    private static final String CLUSTER = "trellis"; // as the node's configuration has it

    private final ServerSocket server;
    private final NodeDescriptor node;
    private final List<Socket> open = new CopyOnWriteArrayList<>();

    /// Shows the node as one that listens at another port.
    MapServer(NodeDescriptor real, int port) throws IOException {
      node =
          new NodeDescriptor(
              real.id(),
              real.tier(),
              real.host(),
              List.of(port),
              real.adminPort(),
              real.incarnation(),
              real.capacity(),
              real.state());
      server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
      Thread.ofVirtual().start(this::acceptAll);
    }

    private void acceptAll() {
      try {
        while (true) {
          Socket client = server.accept();
          open.add(client);
          Thread.ofVirtual().start(() -> serve(client));
        }
      } catch (IOException e) {
        // closed
      }
    }

    private void serve(Socket client) {
      FrameCodec codec = new FrameCodec(Limits.DEFAULT);
      try (DataInputStream in = new DataInputStream(client.getInputStream());
          DataOutputStream out = new DataOutputStream(client.getOutputStream())) {
        while (true) {
          byte[] message = new byte[in.readInt()];
          in.readFully(message);
          Frame frame = codec.decode(ByteBuffer.wrap(message));
          HybridTimestamp now = HybridTimestamp.ofMillis(System.currentTimeMillis());
          Frame answer =
              frame instanceof Frame.MapRequest request
                  ? new Frame.ClusterMap(request.id(), 1, CLUSTER, 0, List.of(node))
                  : new Frame.Welcome(1, CLUSTER, "router", 0, 7, now, Limits.DEFAULT, 1);
          byte[] encoded = FrameCodec.encode(answer);
          out.writeInt(encoded.length);
          out.write(encoded);
        }
      } catch (IOException | WireException e) {
        // the client is gone
      }
    }

    @Override
    public void close() throws IOException {
      server.close();
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  /// How many calls ended in which way.
  private static final class Outcomes {
    final List<Integer> done = new ArrayList<>();
    final List<Integer> definite = new ArrayList<>();
    final List<Integer> unknown = new ArrayList<>();

    static Outcomes of(List<CompletableFuture<?>> calls) throws Exception {
      Outcomes outcomes = new Outcomes();
      for (int i = 0; i < calls.size(); i++) {
        try {
          calls.get(i).get(2 * WAIT_SECONDS, TimeUnit.SECONDS);
          outcomes.done.add(i);
        } catch (ExecutionException e) {
          boolean definite = ((TrellisException) e.getCause()).isDefinite();
          (definite ? outcomes.definite : outcomes.unknown).add(i);
        }
      }
      return outcomes;
    }

    @Override
    public String toString() {
      return done.size() + " done, " + definite.size() + " refused, " + unknown.size() + " unknown";
    }
  }

  @Test
  void everyAcknowledgedMutationHappenedOnce() throws Exception {
    breakConnections("500 ms");
  }

  /// Here most repeats come too late to be accepted with the timestamp that they have.
  @Test
  void everyAcknowledgedMutationHappenedOnceThoughRepeatsGoStale() throws Exception {
    breakConnections("15 ms");
  }

  private static void breakConnections(String skewMax) throws Exception {
    Random random = new Random(SEED);
    NodeConfig config =
        NodeConfig.of(
            StrictConfig.ofText(
                NodeConfig.reference(),
                "node.id = node-1, shards = 1, data.ports = 0, admin.port = 0, clock.skew.max = "
                    + skewMax,
                Map.of()));
    try (TrellisNode node = TrellisNode.start(config);
        CuttingProxy proxy = new CuttingProxy(node.descriptor().shardPorts().getFirst(), random);
        MapServer router = new MapServer(node.descriptor(), proxy.port());
        Trellis trellis =
            Trellis.connect(
                ClientConfig.of("127.0.0.1:" + router.server.getLocalPort())
                    .withTimeout(Duration.ofSeconds(WAIT_SECONDS))
                    .withConnectTimeout(Duration.ofSeconds(WAIT_SECONDS / 4))
                    .withInFlightMax(64))) {
      List<CompletableFuture<?>> increments = new ArrayList<>();
      List<CompletableFuture<?>> appends = new ArrayList<>();
      List<CompletableFuture<?>> adds = new ArrayList<>();
      for (int i = 0; i < ROUNDS; i++) {
        increments.add(trellis.counter("sum").addAsync(1));
        appends.add(trellis.log("journal").appendAsync(List.of(Payload.ofText("record-" + i))));
        adds.add(trellis.set("members").addAsync("member-" + i));
      }
      Outcomes incremented = Outcomes.of(increments);
      Outcomes appended = Outcomes.of(appends);
      Outcomes added = Outcomes.of(adds);
      proxy.cutting = false;
      String run =
          "-Dseed=%d, %s cuts; increments: %s; appends: %s; adds: %s"
              .formatted(SEED, proxy.cuts, incremented, appended, added);
      assertTrue(proxy.cuts.get() > 10, run);

      long sum = trellis.counter("sum").value();
      assertTrue(
          incremented.done.size() <= sum
              && sum <= incremented.done.size() + incremented.unknown.size(),
          () -> "the sum is " + sum + "; " + run);

      List<String> records =
          trellis.log("journal").readSince(CausalContext.EMPTY, 2 * ROUNDS).records().stream()
              .map(View.LogRecord::value)
              .map(Payload::text)
              .toList();
      Set<String> distinct = new HashSet<>(records);
      assertEquals(records.size(), distinct.size(), "records twice; " + run);
      for (int i : appended.done) {
        assertTrue(distinct.contains("record-" + i), () -> "record " + i + " is lost; " + run);
      }
      for (int i : appended.definite) {
        assertFalse(distinct.contains("record-" + i), () -> "refused and there: " + i + "; " + run);
      }

      Set<String> members = new HashSet<>(trellis.set("members").texts());
      for (int i : added.done) {
        assertTrue(members.contains("member-" + i), () -> "member " + i + " is lost; " + run);
      }
      for (int i : added.definite) {
        assertFalse(members.contains("member-" + i), () -> "refused and there: " + i + "; " + run);
      }
    }
  }
}
