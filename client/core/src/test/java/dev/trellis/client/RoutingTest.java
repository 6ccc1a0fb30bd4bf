package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.placement.Topology;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RoutingTest {
  private final Random random = new Random(Long.getLong("seed", 1));

  private static NodeDescriptor node(String id, Tier tier, int shards, State state) {
    List<Integer> ports = new ArrayList<>();
    for (int shard = 0; shard < shards; shard++) {
      ports.add(1_000 + shard);
    }
    return new NodeDescriptor(id, tier, id, ports, 1, id.hashCode(), 1, state);
  }

  private static NodeDescriptor memory(String id, State state) {
    return node(id, Tier.MEMORY, 4, state);
  }

  private static Routing routing(int faultTolerance, NodeDescriptor... nodes) {
    return new Routing(
        new Frame.ClusterMap(0, 1, "test", faultTolerance, List.of(nodes)), Frame.Scope.SHARD, 5);
  }

  private static List<String> nodes(List<Routing.Target> targets) {
    return targets.stream().map(Routing.Target::nodeId).toList();
  }

  @Test
  void anEmptyMapHasNoHolder() {
    Routing routing = routing(1);
    assertEquals(List.of(), routing.holders(7));
    assertEquals(List.of(), routing.holders(7, new Placement(2, 0, 1), random));
    assertEquals(List.of(), routing.homes(7));
    assertEquals(0, routing.ringVersion());
  }

  @Test
  void holdersAreThoseOfTheTopologyAndTheShardIsThePartitions() {
    Routing routing =
        routing(1, memory("a", State.ACTIVE), memory("b", State.ACTIVE), memory("c", State.ACTIVE));
    Topology topology = Topology.of(routing.map().nodes(), 1);
    assertEquals(topology.version(), routing.ringVersion());
    for (int i = 0; i < 200; i++) {
      long hash = random.nextLong();
      int partition = topology.partitions().of(hash);
      List<Routing.Target> holders = routing.holders(hash);
      assertEquals(topology.holders(partition), nodes(holders));
      for (Routing.Target holder : holders) {
        assertEquals(topology.partitions().shardOf(partition, 4), holder.shard());
      }
    }
  }

  @Test
  void whoHasAllOfAKeyComesBeforeWhoIsStillToGetIt() {
    Routing routing =
        routing(
            1,
            memory("a", State.ACTIVE),
            memory("b", State.ACTIVE),
            memory("leaving", State.LEAVING),
            memory("joining", State.JOINING));
    Topology topology = Topology.of(routing.map().nodes(), 1);
    Set<List<State>> seen = new HashSet<>();
    for (int i = 0; i < 2_000; i++) {
      long hash = random.nextLong();
      List<String> former = topology.formerOwners(topology.partitions().of(hash));
      List<String> holders = nodes(routing.holders(hash));
      List<String> expected = new ArrayList<>();
      former.stream().filter(id -> !id.equals("leaving")).forEach(expected::add);
      former.stream().filter(id -> id.equals("leaving")).forEach(expected::add);
      assertEquals(expected, holders.subList(0, former.size()));
      assertEquals(
          new HashSet<>(topology.holders(topology.partitions().of(hash))), new HashSet<>(holders));
      seen.add(holders.stream().map(id -> topology.member(id).orElseThrow().state()).toList());
    }
    assertTrue(seen.contains(List.of(State.ACTIVE, State.LEAVING, State.JOINING)), seen::toString);
  }

  @Test
  void whereAllJoinTheyAreHoldersAllTheSame() {
    Routing routing = routing(1, memory("a", State.JOINING), memory("b", State.JOINING));
    assertEquals(2, routing.holders(random.nextLong()).size());
  }

  @Test
  void aKeyWithAPlacementSpreadsOverAllShardsThatHoldIt() {
    Routing routing =
        routing(1, memory("a", State.ACTIVE), memory("b", State.ACTIVE), memory("c", State.ACTIVE));
    long hash = random.nextLong();
    Set<Routing.Target> firsts = new HashSet<>();
    for (int i = 0; i < 1_000; i++) {
      List<Routing.Target> holders = routing.holders(hash, new Placement(2, 0, 3), random);
      assertEquals(6, new HashSet<>(holders).size());
      firsts.add(holders.get(0));
    }
    assertEquals(6, firsts.size());
    assertEquals(
        Set.copyOf(
            Topology.of(routing.map().nodes(), 1)
                .owners(
                    Topology.of(routing.map().nodes(), 1).partitions().of(hash),
                    Optional.of(new Placement(2, 0, 3)))),
        Set.copyOf(nodes(List.copyOf(firsts))));
  }

  @Test
  void memoryComesBeforeSsd() {
    Routing routing =
        routing(
            1,
            memory("a", State.ACTIVE),
            memory("b", State.ACTIVE),
            node("s", Tier.SSD, 1, State.ACTIVE));
    for (int i = 0; i < 100; i++) {
      long hash = random.nextLong();
      assertEquals("s", nodes(routing.holders(hash, new Placement(2, 1, 1), random)).get(2));
    }
  }

  @Test
  void homesAreTheTopologysWithThoseThatJoinLast() {
    Routing routing =
        routing(
            1, memory("a", State.JOINING), memory("b", State.ACTIVE), memory("c", State.ACTIVE));
    Topology topology = Topology.of(routing.map().nodes(), 1);
    for (int i = 0; i < 200; i++) {
      long hash = random.nextLong();
      List<String> homes = nodes(routing.homes(hash));
      assertEquals(Set.copyOf(topology.homes(topology.partitions().of(hash))), Set.copyOf(homes));
      assertTrue(!homes.contains("a") || homes.indexOf("a") == homes.size() - 1);
    }
  }

  @Test
  void withOneConnectionPerNodeEachHolderIsOneTarget() {
    NodeDescriptor[] nodes = {memory("a", State.ACTIVE), memory("b", State.ACTIVE)};
    Routing routing =
        new Routing(new Frame.ClusterMap(0, 1, "test", 1, List.of(nodes)), Frame.Scope.NODE, 5);
    List<Routing.Target> holders = routing.holders(7, new Placement(2, 0, 4), random);
    assertEquals(2, holders.size());
    assertTrue(holders.stream().allMatch(target -> target.scope() == Frame.Scope.NODE));
    assertTrue(holders.stream().allMatch(routing::has));
  }
}
