package dev.trellis.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/// What the cache answers and what it asks, with a store and clocks that the test moves.
class NearCacheTest {
  private static final Payload KEY = Payload.ofText("key");
  private static final Duration LEASE = Duration.ofSeconds(2);
  private static final Duration INSTANT = Duration.ofMillis(1);
  private static final Entry NOTHING = Entry.BOTTOM;

  private final TestTicker ticker = new TestTicker();
  private final FakeSource store = new FakeSource(ticker);
  private NearCache cache = cache(NearCacheConfig.DEFAULT);

  private NearCache cache(NearCacheConfig config) {
    return NearCache.over(store, config.withLease(LEASE), ticker);
  }

  private static Entry set(String... elements) {
    return Entry.of(
        HybridTimestamp.ZERO, GrowSet.of(Arrays.stream(elements).map(Payload::ofText).toList()));
  }

  private Entry text(String value) {
    return Entry.of(
        HybridTimestamp.ZERO, LwwRegister.of(store.now(), 1, Expiry.NEVER, Payload.ofText(value)));
  }

  private CompletableFuture<Reply> read(CallOptions options) {
    return cache.execute(KEY, new Read.Get(Optional.empty()), options);
  }

  private CompletableFuture<Reply> read() {
    return read(CallOptions.DEFAULT);
  }

  /// What becomes of a call is not looked at.
  private static void begin(CompletableFuture<Reply> call) {
    assertFalse(call.isCancelled());
  }

  private static CallOptions within(Duration bound) {
    return CallOptions.DEFAULT.withMaxStaleness(bound);
  }

  private static View view(CompletableFuture<Reply> reply) {
    assertTrue(reply.isDone(), "it was not answered yet");
    return ((Outcome.Done) reply.join().outcome()).view();
  }

  private static View elements(String... elements) {
    return new View.Elements(Arrays.stream(elements).map(Payload::ofText).toList());
  }

  private static Receipt.Served served(CompletableFuture<Reply> reply) {
    assertTrue(reply.isDone(), "it was not answered yet");
    return reply.join().receipt().served();
  }

  /// The answer, which must come from the cache.
  private View cached() {
    CompletableFuture<Reply> reply = read();
    assertEquals(Receipt.Served.CACHE, served(reply));
    return view(reply);
  }

  /// Has the key cached, and subscribed to, if the configuration says so.
  private FakeSource.Subscribed load(Entry entry) {
    int before = store.subscriptions.size();
    CompletableFuture<Reply> reply = read();
    store.next().answer(entry);
    assertTrue(reply.isDone());
    ticker.pass(INSTANT);
    return store.subscriptions.size() > before ? store.subscriptions.getLast() : null;
  }

  /// Lets time pass while the shard confirms that it has told all.
  private void passConfirmed(FakeSource.Subscribed subscription, Duration time) {
    for (Duration left = time; left.isPositive(); left = left.minus(LEASE.dividedBy(4))) {
      ticker.pass(LEASE.dividedBy(4));
      subscription.confirm();
    }
  }

  // What is answered here.

  @Test
  void whatWasReadOnceIsAnsweredHereAsLongAsItIsConfirmed() {
    CompletableFuture<Reply> first = read();
    assertFalse(first.isDone());
    FakeSource.Asked asked = store.next();
    assertEquals(new Read.State(), asked.operation);
    assertTrue(asked.options.demand().receipt());
    asked.answer(set("a"));
    assertEquals(elements("a"), view(first));
    assertEquals(Receipt.Served.MEMORY, served(first));
    FakeSource.Subscribed subscription = store.subscriptions.get(0);
    assertEquals(KEY, subscription.key);
    assertEquals(LEASE.dividedBy(4), subscription.period);

    ticker.pass(INSTANT);
    subscription.tell(set("a"));
    passConfirmed(subscription, Duration.ofMinutes(5));
    assertEquals(elements("a"), cached());
    subscription.tell(set("a", "b"));
    assertEquals(elements("a", "b"), cached());
    assertEquals(0, store.asked.size());
  }

  private CompletableFuture<Reply> await(String... elements) {
    List<Payload> wanted = Arrays.stream(elements).map(Payload::ofText).toList();
    Threshold threshold = new Threshold.Contains(Kind.GSET, wanted);
    return cache.execute(KEY, new Read.Await(threshold), CallOptions.DEFAULT);
  }

