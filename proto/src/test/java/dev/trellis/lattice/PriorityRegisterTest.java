package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class PriorityRegisterTest extends LatticeLaws<PriorityRegister> {
  @Override
  PriorityRegister generate(RandomGenerator random) {
    return Samples.priority(random);
  }

  @Override
  Model<PriorityRegister> model() {
    return new Models.LowestPriority();
  }

  private static PriorityRegister of(double priority, String text) {
    return new PriorityRegister(priority, Payload.ofText(text));
  }

  @Test
  void theLowestPriorityWinsAndOfEqualOnesTheLowestBytes() {
    assertEquals(of(1, "z"), of(1, "z").merge(of(2, "a")));
    assertEquals(of(1, "a"), of(1, "z").merge(of(1, "a")));
    assertEquals(of(1, "a"), of(1, "a").merge(of(1, "z")));
  }

  @Test
  void minusZeroIsBelowZeroAndInfinitiesAreTheEnds() {
    assertEquals(of(-0.0, "z"), of(0.0, "a").merge(of(-0.0, "z")));
    assertEquals(
        of(Double.NEGATIVE_INFINITY, "z"),
        of(-Double.MAX_VALUE, "a").merge(of(Double.NEGATIVE_INFINITY, "z")));
    assertEquals(
        of(Double.MAX_VALUE, "z"),
        of(Double.POSITIVE_INFINITY, "a").merge(of(Double.MAX_VALUE, "z")));
  }

  @Test
  void aPriorityThatIsNoNumberIsRefused() {
    assertEquals(
        "priority NaN has no order; give a number",
        assertThrows(IllegalArgumentException.class, () -> of(Double.NaN, "a")).getMessage());
  }
}
