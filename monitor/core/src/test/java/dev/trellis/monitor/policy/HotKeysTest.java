package dev.trellis.monitor.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.List;
import org.junit.jupiter.api.Test;

/// "Wu et al., VLDB 2019, §5.2, Hot-Key Replication", and where we depart from it.
class HotKeysTest {
  private static final Placement WARM = Placement.ofDefault(1);

  private final HotKeys policy = new HotKeys();

  /// 20 µs an operation: 50,000 a second are all that a shard can do.
  private static Views cluster() {
    return new Views().memory(4, 0.2, 0.4);
  }

  @Test
  void aKeyThatFillsItsShardGetsAsManyNodesAsKeepEachReplicaBelowTheMark() {
    Place place = Views.onlyPlace(cluster().key("hot", WARM, 50_000, 10).decide(policy));
    assertEquals(Move.REPLICATE, place.move());
    assertEquals(new Placement(3, 1, 1), place.to()); // 1.0 / 3 <= 0.6 - 0.2
    assertEquals("hot-keys", place.explanation().policy());
    assertEquals("occupancy.high - otherOccupancy = 0.4", place.explanation().threshold());
    assertTrue(place.explanation().expected().get("busyShare") <= 0.4);
  }

  @Test
  void nodesComeBeforeShardsAndThenShardsOfAllNodes() {
    Place place = Views.onlyPlace(cluster().key("hot", WARM, 150_000, 0).decide(policy));
    assertEquals(new Placement(4, 1, 2), place.to()); // 3.0 / 4 > 0.4 >= 3.0 / 8
  }

  @Test
  void aKeyFarAboveTheMeanThatCostsAShardNextToNothingIsLeftAlone() {
    assertEquals(List.of(), cluster().key("loud", WARM, 5_000, 0).decide(policy));
  }

  @Test
  void aKeyThatIsHardlyAskedForIsLeftAloneWhateverThatSeemsToCost() {
    // A node that has just started is busy with that.
    Views views = new Views();
    for (int node = 0; node < 2; node++) {
      List<Shard> shards = List.of(new Shard(0.64, 1, 0, 1, 1_000, 1e9));
      views.nodes.add(new Node("memory-" + node, Tier.MEMORY, State.ACTIVE, 1_000, false, shards));
    }
    views.keys = 2;
    views.keyMean = 0.5;
    assertEquals(List.of(), views.key("first", WARM, 2, 0).decide(policy));
    assertEquals(
        Move.REPLICATE, Views.onlyPlace(views.key("busy", WARM, 60, 0).decide(policy)).move());
  }

  @Test
  void aDearKeyThatDoesNotStandOutIsLeftAlone() {
    Views views = cluster().key("one of many", WARM, 50_000, 0);
    views.keyMean = 40_000;
    views.keyDeviation = 5_000;
    assertEquals(List.of(), views.decide(policy));
  }

  @Test
  void amongTooFewKeysForThreeDeviationsTheCostAloneDecides() {
    Views views = cluster().key("one of two", WARM, 40_000, 0);
    views.keys = 2;
    views.keyMean = 25_000;
    views.keyDeviation = 25_000;
    assertEquals(Move.REPLICATE, Views.onlyPlace(views.decide(policy)).move());
  }

  @Test
  void eachWriteCostsEachReplicaSoWritesAloneGetFewReplicas() {
    Views views = cluster();
    views.key("written", WARM, 0, 50_000);
    Place place = Views.onlyPlace(views.decide(policy));
    int replicas = place.to().memoryNodes() * place.to().shardsPerNode();
    KeyLoad load = new KeyLoad(50_000, 50_000, 20e-6, 100);
    assertTrue(load.busyShare(replicas) < load.busyShare(1));
    // Without gossip epochs, a write would cost each replica the same as the first, and none help.
    assertEquals(1, new KeyLoad(50_000, 50_000, 20e-6, 1e9).busyShare(4), 1e-9);
  }

