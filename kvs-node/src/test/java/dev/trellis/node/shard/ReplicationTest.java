package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ReplicationTest {
  private static final Mutation.Put PUT = new Mutation.Put(Payload.ofText("value"));

  private static final Mutation.Remove REMOVE_NOTHING =
      new Mutation.Remove(List.of(Payload.ofText("not there")));

  private static Outcome.Failed failure(Reply reply) {
    return assertInstanceOf(Outcome.Failed.class, reply.outcome());
  }

  private static View view(Reply reply) {
    return assertInstanceOf(Outcome.Done.class, reply.outcome(), reply.toString()).view();
  }

  @Test
  void aReplicatedWriteIsAnsweredWhenTwoNodesHaveIt() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    cluster.passing((from, to) -> false);
    first.ask(PUT, "k", Acknowledgement.DEFAULT);
    assertEquals(0, first.replies());
    cluster.passing((from, to) -> true);
    cluster.pass(1_000); // it is sent again
    assertEquals(2, first.lastReply().receipt().copies());
    view(first.lastReply());
    assertEquals(first.entryOf("k"), cluster.member(holders.get(1)).entryOf("k"));
  }

  @Test
  void withoutAnAnswerTheWriteIsKeptAndSaysHowManyCopiesThereAre() {
    TestCluster cluster = TestCluster.of("a", "b");
    TestCluster.Member a = cluster.member("a");
    cluster.crash("b");
    a.ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.pass(2_100);
    Outcome.Failed failed = failure(a.lastReply());
    assertEquals(ErrorCode.NOT_ENOUGH_REPLICAS, failed.code());
    assertEquals(
        "1 copy reached of the 2 that 'replicated' asks for: no answer from node b; it keeps the"
            + " write",
        failed.message());
    assertEquals(1, a.lastReply().receipt().copies());
    assertFalse(a.entryOf("k").equals(Entry.BOTTOM));
  }

  @Test
  void withNobodyLeftToWaitForTheWriteIsAnsweredAtOnce() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.crash("b");
    cluster.tellViews(Set.of("b"), Set.of());
    TestCluster.Member a = cluster.member("a");
    a.ask(PUT, "k", Acknowledgement.DEFAULT);
    assertEquals(0, a.replies(), "b may just be slow");
    cluster.remove("b");
    cluster.tellViews(Set.of(), Set.of(new Incarnation("b", 101)));
    assertEquals(ErrorCode.NOT_ENOUGH_REPLICAS, failure(a.lastReply()).code());
    a.ask(PUT, "k", Acknowledgement.DEFAULT);
    assertEquals(2, a.replies());
  }

  @Test
  void aStandInTakesTheWriteAndGivesItBackWhenTheHolderIsThereAgain() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    List<String> holders = cluster.holdersOf("k");
    String away = holders.get(1);
    cluster.passing((from, to) -> !from.nodeId().equals(away) && !to.nodeId().equals(away));
    cluster.tellViews(Set.of(away), Set.of());
    TestCluster.Member first = cluster.member(holders.get(0));
    first.ask(PUT, "k", Acknowledgement.REPLICATED);
    assertEquals(2, first.lastReply().receipt().copies());
    String standIn =
        Set.of("a", "b", "c").stream()
            .filter(id -> !holders.contains(id))
            .findFirst()
            .orElseThrow();
    assertFalse(cluster.member(standIn).entryOf("k").equals(Entry.BOTTOM));
    cluster.passing((from, to) -> true);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(3_000);
    assertEquals(first.entryOf("k"), cluster.member(away).entryOf("k"));
    assertEquals(Entry.BOTTOM, cluster.member(standIn).entryOf("k"));
    assertEquals(1, cluster.member(standIn).core().statistics().handedBack());
  }

  @Test
  void aReplicaThatJustCameAsksACompleteOneBeforeItAnswers() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.member("a").ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.start("b", NodeDescriptor.State.JOINING);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member b = cluster.member("b");
    assertTrue(b.core().progress().incomplete() > 0);
    b.ask(new Read.Get(Optional.empty()), "k", Acknowledgement.DEFAULT);
    assertInstanceOf(View.Bytes.class, view(b.lastReply()));
  }

  @Test
  void withoutACompleteReplicaNothingIsDoneAndTheAnswerSaysSo() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.start("b", NodeDescriptor.State.JOINING);
    cluster.crash("a");
    cluster.tellViews(Set.of("a"), Set.of());
    TestCluster.Member b = cluster.member("b");
    b.ask(PUT, "k", Acknowledgement.ONE);
    assertEquals(ErrorCode.NOT_ENOUGH_REPLICAS, failure(b.lastReply()).code());
    assertEquals(0, b.lastReply().receipt().copies());
    assertEquals(Entry.BOTTOM, b.entryOf("k"));
  }

  @Test
  void aNewNodeGetsAllThatItShallHoldAndThenTheFormerHolderDropsIt() {
    TestCluster cluster = TestCluster.of("a", "b");
    for (int key = 0; key < 300; key++) {
      cluster.member("a").ask(PUT, "k" + key, Acknowledgement.REPLICATED);
    }
    cluster.start("c", NodeDescriptor.State.JOINING);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(3_000);
    assertEquals(0, cluster.member("c").core().progress().incomplete());
    cluster.state("c", NodeDescriptor.State.ACTIVE);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(3_000);
    for (int key = 0; key < 300; key++) {
      for (String node : List.of("a", "b", "c")) {
        assertEquals(
            cluster.holdersOf("k" + key).contains(node),
            !cluster.member(node).entryOf("k" + key).equals(Entry.BOTTOM),
            "k" + key + " at " + node);
      }
    }
  }

  @Test
  void whoHearsOfADeathLaterThanItsHeirsIsAskedAgain() {
    TestCluster cluster = TestCluster.of("a", "b", "c", "d");
    for (int key = 0; key < 300; key++) {
      cluster.member("a").ask(PUT, "k" + key, Acknowledgement.REPLICATED);
    }
    cluster.crash("d");
    cluster.remove("d");
    Set<Incarnation> absent = Set.of(new Incarnation("d", 103));
    cluster.tellViews(Set.of(), absent, id -> !id.equals("c"));
    cluster.pass(100); // c says that it does not know of those who hold what d held
    cluster.tellViews(Set.of(), absent, id -> id.equals("c"));
    cluster.pass(3_000);
    for (String node : List.of("a", "b", "c")) {
      assertEquals(0, cluster.member(node).core().progress().incomplete(), node);
    }
  }

  @Test
  void aPartitionIsNotLostWhileOneThatHeldItBeforeHoldsItAgain() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    List<String> keys = IntStream.range(0, 300).mapToObj(key -> "k" + key).toList();
    for (String key : keys) {
      cluster.member("a").ask(PUT, key, Acknowledgement.REPLICATED);
    }
    List<String> before = keys.stream().filter(k -> cluster.holdersOf(k).contains("a")).toList();
    cluster.crash("c");
    cluster.start("d", NodeDescriptor.State.ACTIVE); // in place of some who had all
    List<String> handedDown =
        before.stream()
            .filter(key -> Set.copyOf(cluster.holdersOf(key)).equals(Set.of("c", "d")))
            .toList();
    assertFalse(handedDown.isEmpty());
    cluster.tellViews(Set.of("c"), Set.of());
    cluster.pass(3_000);
    cluster.remove("c"); // and was declared gone
    cluster.tellViews(Set.of(), Set.of());
    for (String key : handedDown) {
      assertTrue(cluster.holdersOf(key).contains("a"), "again: " + cluster.holdersOf(key));
    }
    cluster.pass(3_000);
    for (String node : List.of("a", "b", "d")) {
      assertEquals(0, cluster.member(node).core().progress().incomplete(), node);
      assertEquals(0, cluster.member(node).core().statistics().partitionsLost(), node);
    }
    for (String key : handedDown) {
      assertEquals(cluster.member("a").entryOf(key), cluster.member("d").entryOf(key));
    }
  }

  @Test
  void aPartitionIsNotLostJustBecauseItsHoldersDoNotKnowYetWhoShallHoldIt() {
    TestCluster cluster = TestCluster.of("a", "b", "c", "d");
    for (int key = 0; key < 300; key++) {
      cluster.member("a").ask(PUT, "k" + key, Acknowledgement.REPLICATED);
    }
    cluster.crash("d");
    cluster.remove("d"); // and was declared gone
    cluster.tellViews(Set.of(), Set.of(), id -> id.equals("a"));
    cluster.pass(500);
    assertTrue(cluster.member("a").core().progress().incomplete() > 0);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(3_000);
    for (String node : List.of("a", "b", "c")) {
      assertEquals(0, cluster.member(node).core().progress().incomplete(), node);
      assertEquals(0, cluster.member(node).core().statistics().partitionsLost(), node);
    }
  }

  @Test
  void aWriteThatFindsALargeStateWaitsUntilAStandInHasThatToo() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    first.ask(new Mutation.Add(Kind.ORSET, List.of(large())), "k", Acknowledgement.REPLICATED);
    String away = holders.get(1);
    cluster.crash(away);
    cluster.tellViews(Set.of(away), Set.of());
    first.ask(REMOVE_NOTHING, "k", Acknowledgement.REPLICATED);
    cluster.pass(1_000);
    assertEquals(2, first.lastReply().receipt().copies());
    String standIn =
        Set.of("a", "b", "c").stream()
            .filter(id -> !holders.contains(id))
            .findFirst()
            .orElseThrow();
    assertEquals(first.entryOf("k"), cluster.member(standIn).entryOf("k"));
  }

  @Test
  void aWriteThatFindsALargeStateWhichOthersHaveCostsLittle() {
    TestCluster cluster = TestCluster.of("a", "b");
    TestCluster.Member a = cluster.member("a");
    a.ask(new Mutation.Add(Kind.ORSET, List.of(large())), "k", Acknowledgement.REPLICATED);
    cluster.pass(100);
    cluster.takeBytes();
    a.ask(REMOVE_NOTHING, "k", Acknowledgement.REPLICATED);
    cluster.pass(100);
    assertEquals(2, a.replies());
    assertEquals(2, a.lastReply().receipt().copies());
    long bytes = cluster.takeBytes();
    assertTrue(bytes < 1_000, bytes + " bytes");
  }

  @Test
  void aStandInWithoutALargeValueDoesNotCountForWhatIsThereAlready() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    List<String> holders = cluster.holdersOf("k");
    String standIn =
        Set.of("a", "b", "c").stream()
            .filter(id -> !holders.contains(id))
            .findFirst()
            .orElseThrow();
    TestCluster.Member first = cluster.member(holders.get(0));
    cluster.passing((from, to) -> false);
    first.ask(add("x".repeat(40_000)), "k", Acknowledgement.ONE);
    first.ask(add("y".repeat(40_000)), "k", Acknowledgement.ONE);
    cluster.passing((from, to) -> !to.nodeId().equals(holders.get(1)));
    cluster.tellViews(Set.of(holders.get(1)), Set.of());
    int before = first.replies();
    first.ask(add("x".repeat(40_000)), "k", Acknowledgement.REPLICATED);
    boolean acknowledged =
        first.replies() > before && first.lastReply().outcome() instanceof Outcome.Done;
    assertTrue(
        !acknowledged || !cluster.member(standIn).entryOf("k").equals(Entry.BOTTOM),
        "acknowledged as replicated, and there is one copy");
  }

  private static Mutation.Add add(String element) {
    return new Mutation.Add(Kind.GSET, List.of(Payload.ofText(element)));
  }

  private static Payload large() {
    return Payload.ofText("x".repeat(100_000));
  }

  @Test
  void aTombstoneStaysWhileANodeIsAwayAndGoesWhenAllHaveIt() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    first.ask(new Mutation.Increment(1), "k", Acknowledgement.REPLICATED);
    first.ask(new Mutation.Delete(), "k", Acknowledgement.REPLICATED);
    cluster.tellViews(Set.of(), Set.of(new Incarnation("d", 1)));
    cluster.pass(200_000);
    assertFalse(first.entryOf("k").equals(Entry.BOTTOM));
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(200_000);
    for (String holder : holders) {
      assertEquals(Entry.BOTTOM, cluster.member(holder).entryOf("k"));
    }
  }

  @Test
  void ofAMillionKeysOneThatDiffersCostsAboutItself() {
    TestCluster cluster = new TestCluster(Partitions.STANDARD, 1);
    List<Payload> keys =
        IntStream.range(0, 1_000_000).mapToObj(key -> Payload.ofText("k" + key)).toList();
    cluster.start("a", NodeDescriptor.State.ACTIVE, () -> filled(keys));
    cluster.start("b", NodeDescriptor.State.ACTIVE, () -> filled(keys.subList(0, 999_999)));
    cluster.passing((from, to) -> false); // they are not to meet before they have founded
    cluster.tellViews(Set.of(), Set.of());
    cluster.member("a").core().found();
    cluster.member("b").core().found();
    cluster.passing((from, to) -> true);
    cluster.takeBytes();
    cluster.pass(12_000);
    assertEquals(cluster.member("a").entryOf("k999999"), cluster.member("b").entryOf("k999999"));
    assertEquals(1, cluster.takeChanges());
    long repaired = cluster.takeBytes();
    cluster.pass(11_000);
    long idle = cluster.takeBytes();
    assertEquals(0, cluster.takeChanges());
    System.out.println(repaired + " bytes to find one of 1,000,000 keys, " + idle + " idle");
    assertTrue(repaired < 20_000, repaired + " bytes to find one key");
    assertTrue(idle < 1_000, idle + " bytes for nothing but two watermarks a second");
  }

  /// One got nothing before the other had all.
  @Test
  void aSmallBudgetIsSharedByAllWhoMissSomething() {
    TestCluster cluster = new TestCluster(new Partitions(6), 1);
    cluster.handoffRate(16 << 10);
    List<Payload> keys =
        IntStream.range(0, 3_000).mapToObj(key -> Payload.ofText("k" + key)).toList();
    cluster.start("a", NodeDescriptor.State.ACTIVE, () -> filled(keys));
    cluster.start("b", NodeDescriptor.State.ACTIVE);
    cluster.start("c", NodeDescriptor.State.ACTIVE);
    cluster.tellViews(Set.of(), Set.of());
    cluster.member("a").core().found();
    cluster.pass(6_000);
    long atB = cluster.member("b").core().statistics().entries();
    long atC = cluster.member("c").core().statistics().entries();
    assertTrue(atB < 1_000 && atC < 1_000, atB + " and " + atC + ", not through yet");
    assertTrue(2 * atB > atC && 2 * atC > atB, atB + " and " + atC);
  }

  private static Store filled(List<Payload> keys) {
    Store store = new MemoryStore();
    Entry entry = Entry.of(HybridTimestamp.ZERO, new Flag(true));
    keys.forEach(key -> store.put(new Slot(key, entry, 0)));
    return store;
  }
}
