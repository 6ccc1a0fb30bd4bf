package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.causal.ReplicaId;
import dev.trellis.testing.Seeds;
import java.math.BigInteger;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class CounterTest extends LatticeLaws<Counter> {
  @Override
  Counter generate(RandomGenerator random) {
    return Samples.counter(random);
  }

  @Override
  Model<Counter> model() {
    return new Models.Count();
  }

  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);

  @Test
  void theSumIsExactAndSaturatesAtTheEndsOfLong() {
    Counter up =
        Counter.of(
            Map.of(A, new Counter.Sums(Long.MAX_VALUE, 0), B, new Counter.Sums(Long.MAX_VALUE, 0)));
    assertEquals(Long.MAX_VALUE, up.value());
    assertEquals(BigInteger.valueOf(Long.MAX_VALUE).multiply(BigInteger.TWO), up.exactValue());
    Counter down =
        Counter.of(Map.of(A, new Counter.Sums(0, Long.MAX_VALUE), B, new Counter.Sums(0, 2)));
    assertEquals(Long.MIN_VALUE, down.value());
    assertEquals(
        Long.MIN_VALUE, Counter.of(Map.of(A, new Counter.Sums(0, Long.MAX_VALUE))).value() - 1);
    // Beyond the ends it still counts, so that it comes back to the right number.
    Counter back = down.merge(down.increment(A, Long.MAX_VALUE));
    assertEquals(-2, back.value());
  }

  @Test
  void aReplicaWhoseOwnSumIsFullSaysSoAndChangesNothing() {
    Counter full = Counter.of(Map.of(A, new Counter.Sums(Long.MAX_VALUE, 3)));
    assertThrows(ArithmeticException.class, () -> full.increment(A, 1));
    assertThrows(ArithmeticException.class, () -> full.increment(A, Long.MIN_VALUE));
    assertEquals(0, full.merge(full.increment(A, -Long.MAX_VALUE + 3)).value());
    assertEquals(Long.MAX_VALUE - 3, full.value());
    assertThrows(IllegalArgumentException.class, () -> new Counter.Sums(-1, 0));
  }

  @Test
  void aDeltaCarriesOnlyItsReplica() {
    Counter both = Counter.ZERO.increment(A, 3).merge(Counter.ZERO.increment(B, -5));
    Counter delta = both.increment(A, 4);
    assertEquals(Counter.of(Map.of(A, new Counter.Sums(7, 0))), delta);
    assertEquals(2, both.merge(delta).value());
    assertEquals(2, both.replicaCount());
    assertEquals(new Counter.Sums(0, 0), delta.sumsOf(B));
  }

  @Test
  void theLatestNameOfAnIncarnationIsTheOneWithTheGreatestBirth() {
    Seeds.forAll(
        1_000,
        random -> {
          Counter counter = Samples.counter(random);
          long incarnation = random.nextInt(-2, 9);
          long birthMin = random.nextInt(4);
          long birthEnd = random.nextInt(6);
          Optional<ReplicaId> expected = Optional.empty();
          TreeSet<ReplicaId> ids = new TreeSet<>();
          counter.sums().forEach(one -> ids.add(one.getKey()));
          counter.folds().forEach(one -> ids.add(one.getKey()));
          for (ReplicaId id : ids) {
            if (id.incarnation() == incarnation
                && id.birth() >= birthMin
                && id.birth() < birthEnd) {
              expected = Optional.of(id); // they come in ascending order
            }
          }
          assertEquals(expected, counter.latestOf(incarnation, birthMin, birthEnd));
        });
  }
}