  @Test
  void aThresholdThatACopyHasReachedIsAnsweredHereAsLongAsItIsFresh() {
    load(set("a", "b"));
    assertEquals(elements("a"), view(await("a")));
    assertEquals(0, store.asked.size());
    ticker.pass(LEASE);
    CompletableFuture<Reply> stale = await("a");
    assertFalse(stale.isDone());
    store.next().answer(elements("a"));
    assertEquals(elements("a"), view(stale));
  }

  @Test
  void aCopyThatLacksWhatWasReachedIsForgotten() {
    load(set("a"));
    CompletableFuture<Reply> waiting = await("b");
    FakeSource.Asked asked = store.next();
    assertEquals(elements("a"), cached());
    asked.answer(elements("b"));
    assertEquals(elements("b"), view(waiting));
    CompletableFuture<Reply> after = read();
    store.next().answer(set("a", "b"));
    assertEquals(elements("a", "b"), view(after));
  }

  @Test
  void aCopyThatHasCaughtUpMeanwhileStays() {
    FakeSource.Subscribed subscription = load(set("a"));
    CompletableFuture<Reply> waiting = await("b");
    FakeSource.Asked asked = store.next();
    subscription.tell(set("a", "b"));
    asked.answer(elements("b"));
    assertTrue(waiting.isDone());
    assertEquals(elements("a", "b"), cached());
  }

  @Test
  void aReplyFromTheCacheSaysSoAndAsOfWhen() {
    List<Receipt> told = new ArrayList<>();
    CallOptions observed = CallOptions.DEFAULT.withObserver(told::add);
    CompletableFuture<Reply> reply = read(observed);
    assertEquals(List.of(), told);
    HybridTimestamp loaded = store.now();
    FakeSource.Asked asked = store.next();
    assertTrue(asked.options.observer().isEmpty(), "the cache tells, once");
    asked.answer(set("a"));
    assertEquals(loaded, told.get(0).asOf());
    assertEquals(Receipt.Served.MEMORY, told.get(0).served());
    assertTrue(reply.isDone());

    ticker.pass(INSTANT);
    begin(read(observed));
    assertEquals(loaded, told.get(1).asOf());
    assertEquals(Receipt.Served.CACHE, told.get(1).served());
    FakeSource.Subscribed subscription = store.subscriptions.get(0);
    subscription.tell(set("a"));
    subscription.confirm();
    HybridTimestamp confirmed = store.now();
    ticker.pass(INSTANT);
    begin(read(observed));
    assertEquals(confirmed, told.get(2).asOf());
    assertEquals(3, told.size());
  }

  @Test
  void anObserverThatFailsHarmsNoRead() {
    load(set("a"));
    CallOptions observed =
        CallOptions.DEFAULT.withObserver(
            receipt -> {
              throw new IllegalStateException("the observer's own failure, on purpose");
            });
    assertEquals(elements("a"), view(read(observed)));
  }

  @Test
  void aMissingKeyIsKnownToBeMissing() {
    FakeSource.Subscribed subscription = load(NOTHING);
    assertEquals(new View.Missing(), cached());
    subscription.tell(NOTHING);
    assertEquals(new View.Missing(), cached());
    assertEquals(2, cache.statistics().negativeHits());
    subscription.tell(set("a"));
    assertEquals(elements("a"), cached());
    assertEquals(2, cache.statistics().negativeHits());
  }

  @Test
  void handlesOfEveryKindReadThroughTheCache() {
    load(set("a", "b", "c"));
    assertEquals(3, cache.growSet("key").size());
    assertTrue(cache.growSet("key").contains("b"));
    assertEquals(
        elements("b"),
        view(
            cache.execute(
                KEY,
                new Read.Range(
                    Kind.GSET, Optional.of(Payload.ofText("b")), Optional.empty(), 1, false),
                CallOptions.DEFAULT)));
    assertEquals(
        new View.State(set("a", "b", "c")),
        view(cache.execute(KEY, new Read.State(), CallOptions.DEFAULT)));
    assertEquals(0, store.asked.size());
  }

