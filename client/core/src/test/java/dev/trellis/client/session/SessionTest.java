package dev.trellis.client.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.execution.EntryWriter;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.SessionImage;
import dev.trellis.wire.View;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntFunction;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SessionTest {
  private static final int SEEDS = 400;

  private static Payload text(String text) {
    return Payload.ofText(text);
  }

  private static Entry state(Session session, Payload key) {
    Reply reply = session.execute(key, new Read.State(), CallOptions.DEFAULT).join();
    return ((Outcome.Done) reply.outcome()).view() instanceof View.State shown
        ? shown.entry()
        : Entry.BOTTOM;
  }

  /// A mutation of the kind that belongs to the key.
  private static Mutation mutation(RandomGenerator random, int kind) {
    Payload element = text("e" + random.nextInt(5));
    return switch (kind) {
      case 0 -> new Mutation.Put(text("v" + random.nextInt(1_000)));
      case 1 -> new Mutation.Increment(random.nextInt(-3, 9));
      case 2 -> new Mutation.Add(Kind.GSET, List.of(element));
      case 3 ->
          random.nextBoolean()
              ? new Mutation.Add(Kind.ORSET, List.of(element))
              : new Mutation.Remove(List.of(element));
      case 4 -> new Mutation.Raise(random.nextInt(100));
      case 5 -> new Mutation.Append(List.of(element));
      case 6 ->
          random.nextBoolean()
              ? new Mutation.AddScored(List.of(new Mutation.ScoredMember(element, 1)))
              : new Mutation.RemoveMembers(List.of(element));
      default -> new Mutation.UpdateField(element, new Mutation.Increment(1));
    };
  }

  private static final int KINDS = 8;

  /// Lets a session read and write among others, and gives back how often it read less than what it
  /// had written, and less than what it had read.
  private static int[] violations(long seed, Set<Guarantee> guarantees, boolean travels) {
    SplittableRandom random = new SplittableRandom(seed);
    ModelStore store = new ModelStore(random, 3);
    ModelStore.Client client = store.new Client();
    Session session = client.session(guarantees);
    Map<Payload, Entry> wrote = new HashMap<>();
    Map<Payload, Entry> read = new HashMap<>();
    int[] violations = new int[2];
    for (int step = 0; step < 60; step++) {
      int kind = random.nextInt(KINDS);
      Payload key = text("key" + kind);
      switch (random.nextInt(6)) {
        case 0, 1 -> {
          session.execute(key, mutation(random, kind), CallOptions.DEFAULT).join();
          wrote.merge(key, store.lastDelta, Entry::merge);
        }
        case 2 ->
            store.new Client().execute(key, mutation(random, kind), CallOptions.DEFAULT).join();
        case 3 -> store.gossip(key);
        default -> {
          Entry shown = state(session, key);
          violations[0] += misses(shown, wrote.get(key));
          violations[1] += misses(shown, read.get(key));
          read.merge(key, shown, Entry::merge);
        }
      }
      if (travels && random.nextInt(4) == 0) {
        SessionToken token = session.token(random.nextInt(80, 1_000));
        session = store.new Client().resume(SessionToken.ofText(token.text()));
      }
    }
    return violations;
  }

  private static int misses(Entry shown, Entry known) {
    return known != null && !shown.merge(known).equals(shown) ? 1 : 0;
  }

  private static int[] violations(Set<Guarantee> guarantees, boolean travels) {
    int[] sum = new int[2];
    for (long seed = 0; seed < SEEDS; seed++) {
      int[] violations = violations(seed, guarantees, travels);
      sum[0] += violations[0];
      sum[1] += violations[1];
    }
    return sum;
  }

  @Test
  void withoutGuaranteesWritesAndReadsAreMissed() {
    int[] violations = violations(Set.of(), false);
    assertTrue(violations[0] > SEEDS && violations[1] > SEEDS, Arrays.toString(violations));
  }

  @Test
  void whatASessionWroteIsInWhatItReads() {
    int[] violations = violations(Set.of(Guarantee.READ_YOUR_WRITES), false);
    assertEquals(0, violations[0]);
    assertTrue(violations[1] > 0, "it need not read what it has read");
  }

  @Test
  void whatASessionReadIsInWhatItReads() {
    int[] violations = violations(Set.of(Guarantee.MONOTONIC_READS), false);
    assertTrue(violations[0] > 0, "it need not read what it has written");
    assertEquals(0, violations[1]);
  }

  @Test
  void bothHoldWhereverTheTokenGoesAndHoweverShortItIs() {
    assertEquals("[0, 0]", Arrays.toString(violations(Guarantee.SESSION, true)));
  }

  @Test
  void aTokenThatIsTooShortForValuesDemandsThemOfTheReplica() {
    ModelStore store = new ModelStore(new SplittableRandom(1), 3);
    Session session = store.new Client().session(Guarantee.SESSION);
    session.register("k").putText("v".repeat(3_000));
    assertFalse(session.token().isCoarse());
    SessionToken coarse = session.token(200);
    assertTrue(coarse.isCoarse());
    assertTrue(coarse.size() <= 200);
    store.cutOff = true;
    Session there = store.new Client().resume(coarse);
    assertThrows(DefiniteException.SessionUnavailable.class, () -> there.register("k").getText());
    store.cutOff = false;
    assertEquals("v".repeat(3_000), there.register("k").getText().orElseThrow());
    int demands = store.demands;
    store.cutOff = true;
    assertEquals("v".repeat(3_000), there.register("k").getText().orElseThrow(), "it has it now");
    assertEquals(demands, store.demands);
  }

  @Test
  void whatBecomesTooLargeToRememberWhileItIsReadShowsInThisReadAndTheNext() {
    Payload key = text("k");
    Payload large = text("e".repeat(70_000));
    for (long seed = 0; seed < SEEDS; seed++) {
      ModelStore store = new ModelStore(new SplittableRandom(seed), 3);
      Session session = store.new Client().session(Guarantee.SESSION);
      session.growSet("k").add("mine");
      store.delaying = true;
      CompletableFuture<Reply> read = session.execute(key, new Read.State(), CallOptions.DEFAULT);
      CompletableFuture<Reply> write =
          session.execute(key, new Mutation.Add(Kind.GSET, List.of(large)), CallOptions.DEFAULT);
      answerAll(store, CompletableFuture.allOf(read, write));
      store.delaying = false;
      Entry shown = ((View.State) ((Outcome.Done) read.join().outcome()).view()).entry();
      assertTrue(elements(shown).contains(text("mine")), "seed " + seed);
      assertEquals(Set.of(text("mine"), large), elements(state(session, key)), "seed " + seed);
    }
  }

  private static Set<Payload> elements(Entry entry) {
    Set<Payload> elements = new HashSet<>();
    entry.value(Kind.GSET).ifPresent(set -> ((GrowSet) set).elements().forEach(elements::add));
    return elements;
  }

  @Test
  void whatIsForgottenWhileItIsReadShowsInThisReadAndIsDemandedInTheNext() {
    SessionState state = new SessionState(1, 2, Guarantee.SESSION);
    Payload key = text("k");
    Entry wrote = Entry.of(HybridTimestamp.ZERO, GrowSet.of(List.of(text("mine"))));
    HybridTimestamp at = HybridTimestamp.ofMillis(1_000);
    state.remember(key, wrote, at);
    ReadTurn turn =
        new ReadTurn(state, key, new Read.State(), CallOptions.DEFAULT, () -> state.clock().next());
    assertInstanceOf(Step.Ask.class, turn.begin());
    IntStream.range(0, 20_000).forEach(i -> state.remember(text("other-" + i), wrote, at));
    assertTrue(state.held(key).isEmpty(), "it is forgotten");
    Step.Answer answer =
        assertInstanceOf(
            Step.Answer.class,
            turn.told(List.of(Answered.of(SessionState.replyAt(HybridTimestamp.ofMillis(10))))));
    View shown = ((Outcome.Done) answer.reply().outcome()).view();
    assertEquals(new View.State(wrote), shown);
    assertEquals(at, state.forgottenBy(key), "what was written while it was read may be missing");
  }

  @Test
  void aTokenThatIsTooShortForKeysDemandsWhatWasWrittenUpToATime() {
    ModelStore store = new ModelStore(new SplittableRandom(2), 3);
    Session session = store.new Client().session(Guarantee.SESSION);
    IntStream.range(0, 500).forEach(i -> session.counter("counter-" + i).add(i));
    SessionToken token = session.token();
    assertTrue(token.isCoarse());
    assertTrue(token.size() <= SessionToken.BYTES_MAX);
    Session there = store.new Client().resume(token);
    IntStream.range(0, 500).forEach(i -> assertEquals(i, there.counter("counter-" + i).value()));
  }

  @Test
  void aRemovalGoesByWhatTheSessionHasAddedOrRead() {
    int kept = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      kept += addedAndRemoved(seed, Set.of()) ? 1 : 0;
      assertFalse(addedAndRemoved(seed, Set.of(Guarantee.MONOTONIC_WRITES)), "seed " + seed);
    }
    assertTrue(kept > 0, "a removal elsewhere does nothing");
  }

  private static boolean addedAndRemoved(long seed, Set<Guarantee> guarantees) {
    ModelStore store = new ModelStore(new SplittableRandom(seed), 3);
    Session session = store.new Client().session(guarantees);
    session.set("s").add("e");
    session.set("s").remove("e");
    return ((ObservedRemoveSet) store.all(text("s")).value(Kind.ORSET).orElseThrow())
        .contains(text("e"));
  }

  @Test
  void aRemovalFollowsWhatTheSessionHasRead() {
    int kept = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      kept += readAndRemoved(seed, Set.of()) ? 1 : 0;
      assertFalse(readAndRemoved(seed, Set.of(Guarantee.WRITES_FOLLOW_READS)), "seed " + seed);
    }
    assertTrue(kept > 0, "a removal elsewhere does nothing");
  }

  private static boolean readAndRemoved(long seed, Set<Guarantee> guarantees) {
    ModelStore store = new ModelStore(new SplittableRandom(seed), 3);
    Session session = store.new Client().session(guarantees);
    store.new Client()
        .execute(text("s"), new Mutation.Add(Kind.ORSET, List.of(text("e"))), CallOptions.DEFAULT)
        .join();
    if (!session.set("s").contains("e")) {
      return false;
    }
    session.set("s").remove("e");
    return ((ObservedRemoveSet) store.all(text("s")).value(Kind.ORSET).orElseThrow())
        .contains(text("e"));
  }

  @Test
  void inACutAKeyIsReadAlikeUntilTheCommit() {
    ModelStore store = new ModelStore(new SplittableRandom(3), 1);
    Session other = store.new Client().session(Set.of());
    Session session = store.new Client().session(Set.of(Guarantee.ITEM_CUT));
    other.register("k").putText("first");
    assertEquals("first", session.register("k").getText().orElseThrow());
    assertTrue(session.register("missing").getText().isEmpty());
    other.register("k").putText("second");
    other.register("missing").putText("there");
    assertEquals("first", session.register("k").getText().orElseThrow());
    Session there = store.new Client().resume(session.token());
    assertEquals("first", there.register("k").getText().orElseThrow());
    assertTrue(there.register("missing").getText().isEmpty());
    there.commit();
    assertEquals("second", there.register("k").getText().orElseThrow());
    assertEquals("there", there.register("missing").getText().orElseThrow());
  }

  @Test
  void whatACutReadAndTheTokenLostIsNotReadAnew() {
    ModelStore store = new ModelStore(new SplittableRandom(3), 1);
    Session session = store.new Client().session(Set.of(Guarantee.ITEM_CUT));
    session.register("k").putText("v".repeat(500));
    session.register("k").getText();
    Session there = store.new Client().resume(session.token(150));
    DefiniteException.SessionUnavailable refused =
        assertThrows(
            DefiniteException.SessionUnavailable.class, () -> there.register("k").getText());
    assertTrue(refused.getMessage().contains("did not fit into its token"), refused.getMessage());
  }

  @Test
  void aWriteInACutShowsInIt() {
    ModelStore store = new ModelStore(new SplittableRandom(3), 1);
    Session session =
        store.new Client().session(Set.of(Guarantee.ITEM_CUT, Guarantee.READ_YOUR_WRITES));
    session.register("k").putText("first");
    assertEquals("first", session.register("k").getText().orElseThrow());
    session.register("k").putText("second");
    assertEquals("second", session.register("k").getText().orElseThrow());
  }

  @Test
  void whatWaitsForTheCommitIsSeenByTheSessionOnly() {
    ModelStore store = new ModelStore(new SplittableRandom(4), 1);
    Session other = store.new Client().session(Set.of());
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    other.counter("visits").add(5);
    session.register("k").putText("first");
    session.register("k").putText("second");
    assertEquals(8, session.counter("visits").add(3));
    session.set("s").add("e");
    assertEquals("second", session.register("k").getText().orElseThrow());
    assertTrue(session.set("s").contains("e"));
    assertTrue(other.register("k").getText().isEmpty());
    assertEquals(5, other.counter("visits").value());
    Session there = store.new Client().resume(session.token());
    assertEquals(8, there.counter("visits").value());
    there.commit();
    assertEquals("second", other.register("k").getText().orElseThrow());
    assertEquals(8, other.counter("visits").value());
    assertTrue(other.set("s").contains("e"));
    there.commit();
    assertEquals(8, other.counter("visits").value(), "nothing was left to commit");
  }

  @Test
  void whatIsAbortedIsNeverSeen() {
    ModelStore store = new ModelStore(new SplittableRandom(5), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.register("k").putText("v");
    session.counter("c").add(1);
    session.abort();
    assertTrue(session.register("k").getText().isEmpty());
    session.commit();
    assertEquals(Map.of(), store.written);
  }

  @Test
  void aCommitGivesAllItsPutsOneTimestamp() {
    ModelStore store = new ModelStore(new SplittableRandom(6), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.register("a").putText("1");
    session.register("b").putText("2");
    session.commit();
    IntFunction<Object> stamp =
        i ->
            ((LwwRegister) store.all(text(i == 0 ? "a" : "b")).value(Kind.LWW).orElseThrow())
                .timestamp();
    assertEquals(stamp.apply(0), stamp.apply(1));
  }

  @Test
  void whatIsRefusedKeepsWaiting() {
    ModelStore store = new ModelStore(new SplittableRandom(7), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.register("fine").putText("v");
    session.counter("taken").add(1);
    store.new Client().session(Set.of()).register("taken").putText("v");
    assertThrows(DefiniteException.KindMismatch.class, session::commit);
    assertNotEquals(Entry.BOTTOM, store.all(text("fine")));
    assertThrows(DefiniteException.KindMismatch.class, session::commit);
    session.abort();
    session.commit();
  }

  /// Whatever the session promises beside, and whether it is another key or the same.
  @Test
  void whatIsWrittenWhileACommitIsUnderWayGoesWithTheNext() {
    for (Guarantee guarantee : List.of(Guarantee.READ_COMMITTED, Guarantee.READ_ATOMIC)) {
      for (long seed = 0; seed < 20; seed++) {
        ModelStore store = new ModelStore(new SplittableRandom(seed), 1);
        Session other = store.new Client().session(Set.of());
        Session session = store.new Client().session(Set.of(guarantee));
        session.register("same").putText("first");
        session.register("k").putText("v");
        store.delaying = true;
        CompletableFuture<Receipt> commit = session.commitAsync();
        session.register("same").putTextAsync("second").join();
        session.register("other").putTextAsync("w").join();
        answerAll(store, commit);
        commit.join();
        store.delaying = false;
        String run = guarantee + " seed " + seed;
        assertEquals("first", other.register("same").getText().orElseThrow(), run);
        assertEquals(2, session.waiting(), run);
        assertEquals("second", session.register("same").getText().orElseThrow(), run);
        assertEquals("w", session.register("other").getText().orElseThrow(), run);
        assertTrue(other.register("other").getText().isEmpty(), run);
        session.commit();
        assertEquals("second", other.register("same").getText().orElseThrow(), run);
        assertEquals("w", other.register("other").getText().orElseThrow(), run);
        assertEquals(0, session.waiting(), run);
      }
    }
  }

  private static void answerAll(ModelStore store, CompletableFuture<?> call) {
    while (!call.isDone()) {
      assertTrue(store.step(), "a call that nobody answers");
    }
  }

  /// What the later write leaves of it was sent as well, and is not sent again.
  @Test
  void whatAWriteHasLeftOfAnotherThatIsBeingCommittedIsCommittedOnce() {
    ModelStore store = new ModelStore(new SplittableRandom(7), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.sortedSet("s").add("a", 1);
    session
        .execute(
            text("s"),
            new Mutation.AddScored(
                List.of(
                    new Mutation.ScoredMember(text("a"), 1),
                    new Mutation.ScoredMember(text("b"), 1))),
            CallOptions.DEFAULT)
        .join();
    store.delaying = true;
    CompletableFuture<Receipt> commit = session.commitAsync();
    var unused =
        session.execute(
            text("s"),
            new Mutation.AddScored(List.of(new Mutation.ScoredMember(text("b"), 2))),
            CallOptions.DEFAULT);
    answerAll(store, commit);
    commit.join();
    assertEquals(1, session.waiting());
  }

  @Test
  void theTransactionThatAnAbortBeginsIsNotEndedByTheCommitThatWasUnderWay() {
    for (long seed = 0; seed < 20; seed++) {
      ModelStore store = new ModelStore(new SplittableRandom(seed), 1);
      Session session =
          store.new Client().session(Set.of(Guarantee.READ_COMMITTED, Guarantee.ITEM_CUT));
      session.register("k").putText("v");
      store.delaying = true;
      CompletableFuture<Receipt> commit = session.commitAsync();
      session.abort();
      CompletableFuture<Optional<String>> read = session.register("cut").getTextAsync();
      answerAll(store, CompletableFuture.allOf(commit, read));
      commit.join();
      assertTrue(read.join().isEmpty());
      store.delaying = false;
      store.new Client().session(Set.of()).register("cut").putText("later");
      assertTrue(session.register("cut").getText().isEmpty(), "seed " + seed);
    }
  }

  /// They are carried out one after the other, and not one within the other.
  @Test
  void manyCommitsThatWaitForOneAllEnd() {
    ModelStore store = new ModelStore(new SplittableRandom(7), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.register("k").putText("v");
    store.delaying = true;
    List<CompletableFuture<Receipt>> commits = new ArrayList<>();
    for (int number = 0; number < 100_000; number++) {
      commits.add(session.commitAsync());
    }
    answerAll(store, commits.getFirst());
    assertTrue(commits.stream().allMatch(CompletableFuture::isDone));
    CompletableFuture<Receipt> last = session.commitAsync();
    assertTrue(last.isDone());
  }

  @Test
  void ofTwoCommitsAtATimeTheSecondSendsNothingAgain() {
    ModelStore store = new ModelStore(new SplittableRandom(7), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.counter("c").add(1);
    store.delaying = true;
    CompletableFuture<Receipt> first = session.commitAsync();
    var unused = session.counter("d").addAsync(1);
    CompletableFuture<Receipt> second = session.commitAsync();
    answerAll(store, CompletableFuture.allOf(first, second));
    first.join();
    second.join();
    store.delaying = false;
    Session other = store.new Client().session(Set.of());
    assertEquals(1, other.counter("c").value());
    assertEquals(1, other.counter("d").value());
  }

  /// Of one write it is known that nothing has happened, and it would do to try again with another
  /// stamp; of the other, that is not known.
  @Test
  void aCommitOfWhichOneWriteMayHaveHappenedIsNotRepeatedForTheStampOfAnother() {
    ModelStore store = new ModelStore(new SplittableRandom(7), 1);
    ModelStore.Client client = store.new Client();
    AtomicBoolean failing = new AtomicBoolean();
    Calls calls =
        (key, operation, options) -> {
          if (!failing.get()) {
            return client.execute(key, operation, options);
          }
          if (key.equals(text("refused"))) {
            return CompletableFuture.failedFuture(
                TrellisException.of(ErrorCode.CLOCK_SKEW, "too old"));
          }
          return client
              .execute(key, operation, options)
              .thenCompose(
                  lost ->
                      CompletableFuture.failedFuture(
                          TrellisException.of(ErrorCode.OUTCOME_UNKNOWN, "no answer")));
        };
    Session session = Session.begin(client, calls, Set.of(Guarantee.READ_COMMITTED));
    session.register("refused").putText("v");
    session.counter("c").add(1);
    failing.set(true);
    assertThrows(IndefiniteException.OutcomeUnknown.class, session::commit);
    assertEquals(1, store.new Client().session(Set.of()).counter("c").value());
    assertEquals(2, session.waiting());
  }

  /// As for who may write and not read.
  @Test
  void aMutationThatWaitsIsNotReportedAsFailedWhereItsValueCanNotBeShown() {
    for (ErrorCode code : List.of(ErrorCode.FORBIDDEN, ErrorCode.NOT_ENOUGH_REPLICAS)) {
      ModelStore store = new ModelStore(new SplittableRandom(7), 1);
      ModelStore.Client client = store.new Client();
      Calls calls =
          (key, operation, options) ->
              operation instanceof Read
                  ? CompletableFuture.failedFuture(TrellisException.of(code, "not this one"))
                  : client.execute(key, operation, options);
      Session session = Session.begin(client, calls, Set.of(Guarantee.READ_COMMITTED));
      TrellisException failure =
          assertThrows(
              IndefiniteException.OutcomeUnknown.class, () -> session.counter("visits").add(1));
      assertTrue(
          failure.getMessage().contains("increment \"visits\"")
              && failure.getMessage().contains("not this one"),
          failure.getMessage());
      assertEquals(1, session.waiting());
      session.commit();
      assertEquals(1, store.new Client().session(Set.of()).counter("visits").value());
    }
  }

  @Test
  void whoReadsAnEffectReadsItsCauses() {
    int withoutCauses = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      withoutCauses += effectsWithoutCauses(seed, false);
      assertEquals(0, effectsWithoutCauses(seed, true), "seed " + seed);
    }
    assertTrue(withoutCauses > SEEDS, "a check that can fail: " + withoutCauses);
  }

  /// Several sessions write what they have read into other keys, and how often one of them then
  /// read a value and not what that depends on.
  private static int effectsWithoutCauses(long seed, boolean causalReader) {
    SplittableRandom random = new SplittableRandom(seed);
    ModelStore store = new ModelStore(random, 3);
    List<Session> writers =
        IntStream.range(0, 3)
            .mapToObj(i -> store.new Client().session(Set.of(Guarantee.CAUSAL)))
            .toList();
    Session reader = store.new Client().session(causalReader ? Set.of(Guarantee.CAUSAL) : Set.of());
    int missed = 0;
    for (int step = 0; step < 60; step++) {
      Payload key = text("k" + random.nextInt(4));
      Session writer = writers.get(random.nextInt(writers.size()));
      switch (random.nextInt(4)) {
        case 0 -> {
          CausalContext context = writer.multiCausal(key).get().context();
          writer.multiCausal(key).put(text("v" + step), context, Map.of());
        }
        case 1 -> writer.multiCausal(key).get();
        case 2 -> store.gossip(key);
        default -> missed += missedCauses(reader, key);
      }
    }
    return missed;
  }

  private static int missedCauses(Session reader, Payload key) {
    int missed = 0;
    for (View.Sibling sibling : reader.multiCausal(key).get().siblings()) {
      for (Map.Entry<Payload, CausalContext> cause : sibling.dependencies().entrySet()) {
        CausalContext seen = reader.multiCausal(cause.getKey()).get().context();
        missed += seen.includes(cause.getValue()) ? 0 : 1;
      }
    }
    return missed;
  }

  @Test
  void whoReadsAnEffectReadsItsCausesHoweverManyAndWhereverTheSessionGoes() {
    int withoutCauses = 0;
    int named = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      withoutCauses += new Causes(seed, Guarantee.SESSION).run();
      Causes causal = new Causes(seed, Set.of(Guarantee.CAUSAL));
      assertEquals(0, causal.run(), "seed " + seed);
      named = Math.max(named, causal.named);
      assertTrue(causal.tokenBytesMax <= SessionToken.BYTES_MAX, () -> causal.tokenBytesMax + " B");
    }
    assertTrue(withoutCauses > SEEDS / 4, "a check that can fail: " + withoutCauses);
    assertTrue(named > 16, "more causes than a value names: " + named);
  }

  /// Sessions that read and write more keys than a value names causes. What each has to find is
  /// known from outside: all that the writer of each value that it read had read, and so on.
  private static final class Causes {
    private static final int KEYS = 40;

    private final SplittableRandom random;
    private final ModelStore store;
    private final List<Session> sessions = new ArrayList<>();
    private final List<Map<Payload, CausalContext>> seen = new ArrayList<>(); // by session
    private final Map<String, Map<Payload, CausalContext>> history = new HashMap<>(); // by value
    private int named;
    private int tokenBytesMax;

    Causes(long seed, Set<Guarantee> guarantees) {
      this.random = new SplittableRandom(seed);
      this.store = new ModelStore(random, 3);
      for (int i = 0; i < 4; i++) {
        sessions.add(store.new Client().session(guarantees));
        seen.add(new HashMap<>());
      }
    }

    /// How often less was found than had to be.
    int run() {
      int missed = 0;
      for (int step = 0; step < 150; step++) {
        Payload key = text("k" + random.nextInt(KEYS));
        int at = random.nextInt(sessions.size());
        switch (random.nextInt(8)) {
          case 0, 1 -> store.gossip(key);
          case 2 -> {
            SessionToken token = sessions.get(at).token();
            tokenBytesMax = Math.max(tokenBytesMax, token.size());
            sessions.set(at, store.new Client().resume(token));
          }
          case 3, 4, 5 -> {
            View.Siblings found = sessions.get(at).multiCausal(key).get();
            missed += look(at, key, found);
            String value = "v" + step;
            Mutation put = new Mutation.PutMultiCausal(text(value), found.context(), Map.of());
            CausalContext written =
                sessions.get(at).execute(key, put, CallOptions.DEFAULT).join().dots();
            history.put(value, Map.copyOf(seen.get(at)));
            named = Math.max(named, seen.get(at).size());
            seen.get(at).merge(key, written, CausalContext::merge);
          }
          default -> missed += look(at, key, sessions.get(at).multiCausal(key).get());
        }
      }
      return missed;
    }

    private int look(int at, Payload key, View.Siblings found) {
      Map<Payload, CausalContext> known = seen.get(at);
      CausalContext least = known.getOrDefault(key, CausalContext.EMPTY);
      known.merge(key, found.context(), CausalContext::merge);
      for (View.Sibling sibling : found.siblings()) {
        history
            .get(sibling.value().text())
            .forEach((cause, version) -> known.merge(cause, version, CausalContext::merge));
      }
      return found.context().includes(least) ? 0 : 1;
    }
  }

  /// A replica that has just had a value from another answered with a clock of that millisecond,
  /// and less than the value's stamp.
  @Test
  void ownWritesShowAlsoOverAValueThatIsNewerThanTheReplicasClock() {
    ModelStore store = new ModelStore(new SplittableRandom(3), 1);
    Session other = store.new Client().session(Set.of());
    HybridTimestamp ahead = HybridTimestamp.of(5_000, 7);
    other.register("k").withOptions(CallOptions.DEFAULT.withStamp(ahead)).putText("theirs");
    store.clockBehind = true;
    Session session =
        store.new Client().session(Set.of(Guarantee.READ_ATOMIC, Guarantee.READ_YOUR_WRITES));
    session.register("k").putText("own");
    assertEquals("own", session.register("k").getText().orElseThrow());
    session.commit();
    store.clockBehind = false;
    assertEquals("own", store.new Client().session(Set.of()).register("k").getText().orElseThrow());
  }

  @Test
  void ofTwoReadsAtATimeBothShowTheCutAndNoneIsTakenIntoTheNextTransaction() {
    for (long seed = 0; seed < SEEDS; seed++) {
      ModelStore store = new ModelStore(new SplittableRandom(seed), 2);
      Session other = store.new Client().session(Set.of());
      other.register("k").putText("1");
      Session session = store.new Client().session(Set.of(Guarantee.ITEM_CUT));
      store.delaying = true;
      CompletableFuture<Optional<String>> one = session.register("k").getTextAsync();
      CompletableFuture<Optional<String>> two = session.register("k").getTextAsync();
      while (!one.isDone() || !two.isDone()) {
        assertTrue(store.step(), "a call that nobody answers");
      }
      assertEquals(one.join(), two.join(), "seed " + seed);
      CompletableFuture<Optional<String>> late = session.register("late").getTextAsync();
      session.abort();
      while (!late.isDone()) {
        assertTrue(store.step(), "a call that nobody answers");
      }
      assertTrue(late.isCompletedExceptionally());
    }
  }

  @Test
  void aCauseOfWhichNothingIsLeftAnywhereIsOverAndItsEffectIsShown() {
    for (long seed = 0; seed < SEEDS; seed++) {
      ModelStore store = new ModelStore(new SplittableRandom(seed), 2);
      Session writer = store.new Client().session(Set.of(Guarantee.CAUSAL));
      putCausal(writer, "cause", "v");
      putCausal(writer, "effect", "e");
      Session reader = store.new Client().session(Set.of(Guarantee.CAUSAL));
      store.forget(text("cause"));
      for (int i = 0; i < 20; i++) {
        store.gossip(text("effect"));
      }
      assertEquals(Set.of(text("e")), values(reader, "effect"));
      putCausal(reader, "later", "l");
      for (Session each : List.of(reader, store.new Client().resume(reader.token()))) {
        assertEquals(Set.of(), values(each, "cause"));
        assertEquals(Set.of(text("e")), values(each, "effect"));
      }
      View.Sibling later = reader.multiCausal("later").get().siblings().get(0);
      assertEquals(Set.of(text("effect")), later.dependencies().keySet(), "what is over is not");
    }
  }

  /// That one replica has nothing of it says nothing: another may.
  @Test
  void aCauseThatOneReplicaLacksWhileAnotherIsSilentIsNotSkipped() {
    int shown = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      ModelStore store = new ModelStore(new SplittableRandom(seed), 2);
      Session writer = store.new Client().session(Set.of(Guarantee.CAUSAL));
      putCausal(writer, "cause", "v"); // at one of the two
      putCausal(writer, "effect", "e");
      store.cutOff = true;
      Session reader = store.new Client().session(Set.of(Guarantee.CAUSAL));
      try {
        if (values(reader, "effect").isEmpty()) {
          continue; // the other one was asked
        }
        shown++;
        assertEquals(Set.of(text("v")), values(reader, "cause"));
      } catch (DefiniteException.SessionUnavailable refused) {
        assertEquals(
            "key \"effect\" depends on a version of key \"cause\" that no replica that answers has: cut"
                + " off; try again",
            refused.getMessage());
        store.cutOff = false;
        while (values(reader, "effect").isEmpty()) {
          store.gossip(text("effect"));
        }
        assertEquals(Set.of(text("v")), values(reader, "cause"));
      }
    }
    assertTrue(shown > 0, "the cause was never fetched");
  }

  /// Somebody has the key, so it was not deleted for good.
  @Test
  void aVersionThatAllReplicasLackOfACauseThatIsThereIsNotSkipped() {
    ModelStore store = new ModelStore(new SplittableRandom(8), 1);
    CausalContext elsewhere = CausalContext.of(new Dot(new ReplicaId(99, 1), 1));
    putCausal(store.new Client().session(Set.of()), "cause", "another");
    store.new Client()
        .execute(
            text("effect"),
            new Mutation.PutMultiCausal(
                text("v"), CausalContext.EMPTY, Map.of(text("cause"), elsewhere)),
            CallOptions.DEFAULT)
        .join();
    Session session = store.new Client().session(Set.of(Guarantee.CAUSAL));
    DefiniteException.SessionUnavailable refused =
        assertThrows(
            DefiniteException.SessionUnavailable.class, () -> session.multiCausal("effect").get());
    assertEquals(
        "key \"effect\" depends on a version of key \"cause\" that no replica that answers has; try again",
        refused.getMessage());
  }

  private static void putCausal(Session session, String key, String value) {
    CausalContext context = session.multiCausal(key).get().context();
    session.multiCausal(key).put(text(value), context, Map.of());
  }

  private static Set<Payload> values(Session session, String key) {
    return session.multiCausal(key).get().siblings().stream()
        .map(View.Sibling::value)
        .collect(Collectors.toSet());
  }

  @Test
  void ofACommitASessionReadsAllOrNothing() {
    int fractured = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      fractured += new Transactions(seed, Set.of(Guarantee.READ_COMMITTED)).run();
      Transactions atomic = new Transactions(seed, Set.of(Guarantee.READ_ATOMIC));
      assertEquals(0, atomic.run(), "seed " + seed);
      Transactions both =
          new Transactions(
              seed,
              Set.of(Guarantee.READ_ATOMIC, Guarantee.READ_YOUR_WRITES, Guarantee.MONOTONIC_READS));
      assertEquals(0, both.run(), "seed " + seed);
      // With all that the session has read in it, and some sixty commits by name.
      assertTrue(both.tokenBytesMax < SessionToken.BYTES_MAX, () -> both.tokenBytesMax + " bytes");
    }
    assertTrue(fractured > SEEDS, "a check that can fail: " + fractured);
  }

  @Test
  void aSessionOfReadAtomicRefusesWhatCanNotBeReadWhole() {
    ModelStore store = new ModelStore(new SplittableRandom(11), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_ATOMIC));
    DefiniteException.BadRequest refused =
        assertThrows(DefiniteException.BadRequest.class, () -> session.counter("c").add(1));
    assertTrue(refused.getMessage().contains("lww, max, min, flag"), refused.getMessage());
    session.register("a").putText("1");
    session.growSet("b").add("e");
    session.max("c").raise(3);
    session.commit();
    assertEquals("1", store.new Client().session(Set.of()).register("a").getText().orElseThrow());
    assertTrue(store.new Client().session(Set.of()).growSet("b").contains("e"));
  }

  /// Whoever may not read a key must not read in the records what was written to it.
  @Test
  void whatIsRecordedOfACommitIsUnderTheNameOfEachKeyAndTellsNoOthersValue() {
    ModelStore store = new ModelStore(new SplittableRandom(5), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_ATOMIC));
    session.register("public/a").putText("seen by all");
    session.register("secret/b").putText("seen by few");
    session.commit();
    List<Payload> records = store.commitRecords();
    assertEquals(2, records.size());
    for (Payload record : records) {
      boolean secret = record.text().endsWith("/secret/b");
      assertTrue(secret || record.text().endsWith("/public/a"), record::toString);
      Payload kept =
          store.new Client().session(Set.of()).register(record.text()).get().orElseThrow();
      String told = new String(kept.toBytes(), StandardCharsets.ISO_8859_1);
      assertEquals(secret, told.contains("seen by few"), told);
      assertEquals(!secret, told.contains("seen by all"), told);
    }
  }

  @Test
  void aKeyTooLongForARecordIsRefusedBeforeAnythingIsWritten() {
    ModelStore store = new ModelStore(new SplittableRandom(5), 2);
    Session session = store.new Client().session(Set.of(Guarantee.READ_ATOMIC));
    session.register("k".repeat(975)).putText("v");
    session.register("b").putText("v");
    DefiniteException.KeyTooLong refused =
        assertThrows(DefiniteException.KeyTooLong.class, session::commit);
    assertTrue(refused.getMessage().contains("may have 974"), refused.getMessage());
    assertEquals(List.of(), store.commitRecords());
  }

  @Test
  void aCommitThatOneKeyDoesNotTakeIsSeenInNone() {
    ModelStore store = new ModelStore(new SplittableRandom(12), 1);
    store.new Client().session(Set.of()).counter("b").add(1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_ATOMIC));
    session.register("a").putText("1");
    session.register("b").putText("2");
    assertThrows(DefiniteException.KindMismatch.class, session::commit);
    assertTrue(store.new Client().session(Set.of()).register("a").getText().isEmpty());
  }

  @Test
  void whatNoShardWouldTakeOfACommitIsRefusedBeforeAnythingIsWritten() {
    ModelStore store = new ModelStore(new SplittableRandom(13), 1);
    Session large = store.new Client().session(Set.of(Guarantee.READ_ATOMIC));
    large.register("a").putText("1");
    large.growSet("b").add("e".repeat(EntryWriter.COMMIT_BYTES_MAX));
    DefiniteException.ValueTooLarge tooLarge =
        assertThrows(DefiniteException.ValueTooLarge.class, large::commit);
    assertTrue(
        tooLarge.getMessage().startsWith("key \"b\": the commit writes 1048"),
        tooLarge.getMessage());
    Session many = store.new Client().session(Set.of(Guarantee.READ_ATOMIC));
    for (int i = 0; i <= EntryWriter.COMMIT_KEYS_MAX; i++) {
      many.max("m" + i).raise(i);
    }
    DefiniteException.BadRequest tooMany =
        assertThrows(DefiniteException.BadRequest.class, many::commit);
    assertEquals("a commit of 257 keys, the limit is 256", tooMany.getMessage());
    assertTrue(store.new Client().session(Set.of()).register("a").getText().isEmpty());
    assertEquals(List.of(), store.commitRecords());
  }

  /// Transactions that are under way together, each of which reads three keys and writes two, and
  /// goes from client to client.
  private static final class Transactions {
    private static final int KEYS = 6;
    private static final int COUNT = 30;
    private static final int TOGETHER = 4;

    private record Version(int transaction, HybridTimestamp stamp) {}

    private final SplittableRandom random;
    private final ModelStore store;
    private final Set<Guarantee> guarantees;
    private final Map<Integer, Set<String>> written = new HashMap<>();
    private int begun;
    private int underWay;
    private int fractured;
    private int tokenBytesMax;

    Transactions(long seed, Set<Guarantee> guarantees) {
      this.random = new SplittableRandom(seed);
      this.store = new ModelStore(random, 2);
      this.guarantees = guarantees;
      store.delaying = true;
    }

    /// How many read a part of another.
    int run() {
      while (begun < COUNT || underWay > 0) {
        if (begun < COUNT && underWay < TOGETHER) {
          begin(++begun);
        }
        if (random.nextInt(3) == 0) {
          store.gossip(text(key()));
        }
        store.step();
      }
      return fractured;
    }

    private String key() {
      return "k" + random.nextInt(KEYS);
    }

    private void begin(int number) {
      underWay++;
      Session session = store.new Client().session(guarantees);
      List<String> reads = List.of(key(), key(), key());
      List<String> writes = List.of(key(), key());
      written.put(number, Set.copyOf(writes));
      Map<String, Version> seen = new HashMap<>();
      CompletableFuture<Session> chain = read(session, reads.get(0), seen);
      chain = chain.thenCompose(next -> write(next, writes.get(0), number));
      chain = chain.thenCompose(next -> read(next, reads.get(1), seen));
      chain =
          chain.thenCompose(
              next -> read(store.new Client().resume(travelling(next)), reads.get(2), seen));
      chain = chain.thenCompose(next -> write(next, writes.get(1), number));
      var unused =
          chain
              .thenCompose(Session::commitAsync)
              .whenComplete(
                  (done, failure) -> {
                    underWay--;
                    if (failure == null) {
                      fractured += isFractured(number, seen) ? 1 : 0;
                    } else if (!(failure.getCause()
                        instanceof DefiniteException.SessionUnavailable)) {
                      throw new AssertionError(failure);
                    }
                  });
    }

    private SessionToken travelling(Session session) {
      SessionToken token = session.token(64 << 10);
      tokenBytesMax = Math.max(tokenBytesMax, token.size());
      return token;
    }

    private static CompletableFuture<Session> write(Session session, String key, int number) {
      return session.register(key).putTextAsync(String.valueOf(number)).thenApply(put -> session);
    }

    private static CompletableFuture<Session> read(
        Session session, String key, Map<String, Version> seen) {
      return session
          .execute(text(key), new Read.State(), CallOptions.DEFAULT)
          .thenApply(
              reply -> {
                View view = ((Outcome.Done) reply.outcome()).view();
                if (view instanceof View.State shown
                    && shown.entry().value(Kind.LWW).orElse(null) instanceof LwwRegister register) {
                  int writer = Integer.parseInt(register.payload().orElseThrow().text());
                  seen.put(key, new Version(writer, register.timestamp()));
                } else {
                  seen.put(key, new Version(0, HybridTimestamp.ZERO));
                }
                return session;
              });
    }

    private boolean isFractured(int number, Map<String, Version> seen) {
      for (Version version : seen.values()) {
        if (version.transaction == 0 || version.transaction == number) {
          continue;
        }
        for (String other : written.getOrDefault(version.transaction, Set.of())) {
          Version there = seen.get(other);
          if (there != null && there.transaction != number && version.stamp.isAfter(there.stamp)) {
            return true;
          }
        }
      }
      return false;
    }
  }

  @Test
  void aTokenIsReadAsItWasWrittenAndSaysWhatIsWrong() {
    ModelStore store = new ModelStore(new SplittableRandom(9), 1);
    ModelStore.Client client = store.new Client();
    Session session = client.session(Guarantee.SESSION);
    session.register("k").putText("v");
    SessionToken token = session.token();
    assertEquals(token, client.resume(token).token());
    assertEquals(token, SessionToken.ofBytes(token.bytes()));
    assertEquals(Guarantee.SESSION, client.resume(token).guarantees());
    assertRefused(DefiniteException.BadRequest.class, client, "=!");
    assertRefused(DefiniteException.BadRequest.class, client, "");
    assertRefused(DefiniteException.BadRequest.class, client, "CQAA");
    for (int length = 2; length < token.size(); length++) {
      SessionToken cut = SessionToken.ofBytes(Arrays.copyOf(token.bytes(), length));
      try {
        client.resume(cut);
      } catch (DefiniteException.BadRequest expected) {
        assertTrue(expected.getMessage().contains("token"), expected.getMessage());
      }
    }
  }

  @Test
  void aTokenIsTakenFromWhoHasAKeyAndByWhoHasIt() {
    ModelStore store = new ModelStore(new SplittableRandom(8), 1);
    ModelStore.Client client = store.new Client();
    Session session = written(client);
    SessionToken unsigned = session.token();
    store.seal = new TokenSeal(List.of(text("secret")), "");
    assertUnauthenticated(client, unsigned, "not signed");
    SessionToken signed = session.token();
    assertEquals(signed, client.resume(signed).token());
    assertEveryChangeIsRefused(client, signed);
    store.seal = TokenSeal.NONE;
    assertUnauthenticated(client, signed, "no session key");
  }

  @Test
  void aKeyIsExchangedWithoutATokenThatBreaks() {
    ModelStore store = new ModelStore(new SplittableRandom(8), 1);
    ModelStore.Client client = store.new Client();
    Payload before = text("the old secret");
    Payload after = text("the new secret");
    store.seal = new TokenSeal(List.of(before), "ada");
    SessionToken old = written(client).token();
    store.seal = new TokenSeal(List.of(before, after), "ada"); // everybody hears of the new one
    assertEquals(old, client.resume(old).token());
    store.seal = new TokenSeal(List.of(after, before), "ada"); // and signs with it
    SessionToken fresh = client.resume(old).token();
    assertNotEquals(old, fresh);
    store.seal = new TokenSeal(List.of(before, after), "ada"); // one who lags
    assertEquals(old, client.resume(fresh).token());
    store.seal = new TokenSeal(List.of(after), "ada");
    assertEquals(fresh, client.resume(fresh).token());
    assertUnauthenticated(client, old, "or was changed");
  }

  @Test
  void aTokenIsOfUseToItsPrincipalOnly() {
    ModelStore store = new ModelStore(new SplittableRandom(8), 1);
    ModelStore.Client client = store.new Client();
    List<Payload> keys = List.of(text("secret"));
    store.seal = new TokenSeal(keys, "");
    SessionToken nobodys = written(client).token();
    store.seal = new TokenSeal(keys, "ada");
    SessionToken adas = written(client).token();
    assertEquals(adas, client.resume(adas).token());
    assertEquals(adas, client.resume(adas).token(), "her own may come twice");
    assertEveryChangeIsRefused(client, adas);
    assertUnauthenticated(client, nobodys, "not bound to a principal");
    for (String other : List.of("ad", "adaa", "bob", "Ada")) {
      store.seal = new TokenSeal(keys, other);
      String said =
          assertUnauthenticated(client, adas, "principal '" + other + "', or was changed");
      assertFalse(said.contains("'ada'"), said);
      byte[] tampered = adas.bytes();
      tampered[tampered.length - 1] ^= 1;
      assertEquals(
          said,
          assertUnauthenticated(client, SessionToken.ofBytes(tampered), "or was changed"),
          "who tries does not learn whose it is");
    }
    store.seal = new TokenSeal(keys, "");
    assertUnauthenticated(client, adas, "is a principal's");
    byte[] unbound = adas.bytes();
    unbound[0] = 2;
    assertUnauthenticated(client, SessionToken.ofBytes(unbound), "or was changed");
    store.seal = new TokenSeal(List.of(), "ada");
    assertUnauthenticated(client, adas, "no session key");
  }

  @Test
  void aVersionThatIsUnknownIsNamedWithThoseThatAreKnown() {
    ModelStore store = new ModelStore(new SplittableRandom(8), 1);
    ModelStore.Client client = store.new Client();
    store.seal = new TokenSeal(List.of(text("secret")), "ada");
    byte[] bytes = written(client).token().bytes();
    for (int version : new int[] {0, 1, 4, 127, -1}) {
      bytes[0] = (byte) version;
      DefiniteException.BadRequest refused =
          assertThrows(
              DefiniteException.BadRequest.class, () -> client.resume(SessionToken.ofBytes(bytes)));
      assertTrue(
          refused
              .getMessage()
              .contains("version " + version + "; this client knows versions 2 and 3"),
          refused.getMessage());
    }
  }

  private static Session written(ModelStore.Client client) {
    Session session = client.session(Guarantee.SESSION);
    session.register("cart").putText("apples");
    session.set("seen").add("item-7");
    return session;
  }

  /// Whichever bit is flipped, and wherever it is cut.
  private static void assertEveryChangeIsRefused(ModelStore.Client client, SessionToken token) {
    for (int at = 0; at < token.size(); at++) {
      for (int bit = 0; bit < Byte.SIZE; bit++) {
        byte[] tampered = token.bytes();
        tampered[at] ^= (byte) (1 << bit);
        assertRefusedToken(client, tampered);
      }
      assertRefusedToken(client, Arrays.copyOf(token.bytes(), at));
    }
    assertRefusedToken(client, Arrays.copyOf(token.bytes(), token.size() + 1));
  }

  private static void assertRefusedToken(ModelStore.Client client, byte[] bytes) {
    assertThrows(
        DefiniteException.class,
        () -> client.resume(SessionToken.ofBytes(bytes)),
        () -> HexFormat.of().formatHex(bytes));
  }

  /// Gives back what is said.
  private static String assertUnauthenticated(
      ModelStore.Client client, SessionToken token, String why) {
    String said =
        assertThrows(DefiniteException.Unauthenticated.class, () -> client.resume(token))
            .getMessage();
    assertTrue(said.contains(why), said);
    return said;
  }

  private static void assertRefused(
      Class<? extends Exception> expected, ModelStore.Client client, String text) {
    assertThrows(expected, () -> client.resume(SessionToken.ofText(text)), () -> text);
  }

  @Test
  void writesThatWaitKeepTheirTagsInATokenSoTwoWhoCommitThemCommitOnce() {
    ModelStore store = new ModelStore(new SplittableRandom(10), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    Tag tag = new Tag(new InvocationId(1L << 16, 2), 1);
    session.counter("n").withOptions(CallOptions.DEFAULT.withTag(tag)).add(5);
    SessionToken token = session.token();
    session.commit();
    Session again = store.new Client().resume(token);
    again.commit();
    assertEquals(5, again.counter("n").value());
  }

  @Test
  void writesThatWaitAreNotLeftOutOfAToken() {
    ModelStore store = new ModelStore(new SplittableRandom(10), 1);
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.register("k").putText("v".repeat(5_000));
    DefiniteException.ValueTooLarge refused =
        assertThrows(DefiniteException.ValueTooLarge.class, session::token);
    assertTrue(refused.getMessage().contains("1 writes wait for the commit"), refused.getMessage());
    assertEquals(1, session.waiting());
    assertTrue(session.token(6_000).size() > 5_000);
    assertEquals(
        Optional.of("v".repeat(5_000)),
        store.new Client().resume(session.token(6_000)).register("k").getText());
  }

  @Test
  void aTokenThatNoSessionCanHaveGivenIsRefused() {
    ModelStore store = new ModelStore(new SplittableRandom(11), 1);
    Set<Guarantee> buffering = Set.of(Guarantee.READ_COMMITTED);
    Set<Guarantee> atomic = Set.of(Guarantee.READ_ATOMIC);
    Mutation put = new Mutation.Put(text("v"));
    assertEquals(1, store.new Client().resume(withWaiting(buffering, put)).waiting());
    assertEquals(1, store.new Client().resume(withWaiting(atomic, put)).waiting());
    Mutation merge = new Mutation.Merge(Entry.BOTTOM);
    Mutation commit = new Mutation.Commit(List.of(text("k")), List.of(put));
    assertCannotWait(store, withWaiting(buffering, merge));
    assertCannotWait(store, withWaiting(buffering, commit));
    assertCannotWait(store, withWaiting(atomic, new Mutation.Increment(1)));
    assertCannotWait(store, withWaiting(Guarantee.SESSION, put));
  }

  private static void assertCannotWait(ModelStore store, SessionToken token) {
    DefiniteException.BadRequest refused =
        assertThrows(DefiniteException.BadRequest.class, () -> store.new Client().resume(token));
    assertTrue(refused.getMessage().contains("no session keeps waiting"), refused.getMessage());
  }

  private static SessionToken withWaiting(Set<Guarantee> guarantees, Mutation mutation) {
    SessionState state = new SessionState(1, 2, guarantees);
    state.buffer(text("k"), mutation, CallOptions.DEFAULT);
    return SessionToken.of(state.image(SessionToken.BYTES_MAX), TokenSeal.NONE);
  }

  @Test
  void whatATokenLeftOutIsToldByThoseThatFollowIt() {
    ModelStore store = new ModelStore(new SplittableRandom(13), 1);
    Session session = store.new Client().session(Guarantee.SESSION);
    assertFalse(session.token().isCoarse());
    session.register("k").putText("v".repeat(5_000));
    SessionToken coarse = session.token();
    assertTrue(coarse.isCoarse());
    assertFalse(session.token(6_000).isCoarse());
    assertTrue(store.new Client().resume(coarse).token(6_000).isCoarse());
  }

  /// Reads and writes many keys, commits now and then, and takes tokens; gives back how many of
  /// these had left something out.
  private static int coarseTokens(long seed, Set<Guarantee> guarantees) {
    SplittableRandom random = new SplittableRandom(seed);
    ModelStore store = new ModelStore(random, 3);
    Session session = store.new Client().session(guarantees);
    boolean isCausal =
        guarantees.contains(Guarantee.CAUSAL) && !guarantees.contains(Guarantee.READ_ATOMIC);
    Map<Payload, Entry> cut = new HashMap<>();
    int coarse = 0;
    for (int step = 0; step < 600; step++) {
      Payload key = text((random.nextBoolean() ? "a rather long name of a key, the " : "k") + step);
      switch (random.nextInt(8)) {
        case 0, 1 -> {
          byte[] value = new byte[random.nextInt(500)];
          random.nextBytes(value);
          Mutation put =
              isCausal
                  ? new Mutation.PutMultiCausal(Payload.of(value), CausalContext.EMPTY, Map.of())
                  : new Mutation.Put(Payload.of(value));
          session.execute(key, put, CallOptions.DEFAULT).join();
        }
        case 2 -> {
          if (random.nextInt(20) == 0 || session.waiting() > 8) {
            session.commit();
            cut.clear();
          }
        }
        case 3 -> {
          SessionToken token;
          try {
            token = session.token();
          } catch (DefiniteException.ValueTooLarge e) {
            assertTrue(session.waiting() > 0, "nothing else stays whatever the length");
            session.commit();
            cut.clear();
            token = session.token();
          }
          assertTrue(token.size() <= SessionToken.BYTES_MAX, () -> guarantees + " seed " + seed);
          coarse += token.isCoarse() ? 1 : 0;
          session = store.new Client().resume(token);
        }
        default -> {
          Payload again = cut.isEmpty() ? key : List.copyOf(cut.keySet()).get(0);
          Payload asked = random.nextInt(3) == 0 ? again : key;
          try {
            Entry shown = state(session, asked);
            if (guarantees.contains(Guarantee.ITEM_CUT) && session.waiting() == 0) {
              assertEquals(cut.getOrDefault(asked, shown), shown, "seed " + seed);
              cut.put(asked, shown);
            }
          } catch (CompletionException e) {
            assertInstanceOf(DefiniteException.SessionUnavailable.class, e.getCause());
            session.abort();
            cut.clear();
          }
        }
      }
    }
    return coarse;
  }

  @Test
  void aTokenIsNeverLongerThanItMayBeWhateverTheSessionIsPromisedAndDoes() {
    List<Set<Guarantee>> levels = new ArrayList<>();
    for (Guarantee guarantee : Guarantee.values()) {
      levels.add(Set.of(guarantee));
    }
    levels.add(Set.of(Guarantee.READ_ATOMIC, Guarantee.CAUSAL));
    levels.add(EnumSet.complementOf(EnumSet.of(Guarantee.READ_ATOMIC)));
    for (Set<Guarantee> guarantees : levels) {
      int coarse = 0;
      for (long seed = 0; seed < 10; seed++) {
        coarse += coarseTokens(seed, guarantees);
      }
      boolean remembers = !guarantees.equals(Set.of(Guarantee.READ_COMMITTED));
      assertEquals(remembers, coarse > 0, guarantees::toString);
    }
  }

  @Test
  void whereNotEvenTheNamesOfTheKeysReadFitNoKeyIsReadBeforeTheCommit() {
    ModelStore store = new ModelStore(new SplittableRandom(3), 1);
    Session session = store.new Client().session(Set.of(Guarantee.ITEM_CUT));
    for (int i = 0; i < 50; i++) {
      session.register("k" + i).getText();
    }
    SessionToken token = session.token(100);
    assertTrue(token.isCoarse());
    Session there = store.new Client().resume(store.new Client().resume(token).token());
    assertThrows(DefiniteException.SessionUnavailable.class, () -> there.register("k7").getText());
    assertThrows(DefiniteException.SessionUnavailable.class, () -> there.register("x").getText());
    assertThrows(
        DefiniteException.SessionUnavailable.class,
        () -> there.max("m").awaitAtLeast(1, Duration.ofMinutes(1)));
    there.register("k7").putText("v");
    there.commit();
    assertEquals("v", there.register("k7").getText().orElseThrow());
  }

  /// The first of its steps that makes it short enough is taken, and found without trying all.
  @Test
  void aTokenGoesWithoutNoMoreThanItMustAndThatIsFoundWithFewEncodings() {
    for (long seed = 0; seed < SEEDS; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      SessionState state = new SessionState(1, 2, EnumSet.allOf(Guarantee.class));
      int keys = random.nextInt(1, 40);
      for (int i = 0; i < keys; i++) {
        remember(state, random, i);
      }
      Shortening shortening = state.shortening();
      int bytesMax = random.nextInt(40, 20 + shortening.image(0).encode().length);
      int steps = 0;
      while (shortening.image(steps).encode().length > bytesMax && steps < shortening.steps()) {
        steps++;
      }
      assertEquals(shortening.image(steps), state.image(bytesMax), "seed " + seed);
    }
    SessionState large = new SessionState(1, 2, Guarantee.SESSION);
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 16_000; i++) {
      remember(large, random, i);
    }
    int[] encodings = new int[1];
    SessionImage image =
        large.image(
            SessionToken.BYTES_MAX,
            one -> {
              encodings[0]++;
              return one.encode().length;
            });
    assertTrue(image.encode().length <= SessionToken.BYTES_MAX);
    assertTrue(image.encode().length > SessionToken.BYTES_MAX - 100, "as much as fits");
    assertTrue(encodings[0] <= 17, () -> encodings[0] + " encodings");
  }

  /// Has a session know something of a key, of the kinds that it remembers.
  private static void remember(SessionState state, SplittableRandom random, int number) {
    Payload key = text("key-" + number);
    HybridTimestamp at = HybridTimestamp.ofMillis(random.nextLong(1, 1L << 40));
    Entry entry =
        Entry.of(
            HybridTimestamp.ZERO,
            LwwRegister.of(at, 1, 0, text("v".repeat(random.nextInt(1, 40)))));
    if (random.nextInt(4) == 0) {
      entry = Entry.BOTTOM;
    } else if (random.nextInt(3) == 0) {
      CommitId id = new CommitId(at, random.nextInt(3));
      Commits.Part part = new Commits.Part(List.of(key), List.of());
      entry = entry.with(new Commits(HybridTimestamp.ZERO, new TreeMap<>(Map.of(id, part))));
    }
    state.remember(key, random.nextInt(4) == 0 ? null : entry, at);
    if (state.has(Guarantee.ITEM_CUT) && random.nextInt(3) == 0) {
      Entry read = random.nextInt(4) == 0 ? null : entry;
      state.cut.put(key, new SessionState.Seen(read, SessionState.replyAt(at)));
    }
    if (random.nextInt(3) == 0) {
      Dot dot = new Dot(new ReplicaId(number, 1), 1);
      state.dependOn(key, CausalContext.of(dot), at);
    }
  }

  @Test
  void guaranteesAreReadFromWordsAndSets() {
    assertEquals(Guarantee.SESSION, Guarantee.ofWords("session"));
    assertEquals(Guarantee.PRAM, Guarantee.ofWords(" pram "));
    assertEquals(
        Set.of(Guarantee.READ_ATOMIC, Guarantee.READ_YOUR_WRITES),
        Guarantee.ofWords("read-atomic, read-your-writes"));
    assertEquals(Guarantee.SESSION, Guarantee.ofWords("pram writes-follow-reads"));
    for (String wrong : List.of("", "atomic", "session,", "session,,pram")) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> Guarantee.ofWords(wrong)).getMessage();
      assertTrue(message.contains("read-atomic") && message.contains("pram"), message);
    }
  }

  @Test
  void aTokenFitsIntoAHeaderAndIntoACloudEvent() {
    ModelStore store = new ModelStore(new SplittableRandom(12), 1);
    Session session = store.new Client().session(Guarantee.SESSION);
    for (int i = 0; i < 200; i++) {
      session.register("key " + i).putText("\u0000value\r\n" + i);
    }
    String text = session.token().text();
    assertTrue(text.matches("[A-Za-z0-9_-]+"), text);
    assertTrue(text.length() <= 5_462, () -> "4 KiB as base64url, not " + text.length());
    assertEquals(session.token(), SessionToken.ofText(" " + text + " "));
    // As CloudEvents 1.0.2 wants names of attributes.
    assertTrue(SessionToken.CLOUD_EVENTS_ATTRIBUTE.matches("[a-z0-9]{1,20}"));
  }
}
