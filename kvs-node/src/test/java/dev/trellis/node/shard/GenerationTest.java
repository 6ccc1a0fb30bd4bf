package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.elements;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class GenerationTest {
  private static final Mutation INCREMENT = new Mutation.Increment(1);
  private static final Mutation DELETE = new Mutation.Delete();

  private final TestShard shard = new TestShard();

  private Reply mutateIn(HybridTimestamp generation, String key, Mutation mutation) {
    return shard.send(key, mutation, shard.next().withGeneration(Optional.of(generation)));
  }

  private static HybridTimestamp at(long millis) {
    return HybridTimestamp.ofMillis(millis);
  }

  /// A refusal that leaves the key as it was and names the generation to repeat in.
  private HybridTimestamp superseded(HybridTimestamp generation, String key, Mutation mutation) {
    Entry before = shard.entry(key);
    Reply reply = mutateIn(generation, key, mutation);
    failed(ErrorCode.SUPERSEDED, reply);
    assertEquals(before, shard.entry(key));
    return reply.generation();
  }

  @Test
  void aKeyNeverDeletedIsInGenerationZero() {
    assertEquals(HybridTimestamp.ZERO, shard.mutate("k", INCREMENT).generation());
    assertEquals(HybridTimestamp.ZERO, shard.read("k", Read.Get.ANY).generation());
    assertEquals(HybridTimestamp.ZERO, shard.read("none", Read.Get.ANY).generation());
    done(mutateIn(HybridTimestamp.ZERO, "k", INCREMENT));
    assertEquals(whole(2), shard.get("k"));
  }

  @Test
  void eachDeleteStartsALaterGeneration() {
    HybridTimestamp last = HybridTimestamp.ZERO;
    for (int i = 0; i < 5; i++) {
      shard.mutate("k", INCREMENT);
      Reply deleted = shard.mutate("k", DELETE);
      assertEquals(1, changed(deleted));
      assertTrue(deleted.generation().isAfter(last));
      assertEquals(Optional.empty(), deleted.kind());
      assertEquals(missing(), shard.get("k"));
      last = deleted.generation();
      assertEquals(last, shard.read("k", Read.Get.ANY).generation());
    }
    assertEquals(last, shard.mutate("k", INCREMENT).generation());
    assertEquals(whole(1), shard.get("k"));
  }

  @Test
  void deletingWhatIsMissingChangesNothing() {
    Reply reply = shard.mutate("k", DELETE);
    assertEquals(0, changed(reply));
    assertEquals(HybridTimestamp.ZERO, reply.generation());
    assertEquals(0, shard.store().size());
  }

  @Test
  void aRequestForAnEarlierGenerationIsRefusedAndCanBeRepeatedInTheOneItIsTold() {
    shard.mutate("k", INCREMENT);
    shard.mutate("k", DELETE);
    HybridTimestamp current = superseded(HybridTimestamp.ZERO, "k", INCREMENT);
    assertEquals(current, superseded(HybridTimestamp.ZERO, "k", DELETE));
    assertEquals(1, changed(mutateIn(current, "k", INCREMENT)));
    assertEquals(whole(1), shard.get("k"));
    assertEquals(current, superseded(HybridTimestamp.ZERO, "k", DELETE));
    assertEquals(1, changed(mutateIn(current, "k", DELETE)));
  }

  @Test
  void aRequestForAGenerationThatHasExpiredIsRefusedThoughNobodyWroteSince() {
    shard.mutateFor("k", INCREMENT, Duration.ofMillis(100));
    shard.passUnnoticed(Duration.ofMillis(200));
    long expiry = TestShard.START_MILLIS + 100;
    HybridTimestamp current = superseded(HybridTimestamp.ZERO, "k", INCREMENT);
    assertEquals(at(expiry), current);
    Reply repeated = mutateIn(current, "k", INCREMENT);
    assertEquals(whole(1), TestShard.viewOf(repeated));
    assertEquals(current, repeated.generation());
  }

  @Test
  void aRequestForTheGenerationOfADeletedLwwIsRefusedIfItIsOfAnotherKind() {
    shard.mutate("k", new Mutation.Put(bytes("a")));
    HybridTimestamp generation = shard.mutate("k", DELETE).generation();
    assertEquals(HybridTimestamp.ZERO, generation);
    HybridTimestamp current = superseded(generation, "k", INCREMENT);
    done(mutateIn(generation, "k", new Mutation.Put(bytes("b"))));
    assertEquals(value("b"), shard.get("k"));
    shard.mutate("k", DELETE);
    assertTrue(superseded(generation, "k", INCREMENT).isAfter(current));
    done(shard.mutate("k", INCREMENT));
    assertEquals(whole(1), shard.get("k"));
  }

  @Test
  void aRefusalForAnEarlierGenerationNamesTheOneAfterAnExpiry() {
    shard.mutate("k", INCREMENT);
    shard.mutate("k", DELETE);
    shard.mutateFor("k", INCREMENT, Duration.ofMillis(100));
    shard.passUnnoticed(Duration.ofMillis(200));
    HybridTimestamp current = superseded(HybridTimestamp.ZERO, "k", INCREMENT);
    assertEquals(at(TestShard.START_MILLIS + 100), current);
    done(mutateIn(current, "k", INCREMENT));
  }

  @Test
  void aRequestForALaterGenerationStartsItWhenItChangesSomething() {
    shard.mutate("k", new Mutation.Add(Kind.GSET, listOf("a")));
    HybridTimestamp later = at(shard.nowMillis() + 100);
    Mutation add = new Mutation.Add(Kind.GSET, listOf("b"));
    Reply reply = mutateIn(later, "k", add);
    assertEquals(1, changed(reply));
    assertEquals(later, reply.generation());
    assertEquals(elements("b"), shard.get("k"));
    superseded(HybridTimestamp.ZERO, "k", add);
    Reply deleted = shard.mutate("k", DELETE);
    assertTrue(deleted.generation().isAfter(later));
  }

  @Test
  void whatALaterGenerationEndsIsOverAlsoForWhoChangesNothingInIt() {
    Mutation remove = new Mutation.Remove(listOf("b"));
    for (Mutation nothing : new Mutation[] {DELETE, remove}) {
      shard.mutate("k", new Mutation.Add(Kind.ORSET, listOf("a", "b")));
      HybridTimestamp later = at(shard.nowMillis() + 100);
      Reply reply = mutateIn(later, "k", nothing);
      assertEquals(1, changed(reply));
      assertEquals(later, reply.generation());
      assertEquals(missing(), shard.get("k"));
      assertEquals(0, changed(mutateIn(later, "k", nothing)));
      shard.pass(Duration.ofMillis(200));
    }
  }

  @Test
  void aLaterGenerationInWhichNothingIsChangedLeavesNoTraceWhereThereIsNothing() {
    HybridTimestamp later = at(shard.nowMillis() + 100);
    assertEquals(0, changed(mutateIn(later, "none", DELETE)));
    assertEquals(0, changed(mutateIn(later, "none", new Mutation.Remove(listOf("b")))));
    assertEquals(0, shard.store().size());
  }

  // ---- Fields ----

  private static Mutation inField(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  private Reply mutateFrom(List<HybridTimestamp> fieldGenerations, String key, Mutation mutation) {
    return shard.send(
        key,
        mutation,
        shard
            .next()
            .withGeneration(Optional.of(HybridTimestamp.ZERO))
            .withFieldGenerations(fieldGenerations));
  }

  @Test
  void aWriteToAFieldTellsTheGenerationsOnTheWayToIt() {
    Mutation deep = inField("f", inField("g", INCREMENT));
    assertEquals(List.of(), shard.mutate("k", deep).fieldGenerations());
    Reply deleted = shard.mutate("k", inField("f", inField("g", DELETE)));
    List<HybridTimestamp> generations = deleted.fieldGenerations();
    assertEquals(2, generations.size());
    assertEquals(HybridTimestamp.ZERO, generations.get(0));
    assertTrue(generations.get(1).isAfter(HybridTimestamp.ZERO));
    assertEquals(HybridTimestamp.ZERO, deleted.generation());
    assertEquals(generations, shard.mutate("k", deep).fieldGenerations());
    assertEquals(List.of(), shard.mutate("k", inField("other", INCREMENT)).fieldGenerations());
    assertEquals(1, shard.mutate("k", inField("f", DELETE)).fieldGenerations().size());
  }

  @Test
  void aRepeatedDeleteOfAFieldTellsTheGenerationToo() {
    shard.mutate("k", inField("f", INCREMENT));
    RequestContext context = shard.next();
    Reply deleted = shard.send("k", inField("f", DELETE), context);
    Reply repeated = shard.send("k", inField("f", DELETE), context.repeated());
    assertTrue(((Outcome.Done) repeated.outcome()).repeated());
    assertEquals(deleted.fieldGenerations(), repeated.fieldGenerations());
  }

  @Test
  void aWriteAfterADeleteOfAFieldSurvivesAtAReplicaThatHasNotHeardOfTheDelete() {
    TestShard other = new TestShard();
    for (TestShard one : List.of(shard, other)) {
      one.mutate("k", inField("f", new Mutation.Add(Kind.GSET, listOf("old"))));
    }
    List<HybridTimestamp> deleted = other.mutate("k", inField("f", DELETE)).fieldGenerations();
    Mutation add = inField("f", new Mutation.Add(Kind.GSET, listOf("new")));
    Reply reply = mutateFrom(deleted, "k", add);
    assertEquals(deleted, reply.fieldGenerations());
    assertEquals(elements("new"), shard.field("k", "f"));
    other.merge("k", shard.entry("k"));
    assertEquals(elements("new"), other.field("k", "f"));
  }

  @Test
  void aFieldInALaterGenerationThanNamedStaysInThat() {
    shard.mutate("k", inField("f", INCREMENT));
    shard.mutate("k", inField("f", DELETE));
    Reply reply = shard.mutate("k", inField("f", INCREMENT));
    assertEquals(
        reply.fieldGenerations(),
        mutateFrom(List.of(at(1)), "k", inField("f", INCREMENT)).fieldGenerations());
    assertEquals(whole(2), shard.field("k", "f"));
  }

  @Test
  void whatTheLaterGenerationOfAFieldEndsIsOverAlsoForWhoChangesNothingInIt() {
    List<HybridTimestamp> later = List.of(at(shard.nowMillis() + 100));
    shard.mutate("k", inField("f", INCREMENT));
    shard.mutate("k", inField("g", INCREMENT));
    assertEquals(1, changed(mutateFrom(later, "k", inField("f", DELETE))));
    assertEquals(missing(), shard.field("k", "f"));
    assertEquals(whole(1), shard.field("k", "g"));
    Reply none = mutateFrom(later, "k", inField("none", DELETE));
    assertEquals(0, changed(none));
    assertEquals(List.of(), none.fieldGenerations());
  }

  @Test
  void aGenerationOfAFieldThatWasForgottenDoesNotWipeWhatWasWrittenSince() {
    shard.mutate("k", inField("f", INCREMENT));
    List<HybridTimestamp> old = List.of(at(shard.nowMillis()));
    shard.passAndSweep(Duration.ofMinutes(11));
    done(mutateFrom(old, "k", inField("f", INCREMENT)));
    assertEquals(whole(2), shard.field("k", "f"));
    done(mutateFrom(old, "k", inField("new", INCREMENT)));
    assertEquals(whole(1), shard.field("k", "new"));
  }

  @Test
  void aGenerationOfAFieldFromTheFutureIsRefused() {
    List<HybridTimestamp> tooFar = List.of(HybridTimestamp.ZERO, at(shard.nowMillis() + 501));
    Mutation deep = inField("f", inField("g", INCREMENT));
    String message = failed(ErrorCode.CLOCK_SKEW, mutateFrom(tooFar, "k", deep)).message();
    assertTrue(message.contains(tooFar.get(1).toString()), message);
    assertEquals(0, shard.store().size());
  }

  @Test
  void aGenerationFromTheFutureIsRefused() {
    HybridTimestamp tooFar = at(shard.nowMillis() + 501);
    failed(ErrorCode.CLOCK_SKEW, mutateIn(tooFar, "k", INCREMENT));
    failed(ErrorCode.CLOCK_SKEW, mutateIn(HybridTimestamp.MAX, "k", INCREMENT));
    assertEquals(0, shard.store().size());
    done(mutateIn(at(shard.nowMillis() + 500), "k", INCREMENT));
  }

  @Test
  void aGenerationThatWasForgottenDoesNotWipeWhatWasWrittenSince() {
    shard.mutate("k", INCREMENT);
    HybridTimestamp deleted = shard.mutate("k", DELETE).generation();
    shard.mutate("k", INCREMENT);
    HybridTimestamp generation = shard.mutate("k", DELETE).generation();
    assertTrue(generation.isAfter(deleted));
    shard.passAndSweep(Duration.ofMinutes(11));
    assertEquals(0, shard.store().size());

    done(shard.mutate("k", new Mutation.Increment(5)));
    assertEquals(HybridTimestamp.ZERO, superseded(generation, "k", INCREMENT));
    done(mutateIn(HybridTimestamp.ZERO, "k", INCREMENT));
    assertEquals(whole(6), shard.get("k"));
  }

  @Test
  void aDeleteOfTwoKindsAtOnceEndsBoth() {
    shard.mutate("k", INCREMENT);
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, new dev.trellis.lattice.Flag(true)));
    failed(ErrorCode.KIND_MISMATCH, shard.read("k", Read.Get.ANY));
    assertEquals(1, changed(shard.mutate("k", DELETE)));
    assertEquals(missing(), shard.get("k"));
    done(shard.mutate("k", new Mutation.Enable()));
  }

  @Test
  void aPeersTombstoneWinsOverOlderValuesAndLosesToLaterOnes() {
    shard.mutate("k", INCREMENT);
    HybridTimestamp deleted = at(shard.nowMillis());
    Reply merged = shard.merge("k", Entry.empty(deleted));
    assertEquals(new Outcome.Done(new dev.trellis.wire.View.Nothing(), 1, false), merged.outcome());
    assertEquals(missing(), shard.get("k"));
    shard.mutate("k", INCREMENT);
    assertEquals(0, changed(shard.merge("k", Entry.empty(HybridTimestamp.ZERO))));
    assertEquals(0, changed(shard.merge("k", Entry.empty(deleted))));
    assertEquals(whole(1), shard.get("k"));
  }
}