  @Test
  void aPartOfWhatIsNotCachedIsAskedForAsItIs() {
    Read size = new Read.Size(Kind.GSET);
    CompletableFuture<Reply> reply = cache.execute(KEY, size, CallOptions.DEFAULT);
    FakeSource.Asked asked = store.next();
    assertEquals(size, asked.operation);
    asked.answer(new View.Whole(9));
    assertEquals(new View.Whole(9), view(reply));
    assertEquals(0, cache.statistics().entries());
    assertEquals(1, cache.statistics().misses());
  }

  @Test
  void aFieldIsReadFromItsCachedMap() {
    Read field = new Read.Field(Payload.ofText("f"), new Read.Get(Optional.of(Kind.LWW)));
    CompletableFuture<Reply> reply = cache.execute(KEY, field, CallOptions.DEFAULT);
    FakeSource.Asked asked = store.next();
    assertEquals(new Read.State(), asked.operation);
    asked.answer(NOTHING);
    assertEquals(new View.Missing(), view(reply));
    assertEquals(new View.Missing(), view(cache.execute(KEY, field, CallOptions.DEFAULT)));
    assertEquals(0, store.asked.size());
  }

  @Test
  void whatTheCacheWouldRefuseTheStoreIsAsked() {
    load(set("a"));
    Read.Get counter = new Read.Get(Optional.of(Kind.COUNTER));
    CompletableFuture<Reply> reply = cache.execute(KEY, counter, CallOptions.DEFAULT);
    FakeSource.Asked asked = store.next();
    assertEquals(counter, asked.operation);
    asked.fail(ErrorCode.KIND_MISMATCH);
    assertInstanceOf(
        DefiniteException.KindMismatch.class,
        assertThrows(CompletionException.class, reply::join).getCause());
  }

  @Test
  void readsThatAskForMoreThanOneReplicaGoToTheStore() {
    load(set("a"));
    begin(read(CallOptions.DEFAULT.withReadMode(ReadMode.ALL)));
    assertEquals(ReadMode.ALL, store.next().options.readMode());
    begin(read(CallOptions.DEFAULT.withGeneration(HybridTimestamp.ZERO)));
    assertTrue(store.next().options.generation().isPresent());
    begin(cache.execute(KEY, new Read.Placed(), CallOptions.DEFAULT));
    assertEquals(new Read.Placed(), store.next().operation);
  }

  @Test
  void whatExpiresIsNotAnsweredAfterItsTime() {
    Duration life = Duration.ofMillis(500);
    long expiresAt = store.now().millis() + life.toMillis();
    Entry mortal =
        Entry.of(
            HybridTimestamp.ZERO, LwwRegister.of(store.now(), 1, expiresAt, Payload.ofText("v")));
    load(mortal);
    assertInstanceOf(View.Bytes.class, cached());
    ticker.pass(life.minus(INSTANT.multipliedBy(2)));
    assertInstanceOf(View.Bytes.class, cached());
    ticker.pass(INSTANT);
    assertEquals(new View.Missing(), cached());
  }

  // How new it is.

  @Test
  void withoutASubscriptionACopyIsGoodForALease() {
    cache = cache(NearCacheConfig.DEFAULT.withSubscriptionsMax(0));
    load(set("a"));
    ticker.pass(LEASE.minus(INSTANT));
    assertEquals(elements("a"), cached());
    ticker.pass(INSTANT);
    CompletableFuture<Reply> reply = read();
    store.next().answer(set("a", "b"));
    assertEquals(elements("a", "b"), view(reply));
    assertEquals(elements("a", "b"), cached());
    assertEquals(1, cache.statistics().staleMisses());
    assertEquals(2, cache.statistics().misses());
  }

  /// Of a machine that stood still, as a function does that nobody calls, either clock may have.
  @Test
  void afterAPauseACopyIsStaleWhicheverClockHasStoodStill() {
    for (boolean nanosStood : List.of(true, false)) {
      cache = cache(NearCacheConfig.DEFAULT);
      FakeSource.Subscribed subscription = load(set("a"));
      subscription.tell(set("a"));
      passConfirmed(subscription, Duration.ofMinutes(1));
      assertEquals(elements("a"), cached());
      if (nanosStood) {
        ticker.passInMillis(LEASE.plus(INSTANT));
      } else {
        ticker.passInNanos(LEASE.plus(INSTANT));
      }
      assertFalse(read().isDone());
      store.next().answer(set("a"));
    }
  }

