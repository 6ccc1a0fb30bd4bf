package dev.trellis.monitor.console;

import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/// How the rings divide the keys among the nodes. Follows from the members alone, so it is worked
/// out again only when these change.
///
/// @param byNode of the copies that a tier holds of keys in their default places, the share of each
///   node, by id: what the node would have of the load if all keys were alike. The shares of a tier
///   add up to 1; a node that holds nothing has 0
public record RingShares(Map<String, Double> byNode) {
  public RingShares {
    byNode = Map.copyOf(byNode);
  }

  /// The shares in a topology, joins and leaves under way counted as done. O(partitions × copies).
  public static RingShares of(Topology topology) {
    Map<String, Integer> held = new HashMap<>();
    topology.members().forEach(node -> held.put(node.id(), 0));
    for (int partition = 0; partition < topology.partitions().count(); partition++) {
      for (String owner : topology.owners(partition)) {
        held.merge(owner, 1, Integer::sum);
      }
    }
    Map<Tier, Integer> all = new EnumMap<>(Tier.class);
    for (NodeDescriptor node : topology.members()) {
      all.merge(node.tier(), held.getOrDefault(node.id(), 0), Integer::sum);
    }
    Map<String, Double> shares = new HashMap<>();
    for (NodeDescriptor node : topology.members()) {
      double whole = all.getOrDefault(node.tier(), 0);
      shares.put(node.id(), whole == 0 ? 0 : held.getOrDefault(node.id(), 0) / whole);
    }
    return new RingShares(shares);
  }

  /// A node's share; 0 for one that is not known.
  double share(String nodeId) {
    return byNode.getOrDefault(nodeId, 0.0);
  }
}
