package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class MinRegisterTest extends LatticeLaws<MinRegister> {
  @Override
  MinRegister generate(RandomGenerator random) {
    return new MinRegister(Samples.whole(random));
  }

  @Override
  Model<MinRegister> model() {
    return new Models.Min();
  }

  @Test
  void theEndsOfLongAreNumbersLikeAllOthers() {
    MinRegister low = new MinRegister(Long.MIN_VALUE);
    MinRegister high = new MinRegister(Long.MAX_VALUE);
    assertEquals(low, low.merge(high));
    assertEquals(low, high.merge(low));
    assertEquals(new MinRegister(1), high.merge(new MinRegister(1)));
  }
}