  @Test
  void onceTheConnectionIsLostTheNextReadGoesToTheStore() {
    FakeSource.Subscribed subscription = load(set("a"));
    subscription.tell(set("a"));
    passConfirmed(subscription, LEASE.multipliedBy(2));
    assertEquals(elements("a"), cached());
    subscription.lose();
    CompletableFuture<Reply> reply = read();
    assertFalse(reply.isDone());
    store.next().answer(set("a", "b"));
    assertEquals(elements("a", "b"), view(reply));
  }

  /// The bound says what may be answered; how it is kept does not matter.
  @Test
  void whatWasKnownWhenTheConnectionWasLostIsAnsweredWithinTheBoundOfTheRead() {
    FakeSource.Subscribed subscription = load(set("a"));
    subscription.tell(set("a"));
    passConfirmed(subscription, LEASE.multipliedBy(2));
    subscription.lose();
    ticker.pass(Duration.ofSeconds(5));
    assertEquals(elements("a"), view(read(within(Duration.ofSeconds(6)))));
    assertFalse(read(within(Duration.ofSeconds(5))).isDone());
    assertEquals(
        Optional.of(Duration.ofSeconds(5)),
        store.next().options.maxStaleness(),
        "the store has to keep the bound");
  }

  @Test
  void aSubscriptionThatNobodyConfirmsIsNoneAfterTheLease() {
    FakeSource.Subscribed subscription = load(set("a"));
    subscription.tell(set("a"));
    subscription.confirm();
    ticker.pass(LEASE.plus(INSTANT));
    subscription.tell(set("a", "b"));
    assertFalse(read().isDone(), "that changes are told does not say that all are");
    store.next();
  }

  /// A replica confirms, and has not heard of another one for long.
  @Test
  void aBoundThatTheShardCantVouchForIsDemandedOfTheStoreAndRefused() {
    FakeSource.Subscribed subscription = load(set("a"));
    HybridTimestamp silentSince = store.now();
    subscription.tell(set("a"), silentSince);
    for (int renewal = 0; renewal < 8; renewal++) {
      ticker.pass(LEASE.dividedBy(4));
      subscription.confirm(silentSince);
    }
    assertEquals(elements("a"), cached(), "without a bound it is as good as its replica");
    assertEquals(elements("a"), view(read(within(Duration.ofSeconds(5)))));
    Duration bound = Duration.ofSeconds(3);
    CompletableFuture<Reply> reply = read(within(bound));
    FakeSource.Asked asked = store.next();
    assertEquals(Optional.of(bound), asked.options.maxStaleness());
    asked.fail(ErrorCode.SESSION_UNAVAILABLE);
    TrellisException failure =
        assertInstanceOf(
            TrellisException.class,
            assertThrows(CompletionException.class, reply::join).getCause());
    assertEquals(ErrorCode.SESSION_UNAVAILABLE, failure.code());
  }

  @Test
  void theConfigurationsBoundHoldsForReadsThatNameNone() {
    cache = cache(NearCacheConfig.DEFAULT.withMaxStaleness(Duration.ofSeconds(1)));
    FakeSource.Subscribed subscription = load(set("a"));
    subscription.tell(set("a"));
    HybridTimestamp silentSince = store.now();
    ticker.pass(Duration.ofMillis(990));
    subscription.confirm(silentSince);
    assertEquals(elements("a"), cached());
    ticker.pass(Duration.ofMillis(20));
    assertFalse(read().isDone());
    assertEquals(Optional.of(Duration.ofSeconds(1)), store.next().options.maxStaleness());
    assertEquals(elements("a"), view(read(within(Duration.ofSeconds(2)))));
  }

  @Test
  void whatASessionDemandsIsAnsweredByACopyThatIsNewerAndByNoOther() {
    HybridTimestamp loaded = store.now();
    FakeSource.Subscribed subscription = load(set("a"));
    assertEquals(elements("a"), view(read(notBefore(HybridTimestamp.ofMillis(1)))));
    assertFalse(read(notBefore(loaded)).isDone(), "others may have written at the same time");
    store.asked.clear();
    subscription.tell(set("a"));
    subscription.confirm();
    assertEquals(elements("a"), view(read(notBefore(loaded))));
    CompletableFuture<Reply> reply = read(notBefore(store.now()));
    FakeSource.Asked asked = store.next();
    assertEquals(store.now(), asked.options.demand().notBefore());
    ticker.pass(INSTANT);
    asked.answer(set("a", "b"));
    assertEquals(elements("a", "b"), view(reply));
  }

