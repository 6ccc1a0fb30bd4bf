package dev.trellis.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeysTest {
  private static final int DRAWS = 400_000;
  private static final int RANKS = 50;

  private final long seed = Long.getLong("seed", 5);

  private RandomGenerator random() {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  private static double[] zipfShares(int ranks, double theta) {
    double[] shares = new double[ranks];
    double total = 0;
    for (int rank = 0; rank < ranks; rank++) {
      shares[rank] = Math.pow(rank + 1, -theta);
      total += shares[rank];
    }
    for (int rank = 0; rank < ranks; rank++) {
      shares[rank] /= total;
    }
    return shares;
  }

  private static long[] count(LongSupplier keys, int ranks) {
    long[] drawn = new long[ranks];
    for (int draw = 0; draw < DRAWS; draw++) {
      drawn[(int) keys.getAsLong()]++;
    }
    return drawn;
  }

  /// The sum of squared deviations over what is expected: about as many as there are classes, each
  /// of which is to have five or more draws.
  private static double chiSquare(long[] drawn, double[] shares) {
    double sum = 0;
    double restExpected = 0;
    double restDrawn = 0;
    for (int rank = 0; rank < shares.length; rank++) {
      double expected = shares[rank] * DRAWS;
      if (expected < 5) { // together they are one class
        restExpected += expected;
        restDrawn += drawn[rank];
      } else {
        sum += Math.pow(drawn[rank] - expected, 2) / expected;
      }
    }
    return restExpected < 1 ? sum : sum + Math.pow(restDrawn - restExpected, 2) / restExpected;
  }

  /// Exceeded once in ten thousand seeds, with 49 degrees of freedom.
  private static final double CHI_SQUARE_MAX = 93;

  @ParameterizedTest
  @ValueSource(doubles = {0.5, 0.99, 1.0, 1.5, 4.0})
  void zipfDrawsEachRankInProportionToItsPower(double theta) {
    long[] drawn = count(Keys.ZIPF.draw(() -> RANKS, theta, random()), RANKS);
    double off = chiSquare(drawn, zipfShares(RANKS, theta));
    assertTrue(off < CHI_SQUARE_MAX, () -> "chi-square " + off + ", -Dseed=" + seed);
  }

  @Test
  void theMeasureTellsExponentsApartThatAreClose() {
    long[] drawn = count(Keys.ZIPF.draw(() -> RANKS, 0.99, random()), RANKS);
    assertTrue(chiSquare(drawn, zipfShares(RANKS, 1.02)) > CHI_SQUARE_MAX);
  }

  @Test
  void zipfFollowsANumberOfKeysThatGrows() {
    long[] count = {1};
    LongSupplier keys = Keys.ZIPF.draw(() -> count[0], 0.99, random());
    assertEquals(0, keys.getAsLong());
    count[0] = RANKS;
    double off = chiSquare(count(keys, RANKS), zipfShares(RANKS, 0.99));
    assertTrue(off < CHI_SQUARE_MAX, () -> "chi-square " + off + ", -Dseed=" + seed);
  }

  @Test
  void latestDrawsByAgeFromTheKeyThatCameLast() {
    long[] drawn = count(Keys.LATEST.draw(() -> RANKS, 0.99, random()), RANKS);
    long[] byAge = new long[RANKS];
    for (int age = 0; age < RANKS; age++) {
      byAge[age] = drawn[RANKS - 1 - age];
    }
    double off = chiSquare(byAge, zipfShares(RANKS, 0.99));
    assertTrue(off < CHI_SQUARE_MAX, () -> "chi-square " + off + ", -Dseed=" + seed);
  }

  @Test
  void scrambledGivesTheMostFrequentRankItsShareSomewhereElse() {
    long[] drawn = count(Keys.SCRAMBLED.draw(() -> RANKS, 0.99, random()), RANKS);
    int hottest = (int) (Keys.scramble(0) % RANKS);
    // The first rank of ten thousand million has 1 / 26.47 of all, and every key an even part of
    // what the hash scatters.
    double expected = DRAWS / 26.47;
    assertTrue(
        drawn[hottest] > expected,
        () -> "key %d was drawn %d times".formatted(hottest, drawn[hottest]));
    for (int key = 0; key < RANKS; key++) {
      assertTrue(drawn[key] > 0, "each key is drawn");
    }
  }

  @Test
  void theHashIsTheOneOfThePublishedBenchmark() {
    // FNV-1a of eight zero bytes, by the definition: basis times the prime, eight times.
    long hash = 0xCBF29CE484222325L;
    for (int octet = 0; octet < 8; octet++) {
      hash *= 1_099_511_628_211L;
    }
    assertEquals(Math.abs(hash), Keys.scramble(0));
  }

  @Test
  void uniformDrawsAllKeysEvenlyAndSingleDrawsOne() {
    double[] shares = new double[RANKS];
    Arrays.fill(shares, 1.0 / RANKS);
    double off = chiSquare(count(Keys.UNIFORM.draw(() -> RANKS, 1, random()), RANKS), shares);
    assertTrue(off < CHI_SQUARE_MAX, () -> "chi-square " + off + ", -Dseed=" + seed);
    assertEquals(0, Keys.SINGLE.draw(() -> RANKS, 1, random()).getAsLong());
  }

  @Test
  void aThetaOfZeroIsRefusedWithItsValue() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> new Zipf(0, random()));
    assertTrue(String.valueOf(refused.getMessage()).contains("0.0"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"A", "B", "C", "D", "F"})
  void aWorkloadsOperationsComeInItsShares(String name) {
    Mix mix = Workload.valueOf(name).mix();
    RandomGenerator random = random();
    Map<OperationType, Integer> drawn = new EnumMap<>(OperationType.class);
    for (int draw = 0; draw < DRAWS; draw++) {
      drawn.merge(mix.draw(random), 1, Integer::sum);
    }
    Map<OperationType, Integer> percents =
        Map.of(
            OperationType.READ, mix.readPercent(),
            OperationType.WRITE, mix.writePercent(),
            OperationType.INSERT, mix.insertPercent(),
            OperationType.READ_MODIFY_WRITE, mix.readModifyWritePercent());
    percents.forEach(
        (type, percent) -> {
          double share = percent / 100.0;
          assertEquals(
              DRAWS * share,
              drawn.getOrDefault(type, 0),
              5 * Math.sqrt(DRAWS * share * (1 - share)) + 0.5,
              type + ", -Dseed=" + seed);
        });
  }

  @Test
  void anInsertedKeyIsThereOnceAllBeforeItAre() {
    Inserts inserts = new Inserts(10);
    long first = inserts.next();
    long second = inserts.next();
    inserts.end(second);
    assertEquals(10, inserts.count());
    inserts.end(first);
    assertEquals(12, inserts.count());
    for (int more = 0; more < 200_000; more++) { // as many as shift its window
      inserts.end(inserts.next());
    }
    assertEquals(200_012, inserts.count());
  }
}
