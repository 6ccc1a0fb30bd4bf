package dev.trellis.routing.lookup;

import dev.trellis.access.Caller;
import dev.trellis.process.Doorkeeper;
import dev.trellis.process.Listener;
import dev.trellis.process.Occupancy;
import dev.trellis.process.Protection;
import dev.trellis.process.StartupException;
import dev.trellis.process.TlsEntrance;
import dev.trellis.routing.net.Transport;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.prometheus.client.CollectorRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The cluster map: gathered from the nodes, served to clients on the data protocol. One event loop
/// does both and never waits.
public final class Lookup implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Lookup.class);

  /// How often names are looked up anew: nodes may come and go behind them.
  private static final Duration FIND_SEEDS_PERIOD = Duration.ofSeconds(5);

  private final LookupConfig config;
  private final Optional<Protection> protection;
  private final NodeDirectory directory;
  private final LookupMetrics metrics;
  private final EventLoopGroup loops;
  private final ExecutorService resolver = Executors.newVirtualThreadPerTaskExecutor();
  private final ChannelGroup clients = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
  private final Map<Address, NodeProbe> probes = new HashMap<>(); // on the event loop
  private final Set<LookupConnection> connections = new HashSet<>(); // likewise
  private final LinkedHashSet<LookupConnection> strangers =
      new LinkedHashSet<>(); // those that have not introduced themselves, eldest first; likewise
  private final Occupancy occupancy = new Occupancy();
  private final EventLoop loop;
  private final Class<? extends SocketChannel> channelType;
  private final long clientId;
  private final Channel listener;

  private Lookup(LookupConfig config, Optional<Protection> protection, CollectorRegistry registry) {
    this.config = config;
    this.protection = protection;
    directory = new NodeDirectory(config.clusterName(), config.nodes(), System::currentTimeMillis);
    metrics = new LookupMetrics(registry);
    Transport transport = Transport.best();
    loops = transport.newLoops(1, "lookup");
    SecureRandom random = new SecureRandom();
    listener = listen(transport, random.nextLong());
    loop = loops.next();
    channelType = transport.socketChannel();
    clientId = random.nextLong();
    var _ =
        loop.scheduleAtFixedRate(
            this::findSeeds, 0, FIND_SEEDS_PERIOD.toMillis(), TimeUnit.MILLISECONDS);
    var _ =
        loop.scheduleAtFixedRate(
            this::askAll, 0, config.period().toMillis(), TimeUnit.MILLISECONDS);
    protection.ifPresent(known -> known.doorkeeper().onChange(this::review));
  }

  /// Starts to listen, and to ask the nodes; does not wait for them.
  ///
  /// @param protection by which clients and nodes are known; empty where everybody may ask
  /// @param registry where the metrics `trellis_router_…` go
  /// @throws StartupException if the port cannot be opened
  public static Lookup start(
      LookupConfig config, Optional<Protection> protection, CollectorRegistry registry) {
    return new Lookup(config, protection, registry);
  }

  /// The address listened on.
  public InetSocketAddress address() {
    return (InetSocketAddress) listener.localAddress();
  }

  /// The members of the cluster, by what its nodes say; its id is 0. Any thread may ask.
  public Frame.ClusterMap map() {
    return directory.map();
  }

  /// Whether any node answers now, so that the map can be relied on. Any thread may ask.
  public boolean isHearing() {
    return directory.isHearing();
  }

  /// Ends every connection and lets go of the port. Closing twice is harmless.
  @Override
  public void close() {
    if (loops.isShuttingDown()) {
      return;
    }
    listener.close().syncUninterruptibly();
    loop.submit(() -> probes.values().forEach(NodeProbe::close)).syncUninterruptibly();
    clients.close().awaitUninterruptibly();
    Transport.stop(loops);
    resolver.shutdownNow();
  }

  /// Looks up what addresses the seeds stand for.
  private void findSeeds() {
    for (Address seed : config.nodes()) {
      if (NetUtil.createByteArrayFromIpAddressString(seed.host()) != null) {
        report(directory.found(seed, List.of(seed)));
      } else {
        resolver.execute(() -> find(seed));
      }
    }
  }

  private void find(Address seed) {
    List<Address> found;
    try {
      found =
          Arrays.stream(InetAddress.getAllByName(seed.host()))
              .map(address -> new Address(address.getHostAddress(), seed.port()))
              .toList();
    } catch (UnknownHostException e) {
      LOG.debug("the name of {} is unknown", seed);
      found = List.of();
    }
    List<Address> addresses = found;
    try {
      loop.execute(() -> report(directory.found(seed, addresses)));
    } catch (RejectedExecutionException e) {
      // The router stopped while the name was looked up.
    }
  }

  private void askAll() {
    Set<Address> wanted = directory.wanted();
    probes
        .entrySet()
        .removeIf(
            probe -> {
              boolean isOver = !wanted.contains(probe.getKey());
              if (isOver) {
                probe.getValue().close();
              }
              return isOver;
            });
    for (Address address : wanted) {
      probes.computeIfAbsent(address, this::newProbe).tick(System.nanoTime());
    }
  }

  private NodeProbe newProbe(Address address) {
    return new NodeProbe(
        config, protection, address, loop, channelType, resolver, clientId, hearing());
  }

  private NodeProbe.Listener hearing() {
    return new NodeProbe.Listener() {
      @Override
      public void heard(Address address, String nodeId, Frame.ClusterMap answer) {
        report(directory.heard(address, nodeId, answer));
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
    try {
      return Listener.listen(
          loops,
          transport.serverChannel(),
          config.address(),
          Transport.BACKLOG,
          Map.of(),
          channel -> accept(channel, incarnation));
    } catch (IOException e) {
      Transport.stop(loops);
      throw StartupException.portUnavailable(
          config.address(), "the cluster map service", "data.port", e);
    }
  }

  /// Looks again at who is let in, since the list of principals has changed.
  private void review() {
    try {
      loop.execute(() -> List.copyOf(connections).forEach(LookupConnection::review));
    } catch (RejectedExecutionException e) {
      // The router stopped meanwhile.
    }
  }

  private String connectionsFill() {
    return "there are "
        + config.connectionsMax()
        + " connections, which is all that connections.max allows";
  }

  /// Lets those in who are known, as long as there are places. On the event loop.
  private final class Places implements LookupConnection.Places {
    @Override
    public Optional<String> enter(
        LookupConnection from, Optional<Caller> caller, Optional<Doorkeeper.Proof> by) {
      if (caller.isPresent()) {
        boolean isPreferred = Occupancy.isPreferred(caller.get(), by);
        int places = config.connectionsMax() + (isPreferred ? Occupancy.PLACES_KEPT : 0);
        if (connections.size() - strangers.size() >= places) {
          return Optional.of(connectionsFill());
        }
        String principal = caller.get().principal();
        long most = Occupancy.most(caller.get(), isPreferred, config.connectionsMax());
        if (!occupancy.enter(principal, most)) {
          return Optional.of(
              principal
                  + " has "
                  + most
                  + " connections to this router, all it may have; close some, or share them");
        }
      }
      strangers.remove(from);
      return Optional.empty();
    }

    @Override
    public void leave(String principal) {
      occupancy.leave(principal);
    }
  }

  /// Who has not introduced himself yet takes nobody's place.
  private void accept(SocketChannel channel, long incarnation) {
    // Where people are told apart there is room for those whom places are kept for, and for those
    // of
    // whom it is not known yet.
    int most = config.connectionsMax() + (protection.isPresent() ? Occupancy.PLACES_KEPT : 0);
    if (clients.size() >= most && !strangers.isEmpty()) {
      LookupConnection eldest = strangers.removeFirst();
      clients.remove(eldest.channel());
      var _ = eldest.channel().close();
    }
    if (clients.size() >= most) {
      Frame refused = new Frame.Refused(ErrorCode.OVERLOADED, connectionsFill());
      channel
          .eventLoop()
          .execute(
              () ->
                  channel
                      .writeAndFlush(Frames.encode(refused))
                      .addListener(ChannelFutureListener.CLOSE));
      return;
    }
    LookupConnection connection =
        new LookupConnection(
            config, protection, directory, metrics, incarnation, channel, new Places());
    clients.add(channel);
    connections.add(connection);
    strangers.add(connection);
    channel
        .closeFuture()
        .addListener(
            closed -> {
              strangers.remove(connection);
              connections.remove(connection);
            });
    protection.ifPresent(
        known -> channel.pipeline().addLast(new TlsEntrance(known.tls(), connection::refusePlain)));
    channel.pipeline().addLast(new Frames(Limits.HANDSHAKE_BYTES_MAX), connection);
  }
}
