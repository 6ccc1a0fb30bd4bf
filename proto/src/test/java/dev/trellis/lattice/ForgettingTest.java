package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.testing.Seeds;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/// What replicas do that have agreed to forget the tags of old invocations.
class ForgettingTest {
  private static final HybridTimestamp NOTHING = HybridTimestamp.ZERO;
  private static final InvocationId OLD = new InvocationId(10L << 16, 1);
  private static final InvocationId YOUNG = new InvocationId(20L << 16, 1);

  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);

  private static Counter.Fold fold(long before, long added, long removed) {
    return new Counter.Fold(before, BigInteger.valueOf(added), BigInteger.valueOf(removed));
  }

  private static Counter counter(
      Map<ReplicaId, Counter.Fold> folds, Map<ReplicaId, Map<Tag, Long>> tagged) {
    return Counter.of(Map.of(A, new Counter.Sums(100, 0)), folds, tagged);
  }

  @Test
  void foldingKeepsTheValueAndTheYoungerTagsAndTellsWhatWasAddedFromWhatWasRemoved() {
    Counter counter =
        counter(
            Map.of(),
            Map.of(
                A, Map.of(new Tag(OLD, 1), 5L, new Tag(YOUNG, 1), 7L),
                B, Map.of(new Tag(OLD, 2), -2L)));
    Counter folded = counter.folded(15);
    assertEquals(
        counter(
            Map.of(A, fold(15, 5, 0), B, fold(15, 0, 2)), Map.of(A, Map.of(new Tag(YOUNG, 1), 7L))),
        folded);
    assertEquals(110, folded.value());
    assertEquals(112, counter.increments());
    assertEquals(112, folded.increments());
    assertSame(folded, folded.folded(16));
    assertEquals(
        counter(Map.of(A, fold(21, 12, 0), B, fold(15, 0, 2)), Map.of()), folded.folded(21));
    assertSame(folded, folded.merge(counter), "the sums have them");
    assertEquals(folded, counter.merge(folded));
  }

  @Test
  void ofOneNameTheLaterFoldStandsAndOfDifferentNamesBoth() {
    Counter early = counter(Map.of(A, fold(15, 5, 1)), Map.of());
    Counter late = counter(Map.of(A, fold(21, 12, 1)), Map.of());
    assertEquals(late, early.merge(late));
    assertSame(late, late.merge(early));
    Counter other = counter(Map.of(B, fold(30, 40, 0)), Map.of());
    assertEquals(100 + 12 - 1 + 40, late.merge(other).value());
    assertEquals(late.merge(other), other.merge(early).merge(late));
    Counter alike = counter(Map.of(A, fold(21, 9, 3)), Map.of());
    assertEquals(counter(Map.of(A, fold(21, 12, 3)), Map.of()), alike.merge(late));
  }

  /// Of one name only what it took itself is in its fold.
  @Test
  void aFoldDropsNothingThatWasTakenUnderAnotherName() {
    Counter folded = counter(Map.of(A, fold(15, 5, 0)), Map.of());
    Counter taken =
        counter(Map.of(), Map.of(A, Map.of(new Tag(OLD, 1), 5L), B, Map.of(new Tag(OLD, 2), 3L)));
    assertEquals(108, folded.merge(taken).value());
    assertEquals(folded.merge(taken), taken.merge(folded));
    assertThrows(
        IllegalArgumentException.class, () -> folded.increment(B, new Tag(OLD, 3), 1), "refused");
  }

  @Test
  void aMutationThatSeveralHaveTakenCountsOnceAsTheGreatestBeforeItIsFoldedAndAfter() {
    Tag tag = new Tag(OLD, 1);
    Counter both = Counter.ZERO.increment(A, tag, 5).merge(Counter.ZERO.increment(B, tag, 7));
    assertEquals(7, both.value());
    assertEquals(7, both.increments());
    assertEquals(OptionalLong.of(7), both.addedBy(tag));
    assertEquals(both, both.only(tag));
    Counter folded = both.folded(15);
    assertEquals(
        Counter.of(Map.of(), Map.of(A, fold(15, 7, 0), B, fold(15, 0, 0)), Map.of()), folded);
    assertEquals(folded, both.merge(folded));
    assertSame(folded, folded.merge(both));
    Counter opposed = Counter.ZERO.increment(A, tag, -5).merge(Counter.ZERO.increment(B, tag, -7));
    assertEquals(-5, opposed.value());
    assertEquals(0, opposed.increments());
    assertEquals(-5, opposed.folded(15).value());
  }

  @Test
  void oneMutationMayHaveBeenTakenByVeryMany() {
    Tag tag = new Tag(OLD, 1);
    Map<ReplicaId, Map<Tag, Long>> takers = new HashMap<>();
    for (int taker = 0; taker < 20_000; taker++) {
      takers.put(new ReplicaId(taker, 0), Map.of(tag, 1L + taker % 7));
    }
    Counter counter = Counter.of(Map.of(), Map.of(), takers);
    Counter more = counter.merge(Counter.ZERO.increment(new ReplicaId(-1, 0), tag, 9));
    assertEquals(7, counter.value());
    assertEquals(9, more.value());
    assertEquals(20_001, more.split(1_000).reduce(Counter::merge).orElseThrow().tagged().size());
    assertEquals(9, more.folded(15).value());
    assertEquals(more.folded(15), counter.merge(more.folded(15)));
  }

  @Test
  void sumsBeyond64BitsAreFoldedExactlyAndStayAtTheirGreatest() {
    Map<Tag, Long> tagged = new HashMap<>();
    for (int number = 1; number <= 6; number++) {
      tagged.put(new Tag(OLD, number), number % 2 == 0 ? Long.MAX_VALUE : -Long.MAX_VALUE);
    }
    tagged.put(new Tag(OLD, 7), 3L);
    Counter counter = Counter.of(Map.of(), Map.of(), Map.of(A, tagged));
    Counter folded = counter.folded(15);
    assertEquals(0, folded.taggedCount());
    assertEquals(3, folded.value());
    assertEquals(BigInteger.valueOf(3), folded.foldedSum());
    assertEquals(Long.MAX_VALUE, folded.increments());
    Counter fullest =
        Counter.of(
            Map.of(),
            Map.of(A, new Counter.Fold(5, Counter.Fold.MAX, Counter.Fold.MAX)),
            Map.of(A, Map.of(new Tag(OLD, 1), 3L, new Tag(OLD, 2), -3L)));
    assertEquals(
        Counter.of(
            Map.of(),
            Map.of(A, new Counter.Fold(15, Counter.Fold.MAX, Counter.Fold.MAX)),
            Map.of()),
        fullest.folded(15));
  }

  @Test
  void foldsThatCannotBeAreRefusedByTheirNumbers() {
    assertTrue(
        assertThrows(IllegalArgumentException.class, () -> fold(0, 3, 0))
            .getMessage()
            .startsWith("a counter with 3 added and 0 removed by invocations born before 0"));
    assertThrows(IllegalArgumentException.class, () -> fold(-1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> fold(1, -1, 0));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Counter.Fold(1, BigInteger.ZERO, Counter.Fold.MAX.add(BigInteger.ONE)));
  }

  /// What is asked about at the vote is the same wherever the old additions are, whoever has taken
  /// younger ones.
  @Test
  void whatIsToBeFoldedDoesNotTellWhoTookWhatIsYounger() {
    Counter old = counter(Map.of(), Map.of(A, Map.of(new Tag(OLD, 1), 5L)));
    Counter more = old.merge(Counter.ZERO.increment(B, new Tag(YOUNG, 1), 1));
    assertEquals(old.toFold(15), more.toFold(15));
    assertSame(Counter.ZERO, more.toFold(10));
  }

  /// Some replicas that have the same tags of old invocations, and the same of what these wrote
  /// that is gone, forget them, each at another time, while they write and merge what is younger:
  /// in the end all show what they would if nobody had forgotten anything.
  @Test
  void whoForgetsAndWhoHasNotYetMergeToTheSame() {
    int[] forgotten = {0};
    Seeds.forAll(
        20_000,
        random -> {
          Entry common = Samples.entry(random, 2).with(Samples.counter(random));
          long bornBefore = random.nextInt(1, 5);
          List<Entry> replicas = new ArrayList<>();
          List<Entry> faithful = new ArrayList<>();
          for (int replica = 0; replica < 3; replica++) {
            replicas.add(common);
            faithful.add(common);
          }
          for (int step = 0; step < 12; step++) {
            int at = random.nextInt(3);
            int from = random.nextInt(3);
            switch (random.nextInt(3)) {
              case 0 -> {
                Entry forgetful = replicas.get(at).withoutTombstones(NOTHING, bornBefore);
                forgotten[0] += forgetful == replicas.get(at) ? 0 : 1;
                replicas.set(at, forgetful);
              }
              case 1 -> {
                replicas.set(at, replicas.get(at).merge(replicas.get(from)));
                faithful.set(at, faithful.get(at).merge(faithful.get(from)));
              }
              default -> {
                Entry delta =
                    Entry.of(
                        common.generation(),
                        Optional.empty(),
                        List.of(
                            Counter.ZERO.increment(
                                Samples.replica(random),
                                new Tag(
                                    new InvocationId((bornBefore + random.nextInt(2)) << 16, at),
                                    step + 1),
                                random.nextInt(-3, 4))));
                replicas.set(at, replicas.get(at).merge(delta));
                faithful.set(at, faithful.get(at).merge(delta));
              }
            }
          }
          Entry all = Entry.BOTTOM;
          Entry unforgotten = Entry.BOTTOM;
          for (int replica = 0; replica < 3; replica++) {
            all = all.merge(replicas.get(replica));
            unforgotten = unforgotten.merge(faithful.get(replica));
          }
          assertEquals(
              unforgotten.withoutTombstones(NOTHING, bornBefore),
              all.withoutTombstones(NOTHING, bornBefore));
        });
    assertTrue(forgotten[0] > 10_000, () -> forgotten[0] + " times is seldom");
  }
}
