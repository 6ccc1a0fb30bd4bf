package dev.trellis.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeysTest {
  private static final int DRAWS = 400_000;

  private static RandomGenerator random() {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(Long.getLong("seed", 5));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.5, 0.99, 1.0, 1.5, 4.0})
  void zipfDrawsEachRankInProportionToItsPower(double theta) {
    int count = 50;
    double[] expected = new double[count];
    double total = 0;
    for (int rank = 1; rank <= count; rank++) {
      expected[rank - 1] = Math.pow(rank, -theta);
      total += expected[rank - 1];
    }
    long[] drawn = new long[count];
    LongSupplier zipf = Keys.ZIPF.draw(count, theta, random());
    for (int draw = 0; draw < DRAWS; draw++) {
      drawn[(int) zipf.getAsLong()]++;
    }
    for (int rank = 0; rank < count; rank++) {
      double share = expected[rank] / total;
      double deviation = Math.sqrt(DRAWS * share * (1 - share));
      double off = Math.abs(drawn[rank] - DRAWS * share);
      int at = rank;
      assertTrue(
          off <= 6 * deviation + 1,
          () -> "rank %d of theta %s is off by %.0f".formatted(at + 1, theta, off));
    }
  }

  @Test
  void uniformDrawsAllKeysAndSingleDrawsOne() {
    LongSupplier uniform = Keys.UNIFORM.draw(10, 1, random());
    boolean[] seen = new boolean[10];
    for (int draw = 0; draw < 1_000; draw++) {
      seen[(int) uniform.getAsLong()] = true;
    }
    for (boolean one : seen) {
      assertTrue(one);
    }
    assertEquals(0, Keys.SINGLE.draw(10, 1, random()).getAsLong());
  }

  @Test
  void aThetaOfZeroIsRefusedWithItsValue() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> new Zipf(10, 0, random()));
    assertTrue(String.valueOf(refused.getMessage()).contains("0.0"));
  }
}
