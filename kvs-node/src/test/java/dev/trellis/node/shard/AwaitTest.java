package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.CLIENT;
import static dev.trellis.node.shard.TestShard.OTHER;
import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.elements;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import dev.trellis.access.Grant;
import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.execution.Refusal;
import dev.trellis.execution.ThresholdReader;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Threshold reads at a shard.
class AwaitTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Threshold TEN = new Threshold.AtLeast(Kind.MAX, 10);
  private static final Threshold KEY = new Threshold.Seen(Optional.empty(), Optional.empty());

  private final TestShard shard = new TestShard();

  private static Mutation raise(long to) {
    return new Mutation.Raise(to);
  }

  private Reply onlyAnswer() {
    List<Reply> told = shard.takeAwaited();
    assertEquals(1, told.size(), told::toString);
    return told.get(0);
  }

  @Test
  void whatIsReachedIsAnsweredAtOnce() {
    shard.mutate("k", raise(12));
    long id = shard.await(CLIENT, "k", TEN, LONG);
    Reply reply = onlyAnswer();
    assertEquals(id, reply.id());
    assertEquals(whole(12), viewOf(reply));
    assertEquals(Kind.MAX, reply.kind().orElseThrow());
    assertEquals(shard.entry("k").generation(), reply.generation());
    assertEquals(0, shard.core().statistics().awaits());
    assertEquals(1, shard.core().statistics().reached());
  }

  @Test
  void whatIsNotIsAnsweredOnceByTheWriteThatReachesIt() {
    long id = shard.await(CLIENT, "k", TEN, LONG);
    assertEquals(List.of(), shard.takeAwaited());
    assertEquals(1, shard.core().statistics().awaits());
    shard.mutate("k", raise(9));
    shard.mutate("other", raise(99));
    assertEquals(List.of(), shard.takeAwaited());
    shard.mutate("k", raise(11));
    Reply reply = onlyAnswer();
    assertEquals(id, reply.id());
    assertEquals(whole(11), viewOf(reply));
    shard.mutate("k", raise(12));
    shard.pass(LONG.plusSeconds(1));
    assertEquals(List.of(), shard.takeAwaited());
    assertEquals(0, shard.core().statistics().awaits());
  }

  @Test
  void everyThresholdIsReachedByWritesOfItsKind() {
    shard.await(CLIENT, "min", new Threshold.AtMost(Kind.MIN, 3), LONG);
    shard.await(CLIENT, "counter", new Threshold.AtLeast(Kind.COUNTER, 5), LONG);
    shard.await(CLIENT, "gset", new Threshold.Contains(Kind.GSET, listOf("b", "a")), LONG);
    shard.await(CLIENT, "oset", new Threshold.Contains(Kind.OSET, listOf("a")), LONG);
    shard.await(CLIENT, "flag", new Threshold.Enabled(Kind.FLAG), LONG);
    Threshold a = new Threshold.Seen(Optional.of(Kind.ORSET), Optional.of(bytes("a")));
    shard.await(CLIENT, "orset", a, LONG);
    shard.await(CLIENT, "lww", KEY, LONG);
    shard.mutate("min", new Mutation.Lower(4));
    shard.mutate("counter", new Mutation.Increment(3));
    shard.mutate("counter", new Mutation.Increment(-3));
    shard.mutate("gset", new Mutation.Add(Kind.GSET, listOf("a")));
    shard.mutate("oset", new Mutation.Add(Kind.OSET, listOf("b")));
    shard.mutate("orset", new Mutation.Add(Kind.ORSET, listOf("b")));
    assertEquals(List.of(), shard.takeAwaited());
    shard.mutate("min", new Mutation.Lower(3));
    assertEquals(whole(3), viewOf(onlyAnswer()));
    shard.mutate("counter", new Mutation.Increment(2));
    assertEquals(whole(5), viewOf(onlyAnswer()));
    shard.mutate("gset", new Mutation.Add(Kind.GSET, listOf("b")));
    assertEquals(elements("a", "b"), viewOf(onlyAnswer()));
    shard.mutate("oset", new Mutation.Add(Kind.OSET, listOf("a")));
    assertEquals(elements("a"), viewOf(onlyAnswer()));
    shard.mutate("flag", new Mutation.Enable());
    assertEquals(new View.Truth(true), viewOf(onlyAnswer()));
    shard.mutate("orset", new Mutation.Add(Kind.ORSET, listOf("a")));
    assertEquals(elements("a"), viewOf(onlyAnswer()));
    for (int i = 0; i < 2; i++) { // by whichever way a put goes
      shard.mutate("lww", new Mutation.Put(bytes("v")));
      shard.mutate("pad", new Mutation.Put(bytes("v")));
    }
    assertEquals(new View.Truth(true), viewOf(onlyAnswer()));
  }

  @Test
  void whatAPeerSendsReachesItToo() {
    shard.await(CLIENT, "k", TEN, LONG);
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, new MaxRegister(10)));
    assertEquals(whole(10), viewOf(onlyAnswer()));
  }

  @Test
  void atItsDeadlineItIsToldThatItWasNotReachedAndHowFarItCame() {
    shard.mutate("k", raise(7));
    shard.await(CLIENT, "k", TEN, Duration.ofMillis(100));
    shard.await(CLIENT, "none", new Threshold.Contains(Kind.GSET, listOf("a")), LONG);
    shard.pass(Duration.ofMillis(99));
    assertEquals(List.of(), shard.takeAwaited());
    shard.pass(Duration.ofMillis(1));
    Reply reply = onlyAnswer();
    Outcome.Failed failed = failed(ErrorCode.NOT_REACHED, reply);
    assertEquals("not reached in time: it is at 7", failed.message());
    assertEquals(shard.entry("k").generation(), reply.generation());
    shard.mutate("k", raise(10));
    assertEquals(List.of(), shard.takeAwaited());
    shard.pass(LONG);
    assertTrue(failed(ErrorCode.NOT_REACHED, onlyAnswer()).message().endsWith("there is none"));
  }

  @Test
  void withoutATimeoutItWaitsForADay() {
    shard.await(CLIENT, "k", TEN, Duration.ZERO);
    shard.pass(Duration.ofHours(23));
    assertEquals(List.of(), shard.takeAwaited());
    shard.pass(Duration.ofHours(1));
    failed(ErrorCode.NOT_REACHED, onlyAnswer());
  }

  @Test
  void aDeletionStartsAnewAndTheAnswerNamesTheGeneration() {
    shard.mutate("k", raise(9));
    shard.await(CLIENT, "k", TEN, LONG);
    shard.mutate("k", new Mutation.Delete());
    shard.mutate("k", raise(3));
    assertEquals(List.of(), shard.takeAwaited());
    shard.mutate("k", raise(10));
    Reply reply = onlyAnswer();
    assertTrue(reply.generation().isAfter(HybridTimestamp.ZERO));
    assertEquals(shard.entry("k").generation(), reply.generation());
  }

  @Test
  void whoAsksForItIsToldTheEntryUnlessItIsLarge() {
    TestCluster cluster = TestCluster.of("a");
    TestCluster.Member member = cluster.member("a");
    Demand entry = new Demand(HybridTimestamp.ZERO, false, true);
    member.ask(raise(10), "k", Acknowledgement.ONE);
    member.ask(new Read.Await(TEN), "k", Acknowledgement.DEFAULT, entry);
    assertEquals(Optional.of(member.entryOf("k")), member.lastReply().delta());
    member.ask(new Read.Await(TEN), "k", Acknowledgement.DEFAULT);
    assertEquals(Optional.empty(), member.lastReply().delta());
    Payload large = bytes("x".repeat(Limits.AWAITED_ENTRY_BYTES_MAX));
    member.ask(new Mutation.Put(large), "large", Acknowledgement.ONE);
    member.ask(new Read.Await(KEY), "large", Acknowledgement.DEFAULT, entry);
    assertEquals(Optional.empty(), member.lastReply().delta());
  }

  @Test
  void whatHasExpiredIsNotReached() {
    shard.mutateFor("k", raise(20), Duration.ofMillis(50));
    shard.passUnnoticed(Duration.ofMillis(50));
    shard.await(CLIENT, "k", TEN, LONG);
    shard.mutate("k", raise(9));
    assertEquals(List.of(), shard.takeAwaited());
    shard.mutate("k", raise(10));
    assertEquals(whole(10), viewOf(onlyAnswer()));
  }

  @Test
  void whatIsNotMonotoneIsRefusedWhateverTheKeyHolds() {
    shard.await(CLIENT, "k", new Threshold.AtLeast(Kind.LWW, 1), LONG);
    failed(ErrorCode.BAD_REQUEST, onlyAnswer());
    shard.await(CLIENT, "k", new Threshold.AtMost(Kind.COUNTER, 1), LONG);
    assertTrue(failed(ErrorCode.BAD_REQUEST, onlyAnswer()).message().contains("goes up and down"));
  }

  @Test
  void anotherKindIsAMismatchAtOnceOrWhenItComes() {
    shard.mutate("k", new Mutation.Put(bytes("v")));
    shard.await(CLIENT, "k", TEN, LONG);
    failed(ErrorCode.KIND_MISMATCH, onlyAnswer());
    shard.await(CLIENT, "new", TEN, LONG);
    shard.mutate("new", new Mutation.Enable());
    failed(ErrorCode.KIND_MISMATCH, onlyAnswer());
    assertEquals(0, shard.core().statistics().awaits());
  }

  @Test
  void asManyAsWatchesMayWaitForOneConnection() {
    TestShard small = new TestShard(TestShard.withWatches(3));
    small.watch(CLIENT, 1, "k");
    small.await(CLIENT, "k", TEN, LONG);
    small.await(CLIENT, "k", TEN, LONG);
    assertEquals(List.of(), small.takeAwaited());
    small.await(CLIENT, "k", TEN, LONG);
    Outcome.Failed failed = failed(ErrorCode.OVERLOADED, small.takeAwaited().get(0));
    assertTrue(failed.retryAfter().isPresent());
    small.await(OTHER, "k", TEN, LONG);
    assertEquals(List.of(), small.takeAwaited());
    small.mutate("k", raise(10));
    assertEquals(3, small.takeAwaited().size());
    small.await(CLIENT, "new", TEN, LONG);
    assertEquals(List.of(), small.takeAwaited());
  }

  @Test
  void whatWaitsTakesBoundedMemoryHoweverManyConnectionsThereAre() {
    List<Payload> large =
        Stream.of("a", "b", "c", "d").map(end -> bytes("x".repeat(1 << 20) + end)).toList();
    Threshold threshold = new Threshold.Contains(Kind.GSET, large);
    int waiting = 0;
    List<Reply> told = List.of();
    while (told.isEmpty() && waiting < 100) {
      Origin origin = new Origin(100 + waiting, 1, Caller.ANONYMOUS);
      shard.await(origin, "k", threshold, LONG);
      told = shard.takeAwaited();
      waiting++;
    }
    failed(ErrorCode.OVERLOADED, told.get(0));
    assertEquals(17, waiting, "64 MiB");
  }

  private static Caller principal(String name) {
    Grant all = new Grant(Payload.EMPTY, Set.of(Role.READ, Role.WRITE));
    return new Caller(name, Rights.of(List.of(all)), Allowance.UNLIMITED);
  }

  @Test
  void aPrincipalThatWaitsForAllItCanLeavesRoomForOthers() {
    Payload large = Payload.of(new byte[5 << 20]);
    Threshold threshold = new Threshold.Contains(Kind.GSET, List.of(large));
    Origin honest = new Origin(1_000, 1, principal("honest"));
    int waiting = 0;
    for (int number = 0; number < 20; number++) {
      Origin origin = new Origin(100 + number, 1, principal("greedy"));
      shard.await(origin, "k", threshold, LONG);
      waiting += shard.takeAwaited().isEmpty() ? 1 : 0;
    }
    assertEquals(3, waiting, "16 MiB");
    Payload huge = Payload.of(new byte[17 << 20]);
    shard.await(honest, "k", new Threshold.Contains(Kind.GSET, List.of(huge)), LONG);
    failed(ErrorCode.OVERLOADED, onlyAnswer());
    shard.await(honest, "k", threshold, LONG);
    assertEquals(List.of(), shard.takeAwaited());
    shard.core().disconnected(new Origin(100, 1, principal("greedy")));
    shard.await(new Origin(200, 1, principal("greedy")), "k", threshold, LONG);
    assertEquals(List.of(), shard.takeAwaited());
  }

  @Test
  void aPrincipalThatWaitsForManyThingsLeavesRoomForOthers() {
    int waiting = 0;
    List<Reply> told = List.of();
    while (told.isEmpty() && waiting <= 1 << 16) {
      Origin origin = new Origin(100 + waiting / 1_000, 1, principal("greedy"));
      shard.await(origin, "k" + waiting, TEN, LONG);
      told = shard.takeAwaited();
      waiting++;
    }
    failed(ErrorCode.OVERLOADED, told.getFirst());
    assertEquals((1 << 14) + 1, waiting);
    shard.await(new Origin(1, 1, principal("honest")), "k", TEN, LONG);
    shard.await(CLIENT, "k", TEN, LONG);
    assertEquals(List.of(), shard.takeAwaited());
    shard.mutate("k0", raise(10));
    assertEquals(1, shard.takeAwaited().size());
    shard.await(new Origin(100, 1, principal("greedy")), "k", TEN, LONG);
    assertEquals(List.of(), shard.takeAwaited());
  }

  @Test
  void whereManyWaitForAKeyTheyAreToldWithTheNextTick() {
    for (int i = 0; i <= Awaits.EAGER_MAX; i++) {
      shard.await(CLIENT, "k", new Threshold.AtLeast(Kind.MAX, i), LONG);
    }
    shard.mutate("k", raise(Awaits.EAGER_MAX - 1));
    assertEquals(List.of(), shard.takeAwaited());
    shard.pass(Duration.ofMillis(10));
    assertEquals(Awaits.EAGER_MAX, shard.takeAwaited().size());
    shard.mutate("k", raise(Awaits.EAGER_MAX));
    assertEquals(whole(Awaits.EAGER_MAX), viewOf(onlyAnswer()));
  }

  @Test
  void atItsDeadlineOneOfManyIsLookedAtOnceMore() {
    for (int i = 0; i <= Awaits.EAGER_MAX; i++) {
      shard.await(CLIENT, "k", TEN, Duration.ofMillis(100));
    }
    shard.mutate("k", raise(10));
    shard.pass(Duration.ofMillis(100));
    List<Reply> told = shard.takeAwaited();
    assertEquals(Awaits.EAGER_MAX + 1, told.size());
    told.forEach(reply -> assertEquals(whole(10), viewOf(reply)));
  }

  @Test
  void howeverManyWaitForAKeyATickTakesBoundedTime() {
    TestShard large = new TestShard(TestShard.withWatches(100_000));
    int crowd = 2 * ShardCore.LOOKS_A_TICK_MAX + 1;
    for (int i = 0; i < crowd; i++) {
      large.await(CLIENT, "k", TEN, LONG);
    }
    large.mutate("k", raise(10));
    assertEquals(List.of(), large.takeAwaited());
    int ticks = 0;
    for (int told = 0; told < crowd; ticks++) {
      large.pass(Duration.ofMillis(10));
      int more = large.takeAwaited().size();
      assertTrue(more <= ShardCore.LOOKS_A_TICK_MAX, () -> more + " with one tick");
      told += more;
    }
    assertEquals(3, ticks);
    assertEquals(0, large.core().statistics().awaits());
  }

  @Test
  void whoeverWaitsWithManyIsLookedAtHoweverOftenAnotherKeyChanges() {
    TestShard large = new TestShard(TestShard.withWatches(100_000));
    for (int i = 0; i < 2 * ShardCore.LOOKS_A_TICK_MAX; i++) {
      large.await(CLIENT, "hot", new Threshold.AtLeast(Kind.MAX, 1_000 + i), LONG);
    }
    for (int i = 0; i <= Awaits.EAGER_MAX; i++) {
      large.await(CLIENT, "k", TEN, LONG);
    }
    large.mutate("hot", raise(1));
    large.mutate("k", raise(10));
    int told = 0;
    for (int tick = 0; tick < 3; tick++) {
      large.mutate("hot", raise(2 + tick));
      large.pass(Duration.ofMillis(10));
      told += large.takeAwaited().size();
    }
    assertEquals(Awaits.EAGER_MAX + 1, told);
    large.mutate("hot", raise(999 + 2 * ShardCore.LOOKS_A_TICK_MAX));
    for (int tick = 0; tick < 2; tick++) {
      large.pass(Duration.ofMillis(10));
      told += large.takeAwaited().size();
    }
    assertEquals(Awaits.EAGER_MAX + 1 + 2 * ShardCore.LOOKS_A_TICK_MAX, told);
  }

  @Test
  void manyWhoseTimeIsOverTogetherAreToldInTurns() {
    TestShard large = new TestShard(TestShard.withWatches(100_000));
    for (int i = 0; i <= ShardCore.LOOKS_A_TICK_MAX; i++) {
      large.await(CLIENT, "k" + i, TEN, Duration.ofMillis(100));
    }
    large.pass(Duration.ofMillis(100));
    assertEquals(ShardCore.LOOKS_A_TICK_MAX, large.takeAwaited().size());
    large.pass(Duration.ofMillis(10));
    assertEquals(1, large.takeAwaited().size());
  }

  @Test
  void whatWasFoundOfASetIsNotLookedForAgainButInAnotherGeneration() throws Refusal {
    Threshold.Contains both = new Threshold.Contains(Kind.GSET, listOf("a", "b"));
    shard.await(CLIENT, "k", both, LONG);
    shard.mutate("k", new Mutation.Add(Kind.GSET, listOf("a")));
    shard.mutate("k", new Mutation.Delete());
    shard.mutate("k", new Mutation.Add(Kind.GSET, listOf("b")));
    assertEquals(List.of(), shard.takeAwaited(), "a went with the deletion");
    Entry hasB = shard.entry("k");
    assertEquals(0, ThresholdReader.found(hasB, both, 0, 0, "k"));
    assertEquals(2, ThresholdReader.found(hasB, both, 1, 0, "k"), "a is not looked for");
    shard.mutate("k", new Mutation.Add(Kind.GSET, listOf("a")));
    assertEquals(elements("a", "b"), viewOf(onlyAnswer()));
  }

  @Test
  void aConnectionThatIsGoneIsNotAnswered() {
    shard.await(CLIENT, "k", TEN, LONG);
    shard.await(OTHER, "k", TEN, LONG);
    shard.core().disconnected(CLIENT);
    assertEquals(1, shard.core().statistics().awaits());
    shard.mutate("k", raise(10));
    onlyAnswer();
    shard.pass(LONG);
    assertEquals(List.of(), shard.takeAwaited());
  }

  @Test
  void whoWaitsAddsNoExpiryToBeKept() {
    Watches watches = new Watches();
    watches
        .awaits()
        .add(CLIENT, new Request(1, bytes("k"), new Read.Await(TEN), RequestContext.READ), 5);
    assertTrue(watches.isWatched(bytes("k")));
    watches.expires(bytes("k"), Optional.of(10L));
    watches.expiresBy(bytes("k"), 5);
    assertEquals(0, watches.expiryCount());
    watches.awaits().removeAll(CLIENT);
    assertTrue(watches.isEmpty());
    assertEquals(0, watches.awaits().weight());
  }

  // Among replicas.

  private static void assertReached(long value, TestCluster.Member member) {
    Outcome.Done done =
        assertInstanceOf(
            Outcome.Done.class, member.lastReply().outcome(), member.lastReply().toString());
    assertEquals(whole(value), done.view());
  }

  private static ErrorCode codeOf(Reply reply) {
    return assertInstanceOf(Outcome.Failed.class, reply.outcome(), reply.toString()).code();
  }

  @Test
  void aWriteAtAnotherReplicaReachesIt() {
    TestCluster cluster = TestCluster.of("a", "b");
    cluster.member("b").await(TEN, "k", 60_000);
    assertEquals(0, cluster.member("b").replies());
    cluster.member("a").ask(raise(10), "k", Acknowledgement.REPLICATED);
    cluster.pass(20);
    assertReached(10, cluster.member("b"));
    assertEquals(1, cluster.member("b").replies());
  }

  @Test
  void aReplicaThatLacksMuchAnswersWhatItSeesAndRefusesNothingByIt() {
    TestCluster cluster = TestCluster.of("a");
    cluster.member("a").ask(raise(10), "k", Acknowledgement.ONE);
    TestCluster.Member joining = cluster.joinWithNothing("b");
    joining.await(TEN, "k", 60_000);
    assertEquals(0, joining.replies(), "it asks first, as for any read");
    cluster.member("a").ask(raise(11), "k", Acknowledgement.ONE);
    cluster.pass(20);
    joining.await(TEN, "k", 60_000);
    assertEquals(1, joining.replies(), "what it has by gossip is enough");
    assertReached(11, joining);
    cluster.release();
    assertEquals(2, joining.replies());
    assertReached(11, joining);
  }

  @Test
  void anotherKindAtAnIncompleteReplicaDoesNotEndAWait() {
    TestCluster cluster = TestCluster.of("a");
    TestCluster.Member joining = cluster.joinWithNothing("b");
    cluster.member("a").ask(new Mutation.Enable(), "k", Acknowledgement.ONE);
    cluster.pass(20);
    assertEquals(Optional.of(new Flag(true)), joining.entryOf("k").value(Kind.FLAG));
    joining.await(TEN, "k", 60_000);
    assertEquals(0, joining.replies());
    cluster.release();
    assertEquals(ErrorCode.KIND_MISMATCH, codeOf(joining.lastReply()));
  }

  /// It is asked for elsewhere first, as the one that is asked lacks writes.
  @Test
  void whatIsGivenUpBeforeItsShardKnowsAllWaitsNoMore() {
    TestCluster cluster = TestCluster.of("a");
    TestCluster.Member joining = cluster.joinWithNothing("b");
    long id = joining.await(TEN, "k", 60_000);
    assertEquals(0, joining.replies());
    joining.giveUp(id);
    assertEquals(1, joining.replies());
    assertEquals(id, joining.lastReply().id());
    assertEquals(ErrorCode.NOT_REACHED, codeOf(joining.lastReply()));
    joining.giveUp(id);
    cluster.release();
    cluster.pass(20);
    assertEquals(1, joining.replies());
    assertEquals(0, joining.core().statistics().awaits());
    joining.await(TEN, "k", 60_000);
    assertEquals(1, joining.core().statistics().awaits(), "another may wait");
  }

  @Test
  void whoLosesTheKeySendsThoseWhoWaitElsewhere() {
    TestCluster cluster = TestCluster.of("a", "b", "ssd1", "ssd2");
    TestCluster.Member home = cluster.member(cluster.holdersOf("k").get(0));
    home.await(TEN, "k", 60_000);
    home.ask(
        new Mutation.Place(Optional.of(new Placement(0, 2, 1))), "k", Acknowledgement.REPLICATED);
    cluster.pass(3_000);
    List<ErrorCode> told =
        home.replied().stream()
            .filter(reply -> reply.outcome() instanceof Outcome.Failed)
            .map(AwaitTest::codeOf)
            .toList();
    assertEquals(List.of(ErrorCode.MOVED), told);
  }

  @Test
  void whoLeavesSendsThoseWhoWaitElsewhere() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    String leaver = cluster.holdersOf("k").get(1);
    TestCluster.Member leaving = cluster.member(leaver);
    leaving.await(TEN, "k", 60_000);
    assertEquals(0, leaving.replies());
    cluster.state(leaver, State.LEAVING);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(5_000);
    assertEquals(1, leaving.replies());
    assertEquals(ErrorCode.NOT_OWNER, codeOf(leaving.lastReply()));
  }
}
