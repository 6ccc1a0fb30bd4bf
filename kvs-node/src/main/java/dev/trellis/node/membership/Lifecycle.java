package dev.trellis.node.membership;

import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import java.util.List;
import java.util.Optional;

/// What a node does about its own membership: when a new cluster is founded, when it is a member in
/// full, when it may go. Pure; whoever drives it carries out what it says.
///
/// A node starts as JOINING. If it sees an active member, it becomes ACTIVE once its shards have
/// all that they shall hold. If it sees none, but as many joining members as are to found the
/// cluster, there is nothing to wait for: what it has is all there is. Leaving, it stays a member
/// until enough others have what it has.
///
/// Where no node of its tier is active yet, as after a power cut that the disks survived, it waits
/// until all of its tier that join have all: whoever became active alone would be the one to have
/// had everything, would have to fetch it all, and may not have the room.
///
/// @param nodeId of the node itself
/// @param incarnation of its process
/// @param former incarnations before it whose data the node has
/// @param founders members that must be seen before a new cluster is founded, 1 or more
public record Lifecycle(String nodeId, long incarnation, List<Long> former, int founders) {
  /// What is to be done now.
  public enum Step {
    /// Nothing yet.
    WAIT,
    /// Have every shard take what it has for all there is.
    FOUND,
    /// Announce that the node has all that it shall hold, and wait for others that join.
    COMPLETE,
    /// Announce that the node is ACTIVE.
    ACTIVATE,
    /// Announce that the node is LEAVING.
    START_LEAVING,
    /// Leave: others have all that this node has.
    LEAVE,
    /// Stop serving: this incarnation was declared gone, or an earlier one whose data the node has.
    GIVE_UP
  }

  public Lifecycle {
    if (founders < 1) {
      throw new IllegalArgumentException(
          "cluster.founders " + founders + " is below 1; a cluster has at least one node");
    }
  }

  /// The next step.
  ///
  /// @param shards the progress of each shard of the node
  /// @param founded whether the shards were told to found before
  /// @param leaving whether the node was asked to leave
  public Step next(
      MembershipView view, List<ShardProgress> shards, boolean founded, boolean leaving) {
    if (isGivenUp(view)) {
      return Step.GIVE_UP;
    }
    Topology topology = view.topology();
    Optional<NodeDescriptor> self = topology.member(nodeId);
    if (self.isEmpty()) {
      return Step.WAIT; // wrongly removed; the service brings it back
    }
    boolean upToDate = shards.stream().allMatch(shard -> shard.version() == topology.version());
    boolean complete = upToDate && shards.stream().allMatch(ShardProgress::isComplete);
    return switch (self.get().state()) {
      case JOINING -> {
        if (complete) {
          yield founded || mayActivate(view, self.get()) ? Step.ACTIVATE : Step.COMPLETE;
        }
        yield !founded && mayFound(view) ? Step.FOUND : Step.WAIT;
      }
      case ACTIVE -> leaving ? Step.START_LEAVING : Step.WAIT;
      case LEAVING -> {
        boolean handedOver = upToDate && shards.stream().allMatch(shard -> shard.surplus() == 0);
        long staying =
            topology.members().stream().filter(node -> node.state() != State.LEAVING).count();
        // While nodes are away, too few others may be here to have as many copies as there must be.
        boolean enough =
            staying > topology.faultTolerance() || (staying > 0 && view.absent().isEmpty());
        yield handedOver && enough ? Step.LEAVE : Step.WAIT;
      }
    };
  }

  /// Whether the cluster has gone on without what this node has, and listens to it no more.
  public boolean isGivenUp(MembershipView view) {
    return view.gone().contains(new Incarnation(nodeId, incarnation))
        || former.stream().anyMatch(life -> view.gone().contains(new Incarnation(nodeId, life)));
  }

  private static boolean mayActivate(MembershipView view, NodeDescriptor self) {
    List<NodeDescriptor> tier =
        view.topology().members().stream()
            .filter(node -> node.tier() == self.tier() && !node.id().equals(self.id()))
            .toList();
    return tier.stream().anyMatch(node -> node.state() != State.JOINING)
        || tier.stream().allMatch(node -> view.complete().contains(node.id()));
  }

  private boolean mayFound(MembershipView view) {
    return view.absent().isEmpty()
        && view.suspected().isEmpty()
        && view.topology().members().size() >= founders
        && view.topology().members().stream().allMatch(node -> node.state() == State.JOINING);
  }
}
