package dev.trellis.client;

import dev.trellis.placement.Topology;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// What a cluster map says about where to send calls. Immutable, but for what it has worked out
/// already; any thread may ask.
///
/// Whoever held a key before the joins and leaves under way has all of it, while a new holder may
/// still have to ask for it; so former owners come first, those that stay before those that leave.
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
  private final AtomicReferenceArray<@Nullable List<Target>> defaults; // by partition

  /// @param clientId spreads clients over the shards of a node, where one connection serves all
  /// @throws IllegalArgumentException if the map contradicts itself
  Routing(Frame.ClusterMap map, Frame.Scope scope, long clientId) {
    this.map = map;
    topology = Topology.of(map.nodes(), map.faultTolerance());
    defaults = new AtomicReferenceArray<>(topology.partitions().count());
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

  /// The version of the ring that the map gives; 0 if it has no node.
  long ringVersion() {
    return map.nodes().isEmpty() ? 0 : topology.version();
  }

  /// The shards that hold a key with the default placement, the one to ask first coming first;
  /// empty if there is no node. Pure; worked out once per partition.
  List<Target> holders(long keyHash) {
    int partition = topology.partitions().of(keyHash);
    List<Target> known = defaults.get(partition);
    if (known == null) {
      List<Target> found = new ArrayList<>();
      List<String> former = topology.formerOwners(partition);
      for (Standing standing : Standing.values()) {
        for (String node : topology.holders(partition)) {
          if (standing(node, former) == standing) {
            found.addAll(targetsOf(node, partition, 1));
          }
        }
      }
      known = List.copyOf(found);
      defaults.set(partition, known); // another thread may have set an equal one
    }
    return known;
  }

  /// The shards that hold a key with a placement of its own, in a new order each time, so that the
  /// calls for a hot key spread over them. Memory comes before SSD.
  List<Target> holders(long keyHash, Placement placement, RandomGenerator random) {
    int partition = topology.partitions().of(keyHash);
    List<String> former = topology.formerOwners(partition, Optional.of(placement));
    List<String> holders = topology.holders(partition, Optional.of(placement));
    List<Target> found = new ArrayList<>();
    for (Standing standing : Standing.values()) {
      for (Tier tier : Tier.values()) {
        int from = found.size();
        for (String node : holders) {
          if (standing(node, former) == standing && member(node).tier() == tier) {
            found.addAll(targetsOf(node, partition, placement.shardsPerNode()));
          }
        }
        List<Target> equals = found.subList(from, found.size());
        for (int left = equals.size(); left > 1; left--) {
          Collections.swap(equals, left - 1, random.nextInt(left));
        }
      }
    }
    return found;
  }

  /// The shards that keep what was decided about the placement of a key, its home coming first.
  List<Target> homes(long keyHash) {
    int partition = topology.partitions().of(keyHash);
    List<String> homes = topology.homes(partition);
    List<Target> found = new ArrayList<>();
    for (Standing standing : Standing.values()) {
      for (String node : homes) {
        // All that were home before are listed, whatever else they hold.
        if (standing(node, homes) == standing) {
          found.addAll(targetsOf(node, partition, 1));
        }
      }
    }
    return found;
  }

  /// How likely it is that a node has all of a partition, the best first.
  private enum Standing {
    STAYS,
    LEAVES,
    BECOMES
  }

  private Standing standing(String node, List<String> former) {
    State state = member(node).state();
    if (!former.contains(node) || state == State.JOINING) {
      return Standing.BECOMES;
    }
    return state == State.ACTIVE ? Standing.STAYS : Standing.LEAVES;
  }

  private NodeDescriptor member(String node) {
    return topology.member(node).orElseThrow(); // it comes from the topology
  }

  private List<Target> targetsOf(String node, int partition, int shardsWanted) {
    List<Target> ofNode = targets.getOrDefault(node, List.of());
    if (ofNode.size() == 1) {
      return ofNode;
    }
    return topology.shardsOf(partition, ofNode.size(), shardsWanted).stream()
        .map(ofNode::get)
        .toList();
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
