package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.done;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.CausalContext.Run;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;

/// What is done for every request must not grow with the value. Compares what the same work costs
/// on a small and on a large value: a walk through the large one would cost two hundred times more.
class CostTest {
  private static final int SMALL = 100;
  private static final int LARGE = 20_000;
  private static final int RATIO_MAX = 50;
  private static final int ROUNDS = 41;
  private static final int STEPS = 20; // a round

  /// Something done to a value with so many parts.
  private interface Work {
    /// Makes the value.
    ///
    /// @return the work; is given a number that was not given before
    IntConsumer on(TestShard shard, int parts);
  }

  private static void assertCostDoesNotGrowWithSize(Work work) {
    IntConsumer small = work.on(new TestShard(), SMALL);
    IntConsumer large = work.on(new TestShard(), LARGE);
    long[] smallNanos = new long[ROUNDS];
    long[] largeNanos = new long[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      smallNanos[round] = nanos(small, round);
      largeNanos[round] = nanos(large, round);
    }
    Arrays.sort(smallNanos);
    Arrays.sort(largeNanos);
    long ratio = largeNanos[ROUNDS / 2] / Math.max(1, smallNanos[ROUNDS / 2]);
    assertTrue(
        ratio < RATIO_MAX,
        "with " + LARGE / SMALL + " times the parts, it takes " + ratio + " times as long");
  }

  private static long nanos(IntConsumer work, int round) {
    long start = System.nanoTime();
    for (int step = 0; step < STEPS; step++) {
      work.accept(round * STEPS + step);
    }
    return System.nanoTime() - start;
  }

  private static Payload part(int i) {
    return bytes("part" + i);
  }

  private static List<Payload> parts(int count) {
    List<Payload> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.add(part(i));
    }
    return all;
  }

  private static void createMap(TestShard shard, int parts) {
    Map<Payload, Entry> fields = new HashMap<>();
    for (int i = 0; i < parts; i++) {
      fields.put(part(i), Entry.of(HybridTimestamp.ZERO, new MaxRegister(0)));
    }
    done(shard.merge("k", Entry.of(HybridTimestamp.ZERO, LatticeMap.of(fields))));
  }

  private static void raiseField(TestShard shard, int parts, int number) {
    Payload field = part(parts - 1 - number % parts);
    done(shard.mutate("k", new Mutation.UpdateField(field, new Mutation.Raise(number + 1))));
  }

  @Test
  void changingAFieldOfAMap() {
    assertCostDoesNotGrowWithSize(
        (shard, parts) -> {
          createMap(shard, parts);
          return number -> raiseField(shard, parts, number);
        });
  }

  @Test
  void changingAFieldOfAMapThatIsWatched() {
    assertCostDoesNotGrowWithSize(
        (shard, parts) -> {
          createMap(shard, parts);
          shard.watch(TestShard.CLIENT, 1, "k");
          return number -> raiseField(shard, parts, number);
        });
  }

  @Test
  void changingAScoreInASortedSet() {
    assertCostDoesNotGrowWithSize(
        (shard, parts) -> {
          shard.mutate(
              "k",
              new Mutation.AddScored(
                  parts(parts).stream().map(member -> new ScoredMember(member, 1)).toList()));
          return number -> {
            Payload member = part(parts - 1 - number % parts);
            List<ScoredMember> one = List.of(new ScoredMember(member, -number - 1));
            done(shard.mutate("k", new Mutation.AddScored(one)));
          };
        });
  }

  @Test
  void addingAnElementAgain() {
    for (Kind kind : List.of(Kind.GSET, Kind.OSET, Kind.ORSET)) {
      assertCostDoesNotGrowWithSize(
          (shard, parts) -> {
            shard.mutate("k", new Mutation.Add(kind, parts(parts)));
            return number -> {
              List<Payload> one = List.of(part(parts - 1 - number % parts));
              assertEquals(0, TestShard.changed(shard.mutate("k", new Mutation.Add(kind, one))));
            };
          });
    }
  }

  @Test
  void appendingToALog() {
    assertCostDoesNotGrowWithSize(
        (shard, parts) -> {
          shard.mutate("k", new Mutation.Append(parts(parts)));
          return number -> done(shard.mutate("k", new Mutation.Append(List.of(part(number)))));
        });
  }

  @Test
  void ticking() {
    assertCostDoesNotGrowWithSize(
        (shard, parts) -> {
          createMap(shard, parts);
          return number -> shard.pass(Duration.ofMillis(10));
        });
  }

  /// Every second one.
  private static List<Payload> scattered(List<Payload> all) {
    List<Payload> some = new ArrayList<>();
    for (int i = 0; i < all.size(); i += 2) {
      some.add(all.get(i));
    }
    return some;
  }

  @Test
  void removingManyScatteredElementsAtOnceIsNotQuadratic() {
    TestShard shard = new TestShard();
    List<Payload> all = parts(100_000).stream().sorted().toList();
    shard.mutate("k", new Mutation.Add(Kind.ORSET, all));
    Mutation remove = new Mutation.Remove(scattered(all));
    // Takes about a second; one by one, half a minute.
    assertTimeout(
        Duration.ofSeconds(15),
        () -> assertEquals(50_000, TestShard.changed(shard.mutate("k", remove))));
  }

  @Test
  void readingALogOfWhichEverySecondRecordWasSeenIsNotQuadratic() {
    TestShard shard = new TestShard();
    List<Dot> seen = new ArrayList<>();
    for (Run run : shard.mutate("k", new Mutation.Append(parts(200_000))).dots().runs()) {
      for (long counter = run.from(); counter <= run.to(); counter += 2) {
        seen.add(new Dot(run.replica(), counter));
      }
    }
    Read since = new Read.Since(CausalContext.ofDots(seen), Integer.MAX_VALUE);
    assertTimeout(
        Duration.ofSeconds(15),
        () -> {
          View.Records unseen = (View.Records) TestShard.viewOf(shard.read("k", since));
          assertEquals(100_000, unseen.records().size());
        });
  }
}
