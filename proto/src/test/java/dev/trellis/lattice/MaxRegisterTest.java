package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class MaxRegisterTest extends LatticeLaws<MaxRegister> {
  @Override
  MaxRegister generate(RandomGenerator random) {
    return new MaxRegister(Samples.whole(random));
  }

  @Override
  Model<MaxRegister> model() {
    return new Models.Max();
  }

  @Test
  void theEndsOfLongAreNumbersLikeAllOthers() {
    MaxRegister low = new MaxRegister(Long.MIN_VALUE);
    MaxRegister high = new MaxRegister(Long.MAX_VALUE);
    assertEquals(high, low.merge(high));
    assertEquals(high, high.merge(low));
    assertEquals(new MaxRegister(-1), low.merge(new MaxRegister(-1)));
  }

  @Test
  void numbersThatDifferInTheHighHalfOnlyAreNotNarrowed() {
    MaxRegister small = new MaxRegister(5);
    MaxRegister great = new MaxRegister((1L << 32) + 4);
    assertEquals(great, small.merge(great));
  }
}
