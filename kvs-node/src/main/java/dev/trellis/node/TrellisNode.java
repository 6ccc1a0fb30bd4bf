package dev.trellis.node;

import dev.trellis.client.AccessFeed;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.control.ControlPlane;
import dev.trellis.node.control.MemberFile;
import dev.trellis.node.control.StatisticsPublisher;
import dev.trellis.node.net.DataPlane;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.Store;
import dev.trellis.process.AdminServer;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.Health;
import dev.trellis.process.ListenGuard;
import dev.trellis.process.Protection;
import dev.trellis.process.RunningProcess;
import dev.trellis.process.StartupException;
import dev.trellis.wire.NodeDescriptor;
import io.prometheus.client.Collector;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.hotspot.BufferPoolsExports;
import io.prometheus.client.hotspot.GarbageCollectorExports;
import io.prometheus.client.hotspot.MemoryPoolsExports;
import io.prometheus.client.hotspot.StandardExports;
import io.prometheus.client.hotspot.ThreadExports;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A storage node at work, be it a process of its own or part of a program.
public final class TrellisNode implements RunningProcess {
  private static final Logger LOG = LoggerFactory.getLogger(TrellisNode.class);
  private final List<AutoCloseable> opened; // in the order in which they are closed
  private final NodeDescriptor descriptor;
  private final MemberLife life;

  private TrellisNode(List<AutoCloseable> opened, NodeDescriptor descriptor, MemberLife life) {
    this.opened = opened;
    this.descriptor = descriptor;
    this.life = life;
  }

  /// Starts a node and returns when it accepts connections. One that stands alone serves all keys
  /// from then on, another once it has joined its cluster.
  ///
  /// @throws ConfigurationException if it may not listen where it is told to, or its certificate is
  ///   of somebody else
  /// @throws StartupException if a port is in use or the data folder cannot be used
  public static TrellisNode start(NodeConfig config) {
    return start(config, ShardCore::new);
  }

  /// As [#start(NodeConfig)], with shards of the caller's making: for tests that must see a node
  /// with a known defect fail.
  ///
  /// @param cores makes the state of each shard
  public static TrellisNode start(
      NodeConfig config, BiFunction<ShardConfig, Store, ShardCore> cores) {
    InetAddress address =
        ListenGuard.resolve("bind", config.listen().bind(), config.listen().security());
    Optional<Path> folder = config.storage().folder();
    SecureRandom random = new SecureRandom();
    long incarnation = random.nextLong();
    InstantSource clock = InstantSource.system();
    Optional<Protection> protection =
        config
            .listen()
            .secrets()
            .map(
                secrets ->
                    Protection.ofNode(secrets, config.clusterName(), config.nodeId(), clock));
    Deque<AutoCloseable> opened = new ArrayDeque<>();
    try {
      Optional<MemberFile> member = Optional.empty();
      if (folder.isPresent()) {
        boolean keepsData = config.storage().tier() == NodeDescriptor.Tier.SSD;
        DataFolder data =
            DataFolder.take(folder.get(), config.clusterName(), config.nodeId(), keepsData);
        opened.push(data);
        member = Optional.of(data.member());
      }
      Stores stores = new Stores(config, random);
      opened.push(stores);
      NodeBackup backup = new NodeBackup(stores);
      opened.push(backup);
      DataPlane plane =
          DataPlane.bind(
              config,
              protection,
              address,
              incarnation,
              clock,
              random,
              stores.bytesMax(),
              shard -> cores.apply(shard, stores.open(shard)));
      opened.push(plane);
      ControlPlane control = ControlPlane.bind(config, address, clock, protection);
      opened.push(control);
      Optional<StatisticsPublisher> statistics =
          StatisticsPublisher.bind(config, address, protection);
      statistics.ifPresent(opened::push);
      AdminServer admin =
          AdminServer.start(
              new InetSocketAddress(address, config.listen().adminPort()),
              "node " + config.nodeId(),
              registry(plane, control, stores, statistics),
              health(plane, control, protection),
              protection);
      opened.push(admin);
      boolean alone = control.port() == 0;
      NodeDescriptor.State state =
          alone
              ? NodeDescriptor.State.ACTIVE
              : member.map(MemberFile::stateAtStart).orElse(NodeDescriptor.State.JOINING);
      member.ifPresent(file -> file.begin(incarnation));
      NodeDescriptor descriptor =
          new NodeDescriptor(
              config.nodeId(),
              config.storage().tier(),
              config.listen().advertised(),
              plane.ports(),
              admin.port(),
              incarnation,
              config.capacity(),
              state,
              config.cluster().zone(),
              control.port(),
              statistics.map(StatisticsPublisher::port).orElse(0));
      MemberLife life = new MemberLife(plane, control, backup, descriptor, alone, folder, member);
      opened.push(life);
      life.begin();
      statistics.ifPresent(publisher -> publisher.start(descriptor, clock, plane::report));
      Optional<AccessFeed> feed =
          protection.map(known -> feed(config, known, address, plane.ports().getFirst()));
      feed.ifPresent(opened::push);
      // The others are told that the node is there until it has answered what it has taken.
      opened.remove(plane);
      opened.remove(life);
      feed.ifPresent(opened::remove);
      List<AutoCloseable> inOrder = new ArrayList<>();
      feed.ifPresent(inOrder::add);
      inOrder.addAll(List.of(life, plane));
      inOrder.addAll(opened);
      return new TrellisNode(inOrder, descriptor, life);
    } catch (RuntimeException | Error e) {
      opened.forEach(TrellisNode::closeQuietly);
      throw e;
    }
  }

