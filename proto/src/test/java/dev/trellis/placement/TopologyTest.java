package dev.trellis.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class TopologyTest {
  private static final Partitions PARTITIONS = new Partitions(8);

  private static NodeDescriptor node(String id, Tier tier, State state) {
    return onHost(id, tier, state, "host-of-" + id);
  }

  private static NodeDescriptor onHost(String id, Tier tier, State state, String host) {
    return new NodeDescriptor(id, tier, host, List.of(1), 2, 3, 1, state);
  }

  private static List<NodeDescriptor> nodes(Tier tier, int count) {
    List<NodeDescriptor> nodes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      nodes.add(node(tier.word() + i, tier, State.ACTIVE));
    }
    return nodes;
  }

  private static List<NodeDescriptor> nodes(int memory, int ssd) {
    List<NodeDescriptor> nodes = nodes(Tier.MEMORY, memory);
    nodes.addAll(nodes(Tier.SSD, ssd));
    return nodes;
  }

  private static Topology topology(int faultTolerance, NodeDescriptor... nodes) {
    return topology(List.of(nodes), faultTolerance);
  }

  private static Topology topology(Collection<NodeDescriptor> nodes, int faultTolerance) {
    return Topology.of(PARTITIONS, nodes, faultTolerance);
  }

  /// How many of the nodes are of a tier, by their names.
  private static long of(Tier tier, List<String> ids) {
    return ids.stream().filter(id -> id.startsWith(tier.word())).count();
  }

  private static List<NodeDescriptor> random(RandomGenerator random) {
    List<NodeDescriptor> nodes = nodes(random.nextInt(6), random.nextInt(6));
    if (nodes.isEmpty()) {
      nodes.add(node("memory0", Tier.MEMORY, State.ACTIVE));
    }
    State[] states = State.values();
    nodes.replaceAll(
        node ->
            random.nextInt(3) == 0 ? node.withState(states[random.nextInt(states.length)]) : node);
    return nodes;
  }

  // ---- Settled clusters ----

  @Test
  void byDefaultAKeyIsOnceInMemoryAndAsOftenOnSsdAsNodesMayBeLost() {
    for (int k = 0; k < 4; k++) {
      Topology topology = topology(nodes(4, 4), k);
      for (int partition = 0; partition < PARTITIONS.count(); partition++) {
        List<String> owners = topology.owners(partition);
        assertEquals(1, of(Tier.MEMORY, owners));
        assertEquals(k, of(Tier.SSD, owners));
        assertTrue(owners.get(0).startsWith("memory"));
      }
    }
  }

  @Test
  void aTierShortOfNodesBorrowsFromTheOther() {
    for (int k = 0; k < 5; k++) {
      for (int memory = 0; memory < 5; memory++) {
        for (int ssd = 0; ssd < 5; ssd++) {
          if (memory + ssd > 0) {
            Topology topology = topology(nodes(memory, ssd), k);
            int wanted = Math.min(k + 1, memory + ssd);
            for (int partition = 0; partition < PARTITIONS.count(); partition++) {
              List<String> owners = topology.owners(partition);
              assertEquals(wanted, new HashSet<>(owners).size());
              assertEquals(wanted, owners.size());
              assertTrue(of(Tier.MEMORY, owners) >= Math.min(1, memory));
              assertTrue(
                  of(Tier.MEMORY, owners) <= 1 || of(Tier.SSD, owners) == ssd,
                  () -> owners + " borrows from memory while there is SSD");
            }
          }
        }
      }
    }
  }

  @Test
  void withoutSsdTheFirstMemoryNodesHoldAKeyAndAreItsHome() {
    Topology topology = topology(nodes(5, 0), 1);
    HashRing ring = HashRing.of(Tier.MEMORY, nodes(5, 0));
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      List<String> first = ring.replicasOf(PARTITIONS.position(partition), 2);
      assertEquals(first, topology.owners(partition));
      assertEquals(first, topology.homes(partition));
    }
  }

  @Test
  void aPlacementOfItsOwnCountsForBothTiersAndIsStillKeptSafe() {
    Topology topology = topology(nodes(4, 3), 1);
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      List<String> hot = topology.owners(partition, Optional.of(new Placement(3, 1, 2)));
      assertEquals(3, of(Tier.MEMORY, hot));
      assertEquals(1, of(Tier.SSD, hot));
      List<String> cold = topology.owners(partition, Optional.of(new Placement(0, 2, 1)));
      assertEquals(0, of(Tier.MEMORY, cold));
      assertEquals(2, of(Tier.SSD, cold));
      // One copy would not survive the loss of a node.
      assertEquals(2, topology.owners(partition, Optional.of(new Placement(1, 0, 1))).size());
      // More than there are means all.
      assertEquals(7, topology.owners(partition, Optional.of(new Placement(99, 99, 1))).size());
      assertEquals(topology.owners(partition), topology.owners(partition, Optional.empty()));
      assertEquals(
          topology.owners(partition),
          topology.owners(partition, Optional.of(topology.defaultPlacement())));
    }
  }

  @Test
  void fewerReplicasAreAmongMoreSoThatNothingMovesThatNeedNot() {
    Topology topology = topology(onHosts(4, 4), 0);
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      for (int memory = 0; memory <= 4; memory++) {
        for (int ssd = memory == 0 ? 1 : 0; ssd <= 4; ssd++) {
          List<String> some =
              topology.owners(partition, Optional.of(new Placement(memory, ssd, 1)));
          List<String> hotter =
              topology.owners(partition, Optional.of(new Placement(memory + 1, ssd, 1)));
          List<String> safer =
              topology.owners(partition, Optional.of(new Placement(memory, ssd + 1, 1)));
          assertTrue(hotter.containsAll(some), () -> some + " and " + hotter);
          assertTrue(safer.containsAll(some), () -> some + " and " + safer);
        }
      }
    }
  }

  /// Each host has a node of both tiers, as far as they go.
  private static List<NodeDescriptor> onHosts(int memory, int ssd) {
    return nodes(memory, ssd).stream()
        .map(
            node ->
                onHost(node.id(), node.tier(), node.state(), "h" + node.id().replaceAll("\\D", "")))
        .toList();
  }

  @Test
  void theCopyOnSsdIsOnAnotherHostThanThatInMemoryWhereThereIsOne() {
    Topology topology = topology(onHosts(3, 3), 1);
    Topology narrow = topology(onHosts(1, 1), 1);
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      List<String> owners = topology.owners(partition);
      assertNotEquals(owners.get(0).replace("memory", ""), owners.get(1).replace("ssd", ""));
      assertEquals(List.of("memory0", "ssd0"), narrow.owners(partition));
    }
  }

  @Test
  void aSettledClusterHasOneAnswer() {
    Topology topology = topology(nodes(3, 2), 1);
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      assertSame(topology.owners(partition), topology.formerOwners(partition));
      assertSame(topology.owners(partition), topology.holders(partition));
    }
  }

  @Test
  void anEmptyClusterHoldsNothing() {
    Topology topology = topology(1);
    assertEquals(List.of(), topology.owners(0));
    assertEquals(List.of(), topology.holders(0));
    assertEquals(List.of(), topology.homes(0));
    assertEquals(List.of(), topology.preference(0));
    assertEquals(List.of(), topology.owners(0, Optional.of(new Placement(1, 1, 1))));
  }

  // ---- Joins and leaves ----

  @Test
  void whoJoinsOwnsButDidNotAndWhoLeavesDidButDoesNot() {
    Topology topology =
        topology(
            1,
            node("memory0", Tier.MEMORY, State.ACTIVE),
            node("memory1", Tier.MEMORY, State.LEAVING),
            node("memory2", Tier.MEMORY, State.JOINING));
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      assertEquals(Set.of("memory0", "memory2"), Set.copyOf(topology.owners(partition)));
      assertEquals(Set.of("memory0", "memory1"), Set.copyOf(topology.formerOwners(partition)));
      List<String> holders = topology.holders(partition);
      assertEquals(3, holders.size());
      assertEquals(topology.formerOwners(partition), holders.subList(0, 2));
      assertEquals(Set.copyOf(holders), Set.copyOf(topology.homes(partition)));
    }
  }

  @Test
  void whereAllJoinOrAllLeaveThereIsOneAnswer() {
    for (State state : List.of(State.JOINING, State.LEAVING)) {
      Topology topology =
          topology(
              1,
              node("memory0", Tier.MEMORY, state),
              node("memory1", Tier.MEMORY, state),
              node("memory2", Tier.MEMORY, state));
      Topology settled = topology(nodes(3, 0), 1);
      for (int partition = 0; partition < PARTITIONS.count(); partition++) {
        assertEquals(settled.owners(partition), topology.owners(partition));
        assertEquals(settled.owners(partition), topology.formerOwners(partition));
        assertEquals(settled.owners(partition), topology.holders(partition));
      }
    }
  }

  @Test
  void whereSomeJoinAndTheRestLeaveEverythingMoves() {
    Topology topology =
        topology(
            0,
            node("memory0", Tier.MEMORY, State.JOINING),
            node("memory1", Tier.MEMORY, State.LEAVING));
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      assertEquals(List.of("memory0"), topology.owners(partition));
      assertEquals(List.of("memory1"), topology.formerOwners(partition));
      assertEquals(List.of("memory1", "memory0"), topology.holders(partition));
    }
  }

  @Test
  void aNodeThatJoinsGainsItsShareAndNobodyElseGainsAnything() {
    for (Tier tier : Tier.values()) {
      List<NodeDescriptor> before = nodes(5, 5);
      List<NodeDescriptor> after = new ArrayList<>(before);
      after.add(node(tier.word() + "-newcomer", tier, State.ACTIVE));
      Topology old = topology(before, 1);
      Topology latest = topology(after, 1);
      int gained = 0;
      for (int partition = 0; partition < PARTITIONS.count(); partition++) {
        Set<String> more = new HashSet<>(latest.owners(partition));
        more.removeAll(old.owners(partition));
        assertTrue(more.isEmpty() || more.equals(Set.of(tier.word() + "-newcomer")));
        gained += more.size();
      }
      double share = (double) gained / PARTITIONS.count();
      assertTrue(share > 0.08 && share < 0.28, tier + ": " + share); // fair would be a sixth
    }
  }

  // ---- Rules that hold for all ----

  @Test
  void whateverTheMembersTheAnswersFitTogether() {
    Seeds.forAll(
        200,
        random -> {
          int k = random.nextInt(4);
          List<NodeDescriptor> members = random(random);
          Topology topology = topology(members, k);
          int partition = random.nextInt(PARTITIONS.count());
          Optional<Placement> placement =
              random.nextBoolean()
                  ? Optional.empty()
                  : Optional.of(new Placement(random.nextInt(4), 1 + random.nextInt(4), 1));
          List<String> owners = topology.owners(partition, placement);
          List<String> former = topology.formerOwners(partition, placement);
          Set<String> all = new LinkedHashSet<>(former);
          all.addAll(owners);
          assertEquals(List.copyOf(all), topology.holders(partition, placement));
          long staying = members.stream().filter(n -> n.state() != State.LEAVING).count();
          long there = staying == 0 ? members.size() : staying;
          assertTrue(owners.size() >= Math.min(k + 1, there), () -> owners + " of " + topology);
          List<String> preference = topology.preference(partition);
          assertEquals(members.size(), preference.size());
          assertEquals(
              members.stream().map(NodeDescriptor::id).collect(Collectors.toSet()),
              Set.copyOf(preference));
          List<String> holders = topology.holders(partition);
          assertEquals(holders, preference.subList(0, holders.size()));
          List<String> homes = topology.homes(partition);
          assertEquals(homes.size(), Set.copyOf(homes).size());
          assertTrue(preference.containsAll(homes));
        });
  }

  @Test
  void whoKnowsTheSameMembersAnswersTheSameAndHasTheSameVersion() {
    Seeds.forAll(
        100,
        random -> {
          List<NodeDescriptor> members = random(random);
          List<NodeDescriptor> shuffled = new ArrayList<>(members);
          Collections.shuffle(shuffled, new Random(random.nextLong()));
          Topology one = topology(members, 1);
          Topology other = topology(shuffled, 1);
          assertEquals(one.version(), other.version());
          assertTrue(one.version() > 0);
          int partition = random.nextInt(PARTITIONS.count());
          assertEquals(one.holders(partition), other.holders(partition));
          assertEquals(one.preference(partition), other.preference(partition));
          assertEquals(one.homes(partition), other.homes(partition));
        });
  }

  @Test
  void theVersionChangesWithWhoIsThereInWhichLifeAndState() {
    NodeDescriptor a = node("a", Tier.MEMORY, State.ACTIVE);
    NodeDescriptor b = node("b", Tier.MEMORY, State.ACTIVE);
    NodeDescriptor again =
        new NodeDescriptor("b", Tier.MEMORY, b.host(), List.of(1), 2, 4, 1, State.ACTIVE);
    Set<Long> versions = new HashSet<>();
    versions.add(topology(1).version());
    versions.add(topology(1, a).version());
    versions.add(topology(2, a).version());
    versions.add(topology(1, b).version());
    versions.add(topology(1, a, b).version());
    versions.add(topology(1, a, again).version());
    versions.add(topology(1, a, b.withState(State.LEAVING)).version());
    versions.add(topology(1, a.withState(State.LEAVING), b).version());
    assertEquals(8, versions.size());
  }

  // ---- Shards, and what is refused ----

  @Test
  void aKeyOnSeveralShardsOfANodeIsOnThoseThatFollowItsOwn() {
    Topology topology = topology(nodes(1, 0), 1);
    for (int partition = 0; partition < PARTITIONS.count(); partition++) {
      int own = PARTITIONS.shardOf(partition, 4);
      assertEquals(List.of(own), topology.shardsOf(partition, 4, 1));
      assertEquals(List.of(own, (own + 1) % 4, (own + 2) % 4), topology.shardsOf(partition, 4, 3));
      assertEquals(4, Set.copyOf(topology.shardsOf(partition, 4, 99)).size());
      assertEquals(List.of(0), topology.shardsOf(partition, 1, 2));
    }
  }

  @Test
  void membersAreFoundByTheirIds() {
    NodeDescriptor b = node("b", Tier.MEMORY, State.ACTIVE);
    NodeDescriptor a = node("a", Tier.SSD, State.JOINING);
    Topology topology = topology(1, b, a);
    assertEquals(List.of(a, b), List.copyOf(topology.members()));
    assertEquals(Optional.of(b), topology.member("b"));
    assertEquals(Optional.empty(), topology.member("c"));
    assertEquals(new Placement(1, 1, 1), topology.defaultPlacement());
  }

  @Test
  void twoMembersOfOneIdAreRefusedAlsoInDifferentTiers() {
    assertEquals(
        "two members have the id a; ids are unique in a cluster",
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    topology(
                        1, node("a", Tier.MEMORY, State.ACTIVE), node("a", Tier.SSD, State.ACTIVE)))
            .getMessage());
  }
}
