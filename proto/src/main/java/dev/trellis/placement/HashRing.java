package dev.trellis.placement;

import dev.trellis.wire.NodeDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The nodes of one tier, placed on a ring of 64-bit hashes by consistent hashing: it tells which
/// nodes hold a key. Immutable. It follows from the set of members alone, so all who know the same
/// members agree, whatever order they learned them in; and when a node comes or goes, only keys
/// that it gains or loses move.
///
/// @see "Karger et al., Consistent Hashing and Random Trees, STOC 1997, §4"
/// @see "DeCandia et al., Dynamo, SOSP 2007, §4.2 and §4.3"
/// @see "Wu et al., Anna: A KVS for Any Scale, ICDE 2018"
public final class HashRing {
  /// Points of a node on the ring for each unit of its capacity. A node's share of the keys then
  /// differs from the fair one by about 1/√256, 6%, in the standard deviation.
  public static final int VIRTUAL_NODES_PER_CAPACITY = 256;

  /// The greatest capacity of a node: it bounds what one member can make everybody else allocate.
  public static final int CAPACITY_MAX = 1_000;

  private final String[] nodeIds; // ascending
  private final int[] hosts; // of each node; numbered by first appearance in `nodeIds`
  private final int[] zones; // of each host; numbered by first appearance in `nodeIds`
  private final int zoneCount;
  private final int hostCount;
  // Nodes are ranked by round, then by turn within the round: see `replicasOf`.
  private final int[] firstRanks; // at r: the rank of round r, turn 0; one more for the end
  private final int[] rankSizes; // at each rank: how many nodes of whatever key have it
  private final long[] positions; // ascending
  private final int[] owners; // of each position: index into `nodeIds`

