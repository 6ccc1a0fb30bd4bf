package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.PeerMessage;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Up to what time of a peer a shard knows that it has everything.
class WatermarkTest {
  private static final Mutation.Put PUT = new Mutation.Put(Payload.ofText("value"));

  private static Optional<HybridTimestamp> at(TestCluster cluster, String node, String of) {
    return cluster.member(node).core().watermark(cluster.peer(of));
  }

  private static long millis(TestCluster cluster, String node, String of) {
    return at(cluster, node, of).orElseThrow().millis();
  }

  @Test
  void anIdleClusterTellsWatermarksAndNothingElse() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    cluster.member("a").ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.pass(12_000);
    cluster.takeBytes();
    cluster.takeChanges();
    for (int step = 0; step < 100; step++) {
      cluster.pass(100);
      for (String node : List.of("a", "b", "c")) {
        for (String of : List.of("a", "b", "c")) {
          if (!node.equals(of)) {
            long age = cluster.nowMillis() - millis(cluster, node, of);
            assertTrue(age <= 1_010, node + " knows nothing of " + of + " for " + age + " ms");
          }
        }
      }
    }
    assertEquals(0, cluster.takeChanges());
    long bytes = cluster.takeBytes();
    System.out.println(bytes + " bytes in 10 s among 3 idle shards, 6 links");
    assertTrue(bytes < 4_000, bytes + " bytes");
    assertTrue(cluster.member("a").core().statistics().watermarkAgeMillis() <= 1_010);
  }

  @Test
  void aWriteIsWhereTheWatermarkHasReachedItsReply() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.pass(5_000);
    TestCluster.Member a = cluster.member("a");
    TestCluster.Member b = cluster.member("b");
    for (int write = 0; write < 50; write++) {
      String key = "k" + write;
      int passes = write % 3;
      cluster.passing((from, to) -> passes != 0);
      a.ask(PUT, key, Acknowledgement.ONE);
      HybridTimestamp replied = a.lastReply().clock();
      for (int step = 0; step < 30; step++) {
        cluster.pass(10);
        boolean told =
            at(cluster, "b", "a").filter(mark -> mark.compareTo(replied) >= 0).isPresent();
        assertFalse(told && b.entryOf(key).equals(Entry.BOTTOM), "told too early of " + key);
      }
      cluster.passing((from, to) -> true);
      cluster.pass(2_000);
      assertTrue(at(cluster, "b", "a").orElseThrow().compareTo(replied) >= 0);
      assertFalse(b.entryOf(key).equals(Entry.BOTTOM));
    }
  }

  @Test
  void whileABatchIsLostTheWatermarkStandsStill() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.pass(5_000);
    TestCluster.Member a = cluster.member("a");
    long before = millis(cluster, "b", "a");
    cluster.holding(
        message -> message instanceof PeerMessage.Changes batch && !batch.changes().isEmpty());
    a.ask(PUT, "k", Acknowledgement.ONE);
    cluster.pass(5_000);
    assertTrue(millis(cluster, "b", "a") <= before + 20);
    assertTrue(millis(cluster, "a", "b") > before + 3_000, "the other way nothing is lost");
    cluster.release();
    cluster.pass(2_000);
    assertTrue(millis(cluster, "b", "a") > before + 5_000);
  }

  @Test
  void whatAWatcherIsToldIsAsNewAsWhatTheShardHasHeardOfAllOthers() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.pass(5_000);
    assertTrue(asOfMillis(cluster, "a") > cluster.nowMillis() - 1_100);
    cluster.passing((from, to) -> !from.nodeId().equals("b"));
    long silent = cluster.nowMillis();
    cluster.pass(5_000);
    assertTrue(asOfMillis(cluster, "a") <= silent, "b may have taken writes since");
    assertTrue(asOfMillis(cluster, "b") > cluster.nowMillis() - 1_100, "b hears a");
    cluster.passing((from, to) -> true);
    cluster.pass(2_000);
    assertTrue(asOfMillis(cluster, "a") > cluster.nowMillis() - 1_100);
  }

  @Test
  void whoHasNotAllYetDoesNotKnowHowNewItsStatesAre() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.member("a").ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.pass(5_000);
    cluster.start("c", NodeDescriptor.State.JOINING);
    cluster.passing((from, to) -> false); // nothing is handed over
    cluster.tellViews(Set.of(), Set.of());
    assertEquals(0, asOfMillis(cluster, "c"));
    cluster.passing((from, to) -> true);
    cluster.pass(10_000);
    assertTrue(asOfMillis(cluster, "c") > cluster.nowMillis() - 1_100);
  }

  private static long asOfMillis(TestCluster cluster, String node) {
    return cluster.member(node).core().asOf(cluster.nowMillis()).millis();
  }

  /// Who reads at another holder does not know that anybody stands in.
  @Test
  void aWatermarkVouchesForWhatCameFromOneThatStandsIn() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    String key = "k";
    for (int number = 0; !Set.of("a", "b").equals(Set.copyOf(cluster.holdersOf(key))); number++) {
      key = "k" + number;
    }
    cluster.pass(5_000);
    cluster.passing((from, to) -> !Set.of("a", "c").equals(Set.of(from.nodeId(), to.nodeId())));
    cluster.tellViews(Set.of("a"), Set.of(), "c"::equals);
    TestCluster.Member standIn = cluster.member("c");
    standIn.ask(PUT, key, Acknowledgement.REPLICATED);
    assertEquals(2, standIn.lastReply().receipt().copies(), "its own and that of b");
    HybridTimestamp written = standIn.lastReply().clock();
    cluster.holding(
        message -> message instanceof PeerMessage.Changes batch && !batch.changes().isEmpty());
    cluster.pass(5_000);
    assertFalse(at(cluster, "a", "b").orElseThrow().compareTo(written) >= 0, "a lacks it");
    cluster.release();
    cluster.pass(3_000);
    assertTrue(at(cluster, "a", "b").orElseThrow().compareTo(written) >= 0);
    assertFalse(cluster.member("a").entryOf(key).equals(Entry.BOTTOM));
  }

  /// By another ring there may be more to have.
  @Test
  void aNewRingForgetsWatermarksUntilAllHaveCompared() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.pass(5_000);
    cluster.start("c", NodeDescriptor.State.JOINING);
    cluster.tellViews(Set.of(), Set.of(), "b"::equals);
    assertEquals(Optional.empty(), at(cluster, "b", "a"));
    assertEquals(-1, ageAfterTick(cluster, "b"));
    cluster.pass(3_000);
    assertEquals(Optional.empty(), at(cluster, "b", "a"), "a goes by the former ring");
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(5_000);
    assertTrue(millis(cluster, "b", "a") > cluster.nowMillis() - 1_100);
    assertTrue(millis(cluster, "c", "a") > cluster.nowMillis() - 1_100);
  }

  private static long ageAfterTick(TestCluster cluster, String node) {
    cluster.pass(10);
    return cluster.member(node).core().statistics().watermarkAgeMillis();
  }
}
