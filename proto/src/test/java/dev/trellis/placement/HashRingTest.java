package dev.trellis.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class HashRingTest {
  private static final int KEYS = 100_000;

  @Test
  void nodesOfEqualCapacityGetAboutEqualShares() {
    for (int nodes : new int[] {2, 5, 16, 64}) {
      List<NodeDescriptor> members = new ArrayList<>();
      for (int node = 0; node < nodes; node++) {
        members.add(node("memory-" + node, "host-" + node, 1));
      }
      assertSharesFollowCapacities(members);
    }
  }

  @Test
  void sharesAreInProportionToCapacity() {
    assertSharesFollowCapacities(
        List.of(node("a", "h", 1), node("b", "h", 2), node("c", "h", 4), node("d", "h", 8)));
  }

  /// Chi-square over the number of keys is the mean square of the shares' relative deviations,
  /// which a ring of V points a node makes about 1/V; four times that is two standard deviations.
  private static void assertSharesFollowCapacities(List<NodeDescriptor> members) {
    Map<String, Integer> keys = new HashMap<>();
    HashRing ring = ring(members);
    RandomGenerator random = new SplittableRandom(2);
    for (int key = 0; key < KEYS; key++) {
      keys.merge(ring.replicasOf(random.nextLong(), 1).get(0), 1, Integer::sum);
    }
    double capacity = members.stream().mapToInt(NodeDescriptor::capacity).sum();
    double deviation = 0;
    for (NodeDescriptor member : members) {
      double expected = KEYS * member.capacity() / capacity;
      double relative = keys.getOrDefault(member.id(), 0) / expected - 1;
      assertTrue(Math.abs(relative) < 0.25, member.id() + " is off by " + relative);
      deviation += relative * relative / members.size();
    }
    assertTrue(
        deviation < 4.0 / HashRing.VIRTUAL_NODES_PER_CAPACITY,
        members.size() + " nodes: " + deviation);
  }

  @Test
  void allWhoKnowTheSameMembersAgree() {
    Seeds.forAll(
        50,
        random -> {
          List<NodeDescriptor> members = members(random);
          List<NodeDescriptor> shuffled = new ArrayList<>(members);
          Collections.shuffle(shuffled, new Random(random.nextLong()));
          HashRing ring = ring(members);
          HashRing other = ring(shuffled);
          assertEquals(ring, other);
          assertEquals(ring.hashCode(), other.hashCode());
          long key = random.nextLong();
          assertEquals(ring.replicasOf(key, members.size()), other.replicasOf(key, members.size()));
        });
  }

  /// Clients and nodes of different versions must agree, so these may never change.
  @Test
  void theRingIsTheSameInEveryVersion() {
    HashRing ring =
        ring(
            List.of(
                node("a", "h1", 1), node("b", "h2", 1), node("c", "h1", 2), node("d", "h3", 1)));
    StringBuilder homes = new StringBuilder();
    for (long key = 0; key < 16; key++) {
      homes.append(ring.replicasOf(key << 60, 1).get(0));
    }
    assertEquals("dcdcbdabbddcaccc", homes.toString());
  }

  @Test
  void replicasAreTheDefinitionOfTheirOrder() {
    Seeds.forAll(
        300,
        random -> {
          List<NodeDescriptor> members = zonedMembers(random);
          HashRing ring = ring(members);
          long key = random.nextLong();
          List<String> expected = preferenceOf(key, members);
          for (int replicas = 1; replicas <= members.size(); replicas++) {
            assertEquals(expected.subList(0, replicas), ring.replicasOf(key, replicas));
          }
        });
  }

  /// Straight from the documentation: walk once round the ring, then take from each host in turn,
  /// and within that from each zone in turn.
  private static List<String> preferenceOf(long key, List<NodeDescriptor> members) {
    List<VirtualNode> points = new ArrayList<>();
    Map<String, String> hosts = new HashMap<>();
    for (NodeDescriptor member : members) {
      points.addAll(VirtualNode.of(member));
      hosts.put(member.id(), member.host());
    }
    Collections.sort(points);
    Set<String> walked = new java.util.LinkedHashSet<>();
    points.stream().filter(p -> p.position() >= key).forEach(p -> walked.add(p.nodeId()));
    points.forEach(p -> walked.add(p.nodeId()));
    Map<String, List<String>> byHost = new LinkedHashMap<>();
    walked.forEach(id -> byHost.computeIfAbsent(hosts.get(id), h -> new ArrayList<>()).add(id));
    List<String> order = new ArrayList<>();
    for (int round = 0; order.size() < members.size(); round++) {
      int taken = round;
      List<String> ofRound = new ArrayList<>();
      byHost.values().stream()
          .filter(l -> l.size() > taken)
          .forEach(l -> ofRound.add(l.get(taken)));
      Map<String, List<String>> byZone = new LinkedHashMap<>();
      walked.stream()
          .filter(ofRound::contains)
          .forEach(
              id -> byZone.computeIfAbsent(zoneOf(id, members), z -> new ArrayList<>()).add(id));
      while (byZone.values().stream().anyMatch(l -> !l.isEmpty())) {
        List<String> ofTurn = new ArrayList<>();
        byZone.values().stream().filter(l -> !l.isEmpty()).forEach(l -> ofTurn.add(l.remove(0)));
        walked.stream().filter(ofTurn::contains).forEach(order::add);
      }
    }
    return order;
  }

  private static String zoneOf(String id, List<NodeDescriptor> members) {
    return members.stream()
        .filter(member -> member.id().equals(id))
        .map(NodeDescriptor::zone)
        .findFirst()
        .orElseThrow();
  }

  @Test
  void copiesGoToDistinctHostsWhileThereAreSuch() {
    List<NodeDescriptor> members =
        List.of(
            node("a1", "a", 1),
            node("a2", "a", 1),
            node("a3", "a", 1),
            node("b1", "b", 1),
            node("b2", "b", 1),
            node("c1", "c", 1));
    HashRing ring = ring(members);
    Seeds.forAll(
        200,
        random -> {
          List<String> order = ring.replicasOf(random.nextLong(), 6);
          assertEquals(Set.of('a', 'b', 'c'), hostsOf(order.subList(0, 3)));
          assertEquals(Set.of('a', 'b'), hostsOf(order.subList(3, 5)));
          assertEquals(6, new HashSet<>(order).size());
        });
  }

  @Test
  void copiesGoToDistinctZonesWhileThereAreSuch() {
    HashRing ring =
        ring(
            List.of(
                zoned("a1", "h1", "a"),
                zoned("a2", "h2", "a"),
                zoned("a3", "h2", "a"),
                zoned("a4", "h3", "a"),
                zoned("b1", "h4", "b"),
                zoned("c1", "h5", "c"),
                zoned("c2", "h6", "c")));
    Seeds.forAll(
        200,
        random -> {
          List<String> order = ring.replicasOf(random.nextLong(), 7);
          // Zones, named by their first characters as hosts are elsewhere.
          assertEquals(Set.of('a', 'b', 'c'), hostsOf(order.subList(0, 3)));
          assertEquals(Set.of('a', 'c'), hostsOf(order.subList(3, 5)));
          // Only then is the third host of zone a, and last the second node of one host.
          assertEquals(Set.of('a'), hostsOf(order.subList(5, 7)));
          assertTrue(Set.of("a2", "a3").contains(order.get(6)), order::toString);
        });
  }

  private static Set<Character> hostsOf(List<String> ids) {
    Set<Character> hosts = new HashSet<>();
    ids.forEach(id -> hosts.add(id.charAt(0)));
    return hosts;
  }

  @Test
  void aJoiningNodeTakesItsShareAndNothingElseMoves() {
    for (int layout = 0; layout < 3; layout++) {
      boolean onOneHost = layout == 0;
      boolean inZones = layout == 2;
      List<NodeDescriptor> members = new ArrayList<>();
      for (int node = 0; node < 9; node++) {
        int host = node / 2;
        members.add(zoned("n" + node, onOneHost ? "h" : "h" + host, inZones ? "z" + host % 3 : ""));
      }
      HashRing before = ring(members);
      members.add(zoned("newcomer", onOneHost ? "h" : "h0", inZones ? "z0" : ""));
      HashRing after = ring(members);
      // Read the other way round, `before` is what the newcomer's leaving brings about.
      int[] moved = new int[4];
      SplittableRandom random = new SplittableRandom(3);
      for (int key = 0; key < KEYS / 10; key++) {
        long hash = random.nextLong();
        for (int replicas = 1; replicas <= 3; replicas++) {
          Set<String> gained = new HashSet<>(after.replicasOf(hash, replicas));
          gained.removeAll(before.replicasOf(hash, replicas));
          assertTrue(gained.isEmpty() || gained.equals(Set.of("newcomer")), gained.toString());
          moved[replicas] += gained.size();
        }
      }
      for (int replicas = 1; replicas <= 3; replicas++) {
        double share = moved[replicas] / (KEYS / 10.0) / replicas;
        // Where zones differ in size, so do the shares of their nodes.
        double least = inZones ? 0.05 : 0.07;
        assertTrue(share > least && share < 0.13, replicas + " replicas: " + share);
      }
    }
  }

  @Test
  void moreCapacityOnlyAddsKeysToTheNode() {
    HashRing before = ring(List.of(node("a", "h", 1), node("b", "h", 1), node("c", "h", 1)));
    HashRing after = ring(List.of(node("a", "h", 3), node("b", "h", 1), node("c", "h", 1)));
    assertNotEquals(before, after);
    Seeds.forAll(
        1_000,
        random -> {
          long hash = random.nextLong();
          String home = after.replicasOf(hash, 1).get(0);
          assertTrue(home.equals("a") || before.replicasOf(hash, 1).get(0).equals(home));
        });
  }

  @Test
  void aRingHoldsTheNodesOfItsTierOnly() {
    List<NodeDescriptor> members =
        List.of(
            node("m", "h", 1),
            new NodeDescriptor("s", Tier.SSD, "h", List.of(1), 2, 3, 1, State.ACTIVE));
    assertEquals(List.of("m"), HashRing.of(Tier.MEMORY, members).nodeIds());
    assertEquals(List.of("s"), HashRing.of(Tier.SSD, members).replicasOf(-1, 1));
    assertEquals(0, HashRing.of(Tier.SSD, members.subList(0, 1)).nodeCount());
  }

  @Test
  void moreReplicasThanNodesAreRefused() {
    HashRing ring = ring(List.of(node("a", "h", 1), node("b", "h", 1)));
    assertEquals(2, ring.nodeCount());
    assertEquals(
        "3 replicas are outside 1 to 2, the nodes on the ring",
        assertThrows(IllegalArgumentException.class, () -> ring.replicasOf(1, 3)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> ring.replicasOf(1, 0));
    assertThrows(IllegalArgumentException.class, () -> ring(List.of()).replicasOf(1, 1));
  }

  @Test
  void twoNodesOfOneNameAreRefused() {
    assertEquals(
        "two members of the memory tier have the id a; ids are unique in a cluster",
        assertThrows(
                IllegalArgumentException.class,
                () -> ring(List.of(node("a", "h", 1), node("a", "g", 1))))
            .getMessage());
  }

  @Test
  void aCapacityThatIsASizeIsRefusedBeforeMemoryIsTaken() {
    assertEquals(
        "capacity 2147483647 of node a is above 1000; it is a share relative to the other nodes,"
            + " not a size",
        assertThrows(
                IllegalArgumentException.class,
                () -> ring(List.of(node("a", "h", Integer.MAX_VALUE))))
            .getMessage());
  }

  /// Up to 8 nodes on up to 4 hosts.
  private static List<NodeDescriptor> members(RandomGenerator random) {
    List<NodeDescriptor> members = new ArrayList<>();
    int nodes = random.nextInt(1, 9);
    for (int node = 0; node < nodes; node++) {
      members.add(node("n" + node, "h" + random.nextInt(4), random.nextInt(1, 4)));
    }
    return members;
  }

  /// The same in up to 3 zones.
  private static List<NodeDescriptor> zonedMembers(RandomGenerator random) {
    int zones = random.nextInt(1, 4);
    return members(random).stream()
        .map(m -> zoned(m.id(), m.host(), "z" + m.host().hashCode() % zones))
        .toList();
  }

  private static NodeDescriptor zoned(String id, String host, String zone) {
    return new NodeDescriptor(id, Tier.MEMORY, host, List.of(1), 2, 3, 1, State.ACTIVE, zone, 4);
  }

  private static HashRing ring(List<NodeDescriptor> members) {
    return HashRing.of(Tier.MEMORY, members);
  }

  private static NodeDescriptor node(String id, String host, int capacity) {
    return new NodeDescriptor(id, Tier.MEMORY, host, List.of(1), 2, 3, capacity, State.ACTIVE);
  }
}
