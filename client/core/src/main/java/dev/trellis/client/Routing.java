package dev.trellis.client;

import dev.trellis.placement.Topology;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a cluster map says about where to send calls. Immutable.
final class Routing {
  /// A shard's port, and for whose keys it is used.
  ///
  /// @param shard that listens there, from 0
  /// @param scope `NODE` if it is to pass calls on to the node's other shards
  record Target(String nodeId, int shard, Address address, Frame.Scope scope) {
    @Override
    public String toString() {
      return "node " + nodeId + " shard " + shard + " at " + address;
    }
  }

  private final Frame.ClusterMap map;
  private final Topology topology;
  private final Map<String, List<Target>> targets = new HashMap<>(); // by node: per shard, or one
  private final List<Target> shards = new ArrayList<>();

  /// @param clientId spreads clients over the shards of a node, where one connection serves all
  Routing(Frame.ClusterMap map, Frame.Scope scope, long clientId) {
    this.map = map;
    topology = Topology.of(map.nodes(), map.faultTolerance());
    for (NodeDescriptor node : map.nodes()) {
      List<Target> ofNode = new ArrayList<>();
      for (int shard = 0; shard < node.shardPorts().size(); shard++) {
        Address address = new Address(node.host(), node.shardPorts().get(shard));
        ofNode.add(new Target(node.id(), shard, address, Frame.Scope.SHARD));
      }
      shards.addAll(ofNode);
      if (scope == Frame.Scope.NODE) {
        Target chosen = ofNode.get((int) Math.floorMod(clientId, (long) ofNode.size()));
        ofNode = List.of(new Target(node.id(), chosen.shard(), chosen.address(), Frame.Scope.NODE));
      }
      targets.put(node.id(), List.copyOf(ofNode));
    }
  }

  Frame.ClusterMap map() {
    return map;
  }

  /// Where the calls for a key go; empty if there is no node. Pure.
  Optional<Target> targetOf(long keyHash) {
    int partition = topology.partitions().of(keyHash);
    List<String> holders = topology.holders(partition);
    if (holders.isEmpty()) {
      return Optional.empty();
    }
    @Nullable List<Target> ofNode = targets.get(holders.get(0));
    return ofNode == null
        ? Optional.empty()
        : Optional.of(ofNode.get(topology.partitions().shardOf(partition, ofNode.size())));
  }

  /// Every shard of every node, whatever the scope of calls is.
  List<Target> shards() {
    return shards;
  }

  /// Whether calls or scans may go to this target.
  boolean has(Target target) {
    return shards.contains(target)
        || targets.getOrDefault(target.nodeId(), List.of()).contains(target);
  }
}
