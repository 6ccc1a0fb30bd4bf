package dev.trellis.node;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.net.DataPlane;
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
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// A storage node at work, be it a process of its own or part of a program.
public final class TrellisNode implements RunningProcess {
  private final DataPlane plane;
  private final AdminServer admin;
  private final NodeDescriptor descriptor;

  private TrellisNode(DataPlane plane, AdminServer admin, NodeDescriptor descriptor) {
    this.plane = plane;
    this.admin = admin;
    this.descriptor = descriptor;
  }

  /// Starts a node and returns when it serves.
  ///
  /// @throws ConfigurationException if it may not listen where it is told to
  /// @throws StartupException if a port is in use or the data folder cannot be written
  public static TrellisNode start(NodeConfig config) {
    InetAddress address =
        ListenGuard.resolve("bind", config.listen().bind(), config.listen().security());
    config.dataFolder().ifPresent(DataFolder::requireWritable);
    SecureRandom random = new SecureRandom();
    DataPlane plane =
        DataPlane.bind(config, address, InstantSource.system(), random, MemoryStore::new);
    try {
      AdminServer admin =
          AdminServer.start(
              new InetSocketAddress(address, config.listen().adminPort()),
              "node " + config.nodeId(),
              registry(plane),
              health(plane));
      NodeDescriptor descriptor =
          new NodeDescriptor(
              config.nodeId(),
              NodeDescriptor.Tier.MEMORY,
              config.listen().advertised(),
              plane.ports(),
              admin.port(),
              random.nextLong(),
              config.capacity(),
              NodeDescriptor.State.ACTIVE);
      plane.open(descriptor);
      return new TrellisNode(plane, admin, descriptor);
    } catch (RuntimeException | Error e) {
      plane.close();
      throw e;
    }
  }

  private static CollectorRegistry registry(DataPlane plane) {
    CollectorRegistry registry = new CollectorRegistry();
    List<Collector> collectors =
        List.of(
            plane.metrics(),
            new StandardExports(),
            new MemoryPoolsExports(),
            new BufferPoolsExports(),
            new GarbageCollectorExports(),
            new ThreadExports());
    collectors.forEach(registry::register);
    return registry;
  }

  private static Health health(DataPlane plane) {
    return new Health() {
      @Override
      public Optional<String> sickness() {
        return plane.sickness();
      }

      @Override
      public Optional<String> unreadiness() {
        return plane.unreadiness();
      }
    };
  }

  /// What others must know to reach the node, with the ports that it really has.
  public NodeDescriptor descriptor() {
    return descriptor;
  }

  @Override
  public CompletableFuture<Throwable> failure() {
    return plane.failure();
  }

  /// Stops accepting, answers what was taken for at most the configured time, and lets go of the
  /// ports.
  @Override
  public void close() {
    plane.close();
    admin.close();
  }
}
