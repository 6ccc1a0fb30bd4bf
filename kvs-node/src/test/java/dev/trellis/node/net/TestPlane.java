package dev.trellis.node.net;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.Store;
import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import java.net.InetAddress;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;

/// Opens data planes over stores of a test's own.
final class TestPlane {
  private TestPlane() {}

  /// Opens that of a node which is the whole cluster.
  static DataPlane open(NodeConfig config, Supplier<Store> stores) {
    DataPlane plane =
        DataPlane.bind(
            config,
            Optional.empty(),
            InetAddress.getLoopbackAddress(),
            1,
            InstantSource.system(),
            new Random(1),
            config.storage().memoryBytesMax() / config.shards(),
            shard -> new ShardCore(shard, stores.get()));
    NodeDescriptor self =
        new NodeDescriptor(
            config.nodeId(),
            NodeDescriptor.Tier.MEMORY,
            "127.0.0.1",
            plane.ports(),
            1,
            1,
            1,
            NodeDescriptor.State.ACTIVE);
    plane.membership(
        new MembershipView(Topology.of(List.of(self), 1), Set.of(), Set.of(), Set.of()));
    plane.found(); // else a shard finds out only by its ticks that there is nobody to ask
    plane.open();
    return plane;
  }
}
