package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.console.ConsoleState.HotKey;
import dev.trellis.monitor.console.ConsoleState.Monitor;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Population;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.ClusterView.Taken;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ConsoleStateTest {
  private static final Monitor MONITOR = new Monitor("local", false, 3, true);

  private static ClusterView.Node node(String id, Tier tier, State state, double operations) {
    return new ClusterView.Node(
        id, tier, state, 0, false, List.of(new Shard(0.1, operations, 0, 10, 5, 20)));
  }

  private static ClusterView view(
      List<ClusterView.Node> nodes, List<ClusterView.Key> keys, List<Taken> taken) {
    return new ClusterView(
        1000, 1, true, nodes, keys, new Population(1000, 2, 1), Latency.NONE, taken);
  }

  private static ConsoleState state(ClusterView view, Monitor monitor) {
    return ConsoleState.of(
        "test",
        view,
        new RingShares(Map.of("a", 0.5, "b", 0.3, "c", 0.2)),
        PolicySettings.PAPER,
        monitor,
        List.of(),
        List.of());
  }

  private static Taken resize(Tier tier, int to, boolean isDone) {
    Explanation explanation = new Explanation("p", "because", Map.of(), "t = 1", Map.of());
    return new Taken(
        new Decision.Resize(tier, 2, to, List.of(), explanation), 500, isDone, isDone ? 900 : 0);
  }

  private static ClusterView.Key key(String key, double reads) {
    return new ClusterView.Key(
        Payload.ofText(key), 1, new Placement(1, 1, 1), true, reads, 0, 9, 0, 0, 0);
  }

  @Test
  void nodesStandByTierAndIdWithTheirSharesOfTheirTier() {
    ConsoleState state =
        state(
            view(
                List.of(
                    node("s", Tier.SSD, State.ACTIVE, 5),
                    node("b", Tier.MEMORY, State.ACTIVE, 30),
                    node("a", Tier.MEMORY, State.ACTIVE, 90)),
                List.of(),
                List.of()),
            MONITOR);
    assertEquals(
        List.of("a", "b", "s"), state.nodes().stream().map(ConsoleState.Node::id).toList());
    assertEquals(
        List.of(0.75, 0.25, 1.0),
        state.nodes().stream().map(ConsoleState.Node::loadShare).toList());
    assertEquals(
        List.of(0.5, 0.3, 0.0), state.nodes().stream().map(ConsoleState.Node::ringShare).toList());
    assertEquals(1.5, state.tier(Tier.MEMORY).loadImbalance());
    assertEquals(1.25, state.tier(Tier.MEMORY).ringImbalance());
    assertEquals(1, state.tier(Tier.SSD).loadImbalance());
    assertEquals(125, state.operationsPerSecond());
    assertEquals(3, state.costPerHour());
  }

  @Test
  void nodesThatLeaveAreNeitherCountedNorMissedInTheBalance() {
    ConsoleState state =
        state(
            view(
                List.of(
                    node("a", Tier.MEMORY, State.ACTIVE, 50),
                    node("b", Tier.MEMORY, State.ACTIVE, 50),
                    node("c", Tier.MEMORY, State.LEAVING, 0)),
                List.of(),
                List.of()),
            MONITOR);
    assertEquals(2, state.tier(Tier.MEMORY).nodes());
    assertEquals(1, state.tier(Tier.MEMORY).loadImbalance());
    assertEquals(3, state.nodes().size());
  }

  @Test
  void aTierWantsWhatTheLatestDecisionAimsAtUntilItIsThereOrOrdersAreNotGiven() {
    List<ClusterView.Node> nodes =
        List.of(node("a", Tier.MEMORY, State.ACTIVE, 1), node("b", Tier.MEMORY, State.ACTIVE, 1));
    List<Taken> underWay = List.of(resize(Tier.MEMORY, 3, false), resize(Tier.MEMORY, 9, false));
    assertEquals(3, state(view(nodes, List.of(), underWay), MONITOR).tier(Tier.MEMORY).wanted());
    List<Taken> done = List.of(resize(Tier.MEMORY, 3, true));
    assertEquals(2, state(view(nodes, List.of(), done), MONITOR).tier(Tier.MEMORY).wanted());
    Monitor dry = new Monitor("local", true, 3, true);
    assertEquals(2, state(view(nodes, List.of(), underWay), dry).tier(Tier.MEMORY).wanted());
    assertEquals(0, state(view(nodes, List.of(), underWay), MONITOR).tier(Tier.SSD).wanted());
  }

  @Test
  void theBusiestKeysComeFirstAndIdleOnesNotAtAll() {
    List<ClusterView.Key> keys = new ArrayList<>(List.of(key("idle", 0)));
    IntStream.rangeClosed(1, 30).forEach(number -> keys.add(key("k" + number, number)));
    List<HotKey> hot = state(view(List.of(), keys, List.of()), MONITOR).hotKeys();
    assertEquals(20, hot.size());
    assertEquals(Payload.ofText("k30"), hot.getFirst().key());
    assertEquals(30 / 2000.0, hot.getFirst().loadShare());
  }

  @Test
  void anEmptyClusterHasTwoTiersWithoutNodes() {
    ConsoleState state = state(view(List.of(), List.of(), List.of()), MONITOR);
    assertEquals(2, state.tiers().size());
    assertEquals(0, state.tier(Tier.MEMORY).ringImbalance());
    assertEquals(0, state.costPerHour());
    assertTrue(state.hotKeys().isEmpty());
  }

  @Test
  void theRingSharesOfATierAddUpAndFollowCapacity() {
    List<NodeDescriptor> members =
        List.of(member("a", 1), member("b", 1), member("c", 2), ssd("s"));
    RingShares shares = RingShares.of(Topology.of(members, 1));
    assertEquals(1, shares.share("a") + shares.share("b") + shares.share("c"), 1e-9);
    assertEquals(0.25, shares.share("a"), 0.05);
    assertEquals(0.5, shares.share("c"), 0.07);
    assertEquals(1, shares.share("s"));
    assertEquals(0, shares.share("unknown"));
    assertTrue(RingShares.of(Topology.of(List.of(), 1)).byNode().isEmpty());
    assertFalse(RingShares.of(Topology.of(members, 0)).byNode().containsValue(Double.NaN));
  }

  private static NodeDescriptor member(String id, int capacity) {
    return new NodeDescriptor(
        id, Tier.MEMORY, "host-" + id, List.of(1), 0, 1, capacity, State.ACTIVE);
  }

  private static NodeDescriptor ssd(String id) {
    return new NodeDescriptor(id, Tier.SSD, "host-" + id, List.of(1), 0, 1, 1, State.ACTIVE);
  }

  @Test
  void decisionsAreToldAsPhrases() {
    FakeCluster cluster = new FakeCluster();
    List<String> said =
        cluster.decisions(4, Long.MAX_VALUE).stream().map(DecisionEntry::what).toList();
    assertEquals(
        List.of(
            "Grow the SSD tier from 1 to 2 nodes",
            "Replicate “cart:7f3a91” to 3 memory nodes and 1 SSD node, 2 shards each",
            "Grow the memory tier from 2 to 3 nodes",
            "Grow the memory tier from 2 to 3 nodes"),
        said);
    List<String> all =
        cluster.decisions(20, Long.MAX_VALUE).stream().map(DecisionEntry::what).toList();
    assertTrue(all.contains("Shrink the memory tier from 3 to 2 nodes; m3 leaves"), all::toString);
    assertTrue(
        all.contains("Demote 18,400 keys like “session:2026-03-13” to SSD: 2 SSD nodes"),
        all::toString);
    assertTrue(
        all.contains("Promote “banner:front” to memory: the default, 1 memory node and 1 SSD node"),
        all::toString);
  }
}
