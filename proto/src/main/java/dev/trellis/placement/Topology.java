package dev.trellis.placement;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Where every key belongs, as it follows from the members of a cluster: the rings of both tiers,
/// and the rules that turn a placement into nodes. Immutable; those who know the same members
/// agree. While nodes join or leave there are two answers, who shall hold a key and who held it
/// before, and writes go to both.
///
/// What a placement gives is looked up per partition and remembered, for the default one and a few
/// others, since very many keys may have one and the same; any thread may ask.
public final class Topology {
  /// Placements other than the default one that are remembered.
  private static final int OTHERS_MAX = 16;

  private final Partitions partitions;
  private final int faultTolerance;
  private final Map<String, NodeDescriptor> members; // by id, ascending
  private final long version;
  private final Rings next; // of the nodes that join or stay
  private final Rings former; // of the nodes that stay or leave

  /// By partition. Filled in by any thread without a fence: what they fill in is immutable and
  /// equal.
  private final @Nullable Holders[] defaults;

  private final @Nullable List<String>[] homes; // likewise

  /// By placement, then by partition, likewise.
  private final Map<Placement, @Nullable Holders[]> others = new ConcurrentHashMap<>();

  /// What the default placement gives for one partition.
  private record Holders(List<String> owners, List<String> former, List<String> all) {}

  private record Rings(HashRing memory, HashRing ssd) {
    int nodeCount() {
      return memory.nodeCount() + ssd.nodeCount();
    }
  }

