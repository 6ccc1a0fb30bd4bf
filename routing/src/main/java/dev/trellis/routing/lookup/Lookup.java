package dev.trellis.routing.lookup;

import dev.trellis.process.StartupException;
import dev.trellis.routing.net.Transport;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.prometheus.client.CollectorRegistry;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The cluster map: gathered from the nodes, served to clients on the data protocol. One event loop
/// does both and never waits: a node that does not answer is just not in the map.
public final class Lookup implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Lookup.class);

  private final LookupConfig config;
  private final NodeDirectory directory;
  private final LookupMetrics metrics;
  private final EventLoopGroup loops;
  private final ExecutorService resolver = Executors.newVirtualThreadPerTaskExecutor();
  private final ChannelGroup clients = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final List<NodeProbe> probes;
  private final Channel listener;

  private Lookup(LookupConfig config, CollectorRegistry registry) {
    this.config = config;
    directory = new NodeDirectory(config.clusterName(), config.nodes(), System::currentTimeMillis);
    metrics = new LookupMetrics(registry);
    Transport transport = Transport.best();
    loops = transport.newLoops(1, "lookup");
    SecureRandom random = new SecureRandom();
    listener = listen(transport, random.nextLong());
    EventLoop loop = loops.next();
    NodeProbe.Listener hearing = hearing();
    long clientId = random.nextLong();
    probes =
        config.nodes().stream()
            .map(
                address ->
                    new NodeProbe(
                        config,
                        address,
                        loop,
                        transport.socketChannel(),
                        resolver,
                        clientId,
                        hearing))
            .toList();
    var _ =
        loop.scheduleAtFixedRate(
            () -> probes.forEach(probe -> probe.tick(System.nanoTime())),
            0,
            config.period().toMillis(),
            TimeUnit.MILLISECONDS);
  }

  /// Starts to listen, and to ask the nodes; does not wait for them.
  ///
  /// @param registry where the metrics `trellis_router_…` go
  /// @throws StartupException if the port cannot be opened
  public static Lookup start(LookupConfig config, CollectorRegistry registry) {
    return new Lookup(config, registry);
  }

  /// The address listened on.
  public InetSocketAddress address() {
    return (InetSocketAddress) listener.localAddress();
  }

  /// The nodes that answer now; its id is 0. Any thread may ask.
  public Frame.ClusterMap map() {
    return directory.map();
  }

  /// Ends every connection and lets go of the port. Closing twice is harmless.
  @Override
  public void close() {
    if (loops.isShuttingDown()) {
      return;
    }
    listener.close().syncUninterruptibly();
    loops.next().submit(() -> probes.forEach(NodeProbe::close)).syncUninterruptibly();
    clients.close().awaitUninterruptibly();
    Transport.stop(loops);
    resolver.shutdownNow();
  }

  private NodeProbe.Listener hearing() {
    return new NodeProbe.Listener() {
      @Override
      public void heard(Address address, Frame.ClusterMap answer) {
        report(directory.heard(address, answer));
      }

      @Override
      public void lost(Address address) {
        report(directory.lost(address));
      }
    };
  }

  private void report(boolean hasChanged) {
    if (hasChanged) {
      Frame.ClusterMap map = directory.map();
      metrics.mapIs(map.nodes().size(), map.version());
      LOG.info(
          "cluster map {}: {}",
          map.version(),
          map.nodes().stream().map(node -> node.id() + " " + node.state().word()).toList());
    }
  }

  private Channel listen(Transport transport, long incarnation) {
    ChannelFuture bound =
        new ServerBootstrap()
            .group(loops)
            .channel(transport.serverChannel())
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.SO_BACKLOG, 4_096)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    accept(channel, incarnation);
                  }
                })
            .bind(config.address())
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      Transport.stop(loops);
      throw StartupException.portUnavailable(
          config.address(), "the cluster map service", "data.port", bound.cause());
    }
    return bound.channel();
  }

  private void accept(SocketChannel channel, long incarnation) {
    if (clients.size() >= config.connectionsMax()) {
      Frame refused =
          new Frame.Refused(
              ErrorCode.OVERLOADED,
              "there are "
                  + config.connectionsMax()
                  + " connections, which is all that connections.max allows");
      channel
          .eventLoop()
          .execute(
              () ->
                  channel
                      .writeAndFlush(Frames.encode(refused))
                      .addListener(ChannelFutureListener.CLOSE));
      return;
    }
    clients.add(channel);
    channel
        .pipeline()
        .addLast(
            new Frames(Limits.HANDSHAKE_BYTES_MAX),
            new LookupConnection(config, directory, metrics, incarnation));
  }
}
