package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.testing.Seeds;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class PlacementSettingTest {
  private static final int[] NUMBERS = {1, 2, 255, 256, 257, 1 << 10, 1 << 18, Integer.MAX_VALUE};

  /// From few stamps, so that ties are common, and numbers whose bits would overlap if packed.
  private static PlacementSetting setting(RandomGenerator random) {
    Optional<Placement> placement =
        random.nextInt(4) == 0
            ? Optional.empty()
            : Optional.of(new Placement(number(random), number(random), number(random)));
    return new PlacementSetting(
        HybridTimestamp.ofMillis(random.nextInt(2)),
        random.nextInt(2),
        HybridTimestamp.ofMillis(random.nextInt(2)),
        placement);
  }

  private static int number(RandomGenerator random) {
    return NUMBERS[random.nextInt(NUMBERS.length)];
  }

  @Test
  void mergeIsCommutativeAssociativeAndIdempotent() {
    Seeds.forAll(
        3_000,
        random -> {
          PlacementSetting a = setting(random);
          PlacementSetting b = setting(random);
          PlacementSetting c = setting(random);
          assertEquals(a.merge(b), b.merge(a));
          assertEquals(a.merge(b).merge(c), a.merge(b.merge(c)));
          assertEquals(a, a.merge(a));
        });
  }

  @Test
  void theLaterDecisionWinsAlsoIfItIsToGoBackToTheDefault() {
    PlacementSetting first =
        new PlacementSetting(
            HybridTimestamp.ofMillis(1),
            9,
            HybridTimestamp.ZERO,
            Optional.of(new Placement(3, 1, 1)));
    PlacementSetting second =
        new PlacementSetting(
            HybridTimestamp.ofMillis(2), 1, HybridTimestamp.ofMillis(1), Optional.empty());
    assertEquals(second, first.merge(second));
    assertEquals(second, second.merge(first));
  }
}
