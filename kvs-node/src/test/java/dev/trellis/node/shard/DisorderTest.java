package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.PeerMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// What replicas promise while messages come twice, late or not at all, and views differ.
class DisorderTest {
  private static final Mutation.Put PUT = new Mutation.Put(Payload.ofText("value"));

  /// Keys of the first partition of [TestCluster#of].
  private static List<String> keysOfOnePartition(int count) {
    Partitions partitions = new Partitions(6);
    List<String> keys = new ArrayList<>();
    for (int number = 0; keys.size() < count; number++) {
      String key = "k" + number;
      if (partitions.of(KeyHash.of(Payload.ofText(key))) == 0) {
        keys.add(key);
      }
    }
    return keys;
  }

  private static boolean has(TestCluster.Member member, String key) {
    return !member.entryOf(key).equals(Entry.BOTTOM);
  }

  @Test
  void aListOfKeysThatComesTwiceCountsOnce() {
    TestCluster cluster = TestCluster.of("a", "b");
    List<String> keys = keysOfOnePartition(600);
    keys.forEach(key -> cluster.member("a").ask(PUT, key, Acknowledgement.REPLICATED));
    cluster.start("b", NodeDescriptor.State.JOINING);
    cluster.doubling(message -> message instanceof PeerMessage.Keys);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member b = cluster.member("b");
    while (b.core().progress().incomplete() > 0) {
      cluster.pass(10);
    }
    assertEquals(600, keys.stream().filter(key -> has(b, key)).count());
  }

  @Test
  void whoLearnsOfAHolderLateComparesWithItAtOnce() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    String key = keysOfOnePartition(1).get(0);
    List<String> holders = cluster.holdersOf(key);
    // The later of the two by name, which does not ask from time to time.
    String writer = holders.stream().max(String::compareTo).get();
    String other = holders.stream().min(String::compareTo).get();
    NodeDescriptor descriptor = cluster.remove(other);
    cluster.passing((from, to) -> holders.contains(from.nodeId()) && holders.contains(to.nodeId()));
    cluster.tellView(writer);
    cluster.member(writer).ask(PUT, key, Acknowledgement.ONE);
    cluster.pass(100);
    assertFalse(has(cluster.member(other), key));
    cluster.add(descriptor);
    cluster.tellView(writer);
    cluster.pass(100);
    assertTrue(has(cluster.member(other), key));
  }
}
