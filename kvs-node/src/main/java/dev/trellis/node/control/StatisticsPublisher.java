package dev.trellis.node.control;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.Protection;
import dev.trellis.process.StartupException;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReportCodec;
import io.prometheus.client.Collector;
import java.net.BindException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/// Publishes what a node has to tell of itself, each period, to whoever listens. Shards tell their
/// part on their own thread; nobody waits for this, and this waits for nobody longer than a period:
/// what is told too late, and what a monitor does not read in time, is lost.
public final class StatisticsPublisher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StatisticsPublisher.class);

  /// Reports that may wait for a monitor that does not read.
  private static final int OUTBOUND_MAX = 8;

  private static final int INBOUND_BYTES_MAX = 4_096; // handshakes and subscriptions
  private static final int LISTENERS_MAX = 64; // monitors, and what is no monitor yet
  private static final long CLOSE_MILLIS_MAX = 5_000;

  private final NodeConfig config;
  private final ZContext context;
  private final ZMQ.Socket socket; // of the thread, once there is one
  private final Optional<CurveServer> curve;
  private final int port;
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private final LongAdder published = new LongAdder();
  private final LongAdder dropped = new LongAdder();
  private @Nullable Thread thread;

  private StatisticsPublisher(
      NodeConfig config, ZContext context, ZMQ.Socket socket, Optional<CurveServer> curve) {
    this.config = config;
    this.context = context;
    this.socket = socket;
    this.curve = curve;
    String bound = socket.getLastEndpoint();
    this.port = Integer.parseInt(bound.substring(bound.lastIndexOf(':') + 1));
  }

  /// Takes the port, without publishing yet; empty if the node is to publish nothing.
  ///
  /// @param protection there if security is on
  /// @throws StartupException if the port cannot be opened
  /// @throws ConfigurationException if it is to be protected and the CURVE keys are not there
  public static Optional<StatisticsPublisher> bind(
      NodeConfig config, InetAddress address, Optional<Protection> protection) {
    return config
        .statistics()
        .port()
        .map(wanted -> bind(config, address, wanted, protection.map(ControlProtection::of)));
  }

  private static StatisticsPublisher bind(
      NodeConfig config, InetAddress address, int wanted, Optional<ControlProtection> protection) {
    ZContext context = ControlSocket.newContext();
    context.setLinger(0);
    Optional<CurveServer> curve = Optional.empty();
    try {
      ZMQ.Socket socket = context.createSocket(SocketType.PUB);
      ControlSocket.configure(socket);
      socket.setSndHWM(OUTBOUND_MAX);
      socket.setIPv6(address instanceof Inet6Address);
      if (protection.isPresent()) {
        socket.setMaxMsgSize(INBOUND_BYTES_MAX);
        curve =
            Optional.of(
                new CurveServer(
                    context,
                    socket,
                    protection.get().keys(),
                    protection.get().audit(),
                    "statistics-" + config.nodeId(),
                    "statistics",
                    false,
                    LISTENERS_MAX));
      }
      try {
        socket.bind(ControlSocket.endpoint(address, wanted));
      } catch (ZMQException e) {
        throw StartupException.portUnavailable(
            new InetSocketAddress(address, wanted),
            "the statistics of node " + config.nodeId(),
            "statistics.port",
            e.getErrorCode() == ZMQ.Error.EADDRINUSE.getCode()
                ? new BindException("Address already in use")
                : e);
      }
      return new StatisticsPublisher(config, context, socket, curve);
    } catch (RuntimeException e) {
      curve.ifPresent(CurveServer::close);
      context.close();
      throw e;
    }
  }

  /// The port taken.
  public int port() {
    return port;
  }

  /// Starts to publish. To be called once.
  ///
  /// @param shards has each shard tell what is to be told of the time since it was last asked
  public void start(
      NodeDescriptor self,
      InstantSource clock,
      Supplier<List<CompletableFuture<NodeReport.Shard>>> shards) {
    Thread started = new Thread(() -> run(self, clock, shards), "statistics-" + self.id());
    started.setDaemon(true);
    thread = started;
    started.start();
  }

  private void run(
      NodeDescriptor self,
      InstantSource clock,
      Supplier<List<CompletableFuture<NodeReport.Shard>>> shards) {
    long periodNanos = config.statistics().period().toNanos();
    long sequence = 0;
    long begunNanos = System.nanoTime();
    try {
      while (!isOver(closed, begunNanos + periodNanos - System.nanoTime())) {
        long now = System.nanoTime();
        List<CompletableFuture<NodeReport.Shard>> asked = shards.get();
        isOver(
            CompletableFuture.anyOf(
                closed, CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new))),
            periodNanos);
        NodeReport report =
            new NodeReport(
                config.clusterName(),
                self.id(),
                self.incarnation(),
                self.tier(),
                ++sequence,
                clock.millis(),
                (int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(now - begunNanos)),
                told(asked));
        if (!closed.isDone()) {
          publish(report);
        }
        begunNanos = now;
      }
    } catch (RuntimeException e) {
      LOG.error("node {} publishes no more statistics", self.id(), e);
    } finally {
      release();
    }
  }

  private void release() {
    socket.close();
    curve.ifPresent(CurveServer::close);
    context.close();
  }

  /// What the shards have told by now.
  private List<NodeReport.Shard> told(List<CompletableFuture<NodeReport.Shard>> asked) {
    List<NodeReport.Shard> told = new ArrayList<>();
    for (CompletableFuture<NodeReport.Shard> one : asked) {
      if (one.isDone()) {
        told.add(one.join());
      } else {
        dropped.increment();
      }
    }
    return told;
  }

  private void publish(NodeReport report) {
    byte[] message = NodeReportCodec.encode(report);
    boolean sent =
        message.length <= NodeReportCodec.BYTES_MAX
            && socket.send(NodeReportCodec.TOPIC, ZMQ.SNDMORE | ZMQ.DONTWAIT)
            && socket.send(message, ZMQ.DONTWAIT);
    if (sent) {
      published.increment();
    } else {
      dropped.add(report.shards().size());
    }
  }

  /// Waits for something to be done, or for some time.
  ///
  /// @return whether it is done
  private static boolean isOver(CompletableFuture<?> awaited, long nanos) {
    try {
      awaited.get(Math.max(0, nanos), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException("what is waited for never fails", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  /// How much was published, for Prometheus.
  public Collector metrics() {
    return new Collector() {
      @Override
      public List<MetricFamilySamples> collect() {
        return List.of(
            counter(
                "trellis_statistics_published", "Reports published to monitors.", published.sum()),
            counter(
                "trellis_statistics_dropped",
                "Reports of shards that were not published, as they came too late.",
                dropped.sum()));
      }
    };
  }

  private static Collector.MetricFamilySamples counter(String name, String help, long value) {
    return new Collector.MetricFamilySamples(
        name,
        Collector.Type.COUNTER,
        help,
        List.of(
            new Collector.MetricFamilySamples.Sample(
                name + "_total", List.of(), List.of(), value)));
  }

  @Override
  public void close() {
    closed.complete(null);
    Thread started = thread;
    if (started == null) {
      release();
      return;
    }
    try {
      started.join(CLOSE_MILLIS_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