  @Test
  void whereMoreReplicasDoNotHelpThereAreNone() {
    PolicySettings settings =
        new PolicySettings(
            Views.SETTINGS.objective(),
            Views.SETTINGS.budgetPerHour(),
            1,
            1,
            3,
            2,
            Views.SETTINGS.promoteWindow(),
            Views.SETTINGS.memoryUse(),
            Views.SETTINGS.ssdUse(),
            Views.SETTINGS.latencyFraction(),
            Views.SETTINGS.occupancy(),
            1.5,
            Views.SETTINGS.grace(),
            Views.SETTINGS.keyGrace(),
            Views.SETTINGS.memoryNodes(),
            Views.SETTINGS.ssdNodes(),
            Views.SETTINGS.shrinkAfter(),
            java.time.Duration.ofMillis(1));
    Views views = cluster().key("written", WARM, 0, 900);
    for (int index = 0; index < views.nodes.size(); index++) {
      // An operation takes 1 ms, as long as an epoch.
      views.nodes.set(index, slow(views.nodes.get(index)));
    }
    assertEquals(List.of(), policy.decide(views.view(), settings));
  }

  private static ClusterView.Node slow(ClusterView.Node node) {
    return new ClusterView.Node(
        node.id(),
        node.tier(),
        node.state(),
        node.sinceMillis(),
        false,
        List.of(
            new ClusterView.Shard(0.2, 100, 100, 10, 10, 100),
            new ClusterView.Shard(0.2, 100, 100, 10, 10, 100)));
  }

  @Test
  void clientsThatWaitWouldAskForMoreAndTheReplicasAreForThat() {
    Views views = cluster().key("hot", WARM, 39_000, 0);
    views.latency = Views.micros(7_500); // four times 0.75 of the objective
    Place place = Views.onlyPlace(views.decide(policy));
    assertEquals(new Placement(4, 1, 2), place.to()); // 4 x 0.78 / 8 <= 0.4
    assertEquals(4, place.explanation().inputs().get("heldBackFactor"), 0.01);
  }

  @Test
  void ifAllNodesAreBusyWaitingSaysNothingOfTheKey() {
    Views views = new Views().memory(4, 0.7, 0.4).key("hot", WARM, 14_000, 0);
    views.latency = Views.micros(7_500);
    assertEquals(List.of(), views.decide(policy));
  }

  @Test
  void whileNodesMoveWaitingSaysNothingOfTheKey() {
    Views views = cluster().key("hot", WARM, 15_000, 0);
    views.latency = Views.micros(7_500);
    views.done(Views.resize(Tier.MEMORY, 3, 4), 10);
    assertEquals(List.of(), views.decide(policy));
  }

  @Test
  void whatWasPlacedIsLeftAloneForItsGracePeriod() {
    Views views = cluster().key("hot", WARM, 50_000, 0);
    Decision first = Views.onlyPlace(views.decide(policy));
    assertEquals(List.of(), views.done(first, 30).decide(policy));
    views.taken.clear();
    assertFalse(views.done(first, 90).decide(policy).isEmpty());
  }

  @Test
  void aKeyThatCooledDownGoesBackToTheDefault() {
    Place place =
        Views.onlyPlace(cluster().key("cooled", new Placement(4, 1, 2), 100, 0).decide(policy));
    assertEquals(Move.DEREPLICATE, place.move());
    assertEquals(WARM, place.to());
    assertTrue(place.toDefault());
  }

  @Test
  void aKeyThatIsALittleLessHotStaysAsItIs() {
    // Three times 0.37: two would have more than brings a third, and one far more.
    assertEquals(List.of(), cluster().key("hot", new Placement(3, 1, 1), 55_000, 0).decide(policy));
  }

  @Test
  void aKeyThatIsMuchLessHotKeepsWhatItNeeds() {
    Place place =
        Views.onlyPlace(cluster().key("hot", new Placement(4, 1, 4), 25_000, 0).decide(policy));
    assertEquals(Move.DEREPLICATE, place.move());
    assertEquals(new Placement(4, 1, 1), place.to()); // 0.5 / 4 <= 0.15
    assertFalse(place.toDefault());
  }

  @Test
  void whatMembersThatDoNotAnswerMayKnowIsNotTakenForNothing() {
    Views views = cluster().key("hot", new Placement(4, 1, 2), 0, 0);
    views.node(Tier.MEMORY, dev.trellis.wire.NodeDescriptor.State.ACTIVE, true, 0.2, 0.4);
    assertEquals(List.of(), views.decide(policy));
  }

  @Test
  void withoutNodesOrLoadOrOnSsdThereIsNothingToDo() {
    assertEquals(List.of(), new Views().key("hot", WARM, 50_000, 0).decide(policy));
    assertEquals(List.of(), new Views().memory(2, 0, 0).key("hot", WARM, 50_000, 0).decide(policy));
    assertEquals(
        List.of(), cluster().key("cold", new Placement(0, 2, 1), 50_000, 0).decide(policy));
  }
}