  private Topology(Partitions partitions, Collection<NodeDescriptor> nodes, int faultTolerance) {
    this.partitions = partitions;
    this.faultTolerance = faultTolerance;
    TreeMap<String, NodeDescriptor> byId = new TreeMap<>();
    for (NodeDescriptor node : nodes) {
      if (byId.put(node.id(), node) != null) {
        throw new IllegalArgumentException(
            "two members have the id " + node.id() + "; ids are unique in a cluster");
      }
    }
    members = new LinkedHashMap<>(byId);
    long sum = KeyHash.mix(faultTolerance + 1L);
    for (NodeDescriptor node : members.values()) {
      // One after the other, as sums of small numbers are often equal.
      sum = KeyHash.mix(sum + KeyHash.of(Payload.ofText(node.id())));
      sum = KeyHash.mix(sum + node.incarnation());
      sum = KeyHash.mix(sum + node.state().number());
    }
    version = (sum & Long.MAX_VALUE) | 1;
    List<NodeDescriptor> staying = without(State.LEAVING);
    List<NodeDescriptor> present = without(State.JOINING);
    // Where all join there is nothing before, and where all leave nothing after.
    next = rings(staying.isEmpty() ? List.copyOf(members.values()) : staying);
    former = present.isEmpty() || present.equals(staying) ? next : rings(present);
    defaults = new Holders[partitions.count()];
    homes = newLists(partitions.count());
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // Java has no arrays of generic types
  private static @Nullable List<String>[] newLists(int count) {
    return new List[count];
  }

  private List<NodeDescriptor> without(State state) {
    return members.values().stream().filter(node -> node.state() != state).toList();
  }

  private static Rings rings(List<NodeDescriptor> nodes) {
    return new Rings(HashRing.of(Tier.MEMORY, nodes), HashRing.of(Tier.SSD, nodes));
  }

  /// The topology of a cluster in the standard division of the hash space. O(V log V) for V virtual
  /// nodes.
  ///
  /// @param faultTolerance the number of lost nodes to survive, 0 or more
  /// @throws IllegalArgumentException if two members have one id, or one has too much capacity
  public static Topology of(Collection<NodeDescriptor> members, int faultTolerance) {
    return of(Partitions.STANDARD, members, faultTolerance);
  }

  /// The topology of a cluster that divides the hash space in its own way.
  public static Topology of(
      Partitions partitions, Collection<NodeDescriptor> members, int faultTolerance) {
    return new Topology(partitions, members, faultTolerance);
  }

  public Partitions partitions() {
    return partitions;
  }

  /// The number of lost nodes to survive.
  public int faultTolerance() {
    return faultTolerance;
  }

  /// Equal for equal members in equal states, whoever computes it, and hardly ever else; positive.
  public long version() {
    return version;
  }

  /// All members, by id.
  public Collection<NodeDescriptor> members() {
    return members.values();
  }

  public Optional<NodeDescriptor> member(String nodeId) {
    return Optional.ofNullable(members.get(nodeId));
  }

  /// What applies to keys for which nothing else was decided.
  public Placement defaultPlacement() {
    return Placement.ofDefault(faultTolerance);
  }

  /// The nodes that shall hold a partition once all joins and leaves are done, in preference order:
  /// memory first. Empty if there is no node at all.
  public List<String> owners(int partition) {
    return holdersOf(partition).owners;
  }

  /// The nodes that held a partition before the joins and leaves under way: these are, or were,
  /// complete. In preference order.
  public List<String> formerOwners(int partition) {
    return holdersOf(partition).former;
  }

  /// Owners and former owners, the latter first, none twice: to all of these go writes.
  public List<String> holders(int partition) {
    return holdersOf(partition).all;
  }

  /// As [#owners(int)], for a key with a placement of its own.
  public List<String> owners(int partition, Optional<Placement> placement) {
    return holdersOf(partition, placement).owners;
  }

  /// As [#formerOwners(int)], for a key with a placement of its own.
  public List<String> formerOwners(int partition, Optional<Placement> placement) {
    return holdersOf(partition, placement).former;
  }

  /// As [#holders(int)], for a key with a placement of its own.
  public List<String> holders(int partition, Optional<Placement> placement) {
    return holdersOf(partition, placement).all;
  }

  /// All nodes, those that would hold the partition first if others were not there: who is to stand
  /// in for an owner is the first here that isn't one.
  public List<String> preference(int partition) {
    long position = partitions.position(partition);
    List<String> order = new ArrayList<>(holders(partition));
    Set<String> seen = new LinkedHashSet<>(order);
    for (Rings rings : List.of(next, former)) {
      for (HashRing ring : List.of(rings.memory, rings.ssd)) {
        if (ring.nodeCount() > 0) {
          seen.addAll(ring.replicasOf(position, ring.nodeCount()));
        }
      }
    }
    return List.copyOf(seen);
  }

  /// The nodes that keep what was decided about the placement of a partition's keys: the first for
  /// it in the memory tier, its home, and as many successors as nodes may be lost; where there is
  /// no memory tier, the same of the other; and the other nodes that hold what is in its default
  /// place, which would answer for keys that are elsewhere if they did not know. Includes those of
  /// before the joins and leaves under way. The home comes first.
  public List<String> homes(int partition) {
    List<String> known = homes[partition];
    if (known == null) {
      long position = partitions.position(partition);
      List<String> first = union(homes(former, position), homes(next, position));
      known = union(first, holders(partition));
      homes[partition] = known;
    }
    return known;
  }

  private List<String> homes(Rings rings, long position) {
    HashRing ring = rings.memory.nodeCount() > 0 ? rings.memory : rings.ssd;
    int count = Math.min(ring.nodeCount(), faultTolerance + 1);
    return count == 0 ? List.of() : ring.replicasOf(position, count);
  }

  /// The shards of a node that hold a partition there: the one that owns it, and those that follow
  /// it.
  ///
  /// @param shards how many the node has
  /// @param wanted how many of them hold the key; more than there are means all
  public List<Integer> shardsOf(int partition, int shards, int wanted) {
    int first = partitions.shardOf(partition, shards);
    List<Integer> chosen = new ArrayList<>();
    for (int at = 0; at < Math.min(shards, wanted); at++) {
      chosen.add((first + at) % shards);
    }
    return chosen;
  }

  private Holders holdersOf(int partition) {
    Holders known = defaults[partition];
    if (known == null) {
      known = compute(partition, defaultPlacement());
      defaults[partition] = known;
    }
    return known;
  }

  private Holders holdersOf(int partition, Optional<Placement> placement) {
    if (placement.isEmpty()) {
      return holdersOf(partition);
    }
    @Nullable Holders[] table = others.get(placement.get());
    if (table == null) {
      if (others.size() >= OTHERS_MAX) {
        return compute(partition, placement.get());
      }
      table = others.computeIfAbsent(placement.get(), p -> new Holders[partitions.count()]);
    }
    Holders known = table[partition];
    if (known == null) {
      known = compute(partition, placement.get());
      table[partition] = known;
    }
    return known;
  }

  private Holders compute(int partition, Placement placement) {
    long position = partitions.position(partition);
    List<String> owners = chosen(next, position, placement);
    List<String> before = former == next ? owners : chosen(former, position, placement);
    return new Holders(owners, before, union(before, owners));
  }

  /// A tier short of nodes borrows from the other, so that as many distinct nodes hold a key as are
  /// needed to survive the faults to be tolerated, whenever there are so many.
  private List<String> chosen(Rings rings, long position, Placement placement) {
    int memory = Math.min(placement.memoryNodes(), rings.memory.nodeCount());
    int ssd = Math.min(placement.ssdNodes(), rings.ssd.nodeCount());
    int wanted = Math.min(faultTolerance + 1, rings.nodeCount());
    ssd += Math.clamp(wanted - memory - ssd, 0, rings.ssd.nodeCount() - ssd);
    memory += Math.clamp(wanted - memory - ssd, 0, rings.memory.nodeCount() - memory);
    List<String> nodes = new ArrayList<>(memory + ssd);
    if (memory > 0) {
      nodes.addAll(rings.memory.replicasOf(position, memory));
    }
    if (ssd > 0) {
      nodes.addAll(onSsd(rings, position, ssd));
    }
    return List.copyOf(nodes);
  }

  /// Nodes of the SSD tier, on other hosts than the partition's first memory node while there are
  /// such. What they avoid does not depend on how many memory nodes hold a key, so a key that gets
  /// more or fewer of those stays where it is on SSD.
  private List<String> onSsd(Rings rings, long position, int wanted) {
    if (rings.memory.nodeCount() == 0 || wanted >= rings.ssd.hostCount()) {
      return rings.ssd.replicasOf(position, wanted);
    }
    String avoided = hostOf(rings.memory.replicasOf(position, 1).get(0));
    List<String> ranked = rings.ssd.replicasOf(position, wanted + 1); // all on distinct hosts
    List<String> elsewhere = ranked.stream().filter(id -> !hostOf(id).equals(avoided)).toList();
    return elsewhere.subList(0, wanted);
  }

  private String hostOf(String nodeId) {
    return Objects.requireNonNull(members.get(nodeId), nodeId).host();
  }

  private static List<String> union(List<String> first, List<String> second) {
    if (first.containsAll(second)) {
      return first;
    }
    Set<String> all = new LinkedHashSet<>(first);
    all.addAll(second);
    return List.copyOf(all);
  }

  @Override
  public String toString() {
    return "Topology" + members.values();
  }
}
