package dev.trellis.node.membership;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.node.membership.Lifecycle.Step;
import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LifecycleTest {
  private static final Lifecycle LIFE = new Lifecycle("n1", 1, List.of(), 2);
  private static final Incarnation OTHER = new Incarnation("n9", 9);

  private static NodeDescriptor node(String id, State state) {
    return new NodeDescriptor(id, Tier.MEMORY, "h", List.of(1), 2, 1, 1, state);
  }

  private static MembershipView view(NodeDescriptor... nodes) {
    return new MembershipView(Topology.of(List.of(nodes), 1), Set.of(), Set.of(), Set.of());
  }

  private static List<ShardProgress> progress(MembershipView view, int incomplete, int surplus) {
    ShardProgress done = new ShardProgress(view.topology().version(), 10, 0, 0);
    return List.of(done, new ShardProgress(view.topology().version(), 10, incomplete, surplus));
  }

  @Test
  void aClusterIsFoundedByEnoughJoiningNodesAndByNoFewer() {
    MembershipView alone = view(node("n1", State.JOINING));
    assertEquals(Step.WAIT, LIFE.next(alone, progress(alone, 5, 0), false, false));
    MembershipView both = view(node("n1", State.JOINING), node("n2", State.JOINING));
    assertEquals(Step.FOUND, LIFE.next(both, progress(both, 5, 0), false, false));
    assertEquals(Step.WAIT, LIFE.next(both, progress(both, 5, 0), true, false));
    assertEquals(Step.ACTIVATE, LIFE.next(both, progress(both, 0, 0), true, false));
  }

  @Test
  void whereSomebodyMayHaveDataNothingIsFounded() {
    NodeDescriptor self = node("n1", State.JOINING);
    MembershipView active = view(self, node("n2", State.ACTIVE));
    assertEquals(Step.WAIT, LIFE.next(active, progress(active, 5, 0), false, false));
    Topology joining = view(self, node("n2", State.JOINING)).topology();
    MembershipView absent = new MembershipView(joining, Set.of(), Set.of(OTHER), Set.of());
    assertEquals(Step.WAIT, LIFE.next(absent, progress(absent, 5, 0), false, false));
    MembershipView suspected = new MembershipView(joining, Set.of("n2"), Set.of(), Set.of());
    assertEquals(Step.WAIT, LIFE.next(suspected, progress(suspected, 5, 0), false, false));
  }

  @Test
  void thoseThatJoinATierWithoutActiveNodesBecomeActiveTogether() {
    NodeDescriptor disk =
        new NodeDescriptor("n3", Tier.SSD, "h", List.of(1), 2, 1, 1, State.ACTIVE);
    Topology topology = view(node("n1", State.JOINING), node("n2", State.JOINING), disk).topology();
    MembershipView before = new MembershipView(topology, Set.of(), Set.of(), Set.of());
    assertEquals(Step.WAIT, LIFE.next(before, progress(before, 1, 0), false, false));
    assertEquals(Step.COMPLETE, LIFE.next(before, progress(before, 0, 0), false, false));
    MembershipView both =
        new MembershipView(topology, Set.of(), Set.of(), Set.of(), Set.of("n2"), 0);
    assertEquals(Step.ACTIVATE, LIFE.next(both, progress(both, 0, 0), false, false));
    // The other one did, and is to be followed at once.
    MembershipView active = view(node("n1", State.JOINING), node("n2", State.ACTIVE), disk);
    assertEquals(Step.ACTIVATE, LIFE.next(active, progress(active, 0, 0), false, false));
    // Who joins another tier is not waited for.
    NodeDescriptor joining =
        new NodeDescriptor("n3", Tier.SSD, "h", List.of(1), 2, 1, 1, State.JOINING);
    MembershipView other = view(node("n1", State.JOINING), joining);
    assertEquals(Step.ACTIVATE, LIFE.next(other, progress(other, 0, 0), false, false));
  }

  @Test
  void aShardThatHasNotSeenTheViewYetIsWaitedFor() {
    MembershipView view = view(node("n1", State.JOINING), node("n2", State.ACTIVE));
    MembershipView older = view(node("n1", State.JOINING));
    assertEquals(Step.WAIT, LIFE.next(view, progress(older, 0, 0), false, false));
    assertEquals(Step.WAIT, LIFE.next(view, List.of(ShardProgress.NONE), false, false));
    assertEquals(Step.ACTIVATE, LIFE.next(view, progress(view, 0, 0), false, false));
  }

  @Test
  void aNodeLeavesWhenOthersHaveAllItHas() {
    MembershipView active = view(node("n1", State.ACTIVE), node("n2", State.ACTIVE));
    assertEquals(Step.WAIT, LIFE.next(active, progress(active, 0, 0), true, false));
    assertEquals(Step.START_LEAVING, LIFE.next(active, progress(active, 0, 0), true, true));
    MembershipView leaving = view(node("n1", State.LEAVING), node("n2", State.ACTIVE));
    assertEquals(Step.WAIT, LIFE.next(leaving, progress(leaving, 0, 3), true, true));
    assertEquals(Step.WAIT, LIFE.next(leaving, progress(active, 0, 0), true, true));
    assertEquals(Step.LEAVE, LIFE.next(leaving, progress(leaving, 0, 0), true, true));
  }

  @Test
  void aNodeStaysWhileOthersAreAwayAndTooFewAreHereToHaveAllCopies() {
    Topology topology = view(node("n1", State.LEAVING), node("n2", State.ACTIVE)).topology();
    MembershipView alone =
        new MembershipView(topology, Set.of(), Set.of(new Incarnation("n3", 3)), Set.of());
    assertEquals(Step.WAIT, LIFE.next(alone, progress(alone, 0, 0), true, true));
    MembershipView back =
        view(node("n1", State.LEAVING), node("n2", State.ACTIVE), node("n3", State.ACTIVE));
    assertEquals(Step.LEAVE, LIFE.next(back, progress(back, 0, 0), true, true));
  }

  @Test
  void theLastNodeDoesNotLeave() {
    MembershipView leaving = view(node("n1", State.LEAVING));
    assertEquals(Step.WAIT, LIFE.next(leaving, progress(leaving, 0, 0), true, true));
  }

  @Test
  void anIncarnationDeclaredGoneGivesUpAndItsSuccessorDoesNot() {
    Topology topology = view(node("n1", State.ACTIVE), node("n2", State.ACTIVE)).topology();
    MembershipView self =
        new MembershipView(topology, Set.of(), Set.of(), Set.of(new Incarnation("n1", 1)));
    assertEquals(Step.GIVE_UP, LIFE.next(self, progress(self, 0, 0), true, false));
    MembershipView former =
        new MembershipView(topology, Set.of(), Set.of(), Set.of(new Incarnation("n1", 2)));
    assertEquals(Step.WAIT, LIFE.next(former, progress(former, 0, 0), true, false));
  }

  @Test
  void whoWasRemovedWaitsToBeTakenBack() {
    MembershipView others = view(node("n2", State.ACTIVE));
    assertEquals(Step.WAIT, LIFE.next(others, progress(others, 0, 0), true, true));
  }

  @Test
  void aClusterHasAtLeastOneFounder() {
    assertEquals(
        "cluster.founders 0 is below 1; a cluster has at least one node",
        assertThrows(IllegalArgumentException.class, () -> new Lifecycle("n1", 1, List.of(), 0))
            .getMessage());
  }
}
