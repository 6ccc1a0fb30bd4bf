package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.execution.Refusal;
import dev.trellis.execution.ThresholdReader;
import dev.trellis.testing.Seeds;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// That what is reached stays reached, and what can't be relied on can't be waited for.
class ThresholdLawsTest {
  private static final int CASES = 60_000;
  private static final HybridTimestamp T0 = HybridTimestamp.ZERO;
  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);

  private static Payload text(String text) {
    return Payload.ofText(text);
  }

  private static Entry entry(Value<?>... values) {
    return Entry.of(T0, Optional.empty(), List.of(values));
  }

  /// A counter that is among those which replicas may hold of one history: what is folded is the
  /// same everywhere, and of the rest some has come.
  ///
  /// @param history its seed
  private static Counter counter(RandomGenerator random, long history) {
    SplittableRandom common = new SplittableRandom(history);
    Counter counter = Counter.ZERO;
    int foldedBefore = random.nextInt(5);
    for (int left = common.nextInt(9); left > 0; left--) {
      ReplicaId replica = Samples.replica(common);
      int by = common.nextInt(-3, 4);
      Tag tag = Samples.tag(common);
      boolean came = random.nextBoolean();
      if (common.nextBoolean()) {
        Counter more = counter.increment(replica, by);
        counter = came ? counter.merge(more) : counter;
      } else if (came || tag.invocation().bornMillis() < foldedBefore) {
        counter = counter.merge(Counter.ZERO.increment(replica, tag, by));
      }
    }
    return counter.folded(foldedBefore);
  }

  private static Entry some(RandomGenerator random, long history) {
    return switch (random.nextInt(7)) {
      case 0 -> entry(new MaxRegister(Samples.whole(random)));
      case 1 -> entry(new MinRegister(Samples.whole(random)));
      case 2 -> entry(counter(random, history));
      case 3 -> entry(Samples.growSet(random));
      case 4 -> entry(Samples.orderedSet(random));
      case 5 -> entry(new Flag(random.nextBoolean()));
      default -> {
        Entry entry = Samples.entry(random, 1);
        yield entry.value(Kind.COUNTER).isPresent() ? entry(counter(random, history)) : entry;
      }
    };
  }

  private static Threshold lasting(RandomGenerator random) {
    return switch (random.nextInt(6)) {
      case 0 -> new Threshold.AtLeast(Kind.MAX, Samples.whole(random));
      case 1 -> new Threshold.AtLeast(Kind.COUNTER, random.nextInt(-1, 6));
      case 2 -> new Threshold.AtMost(Kind.MIN, Samples.whole(random));
      case 3 -> new Threshold.Contains(Kind.GSET, Samples.payloads(random));
      case 4 -> new Threshold.Contains(Kind.OSET, Samples.payloads(random));
      default -> new Threshold.Enabled(Kind.FLAG);
    };
  }

  private static Optional<View> read(Entry entry, Threshold threshold) {
    try {
      return ThresholdReader.read(entry, threshold, 0, "key k");
    } catch (Refusal refusal) {
      assertEquals(ErrorCode.KIND_MISMATCH, refusal.outcome().code(), refusal.getMessage());
      return Optional.empty();
    }
  }

  @Test
  void whatIsReachedIsReachedByEveryMergeWithinTheGeneration() {
    Map<Kind, Integer> reached = new EnumMap<>(Kind.class);
    Seeds.forAll(
        CASES,
        random -> {
          Threshold threshold = lasting(random);
          long history = random.nextInt(100);
          Entry before = some(random, history);
          Entry other = some(random, history);
          if (read(before, threshold).isPresent()
              && other.generation().equals(before.generation())) {
            reached.merge(threshold.kind().orElseThrow(), 1, Integer::sum);
            assertTrue(
                read(before.merge(other), threshold).isPresent(), () -> threshold + " " + before);
            assertTrue(
                read(other.merge(before), threshold).isPresent(), () -> threshold + " " + before);
          }
        });
    for (Kind kind : List.of(Kind.MAX, Kind.MIN, Kind.COUNTER, Kind.GSET, Kind.OSET, Kind.FLAG)) {
      assertTrue(reached.getOrDefault(kind, 0) > 50, () -> "too few cases: " + reached);
    }
  }

  @Test
  void aThresholdIsReachedAtItsBoundAndNotBefore() {
    Threshold ten = new Threshold.AtLeast(Kind.MAX, 10);
    assertEquals(Optional.empty(), read(Entry.BOTTOM, ten));
    assertEquals(Optional.empty(), read(entry(new MaxRegister(9)), ten));
    assertEquals(Optional.of(new View.Whole(10)), read(entry(new MaxRegister(10)), ten));
    Threshold low = new Threshold.AtMost(Kind.MIN, -10);
    assertEquals(Optional.empty(), read(entry(new MinRegister(-9)), low));
    assertEquals(Optional.of(new View.Whole(-10)), read(entry(new MinRegister(-10)), low));
    Threshold both = new Threshold.Contains(Kind.GSET, List.of(text("b"), text("a"), text("b")));
    assertEquals(Optional.empty(), read(entry(GrowSet.of(List.of(text("b"), text("c")))), both));
    assertEquals(
        Optional.of(new View.Elements(List.of(text("a"), text("b")))),
        read(entry(GrowSet.of(List.of(text("a"), text("b"), text("c")))), both));
    Threshold enabled = new Threshold.Enabled(Kind.FLAG);
    assertEquals(Optional.empty(), read(entry(new Flag(false)), enabled));
    assertEquals(Optional.of(new View.Truth(true)), read(entry(new Flag(true)), enabled));
  }

  @Test
  void ofACounterOnlyWhatWasAddedCounts() {
    Counter counter = Counter.ZERO.increment(A, 7).merge(Counter.ZERO.increment(B, -6));
    counter = counter.merge(counter.increment(B, 3));
    assertEquals(4, counter.value());
    assertEquals(
        Optional.of(new View.Whole(10)),
        read(entry(counter), new Threshold.AtLeast(Kind.COUNTER, 10)));
    assertEquals(Optional.empty(), read(entry(counter), new Threshold.AtLeast(Kind.COUNTER, 11)));
    Counter full =
        Counter.of(Map.of(A, new Counter.Sums(Long.MAX_VALUE, 0), B, new Counter.Sums(5, 0)));
    assertEquals(Long.MAX_VALUE, full.increments());
  }

  @Test
  void whatMayGoAgainIsSeenWhileItIsThere() {
    ObservedRemoveSet set =
        ObservedRemoveSet.of(Map.of(new Dot(A, 1), text("a")), CausalContext.EMPTY);
    Threshold a = new Threshold.Seen(Optional.of(Kind.ORSET), Optional.of(text("a")));
    assertEquals(Optional.of(new View.Elements(List.of(text("a")))), read(entry(set), a));
    Threshold b = new Threshold.Seen(Optional.of(Kind.ORSET), Optional.of(text("b")));
    assertEquals(Optional.empty(), read(entry(set), b));
    Threshold any = new Threshold.Seen(Optional.empty(), Optional.empty());
    assertEquals(Optional.empty(), read(Entry.BOTTOM, any));
    assertEquals(Optional.of(new View.Truth(true)), read(entry(set), any));
    assertEquals(Optional.of(new View.Truth(true)), read(entry(set, new Flag(false)), any));
  }

  @Test
  void anExpiredEntryCountsAsMissing() throws Refusal {
    Entry expiring =
        Entry.of(
            T0,
            Optional.of(new Expiry(HybridTimestamp.ofMillis(1), 1, 100)),
            List.of(new MaxRegister(10)));
    Threshold ten = new Threshold.AtLeast(Kind.MAX, 10);
    assertTrue(ThresholdReader.read(expiring, ten, 99, "key k").isPresent());
    assertEquals(Optional.empty(), ThresholdReader.read(expiring, ten, 100, "key k"));
  }

  @Test
  void anotherKindIsAMismatch() {
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () ->
                ThresholdReader.read(
                    entry(new Flag(true)), new Threshold.AtLeast(Kind.MAX, 1), 0, "key k"));
    assertEquals(ErrorCode.KIND_MISMATCH, refusal.outcome().code());
    assertEquals("key k holds flag, not max", refusal.getMessage());
  }

  @Test
  void whatDoesNotOnlyGrowIsRefusedWithTheReasonWhateverTheEntryHolds() {
    for (Kind kind : Kind.values()) {
      assertRefusedUnless(kind == Kind.MAX || kind == Kind.COUNTER, new Threshold.AtLeast(kind, 1));
      assertRefusedUnless(kind == Kind.MIN, new Threshold.AtMost(kind, 1));
      assertRefusedUnless(
          kind == Kind.GSET || kind == Kind.OSET, new Threshold.Contains(kind, List.of(text("a"))));
      assertRefusedUnless(kind == Kind.FLAG, new Threshold.Enabled(kind));
      assertRefusedUnless(
          kind == Kind.ORSET, new Threshold.Seen(Optional.of(kind), Optional.of(text("a"))));
      assertRefusedUnless(true, new Threshold.Seen(Optional.of(kind), Optional.empty()));
    }
    assertRefusedUnless(false, new Threshold.Seen(Optional.empty(), Optional.of(text("a"))));
    Refusal refusal =
        assertThrows(
            Refusal.class,
            () -> ThresholdReader.requireMonotone(new Threshold.AtMost(Kind.COUNTER, 5)));
    assertEquals(
        "wait for counter at most 5: the sum of a counter goes up and down; only what is added"
            + " grows, so wait for that to be at least something",
        refusal.getMessage());
  }

  private static void assertRefusedUnless(boolean fine, Threshold threshold) {
    if (fine) {
      assertEquals(Optional.empty(), read(Entry.BOTTOM, threshold));
    } else {
      Refusal refusal =
          assertThrows(
              Refusal.class,
              () -> ThresholdReader.read(Entry.BOTTOM, threshold, 0, "key k"),
              threshold::describe);
      assertEquals(ErrorCode.BAD_REQUEST, refusal.outcome().code());
    }
  }
}
