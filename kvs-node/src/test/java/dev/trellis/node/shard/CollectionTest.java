package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.SortedSet;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class CollectionTest {
  private static final Duration GRACE = Duration.ofMinutes(10);
  private static final Duration SKEW = Duration.ofMillis(500);
  private static final Duration FORGOTTEN = GRACE.plus(SKEW);
  private static final Duration ROUND = Duration.ofMinutes(1);

  private final TestShard shard = new TestShard();

  private static Mutation in(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  /// Ends a key, and checks that it is kept for as long as promised and forgotten soon after.
  private void assertForgottenInTime(Runnable creation, Duration untilEnd) {
    creation.run();
    assertEquals(1, shard.store().size());
    shard.passAndSweep(untilEnd.plus(FORGOTTEN).minusMillis(1));
    assertEquals(1, shard.store().size());
    assertEquals(missing(), shard.get("k"));
    shard.passAndSweep(ROUND);
    assertEquals(0, shard.store().size());
    assertEquals(0, shard.store().weight());
    assertEquals(Entry.BOTTOM, shard.entry("k"));
  }

  @Test
  void aDeletedKeyIsForgottenAfterGraceAndSkew() {
    assertForgottenInTime(
        () -> {
          shard.mutate("k", new Mutation.Increment(1));
          shard.mutate("k", new Mutation.Delete());
        },
        Duration.ZERO);
    assertEquals(1, shard.core().statistics().collected());
  }

  @Test
  void aDeletedLwwIsForgottenAfterGraceAndSkew() {
    assertForgottenInTime(
        () -> {
          shard.mutate("k", new Mutation.Put(bytes("a")));
          shard.mutate("k", new Mutation.Delete());
        },
        Duration.ZERO);
  }

  @Test
  void anExpiredKeyIsForgottenAfterGraceAndSkew() {
    Duration ttl = Duration.ofMinutes(3);
    assertForgottenInTime(() -> shard.mutateFor("k", new Mutation.Put(bytes("a")), ttl), ttl);
    assertForgottenInTime(() -> shard.mutateFor("k", new Mutation.Increment(1), ttl), ttl);
    assertForgottenInTime(
        () -> shard.mutateFor("k", new Mutation.PutCausal(bytes("a"), CausalContext.EMPTY), ttl),
        ttl);
    assertForgottenInTime(
        () -> {
          shard.mutate("k", in("f", new Mutation.Increment(1)));
          shard.mutate("k", new Mutation.Expire(java.util.OptionalLong.of(ttl.toMillis())));
        },
        ttl);
  }

  @Test
  void whatLivesIsKept() {
    shard.mutate("n", new Mutation.Increment(1));
    shard.mutate("map", in("f", new Mutation.Increment(1)));
    shard.mutateFor("long", new Mutation.Put(bytes("a")), Duration.ofDays(3));
    shard.mutate("again", new Mutation.Put(bytes("a")));
    shard.mutate("again", new Mutation.Delete());
    shard.mutate("again", new Mutation.Put(bytes("b")));
    for (int i = 0; i < 5; i++) {
      shard.passAndSweep(Duration.ofHours(1));
    }
    assertEquals(4, shard.store().size());
    assertEquals(value("b"), shard.get("again"));
    assertEquals(whole(1), shard.get("n"));
    assertEquals(0, shard.core().statistics().collected());
  }

  @Test
  void aKeyThatIsWrittenAgainInTimeIsNotForgotten() {
    shard.mutate("k", new Mutation.Increment(1));
    shard.mutate("k", new Mutation.Delete());
    shard.passAndSweep(FORGOTTEN.minusMillis(1));
    shard.mutate("k", new Mutation.Increment(5));
    shard.passAndSweep(Duration.ofHours(1));
    assertEquals(whole(5), shard.get("k"));
  }

  @Test
  void allOfManyDeadKeysAreForgotten() {
    int count = 5_000;
    for (int i = 0; i < count; i++) {
      shard.mutate("k" + i, new Mutation.Put(bytes("a")));
      if (i % 2 == 0) {
        shard.mutate("k" + i, new Mutation.Delete());
      }
    }
    shard.passAndSweep(FORGOTTEN.plus(ROUND));
    assertEquals(count / 2, shard.store().size());
    assertEquals(count / 2, shard.core().statistics().entries());
    assertEquals(count / 2, shard.core().statistics().collected());
  }

  @Test
  void deadFieldsAndMembersOfALivingKeyAreForgottenToo() {
    shard.mutate("map", in("kept", new Mutation.Increment(1)));
    shard.mutate("map", in("n", new Mutation.Increment(1)));
    shard.mutate("map", in("n", new Mutation.Delete()));
    shard.mutate("map", in("lww", new Mutation.Put(bytes("a"))));
    shard.mutate("map", in("lww", new Mutation.Delete()));
    shard.mutateFor("map", in("brief", new Mutation.Increment(1)), Duration.ofMillis(10));
    shard.mutate("map", in("inner", in("n", new Mutation.Increment(1))));
    shard.mutate("map", in("inner", in("n", new Mutation.Delete())));
    shard.mutate("set", new Mutation.AddScored(List.of(new ScoredMember(bytes("a"), 1))));
    shard.mutate("set", new Mutation.AddScored(List.of(new ScoredMember(bytes("b"), 1))));
    shard.mutate("set", new Mutation.RemoveMembers(listOf("a")));
    shard.pass(Duration.ofMillis(10));
    View map = shard.get("map");
    View set = shard.get("set");
    shard.passAndSweep(FORGOTTEN.minusMillis(11));
    assertEquals(5, fields("map"));
    assertEquals(2, settings("set"));
    shard.passAndSweep(ROUND);
    assertEquals(2, fields("map"));
    assertEquals(1, settings("set"));
    assertEquals(set, shard.get("set"));
    assertEquals(
        ((View.Fields) map).fields().keySet(), ((View.Fields) shard.get("map")).fields().keySet());
    assertEquals(0, shard.core().statistics().collected(), "the keys themselves live on");
    assertEquals(0, weightError());
  }

  private long weightError() {
    long sum = 0;
    var walk = shard.store().scan(Payload.EMPTY, java.util.Optional.empty());
    while (walk.hasNext()) {
      sum += walk.next().weight();
    }
    return shard.store().weight() - sum;
  }

  private int fields(String key) {
    int count = 0;
    for (Object field : ((LatticeMap) shard.entry(key).value(Kind.MAP).orElseThrow()).fields()) {
      count += field == null ? 0 : 1;
    }
    return count;
  }

  private int settings(String key) {
    int count = 0;
    for (Object one : ((SortedSet) shard.entry(key).value(Kind.SORTEDSET).get()).settings()) {
      count += one == null ? 0 : 1;
    }
    return count;
  }

  @Test
  void expiredValuesBesideLivingOnesAreForgottenToo() {
    shard.mutate("k", new Mutation.PutCausal(bytes("lasting"), CausalContext.EMPTY));
    for (int i = 0; i < 100; i++) {
      shard.mutateFor(
          "k",
          new Mutation.PutCausal(bytes("brief" + i), CausalContext.EMPTY),
          Duration.ofSeconds(1));
    }
    CausalContext context = ((View.Siblings) shard.get("k")).context();
    shard.passAndSweep(FORGOTTEN.plusMillis(999));
    assertEquals(101, siblings("k"));
    shard.passAndSweep(ROUND);
    assertEquals(1, siblings("k"));
    View.Siblings left = (View.Siblings) shard.get("k");
    assertEquals(1, left.siblings().size());
    assertEquals(context, left.context());
  }

  private int siblings(String key) {
    return ((CausalRegister) shard.entry(key).value(Kind.CAUSAL).orElseThrow()).size();
  }

  @Test
  void whatIsWrittenToAForgottenKeyOrFieldCountsFromNothing() {
    for (int life = 0; life < 3; life++) {
      assertEquals(whole(2), TestShard.viewOf(shard.mutate("k", new Mutation.Increment(2))));
      assertEquals(
          whole(2), TestShard.viewOf(shard.mutate("map", in("f", new Mutation.Increment(2)))));
      done(shard.mutate("k", new Mutation.Delete()));
      assertEquals(1, changed(shard.mutate("map", in("f", new Mutation.Delete()))));
      shard.passAndSweep(FORGOTTEN.plus(ROUND));
    }
  }

  @Test
  void aShortGraceIsKeptToo() {
    TestShard brief = new TestShard(TestShard.withGrace(Duration.ofSeconds(1)));
    brief.mutate("k", new Mutation.Increment(2));
    brief.mutate("k", new Mutation.Delete());
    brief.passAndSweep(Duration.ofMillis(1_499));
    assertEquals(1, brief.store().size());
    brief.passAndSweep(Duration.ofMillis(200));
    assertEquals(0, brief.store().size());
  }

  @Test
  void aRoundThroughManyLargeMapsIsSpreadOverManyTicks() {
    var fields = new java.util.HashMap<Payload, Entry>();
    for (int i = 0; i < 20_000; i++) {
      fields.put(bytes("field" + i), Entry.of(HybridTimestamp.ZERO, new MaxRegister(i)));
    }
    Entry map = Entry.of(HybridTimestamp.ZERO, LatticeMap.of(fields));
    for (int i = 0; i < 100; i++) {
      shard.merge("a" + i, map);
    }
    shard.mutate("b", new Mutation.Increment(1));
    shard.mutate("b", new Mutation.Delete());
    shard.passUnnoticed(FORGOTTEN.plus(ROUND));
    int ticks = 0;
    while (shard.core().statistics().collected() == 0) {
      shard.pass(Duration.ofMillis(10));
      ticks++;
      assertTrue(ticks < 1_000);
    }
    assertTrue(ticks >= 10, "all was examined in " + ticks + " ticks");
  }
}
