package dev.trellis.client.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Reached;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

/// Threshold reads of sessions.
class AwaitTurnTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Payload KEY = Payload.ofText("k");

  private final ModelStore store = new ModelStore(new SplittableRandom(1), 3);

  /// Lets a session wait and read among others that write; gives back how often it then read less
  /// than what it had reached, and how often it reached something.
  private static int[] goingsBack(long seed, Set<Guarantee> guarantees) {
    SplittableRandom random = new SplittableRandom(seed);
    ModelStore store = new ModelStore(random, 3);
    Session session = store.new Client().session(guarantees);
    int[] count = new int[2];
    long reachedNumber = Long.MIN_VALUE;
    long reachedAdded = 0;
    Payload counter = Payload.ofText("counter");
    for (int step = 0; step < 80; step++) {
      boolean isMax = random.nextBoolean();
      Payload key = isMax ? KEY : counter;
      switch (random.nextInt(5)) {
        case 0, 1 ->
            store.new Client()
                .execute(
                    key,
                    isMax ? new Mutation.Raise(random.nextInt(100)) : new Mutation.Increment(1),
                    CallOptions.DEFAULT)
                .join();
        case 2 -> store.gossip(key);
        case 3 -> {
          Threshold threshold =
              isMax
                  ? new Threshold.AtLeast(Kind.MAX, random.nextInt(100))
                  : new Threshold.AtLeast(Kind.COUNTER, random.nextInt(1, 20));
          Optional<Long> reached = await(session, key, threshold);
          count[1] += reached.isPresent() ? 1 : 0;
          if (isMax) {
            reachedNumber = Math.max(reachedNumber, reached.orElse(Long.MIN_VALUE));
          } else {
            reachedAdded = Math.max(reachedAdded, reached.orElse(0L));
          }
        }
        default -> {
          if (isMax && session.max(KEY).get().orElse(Long.MIN_VALUE) < reachedNumber) {
            count[0]++;
          }
          if (!isMax && session.counter(counter).value() < reachedAdded) {
            count[0]++;
          }
        }
      }
    }
    return count;
  }

  private static Optional<Long> await(Session session, Payload key, Threshold threshold) {
    try {
      Outcome.Done done =
          (Outcome.Done)
              session.execute(key, new Read.Await(threshold), CallOptions.DEFAULT).join().outcome();
      return Optional.of(((View.Whole) done.view()).value());
    } catch (CompletionException e) {
      assertInstanceOf(DefiniteException.NotReached.class, e.getCause());
      return Optional.empty();
    }
  }

  @Test
  void whatWasReachedShowsInWhatIsReadLater() {
    int without = 0;
    int reached = 0;
    for (long seed = 0; seed < 300; seed++) {
      int[] count = goingsBack(seed, Set.of(Guarantee.MONOTONIC_READS));
      assertEquals(0, count[0], "seed " + seed);
      reached += count[1];
      without += goingsBack(seed, Set.of(Guarantee.MONOTONIC_WRITES))[0];
    }
    assertNotEquals(0, without, "without the guarantee it goes back, or this test tests nothing");
    assertTrue(reached > 1_000, "reached " + reached);
  }

  @Test
  void whatTheSessionHasWrittenReachesItAtOnce() {
    Session session = store.new Client().session(Guarantee.SESSION);
    session.max(KEY).raise(10);
    int calls = store.calls;
    store.cutOff = true;
    Reached<Long> reached = session.max(KEY).awaitAtLeast(10, LONG);
    assertEquals(10, reached.value());
    assertEquals(calls, store.calls, "nobody was asked");
    assertThrows(DefiniteException.NotReached.class, () -> session.max(KEY).awaitAtLeast(11, LONG));
  }

  @Test
  void whatWaitsForTheCommitReachesItForTheSessionOnly() {
    Session session = store.new Client().session(Set.of(Guarantee.READ_COMMITTED));
    session.flag(KEY).enable();
    assertEquals(true, session.flag(KEY).awaitEnabled(LONG).value());
    Session other = store.new Client().session(Guarantee.SESSION);
    assertThrows(DefiniteException.NotReached.class, () -> other.flag(KEY).awaitEnabled(LONG));
  }

  @Test
  void inACutAKeyThatWasReadIsNotWaitedForAndOneThatIsWaitedForIsRead() {
    Session session = store.new Client().session(Set.of(Guarantee.ITEM_CUT));
    assertTrue(session.max(KEY).get().isEmpty());
    ModelStore.Client client = store.new Client();
    for (int i = 0; i < 20; i++) {
      client.execute(KEY, new Mutation.Raise(5), CallOptions.DEFAULT).join();
    }
    assertThrows(DefiniteException.NotReached.class, () -> session.max(KEY).awaitAtLeast(5, LONG));
    session.commit();
    assertEquals(5, session.max(KEY).awaitAtLeast(5, LONG).value());
    for (int i = 0; i < 20; i++) {
      client.execute(KEY, new Mutation.Raise(6), CallOptions.DEFAULT).join();
    }
    assertEquals(5, session.max(KEY).get().orElseThrow());
  }

  @Test
  void aReadAtomicSessionWaitsForNothing() {
    Session session = store.new Client().session(Set.of(Guarantee.READ_ATOMIC));
    ExecutionException failed =
        assertThrows(
            ExecutionException.class, () -> session.max(KEY).awaitAtLeastAsync(1, LONG).get());
    assertInstanceOf(DefiniteException.BadRequest.class, failed.getCause());
    assertTrue(failed.getMessage().contains("read-atomic"), failed.getMessage());
  }
}
