package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What replicas do that have agreed to forget the tags of old invocations.
class ForgettingTest {
  private static final HybridTimestamp NOTHING = HybridTimestamp.ZERO;
  private static final InvocationId OLD = new InvocationId(10L << 16, 1);
  private static final InvocationId YOUNG = new InvocationId(20L << 16, 1);

  private static Counter counter(Map<Tag, Long> tagged, long foldedBefore, long foldedSum) {
    return Counter.of(
        Map.of(new ReplicaId(1, 0), new Counter.Sums(100, 0)), tagged, foldedBefore, foldedSum);
  }

  @Test
  void foldingKeepsTheValueAndTheYoungerTags() {
    Counter counter =
        counter(Map.of(new Tag(OLD, 1), 5L, new Tag(OLD, 2), -2L, new Tag(YOUNG, 1), 7L), 0, 0);
    Counter folded = counter.folded(15);
    assertEquals(counter(Map.of(new Tag(YOUNG, 1), 7L), 15, 3), folded);
    assertEquals(110, folded.value());
    assertSame(folded, folded.folded(16));
    assertEquals(counter(Map.of(), 21, 10), folded.folded(21));
    assertSame(folded, folded.merge(counter), "the sum has them");
    assertEquals(folded, counter.merge(folded));
  }

  @Test
  void aSumBeyondTheRangeIsNotFolded() {
    Counter counter = counter(Map.of(new Tag(OLD, 1), Long.MAX_VALUE, new Tag(OLD, 2), 1L), 0, 0);
    assertSame(counter, counter.folded(15));
    assertSame(Counter.ZERO, counter.toFold(15));
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