  /// Has the node hear of principals as any client would: by its own port it finds the cluster, and
  /// there the replica that keeps the list.
  private static AccessFeed feed(
      NodeConfig config, Protection protection, InetAddress address, int port) {
    InetAddress reached = address.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : address;
    return AccessFeed.connecting(
        ClientConfig.of(text(reached) + ":" + port)
            .withClusterName(config.clusterName())
            .withTls(ClientTls.using(protection.tls()::client))
            .withEventLoopThreads(1)
            .withAgent("node " + config.nodeId()),
        protection.doorkeeper()::heard);
  }

  private static String text(InetAddress address) {
    String text = address.getHostAddress();
    return text.indexOf(':') >= 0 ? "[" + text + "]" : text;
  }

  private static void closeQuietly(AutoCloseable opened) {
    try {
      opened.close();
    } catch (Exception e) {
      LOG.warn("cannot be closed", e);
    }
  }

  private static CollectorRegistry registry(
      DataPlane plane,
      ControlPlane control,
      Stores stores,
      Optional<StatisticsPublisher> statistics) {
    CollectorRegistry registry = new CollectorRegistry();
    List<Collector> collectors =
        List.of(
            plane.metrics(),
            control.metrics(),
            stores.metrics(),
            new StandardExports(),
            new MemoryPoolsExports(),
            new BufferPoolsExports(),
            new GarbageCollectorExports(),
            new ThreadExports());
    collectors.forEach(registry::register);
    statistics.map(StatisticsPublisher::metrics).ifPresent(registry::register);
    return registry;
  }

  private static Health health(
      DataPlane plane, ControlPlane control, Optional<Protection> protection) {
    return new Health() {
      @Override
      public Optional<String> sickness() {
        return plane.sickness();
      }

      @Override
      public Optional<String> unreadiness() {
        List<String> all =
            Stream.of(
                    plane.unreadiness(),
                    control.unreadiness(),
                    protection.flatMap(known -> known.doorkeeper().unreadiness()))
                .flatMap(Optional::stream)
                .toList();
        return all.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", all));
      }
    };
  }

  /// What others must know to reach the node, with the ports that it really has.
  public NodeDescriptor descriptor() {
    return descriptor;
  }

  @Override
  public CompletableFuture<Throwable> failure() {
    return life.failure();
  }

  /// Completes when the node has left its cluster.
  @Override
  public CompletableFuture<Void> finished() {
    return life.finished();
  }

  /// Hands over what the node holds to others and leaves the cluster; [#finished] tells when.
  public void leave() {
    life.leave();
  }

  /// Stops accepting, answers what was taken for at most the configured time, writes to disk what
  /// is to be there, and lets go of the ports. To the rest of its cluster the node is as good as
  /// dead.
  @Override
  public void close() {
    opened.forEach(TrellisNode::closeQuietly);
  }
}
