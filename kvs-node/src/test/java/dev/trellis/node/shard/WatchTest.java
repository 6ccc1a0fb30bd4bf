package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.CLIENT;
import static dev.trellis.node.shard.TestShard.OTHER;
import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.elements;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.Kind;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class WatchTest {
  private final TestShard shard = new TestShard();

  private void put(String key, String text) {
    shard.mutate(key, new Mutation.Put(bytes(text)));
  }

  private static Mutation in(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  @Test
  void theStateComesFirstThenEachChange() {
    put("k", "a");
    shard.watch(CLIENT, 7, "k");
    assertEquals(List.of(CLIENT), shard.takePending());
    Reply first = shard.drain(CLIENT).get(0);
    assertEquals(7, first.id());
    assertEquals(value("a"), viewOf(first));
    assertEquals(Kind.LWW, first.kind().orElseThrow());
    assertEquals(List.of(), shard.drain(CLIENT));

    put("k", "b");
    assertEquals(List.of(CLIENT), shard.takePending());
    assertEquals(List.of(value("b")), shard.drainViews(CLIENT));
    shard.mutate("k", new Mutation.Delete());
    assertEquals(List.of(missing()), shard.drainViews(CLIENT));
    put("k", "c");
    assertEquals(List.of(value("c")), shard.drainViews(CLIENT));
  }

  @Test
  void whoKeepsACopyIsToldWholeEntriesAndHowNewTheyAre() {
    shard.mutate("k", new Mutation.Increment(3));
    Frame.Watch watch = new Frame.Watch(1, bytes("k"), Optional.empty(), true, true);
    shard.core().watch(CLIENT, watch, shard.nowMillis(), shard);
    Reply first = shard.drain(CLIENT).get(0);
    assertEquals(new View.State(shard.entry("k")), viewOf(first));
    assertEquals(first.clock(), first.receipt().asOf());
    assertTrue(shard.core().asOf(shard.nowMillis()).compareTo(first.clock()) >= 0);
    shard.mutate("k", new Mutation.Delete());
    View ended = viewOf(shard.drain(CLIENT).get(0));
    assertEquals(new View.State(shard.entry("k")), ended, "a deletion is a state too");
  }

  @Test
  void aMissingKeyCanBeWatched() {
    shard.watch(CLIENT, 1, "k");
    assertEquals(List.of(missing()), shard.drainViews(CLIENT));
    shard.mutate("k", new Mutation.Increment(2));
    assertEquals(List.of(whole(2)), shard.drainViews(CLIENT));
    assertEquals(1, shard.store().size());
  }

  @Test
  void changesBetweenTwoReadsAreOneAndTheLastStateArrives() {
    shard.watch(CLIENT, 1, "a");
    shard.watch(CLIENT, 2, "b");
    shard.drain(CLIENT);
    shard.takePending();
    for (int i = 1; i <= 100; i++) {
      shard.mutate("a", new Mutation.Increment(1));
      shard.mutate("b", new Mutation.Increment(2));
    }
    assertEquals(List.of(CLIENT), shard.takePending(), "one call until the changes are fetched");
    assertEquals(List.of(whole(100), whole(200)), shard.drainViews(CLIENT));
    shard.mutate("a", new Mutation.Increment(1));
    assertEquals(List.of(CLIENT), shard.takePending());
  }

  @Test
  void aChangeWhileOthersAreFetchedIsNotLost() {
    shard.watch(CLIENT, 1, "a");
    shard.watch(CLIENT, 2, "b");
    assertEquals(1, nextId());
    shard.mutate("a", new Mutation.Increment(1));
    assertEquals(2, nextId());
    assertEquals(1, nextId());
    assertEquals(Optional.empty(), shard.core().nextChange(CLIENT, shard.nowMillis()));
  }

  private long nextId() {
    return shard.core().nextChange(CLIENT, shard.nowMillis()).orElseThrow().reply().id();
  }

  @Test
  void whatChangesNothingIsNotTold() {
    shard.mutate("k", new Mutation.Add(Kind.GSET, listOf("a")));
    shard.watch(CLIENT, 1, "k");
    shard.drain(CLIENT);
    shard.takePending();
    shard.mutate("k", new Mutation.Add(Kind.GSET, listOf("a")));
    shard.mutate("k", new Mutation.Put(bytes("refused")));
    shard.mutate("other", new Mutation.Increment(1));
    shard.read("k", dev.trellis.wire.Read.Get.ANY);
    assertEquals(List.of(), shard.takePending());
    assertEquals(List.of(), shard.drain(CLIENT));
  }

  @Test
  void everyWatcherOfAKeyIsTold() {
    shard.watch(CLIENT, 1, "k");
    shard.watch(CLIENT, 2, "k");
    shard.watch(OTHER, 1, "k");
    shard.drain(CLIENT);
    shard.drain(OTHER);
    shard.mutate("k", new Mutation.Increment(2));
    assertEquals(List.of(whole(2), whole(2)), shard.drainViews(CLIENT));
    assertEquals(List.of(whole(2)), shard.drainViews(OTHER));
  }

  @Test
  void unwatchingEndsJustThatWatch() {
    shard.watch(CLIENT, 1, "k");
    shard.watch(CLIENT, 2, "k");
    shard.core().unwatch(CLIENT, 1);
    shard.core().unwatch(CLIENT, 99);
    shard.core().unwatch(OTHER, 2);
    assertEquals(List.of(2L), shard.drain(CLIENT).stream().map(Reply::id).toList());
    shard.mutate("k", new Mutation.Increment(2));
    assertEquals(List.of(2L), shard.drain(CLIENT).stream().map(Reply::id).toList());
    assertEquals(1, shard.core().statistics().watches());
    shard.watch(CLIENT, 1, "other"); // the id is free again
    assertEquals(List.of(missing()), shard.drainViews(CLIENT));
  }

  @Test
  void aDisconnectedWatcherIsForgotten() {
    shard.watch(CLIENT, 1, "k");
    shard.watch(OTHER, 1, "k");
    shard.takePending();
    shard.drain(OTHER);
    shard.core().disconnected(CLIENT);
    shard.mutate("k", new Mutation.Increment(2));
    assertEquals(List.of(OTHER), shard.takePending());
    assertEquals(List.of(), shard.drain(CLIENT));
    assertEquals(1, shard.core().statistics().watches());
    shard.core().disconnected(OTHER);
    shard.core().disconnected(OTHER);
    assertEquals(0, shard.core().statistics().watches());
  }

  @Test
  void anIdThatIsTakenIsRefusedAndTheWatchThatHasItGoesOn() {
    shard.watch(CLIENT, 1, "k");
    shard.drain(CLIENT);
    shard.watch(CLIENT, 1, "other");
    Reply refused = shard.drain(CLIENT).get(0);
    assertEquals(1, refused.id());
    failed(ErrorCode.BAD_REQUEST, refused);
    shard.mutate("k", new Mutation.Increment(2));
    assertEquals(List.of(whole(2)), shard.drainViews(CLIENT));
  }

  @Test
  void aConnectionMayWatchOnlySoManyKeys() {
    TestShard small = new TestShard(TestShard.withWatches(2));
    small.watch(CLIENT, 1, "a");
    small.watch(CLIENT, 2, "b");
    small.drain(CLIENT);
    small.takePending();
    small.watch(CLIENT, 3, "c");
    assertEquals(List.of(CLIENT), small.takePending());
    Outcome.Failed outcome = failed(ErrorCode.OVERLOADED, small.drain(CLIENT).get(0));
    assertTrue(outcome.retryAfter().isPresent());
    assertEquals(2, small.core().statistics().watches());
    small.watch(OTHER, 3, "c");
    assertEquals(List.of(missing()), small.drainViews(OTHER));
    small.core().unwatch(CLIENT, 1);
    small.watch(CLIENT, 3, "c");
    assertEquals(List.of(missing()), small.drainViews(CLIENT));
  }

  @Test
  void aKeyOfAnotherShardIsRefused() {
    TestShard one = new TestShard(ShardConfig.of("n1", 0, 64, 1));
    String foreign =
        java.util.stream.IntStream.range(0, 1_000)
            .mapToObj(i -> "key" + i)
            .filter(key -> Partitions.STANDARD.shardOfKey(KeyHash.of(bytes(key)), 64) != 0)
            .findFirst()
            .orElseThrow();
    one.watch(CLIENT, 1, foreign);
    failed(ErrorCode.NOT_OWNER, one.drain(CLIENT).get(0));
    assertEquals(0, one.core().statistics().watches());
  }

  @Test
  void aReadThatIsRefusedEndsTheWatch() {
    shard.mutate("k", new Mutation.Increment(2));
    shard
        .core()
        .watch(
            CLIENT,
            new Frame.Watch(1, bytes("k"), Optional.of(Kind.COUNTER)),
            shard.nowMillis(),
            shard);
    assertEquals(List.of(whole(2)), shard.drainViews(CLIENT));
    shard.mutate("k", new Mutation.Delete());
    assertEquals(List.of(missing()), shard.drainViews(CLIENT));
    put("k", "text");
    failed(ErrorCode.KIND_MISMATCH, shard.drain(CLIENT).get(0));
    assertEquals(0, shard.core().statistics().watches());
    put("k", "more");
    assertEquals(List.of(), shard.drain(CLIENT));
  }

  @Test
  void twoKindsAtOnceEndAWatchOfAnyKindAndNotOfOne() {
    shard.mutate("k", new Mutation.Increment(2));
    shard.watch(CLIENT, 1, "k");
    shard
        .core()
        .watch(
            CLIENT,
            new Frame.Watch(2, bytes("k"), Optional.of(Kind.COUNTER)),
            shard.nowMillis(),
            shard);
    shard.drain(CLIENT);
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, new Flag(true)));
    List<Reply> told = shard.drain(CLIENT);
    assertEquals(2, told.size());
    failed(ErrorCode.KIND_MISMATCH, told.get(0));
    assertEquals(whole(2), viewOf(told.get(1)));
    assertEquals(1, shard.core().statistics().watches());
  }

  @Test
  void anExpiryIsToldWhenItsInstantHasCome() {
    shard.mutateFor("k", new Mutation.Put(bytes("a")), Duration.ofMillis(100));
    shard.watch(CLIENT, 1, "k");
    shard.drain(CLIENT);
    shard.takePending();
    shard.pass(Duration.ofMillis(99));
    assertEquals(List.of(), shard.takePending());
    shard.pass(Duration.ofMillis(1));
    assertEquals(List.of(CLIENT), shard.takePending());
    assertEquals(List.of(missing()), shard.drainViews(CLIENT));
    shard.pass(Duration.ofSeconds(10));
    assertEquals(List.of(), shard.takePending());
  }

  @Test
  void anExpirySetWhileWatchedIsToldForEveryKind() {
    shard.watch(CLIENT, 1, "lww");
    shard.watch(CLIENT, 2, "counter");
    shard.watch(CLIENT, 3, "expire");
    shard.watch(CLIENT, 4, "causal");
    shard.watch(CLIENT, 5, "map");
    shard.watch(CLIENT, 6, "deep");
    shard.mutate("expire", new Mutation.Increment(1));
    shard.mutate("deep", in("a", in("b", new Mutation.Increment(1))));
    Duration ttl = Duration.ofMillis(100);
    shard.mutateFor("lww", new Mutation.Put(bytes("a")), ttl);
    shard.mutateFor("counter", new Mutation.Increment(1), ttl);
    shard.mutate("expire", new Mutation.Expire(OptionalLong.of(100)));
    shard.mutateFor("causal", new Mutation.PutCausal(bytes("a"), CausalContext.EMPTY), ttl);
    shard.mutateFor("map", in("a", new Mutation.Put(bytes("a"))), ttl);
    shard.mutate("deep", in("a", in("b", new Mutation.Expire(OptionalLong.of(100)))));
    shard.drain(CLIENT);
    shard.takePending();
    shard.pass(Duration.ofMillis(100));
    assertEquals(List.of(CLIENT), shard.takePending());
    List<Reply> told = shard.drain(CLIENT);
    assertEquals(List.of(1L, 2L, 3L, 4L, 5L, 6L), told.stream().map(Reply::id).sorted().toList());
    for (Reply reply : told) {
      boolean isMap = reply.id() >= 5;
      assertEquals(isMap, viewOf(reply) instanceof View.Fields, reply::toString);
      assertEquals(!isMap, viewOf(reply) instanceof View.Missing, reply::toString);
    }
    assertEquals(missing(), shard.field("map", "a"));
  }

  @Test
  void anExpiryThatWasPutOffIsToldOnlyAtItsNewInstant() {
    shard.mutate("k", new Mutation.Increment(1));
    shard.watch(CLIENT, 1, "k");
    shard.mutate("k", new Mutation.Expire(OptionalLong.of(100)));
    shard.mutate("k", new Mutation.Expire(OptionalLong.of(300)));
    shard.drain(CLIENT);
    shard.takePending();
    shard.pass(Duration.ofMillis(299));
    assertEquals(List.of(), shard.takePending());
    shard.pass(Duration.ofMillis(1));
    assertEquals(List.of(missing()), shard.drainViews(CLIENT));

    shard.mutateFor("k", new Mutation.Increment(1), Duration.ofMillis(100));
    shard.mutate("k", new Mutation.Expire(OptionalLong.empty()));
    shard.drain(CLIENT);
    shard.takePending();
    shard.pass(Duration.ofMillis(100));
    assertEquals(List.of(), shard.takePending());
  }

  @Test
  void expiriesOfSeveralFieldsAreToldOneAfterTheOther() {
    shard.watch(CLIENT, 1, "map");
    for (int i = 1; i <= 5; i++) {
      shard.mutateFor("map", in("f" + i, new Mutation.Increment(i)), Duration.ofMillis(10L * i));
    }
    shard.drain(CLIENT);
    for (int left = 4; left >= 0; left--) {
      shard.pass(Duration.ofMillis(10));
      View.Fields fields = (View.Fields) shard.drainViews(CLIENT).get(0);
      assertEquals(left, fields.fields().size());
    }
    shard.pass(Duration.ofMillis(10));
    assertEquals(List.of(), shard.drainViews(CLIENT));
  }

  @Test
  void aPeersMergeIsTold() {
    shard.watch(CLIENT, 1, "k");
    shard.drain(CLIENT);
    Entry set =
        Entry.of(
            HybridTimestamp.ZERO,
            Optional.of(
                new dev.trellis.lattice.Expiry(
                    HybridTimestamp.ofMillis(1), 1, shard.nowMillis() + 50)),
            List.of(dev.trellis.lattice.GrowSet.of(listOf("a"))));
    shard.merge("k", set);
    assertEquals(List.of(elements("a")), shard.drainViews(CLIENT));
    shard.merge("k", set);
    assertEquals(List.of(), shard.drainViews(CLIENT));
    shard.pass(Duration.ofMillis(50));
    assertEquals(List.of(missing()), shard.drainViews(CLIENT));
  }

  @Test
  void settingATimeToLiveForEverTakesNoMoreMemory() {
    Watches watches = new Watches();
    watches.add(CLIENT, new Frame.Watch(1, bytes("k"), Optional.empty()));
    for (long at = 1; at <= 1_000; at++) {
      watches.expires(bytes("k"), Optional.of(1_000_000 + at));
      watches.expiresBy(bytes("k"), 1_000_000 - at);
    }
    assertEquals(1, watches.expiryCount());
    watches.remove(CLIENT, 1);
    assertEquals(0, watches.expiryCount());
  }
}