  private static CallOptions notBefore(HybridTimestamp time) {
    return CallOptions.DEFAULT.withDemand(new Demand(time, false, false));
  }

  // From one replica to another.

  @Test
  void aStateOfALaggingReplicaAfterAMoveNeverMakesAReadGoBack() {
    FakeSource.Subscribed subscription = load(set("a"));
    HybridTimestamp before = store.now();
    ticker.pass(INSTANT);
    subscription.tell(set("a", "b"));
    assertEquals(elements("a", "b"), cached());
    subscription.lose();
    ticker.pass(INSTANT);
    subscription.tell(set("a"), before); // by another replica
    subscription.confirm(before);
    assertEquals(elements("a", "b"), cached());
    subscription.tell(set("a", "c"), before); // by the same
    assertEquals(elements("a", "b", "c"), cached());
    ticker.pass(INSTANT);
    subscription.tell(set("a", "b", "c", "d"));
    assertEquals(elements("a", "b", "c", "d"), cached());
  }

  @Test
  void whatIsLoadedElsewhereMeanwhileStaysThoughTheSubscribedReplicaLagsBehind() {
    FakeSource.Subscribed subscription = load(set("a"));
    HybridTimestamp before = store.now();
    ticker.pass(INSTANT);
    subscription.tell(set("a"), before);
    CompletableFuture<Reply> reply = read(notBefore(store.now()));
    ticker.pass(INSTANT);
    store.next().answer(set("a", "b"));
    assertEquals(elements("a", "b"), view(reply));
    subscription.tell(set("a", "c"), before);
    subscription.confirm(before);
    assertEquals(elements("a", "b", "c"), cached());
  }

  /// Merging all that was ever told would bring it back: the lattice knows of no deletion any more.
  @Test
  void whatAllReplicasHaveDeletedAndForgottenDoesNotComeBack() {
    FakeSource.Subscribed subscription = load(set("a"));
    subscription.tell(set("a"));
    passConfirmed(subscription, LEASE);
    subscription.lose();
    ticker.pass(Duration.ofSeconds(10));
    subscription.tell(NOTHING);
    subscription.confirm();
    assertEquals(new View.Missing(), cached());
    subscription.tell(set("b"));
    assertEquals(elements("b"), cached());
    subscription.tell(NOTHING);
    assertEquals(new View.Missing(), cached());
  }

  @Test
  void aStateThatWasOutOfReachForLongIsNotMergedIntoANewOneWhoseAgeNobodyKnows() {
    FakeSource.Subscribed subscription = load(set("a"));
    subscription.tell(set("a"));
    passConfirmed(subscription, LEASE);
    subscription.lose();
    ticker.pass(Duration.ofMinutes(2));
    CompletableFuture<Reply> reply = read();
    store.next().answer(NOTHING, HybridTimestamp.ZERO);
    assertEquals(new View.Missing(), view(reply));
    assertEquals(new View.Missing(), cached());
  }

  // Own writes.

  private CompletableFuture<Reply> add(String element) {
    return cache.execute(
        KEY, new Mutation.Add(Kind.GSET, List.of(Payload.ofText(element))), CallOptions.DEFAULT);
  }

  @Test
  void whatWasWrittenHereIsReadHereWhateverTheReplicasTell() {
    FakeSource.Subscribed subscription = load(set("a"));
    subscription.tell(set("a"));
    HybridTimestamp before = store.now();
    ticker.pass(INSTANT);
    CompletableFuture<Reply> added = add("b");
    FakeSource.Asked asked = store.next();
    assertTrue(asked.options.demand().delta());
    asked.done(Optional.of(set("b")));
    assertTrue(added.isDone());
    assertEquals(elements("a", "b"), cached());
    subscription.tell(set("a", "c"), before); // was on its way
    assertEquals(elements("a", "b", "c"), cached());
    subscription.lose();
    subscription.tell(set("a"), before);
    subscription.confirm(before);
    assertEquals(elements("a", "b", "c"), cached());
    ticker.pass(INSTANT);
    subscription.tell(set("a", "b", "c", "d"));
    assertEquals(elements("a", "b", "c", "d"), cached());
  }

