package dev.trellis.cache;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.CallOptions;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// What is promised of every read, in whatever order writes, gossip, answers, changes,
/// confirmations and broken connections come.
class NearCacheModelTest {
  private static final Duration LEASE = Duration.ofMillis(400);
  private static final int STEPS = 400;

  private int answeredHere;
  private int answeredHereWithinABound;
  private int moves;
  private int ownWrites;
  private int departures; // of the key, from the cache
  private boolean broken;
  private String what = "";

  @Test
  void noReadGoesBackLacksWhatWasWrittenHereOrIsOlderThanItsBound() {
    Seeds.forAll(1_000, this::run);
    System.out.println(
        answeredHere
            + " reads answered by the cache, "
            + answeredHereWithinABound
            + " of them within a bound; "
            + moves
            + " moves, "
            + ownWrites
            + " own writes");
    if (Long.getLong("seed") == null) {
      assertTrue(answeredHere > 5_000, answeredHere + " reads were answered by the cache");
      assertTrue(answeredHereWithinABound > 1_000, answeredHereWithinABound + " within a bound");
      assertTrue(moves > 1_000, moves + " moves");
      assertTrue(ownWrites > 1_000, ownWrites + " own writes");
    }
  }

  private void run(RandomGenerator random) {
    TestTicker ticker = new TestTicker();
    ModelStore store = new ModelStore(random, ticker, 1 + random.nextInt(3));
    NearCache cache = NearCache.over(store, NearCacheConfig.DEFAULT.withLease(LEASE), ticker);
    Set<Payload> seen = new HashSet<>(); // by reads that the cache answered since the key came in
    Set<Payload> own = new HashSet<>(); // written here while it was in
    int gossip = random.nextInt(1, 30);
    for (int step = 0; step < STEPS; step++) {
      // No two things happen at one time: what the store promises holds for times that differ.
      ticker.pass(Duration.ofMillis(random.nextInt(1, random.nextInt(20) == 0 ? 200 : 12)));
      switch (random.nextInt(30 + gossip)) {
        case 0, 1, 2 -> store.writeElsewhere();
        case 3 -> {
          moves++;
          store.move();
        }
        case 4, 5 -> {
          Payload element = store.newElement();
          var unused =
              cache
                  .execute(
                      ModelStore.KEY,
                      new Mutation.Add(Kind.GSET, List.of(element)),
                      CallOptions.DEFAULT)
                  .thenRun(
                      () -> {
                        ownWrites++;
                        own.add(element);
                      });
        }
        case 6, 7, 8, 9, 10 -> store.answerOne();
        case 11, 12, 13 -> store.ping();
        case 14, 15, 16, 17 -> store.tell();
        case 18, 19, 20, 21, 22 -> store.receive();
        case 23, 24, 25, 26, 27, 28, 29 -> read(random, store, cache, ticker, seen, own);
        default -> store.gossip();
      }
      assertFalse(broken, () -> what);
      if (cache.statistics().entries() == 0) {
        // What was not cached is read as the store reads it.
        seen.clear();
        own.clear();
        departures++;
      }
    }
  }

  private void read(
      RandomGenerator random,
      ModelStore store,
      NearCache cache,
      TestTicker ticker,
      Set<Payload> seen,
      Set<Payload> own) {
    Optional<Duration> bound =
        random.nextBoolean()
            ? Optional.empty()
            : Optional.of(Duration.ofMillis(random.nextInt(1, 500)));
    CallOptions options =
        bound.map(CallOptions.DEFAULT::withMaxStaleness).orElse(CallOptions.DEFAULT);
    long askedMillis = ticker.millis();
    CompletableFuture<Reply> reply =
        cache.execute(ModelStore.KEY, new Read.Get(Optional.of(Kind.GSET)), options);
    boolean here = reply.isDone();
    Set<Payload> mustHave = new HashSet<>();
    if (bound.isPresent()) {
      long since = askedMillis - bound.get().toMillis();
      store.written.stream()
          .filter(write -> write.millis() <= since)
          .forEach(write -> mustHave.add(write.element()));
    }
    // Who asked the store must find them too, if the key is still here when the answer comes.
    Set<Payload> known = new HashSet<>(seen);
    known.addAll(own);
    int departed = departures;
    var unused =
        reply.thenAccept(
            done -> {
              Set<Payload> found = elements(done);
              if (here || (departures == departed && cache.statistics().entries() > 0)) {
                mustHave.addAll(known);
              }
              for (Payload element : mustHave) {
                broken |= !found.contains(element);
              }
              if (done.receipt().served() == Receipt.Served.CACHE) {
                long asOf = done.receipt().asOf().millis();
                for (ModelStore.Written write : store.written) {
                  // What was written at that very time may be in it, or not.
                  broken |= write.millis() < asOf && !found.contains(write.element());
                }
                seen.addAll(found);
                answeredHere++;
                answeredHereWithinABound += bound.isPresent() ? 1 : 0;
              }
              if (broken && what.isEmpty()) {
                what = options + " found " + found + " without some of " + mustHave;
              }
            });
  }

  private static Set<Payload> elements(Reply reply) {
    return switch (((Outcome.Done) reply.outcome()).view()) {
      case View.Elements all -> new HashSet<>(all.elements());
      // The model answers every read so; the cache passes on what it has asked for once more.
      case View.State state -> {
        Set<Payload> found = new HashSet<>();
        GrowSet set = (GrowSet) state.entry().value(Kind.GSET).orElseThrow();
        set.elements().forEach(found::add);
        yield found;
      }
      default -> Set.of();
    };
  }
}
