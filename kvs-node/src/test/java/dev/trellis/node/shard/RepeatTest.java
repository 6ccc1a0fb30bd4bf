package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.elements;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RepeatTest {
  private final TestShard shard = new TestShard();

  /// Sends a mutation, then others, then the mutation again.
  private Reply repeat(String key, Mutation mutation, Runnable meanwhile) {
    RequestContext context = shard.next();
    done(shard.send(key, mutation, context));
    meanwhile.run();
    Reply again = shard.send(key, mutation, context.repeated());
    assertTrue(done(again).repeated());
    assertEquals(0, done(again).changed());
    assertEquals(CausalContext.EMPTY, again.dots());
    assertEquals(1, again.receipt().copies());
    return again;
  }

  private View repeatView(String key, Mutation mutation, Runnable meanwhile) {
    return viewOf(repeat(key, mutation, meanwhile));
  }

  private static Mutation in(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  @Test
  void aRepeatIsNotCarriedOutAgainAndShowsTheValueAsItIsNow() {
    Mutation add = new Mutation.Increment(3);
    assertEquals(
        whole(8), repeatView("n", add, () -> shard.mutate("n", new Mutation.Increment(5))));
    assertEquals(whole(8), shard.get("n"));
    Mutation raise = new Mutation.Raise(3);
    assertEquals(
        whole(9), repeatView("max", raise, () -> shard.mutate("max", new Mutation.Raise(9))));
    Mutation lower = new Mutation.Lower(3);
    assertEquals(
        whole(1), repeatView("min", lower, () -> shard.mutate("min", new Mutation.Lower(1))));
    assertEquals(new View.Truth(true), repeatView("flag", new Mutation.Enable(), () -> {}));
    Mutation put = new Mutation.PutPriority(2, bytes("b"));
    assertEquals(
        new View.Prioritized(1, bytes("a")),
        repeatView(
            "first", put, () -> shard.mutate("first", new Mutation.PutPriority(1, bytes("a")))));
  }

  @Test
  void aRepeatOfWhatShowsNothingShowsNothing() {
    Runnable nothing = () -> {};
    View shown = new View.Nothing();
    assertEquals(shown, repeatView("lww", new Mutation.Put(bytes("a")), nothing));
    assertEquals(shown, repeatView("set", new Mutation.Add(Kind.ORSET, listOf("a")), nothing));
    assertEquals(shown, repeatView("log", new Mutation.Append(listOf("a")), nothing));
    assertEquals(shown, repeatView("lww", new Mutation.Delete(), nothing));
    assertEquals(shown, repeatView("map", in("f", new Mutation.Put(bytes("a"))), nothing));
    assertEquals(shown, repeatView("map", in("f", new Mutation.Delete()), nothing));
  }

  @Test
  void aRepeatOfAChangeInAFieldShowsTheField() {
    Mutation add = in("a", new Mutation.Increment(3));
    assertEquals(whole(3), repeatView("map", add, () -> shard.mutate("map", in("b", add))));
    Mutation deep = in("b", in("a", new Mutation.Increment(4)));
    assertEquals(whole(7), repeatView("map", deep, () -> {}));
    assertEquals(
        missing(),
        repeatView("map", add, () -> shard.mutate("map", in("a", new Mutation.Delete()))));
    assertEquals(
        missing(), repeatView("map", deep, () -> shard.mutate("map", new Mutation.Delete())));
  }

  @Test
  void aRepeatOfACausalPutShowsTheContextThatReplacesAll() {
    Mutation put = new Mutation.PutCausal(bytes("a"), CausalContext.EMPTY);
    Reply again =
        repeat(
            "c",
            put,
            () -> shard.mutate("c", new Mutation.PutCausal(bytes("b"), CausalContext.EMPTY)));
    View.Siblings both = (View.Siblings) shard.get("c");
    assertEquals(2, both.siblings().size());
    assertEquals(new View.Siblings(List.of(), both.context()), viewOf(again));

    Mutation in = in("f", new Mutation.PutMultiCausal(bytes("a"), CausalContext.EMPTY, Map.of()));
    View.Siblings shown = (View.Siblings) repeatView("m", in, () -> {});
    assertEquals(((View.Siblings) shard.field("m", "f")).context(), shown.context());
    assertEquals(1, shown.context().dotCount());
  }

  @Test
  void aRepeatShowsNothingOfAnotherKindThatTheKeyHasGotSince() {
    Mutation add = new Mutation.Increment(3);
    assertEquals(missing(), repeatView("k", add, () -> shard.mutate("k", new Mutation.Delete())));
    Runnable replace =
        () -> {
          shard.mutate("k", new Mutation.Delete());
          shard.mutate("k", new Mutation.Put(bytes("text")));
        };
    Reply again = repeat("k", add, replace);
    assertEquals(missing(), viewOf(again));
    assertEquals(Kind.LWW, again.kind().orElseThrow());
    assertEquals(value("text"), shard.get("k"));
  }

  @Test
  void aRepeatClaimsNoMoreCopiesThanTheFirstAnswerDid() {
    RequestContext context = shard.next().withAcknowledgement(Acknowledgement.REPLICATED);
    Mutation add = new Mutation.Increment(3);
    Reply first = shard.send("k", add, context);
    Reply again = shard.send("k", add, context.repeated());
    Outcome.Failed outcome = failed(ErrorCode.NOT_ENOUGH_REPLICAS, first);
    assertEquals(outcome, again.outcome());
    assertEquals(first.receipt(), again.receipt());
    assertEquals(whole(3), shard.get("k"));
  }

  @Test
  void aRepeatIsRecognisedWhenItsStampIsTooOldToBeBelieved() {
    Mutation add = new Mutation.Increment(3);
    assertEquals(whole(3), repeatView("k", add, () -> shard.pass(Duration.ofHours(1))));
  }

  @Test
  void aRepeatIsRecognisedWhenItsGenerationIsOver() {
    shard.mutate("k", new Mutation.Add(Kind.GSET, listOf("a")));
    RequestContext context =
        shard.next().withGeneration(java.util.Optional.of(shard.entry("k").generation()));
    Mutation add = new Mutation.Add(Kind.GSET, listOf("b"));
    assertFalse(done(shard.send("k", add, context)).repeated());
    shard.mutate("k", new Mutation.Delete());
    assertTrue(done(shard.send("k", add, context.repeated())).repeated());
    assertEquals(missing(), shard.get("k"));
  }

  @Test
  void aRefusedMutationIsNotTakenForCarriedOutWhenItIsRepeated() {
    shard.mutate("k", new Mutation.Put(bytes("text")));
    RequestContext context = shard.next();
    Mutation add = new Mutation.Increment(3);
    failed(ErrorCode.KIND_MISMATCH, shard.send("k", add, context));
    shard.mutate("k", new Mutation.Delete());
    Reply again = shard.send("k", add, context.repeated());
    assertFalse(done(again).repeated());
    assertEquals(whole(3), viewOf(again));
  }

  @Test
  void sequencesOfDifferentClientsDoNotMeet() {
    RequestContext context = shard.next();
    Mutation add = new Mutation.Increment(1);
    shard.send("k", add, context);
    shard.send(TestShard.OTHER, bytes("k"), add, context);
    assertEquals(whole(2), shard.get("k"));
  }

  @Test
  void withoutASequenceOnlyWhatIsIdempotentMayBeRepeated() {
    RequestContext context = RequestContext.mutation(0, shard.next().timestamp()).repeated();
    Reply refused = shard.send("n", new Mutation.Increment(1), context);
    failed(ErrorCode.OUTCOME_UNKNOWN, refused);
    assertEquals(missing(), shard.get("n"));
    done(shard.send("set", new Mutation.Add(Kind.GSET, listOf("a")), context));
    assertEquals(elements("a"), shard.get("set"));
  }

  @Test
  void belowTheWindowTheOutcomeIsUnknownUnlessRepeatingIsHarmless() {
    RequestContext early = shard.next();
    RequestContext earlier = RequestContext.mutation(early.sequence(), early.timestamp());
    shard.send("n", new Mutation.Increment(1), early);
    for (int i = 0; i < RepeatWindow.WIDTH; i++) {
      shard.mutate("n", new Mutation.Increment(1));
    }
    failed(
        ErrorCode.OUTCOME_UNKNOWN, shard.send("n", new Mutation.Increment(1), earlier.repeated()));
    assertEquals(whole(RepeatWindow.WIDTH + 1), shard.get("n"));
    done(shard.send("f", new Mutation.Enable(), earlier.repeated()));
    assertEquals(new View.Truth(true), shard.get("f"));
  }

  /// Refused for its stamp, the client would stamp it anew, and one put would be two.
  @Test
  void aForgottenPutThatIsTooOldToBeBelievedMayHaveBeenCarriedOut() {
    RequestContext early = shard.next();
    for (int i = 0; i < RepeatWindow.WIDTH; i++) {
      shard.mutate("n", new Mutation.Increment(1));
    }
    shard.pass(Duration.ofSeconds(10));
    failed(
        ErrorCode.OUTCOME_UNKNOWN, shard.send("k", new Mutation.Put(bytes("v")), early.repeated()));
    assertEquals(missing(), shard.get("k"));
  }
}