  @Test
  void afterAWriteWhoseEffectIsNotToldTheKeyIsReadAnew() {
    FakeSource.Subscribed subscription = load(set("a"));
    begin(add("b"));
    store.next().done(Optional.empty());
    assertFalse(subscription.isOpen());
    assertFalse(read().isDone());
    store.next().answer(set("a", "b"));
    assertEquals(elements("a", "b"), cached());
  }

  /// The delta has what this write added, and not what others have added to the new generation.
  @Test
  void aWriteInAGenerationThatIsNewHereHasTheKeyReadAnew() {
    load(set("a"));
    begin(add("b"));
    HybridTimestamp generation = store.now();
    store.next().done(Optional.of(Entry.of(generation, GrowSet.of(List.of(Payload.ofText("b"))))));
    assertFalse(read().isDone());
    store.asked.clear();

    cache = cache(NearCacheConfig.DEFAULT);
    load(set("a"));
    begin(cache.execute(KEY, new Mutation.Delete(), CallOptions.DEFAULT));
    store.next().done(Optional.of(Entry.empty(store.now())));
    assertEquals(new View.Missing(), cached(), "a deletion leaves nothing to others");
  }

  @Test
  void whatMayHaveHappenedIsLookedForInTheStoreAndWhatDidNotIsNot() {
    load(set("a"));
    CompletableFuture<Reply> refused = add("b");
    store.next().fail(ErrorCode.VALUE_TOO_LARGE);
    assertInstanceOf(
        DefiniteException.class, assertThrows(CompletionException.class, refused::join).getCause());
    assertEquals(elements("a"), cached());
    CompletableFuture<Reply> unknown = add("b");
    store.next().fail(ErrorCode.OUTCOME_UNKNOWN);
    assertInstanceOf(
        IndefiniteException.class,
        assertThrows(CompletionException.class, unknown::join).getCause());
    assertFalse(read().isDone());
  }

  @Test
  void aFailureIsToldAsTheStoreTellsIt() {
    List<Throwable> told = new ArrayList<>();
    var unused = add("b").whenComplete((reply, failure) -> told.add(failure));
    store.next().fail(ErrorCode.VALUE_TOO_LARGE);
    var unusedToo = read().whenComplete((reply, failure) -> told.add(failure));
    store.next().fail(ErrorCode.OVERLOADED);
    assertInstanceOf(DefiniteException.ValueTooLarge.class, told.get(0));
    assertInstanceOf(DefiniteException.Overloaded.class, told.get(1));
  }

  @Test
  void anAnswerThatWasAskedForBeforeAWriteEndedIsNotKept() {
    CompletableFuture<Reply> early = read();
    FakeSource.Asked load = store.next();
    begin(add("b"));
    store.next().done(Optional.empty());
    CompletableFuture<Reply> late = read();
    FakeSource.Asked anew = store.next();
    load.answer(set("a"));
    assertEquals(elements("a"), view(early), "it began before the write ended");
    assertFalse(late.isDone());
    assertEquals(0, cache.statistics().entries());
    anew.answer(set("a", "b"));
    assertEquals(elements("a", "b"), view(late));
    assertEquals(elements("a", "b"), cached());
  }

  /// By a write whose effect is told, so that the key stays in the cache.
  @Test
  void anAnswerThatWasOvertakenShowsWhatTheCacheKnowsAndIsNotKept() {
    load(set("a"));
    ticker.pass(LEASE);
    CompletableFuture<Reply> early = read();
    FakeSource.Asked load = store.next();
    begin(add("b"));
    store.next().done(Optional.of(set("b")));
    load.answer(set("c"), HybridTimestamp.ZERO);
    assertEquals(elements("a", "b", "c"), view(early), "of a replica that lags behind");
    CompletableFuture<Reply> late = read();
    store.next().answer(set("a", "b"), HybridTimestamp.ZERO);
    assertEquals(elements("a", "b"), view(late));
  }

