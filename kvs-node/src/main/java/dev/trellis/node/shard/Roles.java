package dev.trellis.node.shard;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// What one view of the cluster means for one shard: what it holds, who else does, who stands in
/// for whom. Immutable but for what it remembers.
final class Roles {
  private final ShardConfig config;
  private final MembershipView view;
  private final Topology topology;
  private final int staying;
  private final boolean diskStays;
  private final @Nullable List<Peer>[] targets; // by partition, for the default placement
  private final Map<Peer, List<Integer>> shared = new HashMap<>(); // partitions, once computed
  private Optional<Set<Peer>> partners = Optional.empty(); // once asked for
  private Optional<Set<Peer>> allTargets = Optional.empty(); // once asked for
  private Optional<Boolean> ownsAll = Optional.empty(); // once asked for
  private final byte[] holding; // by partition: 0 unknown, 1 no, 2 yes
  private final int nodesKnown;
  private final boolean leaving;

  private Roles(ShardConfig config, MembershipView view) {
    this.config = config;
    this.view = view;
    this.topology = view.topology();
    this.staying =
        (int)
            topology.members().stream()
                .filter(node -> node.state() != NodeDescriptor.State.LEAVING)
                .count();
    this.diskStays =
        topology.members().stream()
            .anyMatch(
                node ->
                    node.tier() == NodeDescriptor.Tier.SSD
                        && node.state() != NodeDescriptor.State.LEAVING);
    this.targets = newLists(config.partitions().count());
    this.holding = new byte[config.partitions().count()];
    this.nodesKnown = countNodes(view);
    this.leaving =
        topology
            .member(config.nodeId())
            .filter(node -> node.incarnation() == config.nodeIncarnation())
            .filter(node -> node.state() == NodeDescriptor.State.LEAVING)
            .isPresent();
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // Java has no arrays of generic types
  private static @Nullable List<Peer>[] newLists(int count) {
    return new List[count];
  }

  static Roles of(ShardConfig config, MembershipView view) {
    return new Roles(config, view);
  }

  MembershipView view() {
    return view;
  }

  Topology topology() {
    return topology;
  }

  long version() {
    return topology.version();
  }

  private boolean isHere(int partition) {
    return config.partitions().shardOf(partition, config.shardCount()) == config.shard();
  }

  /// Whether this shard shall hold a partition in its default place, now or once joins and leaves
  /// are done.
  boolean holds(int partition) {
    if (holding[partition] == 0) {
      boolean held = isHere(partition) && topology.holders(partition).contains(config.nodeId());
      holding[partition] = (byte) (held ? 2 : 1);
    }
    return holding[partition] == 2;
  }

  /// Whether this shard shall hold a key with this placement.
  boolean holds(int partition, Optional<Placement> placement) {
    if (placement.isEmpty()) {
      return holds(partition);
    }
    return topology
            .shardsOf(partition, config.shardCount(), placement.get().shardsPerNode())
            .contains(config.shard())
        && topology.holders(partition, placement).contains(config.nodeId());
  }

  /// Whether this shard shall hold it once all joins and leaves are done.
  boolean owns(int partition, Optional<Placement> placement) {
    return holds(partition, placement)
        && topology.owners(partition, placement).contains(config.nodeId());
  }

  /// Whether this shard keeps all partitions that it holds in their default places once all joins
  /// and leaves are done. O(partitions) at the first call.
  boolean ownsAllItHolds() {
    if (ownsAll.isEmpty()) {
      boolean all = true;
      for (int partition = 0; all && partition < holding.length; partition++) {
        all = !holds(partition) || owns(partition, Optional.empty());
      }
      ownsAll = Optional.of(all);
    }
    return ownsAll.get();
  }

  /// Whether this shard keeps what is decided about the placement of a partition's keys.
  boolean isHome(int partition) {
    return isHere(partition) && topology.homes(partition).contains(config.nodeId());
  }

  /// Whether this shard takes writes in place of a holder that does not answer.
  boolean standsIn(int partition, Optional<Placement> placement) {
    return isHere(partition) && standIns(partition, placement).contains(config.nodeId());
  }

  private List<String> standIns(int partition, Optional<Placement> placement) {
    if (view.suspected().isEmpty()) {
      return List.of();
    }
    List<String> holders = topology.holders(partition, placement);
    long missing = holders.stream().filter(view.suspected()::contains).count();
    if (missing == 0) {
      return List.of();
    }
    return topology.preference(partition).stream()
        .filter(node -> !holders.contains(node) && view.isAlive(node))
        .limit(missing)
        .toList();
  }

  /// All other shards that a write must reach: those that hold the key, and those that stand in.
  List<Peer> targets(int partition, Optional<Placement> placement) {
    if (placement.isEmpty()) {
      List<Peer> known = targets[partition];
      if (known == null) {
        known = computeTargets(partition, placement);
        targets[partition] = known;
      }
      return known;
    }
    return computeTargets(partition, placement);
  }

  private List<Peer> computeTargets(int partition, Optional<Placement> placement) {
    Set<String> nodes = new LinkedHashSet<>(topology.holders(partition, placement));
    nodes.addAll(standIns(partition, placement));
    Set<Peer> peers = new LinkedHashSet<>();
    int perNode = placement.map(Placement::shardsPerNode).orElse(1);
    for (String node : nodes) {
      peers.addAll(shardsOf(node, partition, perNode));
    }
    peers.remove(self());
    return List.copyOf(peers);
  }

  /// The shards of other nodes that keep what is decided about the placement of a partition's keys.
  List<Peer> otherHomes(int partition) {
    return others(topology.homes(partition), partition);
  }

  Peer self() {
    return new Peer(config.nodeId(), config.nodeIncarnation(), config.shard());
  }

  private List<Peer> shardsOf(String nodeId, int partition, int wanted) {
    Optional<NodeDescriptor> node = topology.member(nodeId);
    if (node.isEmpty()) {
      return List.of();
    }
    List<Peer> peers = new ArrayList<>();
    for (int shard : topology.shardsOf(partition, node.get().shardPorts().size(), wanted)) {
      peers.add(new Peer(nodeId, node.get().incarnation(), shard));
    }
    return peers;
  }

  /// The shards of other live nodes that hold a partition in its default place.
  List<Peer> liveHolders(int partition) {
    return live(topology.holders(partition), partition);
  }

  /// The other shards, some of this node perhaps, that shall hold a partition when all is done.
  List<Peer> owners(int partition) {
    List<Peer> peers = new ArrayList<>();
    for (String node : topology.owners(partition)) {
      peers.addAll(shardsOf(node, partition, 1));
    }
    peers.remove(self());
    return peers;
  }

  /// The shards of all other live members to which a partition would belong.
  List<Peer> liveMembers(int partition) {
    return live(topology.members().stream().map(NodeDescriptor::id).toList(), partition);
  }

  /// The shards of all other members, also of those that do not answer, to which a partition would
  /// belong. A new list.
  List<Peer> members(int partition) {
    return others(topology.members().stream().map(NodeDescriptor::id).toList(), partition);
  }

  private List<Peer> live(List<String> nodes, int partition) {
    return others(nodes.stream().filter(view::isAlive).toList(), partition);
  }

  private List<Peer> others(List<String> nodes, int partition) {
    List<Peer> peers = new ArrayList<>();
    for (String node : nodes) {
      if (!node.equals(config.nodeId())) {
        peers.addAll(shardsOf(node, partition, 1));
      }
    }
    return peers;
  }

  /// The other shards that share a partition with this one in its default place; in an order that
  /// is the same in every run of a seed, unlike that of `Set.copyOf`.
  Set<Peer> partners() {
    if (partners.isEmpty()) {
      Set<Peer> found = new LinkedHashSet<>();
      for (int partition = 0; partition < config.partitions().count(); partition++) {
        if (holds(partition)) {
          for (String node : topology.holders(partition)) {
            found.addAll(shardsOf(node, partition, 1));
          }
        }
      }
      found.remove(self());
      partners = Optional.of(Collections.unmodifiableSet(found));
    }
    return partners.get();
  }

  /// The other shards that a write to any key must reach that this shard holds in its default
  /// place.
  Set<Peer> targets() {
    if (allTargets.isEmpty()) {
      Set<Peer> found = new LinkedHashSet<>();
      for (int partition = 0; partition < config.partitions().count(); partition++) {
        if (holds(partition)) {
          found.addAll(targets(partition, Optional.empty()));
        }
      }
      allTargets = Optional.of(Collections.unmodifiableSet(found));
    }
    return allTargets.get();
  }

  /// All shards of all members but this one.
  List<Peer> everybodyElse() {
    List<Peer> peers = new ArrayList<>();
    for (NodeDescriptor node : topology.members()) {
      for (int shard = 0; shard < node.shardPorts().size(); shard++) {
        peers.add(new Peer(node.id(), node.incarnation(), shard));
      }
    }
    peers.remove(self());
    return peers;
  }

  /// Whether a peer is a member in its present incarnation.
  boolean isMember(Peer peer) {
    return topology
        .member(peer.nodeId())
        .filter(node -> node.incarnation() == peer.incarnation())
        .isPresent();
  }

  /// Whether a peer is of a node that has not all yet that it shall hold.
  boolean joins(Peer peer) {
    return topology
        .member(peer.nodeId())
        .filter(node -> node.state() == NodeDescriptor.State.JOINING)
        .isPresent();
  }

  boolean isAlive(Peer peer) {
    return isMember(peer) && view.isAlive(peer.nodeId());
  }

  /// Whether nothing that a peer says counts any more.
  boolean isGone(Peer peer) {
    return view.gone().contains(Incarnation.of(peer));
  }

  /// Whether a peer holds a partition in its default place.
  boolean holds(Peer peer, int partition) {
    return isHolder(peer, partition, Optional.empty());
  }

  /// Whether both this shard and a peer hold a partition in its default place.
  boolean share(Peer peer, int partition) {
    return holds(partition) && holds(peer, partition);
  }

  /// The partitions that both this shard and a peer hold in their default places, ascending. All
  /// peers' are found in one walk at the first call: O(partitions) once for a view.
  List<Integer> sharedWith(Peer peer) {
    if (shared.isEmpty()) {
      for (int partition = 0; partition < holding.length; partition++) {
        if (holds(partition)) {
          for (String node : topology.holders(partition)) {
            for (Peer holder : shardsOf(node, partition, 1)) {
              shared.computeIfAbsent(holder, p -> new ArrayList<>()).add(partition);
            }
          }
        }
      }
    }
    return shared.getOrDefault(peer, List.of());
  }

  /// Whether a peer holds a key with this placement, or keeps what was decided about it.
  boolean concerns(Peer peer, int partition, Optional<Placement> placement) {
    return isHolder(peer, partition, placement)
        || (topology.homes(partition).contains(peer.nodeId())
            && shardsOf(peer.nodeId(), partition, 1).contains(peer));
  }

  /// Whether a peer holds a key with this placement.
  boolean isHolder(Peer peer, int partition, Optional<Placement> placement) {
    return topology.holders(partition, placement).contains(peer.nodeId())
        && shardsOf(peer.nodeId(), partition, placement.map(Placement::shardsPerNode).orElse(1))
            .contains(peer);
  }

  /// Whether a peer keeps what it has on disk.
  boolean keepsOnDisk(Peer peer) {
    return topology
        .member(peer.nodeId())
        .filter(node -> node.tier() == NodeDescriptor.Tier.SSD)
        .isPresent();
  }

  /// Nodes that are, or were and may come back.
  int nodesKnown() {
    return nodesKnown;
  }

  private static int countNodes(MembershipView view) {
    Set<String> ids = new HashSet<>();
    view.topology().members().forEach(node -> ids.add(node.id()));
    view.absent().forEach(node -> ids.add(node.nodeId()));
    return ids.size();
  }

  /// Whether this node is about to leave the cluster.
  boolean isLeaving() {
    return leaving;
  }

  /// Whether one of them keeps its data on disk.
  boolean diskStays() {
    return diskStays;
  }

  /// How many members are not about to leave.
  int staying() {
    return staying;
  }
}
