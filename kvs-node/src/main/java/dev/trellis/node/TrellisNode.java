package dev.trellis.node;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.control.ControlPlane;
import dev.trellis.node.net.DataPlane;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.process.AdminServer;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.Health;
import dev.trellis.process.ListenGuard;
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
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A storage node at work, be it a process of its own or part of a program.
public final class TrellisNode implements RunningProcess {
  private static final Logger LOG = LoggerFactory.getLogger(TrellisNode.class);
  private final DataPlane plane;
  private final ControlPlane control;
  private final AdminServer admin;
  private final NodeDescriptor descriptor;
  private final MemberLife life;

  private TrellisNode(
      DataPlane plane,
      ControlPlane control,
      AdminServer admin,
      NodeDescriptor descriptor,
      MemberLife life) {
    this.plane = plane;
    this.control = control;
    this.admin = admin;
    this.descriptor = descriptor;
    this.life = life;
  }

  /// Starts a node and returns when it accepts connections. One that stands alone serves all keys
  /// from then on, another once it has joined its cluster.
  ///
  /// @throws ConfigurationException if it may not listen where it is told to
  /// @throws StartupException if a port is in use or the data folder cannot be written
  public static TrellisNode start(NodeConfig config) {
    SecureRandom random = new SecureRandom();
    return start(config, shard -> new ShardCore(shard, memoryStore(shard, random.nextLong())));
  }

  /// Collections may be objects on the heap up to half of what the shard may hold, and all shards
  /// together to a quarter of the heap, which is for other things too.
  private static MemoryStore memoryStore(ShardConfig shard, long seed) {
    long share = Runtime.getRuntime().maxMemory() / 4 / shard.shardCount();
    return new MemoryStore(seed, Math.min(share, shard.memoryBytesMax() / 2));
  }

  /// As [#start(NodeConfig)], with shards of the caller's making: for tests that must see a node
  /// with a known defect fail.
  ///
  /// @param cores makes the state of each shard
  public static TrellisNode start(NodeConfig config, Function<ShardConfig, ShardCore> cores) {
    InetAddress address =
        ListenGuard.resolve("bind", config.listen().bind(), config.listen().security());
    config.dataFolder().ifPresent(DataFolder::requireWritable);
    SecureRandom random = new SecureRandom();
    long incarnation = random.nextLong();
    InstantSource clock = InstantSource.system();
    Deque<AutoCloseable> opened = new ArrayDeque<>();
    try {
      DataPlane plane = DataPlane.bind(config, address, incarnation, clock, random, cores);
      opened.push(plane);
      ControlPlane control = ControlPlane.bind(config, address, clock);
      opened.push(control);
      AdminServer admin =
          AdminServer.start(
              new InetSocketAddress(address, config.listen().adminPort()),
              "node " + config.nodeId(),
              registry(plane, control),
              health(plane, control));
      opened.push(admin);
      boolean alone = control.port() == 0;
      NodeDescriptor descriptor =
          new NodeDescriptor(
              config.nodeId(),
              NodeDescriptor.Tier.MEMORY,
              config.listen().advertised(),
              plane.ports(),
              admin.port(),
              incarnation,
              config.capacity(),
              alone ? NodeDescriptor.State.ACTIVE : NodeDescriptor.State.JOINING,
              config.cluster().zone(),
              control.port());
      MemberLife life = new MemberLife(plane, control, descriptor, alone, config.dataFolder());
      opened.push(life);
      life.begin();
      return new TrellisNode(plane, control, admin, descriptor, life);
    } catch (RuntimeException | Error e) {
      opened.forEach(TrellisNode::closeQuietly);
      throw e;
    }
  }

  private static void closeQuietly(AutoCloseable opened) {
    try {
      opened.close();
    } catch (Exception e) {
      LOG.warn("cannot be closed after a failed start", e);
    }
  }

  private static CollectorRegistry registry(DataPlane plane, ControlPlane control) {
    CollectorRegistry registry = new CollectorRegistry();
    List<Collector> collectors =
        List.of(
            plane.metrics(),
            control.metrics(),
            new StandardExports(),
            new MemoryPoolsExports(),
            new BufferPoolsExports(),
            new GarbageCollectorExports(),
            new ThreadExports());
    collectors.forEach(registry::register);
    return registry;
  }

  private static Health health(DataPlane plane, ControlPlane control) {
    return new Health() {
      @Override
      public Optional<String> sickness() {
        return plane.sickness();
      }

      @Override
      public Optional<String> unreadiness() {
        return plane.unreadiness().or(control::unreadiness);
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

  /// Stops accepting, answers what was taken for at most the configured time, and lets go of the
  /// ports. To the rest of its cluster the node is as good as dead.
  @Override
  public void close() {
    life.close();
    plane.close();
    control.close();
    admin.close();
  }
}
