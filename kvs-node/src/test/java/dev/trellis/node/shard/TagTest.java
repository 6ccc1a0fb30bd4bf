package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.math.BigInteger;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// What shards make of mutations with tags: design §10, decision 33.
class TagTest {
  private static final Duration LIFETIME = Duration.ofSeconds(60);

  /// Grace and skew of the test cluster, and what is left of an epoch.
  private static final long FOLDED_MILLIS = 60_000 + 60_000 + 500 + 10_000;

  private static final Mutation ADD = new Mutation.Increment(5);

  private static Tag tag(long bornMillis, int number) {
    return new Tag(new InvocationId(bornMillis << 16, 1), number);
  }

  private static TestCluster cluster() {
    return TestCluster.of(LIFETIME, "a", "b", "c");
  }

  private static Counter counter(TestCluster.Member member, String key) {
    return (Counter) member.entryOf(key).value(Kind.COUNTER).orElse(Counter.ZERO);
  }

  @Test
  void anAdditionCountsOnceAtWhicheverReplicaItIsCarriedOutAgain() {
    TestCluster cluster = cluster();
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    TestCluster.Member second = cluster.member(holders.get(1));
    Tag tag = tag(cluster.nowMillis(), 1);
    first.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag));
    assertEquals(1, changed(first.lastReply()));
    second.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag));
    assertEquals(0, changed(second.lastReply()));
    assertEquals(whole(5), done(second.lastReply()).view());
    second.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(cluster.nowMillis(), 2)));
    assertEquals(10, counter(first, "k").value());
  }

  @Test
  void itCountsOnceAlsoAtReplicasThatHadNotHeardOfEachOther() {
    TestCluster cluster = cluster();
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    TestCluster.Member second = cluster.member(holders.get(1));
    Tag tag = tag(cluster.nowMillis(), 1);
    cluster.passing((from, to) -> false);
    first.ask(ADD, "k", Acknowledgement.ONE, Optional.of(tag));
    second.ask(ADD, "k", Acknowledgement.ONE, Optional.of(tag));
    assertEquals(5, counter(second, "k").value());
    cluster.passing((from, to) -> true);
    cluster.pass(12_000);
    assertEquals(first.entryOf("k"), second.entryOf("k"));
    assertEquals(5, counter(first, "k").value());
  }

  @Test
  void aRepeatAtAnIncarnationThatCannotTellIsCarriedOutWithATagAndRefusedWithout() {
    TestShard shard = new TestShard();
    RequestContext lost = shard.next().repeated();
    for (int i = 0; i < RepeatWindow.WIDTH + 10; i++) {
      shard.mutate("other", ADD);
    }
    failed(ErrorCode.OUTCOME_UNKNOWN, shard.send("k", ADD, lost));
    Optional<Tag> tag = Optional.of(tag(shard.nowMillis(), 1));
    assertEquals(1, changed(shard.send("k", ADD, lost.withTag(tag))));
    assertEquals(0, changed(shard.send("k", ADD, lost.withTag(tag))));
    failed(ErrorCode.OUTCOME_UNKNOWN, shard.send("k", new Mutation.Delete(), lost.withTag(tag)));
    assertEquals(whole(5), shard.get("k"));
  }

  @Test
  void aRetryThatWritesSomethingElseIsCountedAndOneOfTheTwoStands() {
    TestShard shard = new TestShard();
    Optional<Tag> tag = Optional.of(tag(shard.nowMillis(), 1));
    shard.send("k", ADD, shard.next().withTag(tag));
    shard.send("k", ADD, shard.next().withTag(tag));
    assertEquals(0, shard.core().statistics().nondeterministicRetries());
    shard.send("k", new Mutation.Increment(3), shard.next().withTag(tag));
    assertEquals(1, shard.core().statistics().nondeterministicRetries());
    assertEquals(whole(5), shard.get("k"));
    shard.send("k", new Mutation.Increment(8), shard.next().withTag(tag));
    assertEquals(whole(8), shard.get("k"));
  }

  @Test
  void aTagOfAnInvocationThatIsOverIsRefusedAndLeavesNoTrace() {
    TestShard shard = new TestShard();
    long lifetime = shard.config().invocationLifetime().toMillis();
    Optional<Tag> old = Optional.of(tag(shard.nowMillis() - lifetime, 1));
    String why =
        failed(ErrorCode.INVOCATION_EXPIRED, shard.send("k", ADD, shard.next().withTag(old)))
            .message();
    assertTrue(why.contains("was born 3600 s ago, and may write for 3600 s"), why);
    assertEquals(Entry.BOTTOM, shard.entry("k"));
    Optional<Tag> young = Optional.of(tag(shard.nowMillis() - lifetime + 1, 1));
    assertEquals(1, changed(shard.send("k", ADD, shard.next().withTag(young))));
    Optional<Tag> unborn = Optional.of(tag(shard.nowMillis() + 501, 1));
    failed(ErrorCode.BAD_REQUEST, shard.send("k", ADD, shard.next().withTag(unborn)));
  }

  @Test
  void placementsAndCommitsTakeNoTag() {
    TestShard shard = new TestShard();
    Optional<Tag> tag = Optional.of(tag(shard.nowMillis(), 1));
    failed(
        ErrorCode.BAD_REQUEST,
        shard.send("k", new Mutation.Place(Optional.empty()), shard.next().withTag(tag)));
    failed(
        ErrorCode.BAD_REQUEST,
        shard.send(
            "k",
            new Mutation.Commit(
                List.of(Payload.ofText("k")), List.of(new Mutation.Put(Payload.ofText("v")))),
            shard.next().withTag(tag)));
    assertEquals(Entry.BOTTOM, shard.entry("k"));
  }

  @Test
  void whatIsIdempotentByItselfTakesATagAndKeepsNothingOfIt() {
    TestShard shard = new TestShard();
    Optional<Tag> tag = Optional.of(tag(shard.nowMillis(), 1));
    shard.send("k", new Mutation.Raise(3), shard.next().withTag(tag));
    shard.send("other", new Mutation.Raise(3), shard.next());
    assertEquals(shard.entry("other"), shard.entry("k"));
  }

  // ---- Forgetting ----

  @Test
  void additionsAreFoldedOnceAllMembersSayThatNobodyCanRepeatThem() {
    TestCluster cluster = cluster();
    TestCluster.Member first = cluster.member(cluster.holdersOf("k").get(0));
    long born = cluster.nowMillis();
    first.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(born, 1)));
    first.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(born, 2)));
    cluster.pass(LIFETIME.toMillis() + 60_000);
    assertEquals(2, counter(first, "k").taggedCount(), "the skew is not over");
    cluster.pass(FOLDED_MILLIS - LIFETIME.toMillis());
    for (String holder : cluster.holdersOf("k")) {
      Counter counter = counter(cluster.member(holder), "k");
      assertEquals(0, counter.taggedCount());
      assertEquals(BigInteger.TEN, counter.foldedSum());
      assertEquals(10, counter.value());
    }
    first.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(born, 1)));
    failed(ErrorCode.INVOCATION_EXPIRED, first.lastReply());
  }

  @Test
  void additionsAreToldApartWhileANodeIsAway() {
    TestCluster cluster = cluster();
    TestCluster.Member first = cluster.member(cluster.holdersOf("k").get(0));
    first.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(cluster.nowMillis(), 1)));
    cluster.tellViews(Set.of(), Set.of(new Incarnation("d", 1)));
    cluster.pass(2 * FOLDED_MILLIS);
    assertEquals(1, counter(first, "k").taggedCount());
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(20_000);
    assertEquals(0, counter(first, "k").taggedCount());
    assertEquals(5, counter(first, "k").value());
  }

  @Test
  void nobodyFoldsWhatAnotherHasMoreOf() {
    TestCluster cluster = cluster();
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    TestCluster.Member second = cluster.member(holders.get(1));
    long born = cluster.nowMillis();
    first.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(born, 1)));
    // Votes pass, and nothing else, so the second stays the only one to have its part.
    cluster.holding(
        message ->
            !(message instanceof PeerMessage.CollectAsked
                || message instanceof PeerMessage.CollectVoted
                || message instanceof PeerMessage.Collect));
    second.ask(ADD, "k", Acknowledgement.ONE, Optional.of(tag(born, 2)));
    cluster.pass(2 * FOLDED_MILLIS);
    assertEquals(1, counter(first, "k").taggedCount());
    cluster.release();
    cluster.pass(2 * FOLDED_MILLIS);
    assertEquals(BigInteger.TEN, counter(first, "k").foldedSum());
    assertEquals(first.entryOf("k"), second.entryOf("k"));
  }

  @Test
  void whoDoesNotHearTheOrderIsBroughtThereByComparing() {
    TestCluster cluster = cluster();
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    first.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(cluster.nowMillis(), 1)));
    cluster.holding(message -> message instanceof PeerMessage.Collect);
    cluster.pass(2 * FOLDED_MILLIS);
    for (String holder : holders) {
      assertEquals(0, counter(cluster.member(holder), "k").taggedCount());
    }
    assertEquals(first.entryOf("k"), cluster.member(holders.get(1)).entryOf("k"));
    assertEquals(5, counter(first, "k").value());
    cluster.release();
    assertEquals(5, counter(cluster.member(holders.get(1)), "k").value());
  }

  /// A cluster in which the node that asks whether additions to a key may be folded, and the other
  /// one that holds it, take tags for unequally long.
  private static TestCluster clusterOf(Duration asking, Duration asked, String key) {
    TestCluster cluster = TestCluster.of(asking, "a", "b", "c");
    String other = cluster.holdersOf(key).get(1);
    cluster.invocationLifetime(asked);
    cluster.start(other, NodeDescriptor.State.ACTIVE);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(20_000);
    return cluster;
  }

  @Test
  void whatOneStillTakesThatLetsInvocationsLiveLongerIsFoldedByNobody() {
    TestCluster cluster = clusterOf(LIFETIME.multipliedBy(3), LIFETIME, "k");
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member longer = cluster.member(holders.get(0));
    TestCluster.Member shorter = cluster.member(holders.get(1));
    longer.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(cluster.nowMillis(), 1)));
    for (int second = 0; counter(longer, "k").taggedCount() > 0; second++) {
      assertTrue(second < 400, "is never folded");
      cluster.pass(1_000);
    }
    assertEquals(counter(longer, "k"), counter(shorter, "k"), "all fold the same");
    long born = cluster.nowMillis() - 3 * LIFETIME.toMillis() + 10_000;
    longer.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(born, 1)));
    assertEquals(1, changed(longer.lastReply()));
    cluster.pass(20_000);
    assertEquals(10, counter(longer, "k").value());
    assertEquals(10, counter(shorter, "k").value());
    cluster.pass(3 * LIFETIME.toMillis());
    assertEquals(BigInteger.TEN, counter(shorter, "k").foldedSum());
  }

  @Test
  void whoLetsInvocationsLiveShorterAsksForWhatAllHaveClosed() {
    TestCluster cluster = clusterOf(LIFETIME, LIFETIME.multipliedBy(3), "k");
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member shorter = cluster.member(holders.get(0));
    TestCluster.Member longer = cluster.member(holders.get(1));
    long born = cluster.nowMillis();
    shorter.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(born, 1)));
    cluster.pass(FOLDED_MILLIS + 30_000);
    assertEquals(1, counter(shorter, "k").taggedCount());
    longer.ask(ADD, "k", Acknowledgement.REPLICATED, Optional.of(tag(born, 2)));
    cluster.pass(LIFETIME.toMillis() + FOLDED_MILLIS);
    for (TestCluster.Member member : List.of(shorter, longer)) {
      assertEquals(0, counter(member, "k").taggedCount());
      assertEquals(BigInteger.TEN, counter(member, "k").foldedSum());
    }
    assertEquals(shorter.entryOf("k"), longer.entryOf("k"));
  }

  @Test
  void dotsOfWhatIsGoneAreForgottenAndThoseOfWhatIsThereAreKept() {
    TestCluster cluster = cluster();
    TestCluster.Member log = cluster.member(cluster.holdersOf("log").get(0));
    TestCluster.Member set = cluster.member(cluster.holdersOf("set").get(0));
    long born = cluster.nowMillis();
    Mutation append = new Mutation.Append(listOf("gone"));
    log.ask(append, "log", Acknowledgement.REPLICATED, Optional.of(tag(born, 1)));
    CausalContext gone = log.lastReply().dots();
    log.ask(
        new Mutation.Append(listOf("kept")),
        "log",
        Acknowledgement.REPLICATED,
        Optional.of(tag(born, 2)));
    log.ask(new Mutation.Trim(gone), "log", Acknowledgement.REPLICATED);
    set.ask(
        new Mutation.Add(Kind.ORSET, listOf("gone", "kept")),
        "set",
        Acknowledgement.REPLICATED,
        Optional.of(tag(born, 1)));
    set.ask(new Mutation.Remove(listOf("gone")), "set", Acknowledgement.REPLICATED);
    assertEquals(gone, log(log).trimmed());
    assertEquals(2, set(set).context().dotCount());
    cluster.pass(2 * FOLDED_MILLIS);
    assertTrue(log(log).trimmed().isEmpty());
    assertEquals(1, log(log).size());
    assertEquals(1, set(set).context().dotCount());
    assertEquals(1, set(set).size());
    for (String holder : cluster.holdersOf("log")) {
      assertEquals(log.entryOf("log"), cluster.member(holder).entryOf("log"));
    }
    log.ask(append, "log", Acknowledgement.REPLICATED, Optional.of(tag(born, 1)));
    failed(ErrorCode.INVOCATION_EXPIRED, log.lastReply());
    assertFalse(done(readOf(log)).view().toString().contains("gone"));
  }

  private static Reply readOf(TestCluster.Member member) {
    member.ask(Read.Get.ANY, "log", Acknowledgement.DEFAULT);
    return member.lastReply();
  }

  private static Log log(TestCluster.Member member) {
    return (Log) member.entryOf("log").value(Kind.LOG).orElseThrow();
  }

  private static ObservedRemoveSet set(TestCluster.Member member) {
    return (ObservedRemoveSet) member.entryOf("set").value(Kind.ORSET).orElseThrow();
  }

  @Test
  void inAFieldOfAMapItCountsOnceAndIsFoldedToo() {
    TestCluster cluster = cluster();
    TestCluster.Member first = cluster.member(cluster.holdersOf("k").get(0));
    Mutation add = new Mutation.UpdateField(Payload.ofText("f"), ADD);
    Optional<Tag> tag = Optional.of(tag(cluster.nowMillis(), 1));
    first.ask(add, "k", Acknowledgement.REPLICATED, tag);
    first.ask(add, "k", Acknowledgement.REPLICATED, tag);
    assertEquals(new View.Whole(5), done(first.lastReply()).view());
    cluster.pass(2 * FOLDED_MILLIS);
    assertTrue(first.entryOf("k").toString().contains("+5 -0 of"), first.entryOf("k").toString());
  }
}
