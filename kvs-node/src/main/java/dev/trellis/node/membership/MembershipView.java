package dev.trellis.node.membership;

import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.Set;

/// The cluster as one node sees it at a moment. Views of different nodes may differ, and any of
/// them may be wrong.
///
/// @param topology of all members, suspected ones included; the node itself is one of them unless
///   it was removed
/// @param suspected ids of members that do not answer and have not been removed yet
/// @param absent nodes that were members, were removed because they did not answer, and may come
///   back with data: neither declared gone nor followed by a new incarnation that lost its data
/// @param gone incarnations that were declared gone: nothing they say counts any more
/// @param complete ids of joining members that say they have all that they shall hold
/// @param monitorEpoch the highest that a monitor has claimed: orders of lower ones are refused; 0
///   if none ever did
public record MembershipView(
    Topology topology,
    Set<String> suspected,
    Set<Incarnation> absent,
    Set<Incarnation> gone,
    Set<String> complete,
    long monitorEpoch) {
  private static final Comparator<Incarnation> INCARNATIONS =
      Comparator.comparing(Incarnation::nodeId).thenComparingLong(Incarnation::number);

  public MembershipView {
    suspected = sorted(suspected, Comparator.naturalOrder());
    absent = sorted(absent, INCARNATIONS);
    gone = sorted(gone, INCARNATIONS);
    complete = sorted(complete, Comparator.naturalOrder());
  }

  /// A view of a cluster without a monitor, in which nobody that joins has all yet.
  public MembershipView(
      Topology topology, Set<String> suspected, Set<Incarnation> absent, Set<Incarnation> gone) {
    this(topology, suspected, absent, gone, Set.of(), 0);
  }

  /// What is done for each of them comes in one order, whoever made the view and in whatever way,
  /// so that a seed replays: that of `Set.copyOf` is another one in each process.
  private static <T> Set<T> sorted(Set<T> original, Comparator<? super T> order) {
    Set<T> copy = new LinkedHashSet<>();
    original.stream().sorted(order).forEach(copy::add);
    return Collections.unmodifiableSet(copy);
  }

  /// Whether nobody joins, leaves, is suspected or is absent.
  public boolean isSettled() {
    return suspected.isEmpty()
        && absent.isEmpty()
        && topology.members().stream().allMatch(n -> n.state() == NodeDescriptor.State.ACTIVE);
  }

  /// Whether a member answers, as far as is known.
  public boolean isAlive(String nodeId) {
    return topology.member(nodeId).isPresent() && !suspected.contains(nodeId);
  }
}