  private HashRing(List<NodeDescriptor> members) {
    nodeIds = members.stream().map(NodeDescriptor::id).toArray(String[]::new);
    hosts = new int[nodeIds.length];
    zones = new int[nodeIds.length];
    Map<String, Integer> hostNumbers = new HashMap<>();
    Map<String, Integer> zoneNumbers = new HashMap<>();
    int[] nodesPerHost = new int[nodeIds.length];
    Map<String, Integer> numbers = new HashMap<>();
    List<VirtualNode> points = new ArrayList<>();
    for (int node = 0; node < nodeIds.length; node++) {
      NodeDescriptor member = members.get(node);
      @Nullable Integer known = hostNumbers.get(member.host());
      if (known == null) {
        known = hostNumbers.size();
        hostNumbers.put(member.host(), known);
        zones[known] = zoneNumbers.computeIfAbsent(member.zone(), zone -> zoneNumbers.size());
      }
      hosts[node] = known;
      nodesPerHost[known]++;
      numbers.put(member.id(), node);
      points.addAll(VirtualNode.of(member));
    }
    hostCount = hostNumbers.size();
    zoneCount = zoneNumbers.size();
    int rounds = Arrays.stream(nodesPerHost).max().orElse(0);
    firstRanks = new int[rounds + 1];
    List<Integer> sizes = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      int[] nodesPerZone = new int[zoneCount];
      for (int host = 0; host < hostCount; host++) {
        nodesPerZone[zones[host]] += nodesPerHost[host] > round ? 1 : 0;
      }
      int turns = Arrays.stream(nodesPerZone).max().orElse(0);
      for (int turn = 0; turn < turns; turn++) {
        int wanted = turn;
        sizes.add((int) Arrays.stream(nodesPerZone).filter(nodes -> nodes > wanted).count());
      }
      firstRanks[round + 1] = sizes.size();
    }
    rankSizes = sizes.stream().mapToInt(Integer::intValue).toArray();
    points.sort(null);
    positions = points.stream().mapToLong(VirtualNode::position).toArray();
    owners = points.stream().mapToInt(point -> numbers.get(point.nodeId())).toArray();
  }

  /// The ring of those of `members` that belong to `tier`, in whatever state they are: who should
  /// not hold keys is not handed in. O(V log V) for V virtual nodes.
  ///
  /// @throws IllegalArgumentException if two members have one id, or one has a capacity above
  ///   [#CAPACITY_MAX]
  public static HashRing of(NodeDescriptor.Tier tier, Collection<NodeDescriptor> members) {
    TreeMap<String, NodeDescriptor> byId = new TreeMap<>();
    for (NodeDescriptor member : members) {
      if (member.tier() != tier) {
        continue;
      }
      if (member.capacity() > CAPACITY_MAX) {
        throw new IllegalArgumentException(
            ("capacity %d of node %s is above %d; it is a share relative to the other nodes,"
                    + " not a size")
                .formatted(member.capacity(), member.id(), CAPACITY_MAX));
      }
      if (byId.put(member.id(), member) != null) {
        throw new IllegalArgumentException(
            "two members of the %s tier have the id %s; ids are unique in a cluster"
                .formatted(tier.word(), member.id()));
      }
    }
    return new HashRing(List.copyOf(byId.values()));
  }

  /// The number of nodes on the ring; 0 for a tier without nodes.
  public int nodeCount() {
    return nodeIds.length;
  }

  /// The ids of the nodes on the ring, ascending.
  public List<String> nodeIds() {
    return List.of(nodeIds);
  }

  /// On how many hosts the nodes are.
  int hostCount() {
    return hostCount;
  }

  /// Finds the replicas of a key. Walking clockwise from `keyHash` gives every node once, at its
  /// first virtual node. Of these, the first of each host make round 0, the second of each round 1,
  /// and so on; within a round the first of each zone have turn 0, and so on. The replicas are
  /// ordered by round, turn, and walk. So copies share a host only when there are more copies than
  /// hosts, and a zone only when there are more than zones, and then evenly. A host is in the zone
  /// of its node with the least id, should its nodes disagree. Fewer replicas are a prefix of more.
  /// Pure; O(log V + w), w being the virtual nodes passed, at most V of them.
  ///
  /// @param keyHash of the key, see [KeyHash#of]; compared as signed
  /// @param replicas distinct nodes wanted, 1 to [#nodeCount]
  /// @return the ids of exactly `replicas` distinct nodes in preference order
  /// @throws IllegalArgumentException if `replicas` is out of range: the caller's membership is
  ///   stale, or the tier is empty
  public List<String> replicasOf(long keyHash, int replicas) {
    if (replicas < 1 || replicas > nodeIds.length) {
      throw new IllegalArgumentException(
          replicas + " replicas are outside 1 to " + nodeIds.length + ", the nodes on the ring");
    }
    int lastRank = 0;
    int wantedOfLast = replicas;
    while (wantedOfLast > rankSizes[lastRank]) {
      wantedOfLast -= rankSizes[lastRank++];
    }
    List<List<String>> ranks = new ArrayList<>(lastRank + 1);
    for (int rank = 0; rank <= lastRank; rank++) {
      ranks.add(new ArrayList<>());
    }
    boolean[] passed = new boolean[nodeIds.length];
    int[] passedPerHost = new int[hostCount];
    int[] passedPerRoundAndZone = new int[firstRanks.length * zoneCount];
    int found = 0;
    for (int at = firstAtOrAfter(keyHash); found < replicas; at++) {
      int node = owners[at % owners.length];
      if (passed[node]) {
        continue;
      }
      passed[node] = true;
      int round = passedPerHost[hosts[node]]++;
      int turn = passedPerRoundAndZone[round * zoneCount + zones[hosts[node]]]++;
      int rank = firstRanks[round] + turn;
      if (rank < lastRank || (rank == lastRank && ranks.get(rank).size() < wantedOfLast)) {
        ranks.get(rank).add(nodeIds[node]);
        found++;
      }
    }
    return ranks.stream().flatMap(List::stream).toList();
  }

  private int firstAtOrAfter(long position) {
    int at = Arrays.binarySearch(positions, position);
    if (at < 0) {
      return -at - 1;
    }
    // Two nodes may share a point, and binary search may have hit the second.
    while (at > 0 && positions[at - 1] == position) {
      at--;
    }
    return at;
  }

  /// Rings are equal if they place every key alike.
  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof HashRing ring
            && Arrays.equals(nodeIds, ring.nodeIds)
            && Arrays.equals(hosts, ring.hosts)
            && Arrays.equals(zones, ring.zones)
            && Arrays.equals(positions, ring.positions)
            && Arrays.equals(owners, ring.owners));
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(nodeIds) + Arrays.hashCode(positions);
  }

  @Override
  public String toString() {
    return "HashRing" + Arrays.toString(nodeIds);
  }
}