  /// It was not cached when the write began, so the write did not ask for its delta.
  @Test
  void aKeyThatWasCachedWhileAWriteWasUnderWayIsReadAnew() {
    begin(add("b"));
    FakeSource.Asked write = store.next();
    assertFalse(write.options.demand().delta());
    load(set("a"));
    assertEquals(elements("a"), cached());
    write.done(Optional.empty());
    assertFalse(read().isDone());
  }

  // Loads.

  @Test
  void readersOfOneKeyWaitForOneAnswer() {
    CompletableFuture<Reply> first = read();
    CompletableFuture<Reply> second = cache.execute(KEY, new Read.State(), CallOptions.DEFAULT);
    store.next().answer(set("a"));
    assertEquals(elements("a"), view(first));
    assertEquals(new View.State(set("a")), view(second));
    CompletableFuture<Reply> third = read();
    assertEquals(elements("a"), view(third));
    assertEquals(2, cache.statistics().misses());
  }

  @Test
  void whoDemandsMoreThanIsAskedForAsksAnew() {
    begin(read());
    FakeSource.Asked first = store.next();
    begin(read(within(Duration.ofSeconds(1))));
    FakeSource.Asked second = store.next();
    begin(read(CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(1))));
    FakeSource.Asked third = store.next();
    begin(read(notBefore(store.now())));
    FakeSource.Asked fourth = store.next();
    first.answer(set("a"));
    second.answer(set("a"));
    third.answer(set("a"));
    assertEquals(0, cache.statistics().entries(), "writes would not have found them any more");
    fourth.answer(set("a"));
    assertEquals(1, cache.statistics().entries());
  }

  @Test
  void anAnswerThatCameTooLateForOneWhoJoinedIsAskedForAgain() {
    CallOptions bounded = within(Duration.ofSeconds(1));
    CompletableFuture<Reply> first = read(bounded);
    FakeSource.Asked load = store.next();
    HybridTimestamp asOf = store.now();
    ticker.pass(Duration.ofSeconds(2));
    CompletableFuture<Reply> joined = read(bounded);
    assertEquals(0, store.asked.size());
    load.answer(set("a"), asOf);
    assertEquals(elements("a"), view(first));
    assertFalse(joined.isDone(), "a second old when it asked, and more");
    store.next().answer(set("b"));
    assertEquals(elements("a", "b"), view(joined), "of a replica that lags behind");
  }

  @Test
  void aLoadThatFailsFailsAllWhoWaitForItAndTheNextOneAsksAgain() {
    CompletableFuture<Reply> first = read();
    CompletableFuture<Reply> second = read();
    store.next().fail(ErrorCode.NO_NODES);
    assertTrue(first.isCompletedExceptionally());
    assertTrue(second.isCompletedExceptionally());
    load(set("a"));
    assertEquals(elements("a"), cached());
  }

  // Bounds.

  @Test
  void whatTheBytesHaveNoRoomForIsForgottenAndNotSubscribedToAnyMore() {
    long bytesMax = 64 << 10;
    cache = cache(NearCacheConfig.DEFAULT.withBytesMax(bytesMax));
    Payload value = Payload.of(new byte[1_000]);
    for (int key = 0; key < 1_000; key++) {
      begin(cache.execute(Payload.ofText("k" + key), new Read.State(), CallOptions.DEFAULT));
      store
          .next()
          .answer(
              Entry.of(HybridTimestamp.ZERO, LwwRegister.of(store.now(), 1, Expiry.NEVER, value)));
    }
    NearCacheStatistics now = cache.statistics();
    assertTrue(now.bytes() <= bytesMax, now.toString());
    assertTrue(now.entries() >= 20 && now.entries() <= 64, now.toString());
    assertEquals(1_000, now.entries() + now.evictions());
    assertEquals(now.entries(), now.subscriptions());
    assertEquals(now.entries(), store.open());
  }

  @Test
  void theKeysThatAreHereCanBeToldAndNoOthers() {
    for (String key : List.of("a", "b", "c")) {
      begin(cache.execute(Payload.ofText(key), new Read.State(), CallOptions.DEFAULT));
      store.next().answer(text(key));
    }
    begin(read()); // not answered, so it is not there
    Set<Payload> here = Set.of(Payload.ofText("a"), Payload.ofText("b"), Payload.ofText("c"));
    assertEquals(here, Set.copyOf(cache.keys(4)));
    assertEquals(2, cache.keys(2).size());
    assertTrue(here.containsAll(cache.keys(2)));
    assertEquals(List.of(), cache.keys(0));
    cache.forget(Payload.ofText("b"));
    assertEquals(Set.of(Payload.ofText("a"), Payload.ofText("c")), Set.copyOf(cache.keys(1_000)));
    assertThrows(IllegalArgumentException.class, () -> cache.keys(-1));
    cache.close();
    assertEquals(List.of(), cache.keys(4));
  }

  @Test
  void aValueThatGrowsWeighsMore() {
    FakeSource.Subscribed subscription = load(set("a"));
    long before = cache.statistics().bytes();
    subscription.tell(text("x".repeat(100_000)));
    assertTrue(cache.statistics().bytes() > before + 100_000);
  }

  @Test
  void aKeyIsSubscribedToByTheReadThatTheConfigurationNames() {
    cache = cache(NearCacheConfig.DEFAULT.withSubscribeAfter(3));
    load(set("a"));
    cached();
    assertEquals(0, store.subscriptions.size());
    cached();
    assertEquals(1, store.subscriptions.size());
    cached();
    assertEquals(1, store.subscriptions.size());
  }

  @Test
  void noMoreKeysAreSubscribedToThanTheConfigurationAllows() {
    cache = cache(NearCacheConfig.DEFAULT.withSubscriptionsMax(2));
    for (int key = 0; key < 5; key++) {
      begin(cache.execute(Payload.ofText("k" + key), new Read.State(), CallOptions.DEFAULT));
      store.next().answer(set("a"));
    }
    assertEquals(2, store.subscriptions.size());
    assertEquals(2, cache.statistics().subscriptions());
    cache.forget(Payload.ofText("k0"));
    assertEquals(1, cache.statistics().subscriptions());
  }

  @Test
  void whereAShardHasNoRoomForASubscriptionItsKeysAreCachedForALease() {
    FakeSource.Subscribed refused = load(set("a"));
    refused.fail(ErrorCode.OVERLOADED);
    assertEquals(elements("a"), cached());
    assertEquals(0, cache.statistics().subscriptions());
    assertEquals(1, store.subscriptions.size(), "not tried again at once");
    ticker.pass(LEASE);
    begin(read());
    store.next().answer(set("a"));
    assertEquals(2, store.subscriptions.size());
  }

  @Test
  void aSubscriptionThatEndsIsBegunAnewByTheNextRead() {
    load(set("a")).fail(ErrorCode.NOT_ENOUGH_REPLICAS);
    assertEquals(elements("a"), cached());
    assertEquals(2, store.subscriptions.size());
    assertEquals(1, cache.statistics().subscriptions());
    FakeSource.Subscribed second = store.subscriptions.get(1);
    second.tell(set("a", "b"));
    assertEquals(elements("a", "b"), cached());
  }

  @Test
  void aClosedCacheAsksTheStoreAndHasNoSubscriptions() {
    load(set("a"));
    CompletableFuture<Reply> underWay =
        cache.execute(Payload.ofText("other"), new Read.State(), CallOptions.DEFAULT);
    cache.close();
    assertEquals(0, store.open());
    store.next().answer(set("b"));
    assertEquals(new View.State(set("b")), view(underWay));
    assertEquals(0, cache.statistics().entries());
    Read.Get get = new Read.Get(Optional.empty());
    begin(cache.execute(KEY, get, CallOptions.DEFAULT));
    assertEquals(get, store.next().operation);
  }

  @Test
  void settingsOutOfRangeAreRefusedWithTheNameTheValueAndTheRange() {
    assertEquals(
        "lease PT0.001S is outside PT0.01S to PT1H",
        assertThrows(
                IllegalArgumentException.class,
                () -> NearCacheConfig.DEFAULT.withLease(Duration.ofMillis(1)))
            .getMessage());
    assertEquals(
        "bytesMax 1 is outside 65536 to 9223372036854775807",
        assertThrows(IllegalArgumentException.class, () -> NearCacheConfig.DEFAULT.withBytesMax(1))
            .getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> CallOptions.DEFAULT.withMaxStaleness(Duration.ofDays(2)));
  }
}
