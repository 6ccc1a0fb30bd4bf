package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class HeavyHittersTest {
  private static final class Exact {
    private long reads;
    private long writes;
    private long load;
  }

  /// The sketch, and beside it an exact count.
  private static final class Both {
    private final HeavyHitters sketch;
    private final Map<Payload, Exact> exact = new HashMap<>();
    private long total;

    Both(int kept) {
      sketch = new HeavyHitters(kept);
    }

    void add(String key, boolean writes, long times, long load) {
      byte[] bytes = ("amid" + key + "others").getBytes(StandardCharsets.UTF_8);
      sketch.add(bytes, 4, bytes.length - 10, writes, times, load);
      Exact one = exact.computeIfAbsent(Payload.ofText(key), _ -> new Exact());
      one.reads += writes ? 0 : times;
      one.writes += writes ? times : 0;
      one.load += load;
      total += load;
    }

    /// What the sketch promises.
    void check(int kept) {
      assertTrue(sketch.floor() <= total / (kept + 1), "the floor is too high");
      List<HeavyHitters.Counted> counted = sketch.counted(2 * kept);
      long before = Long.MAX_VALUE;
      for (HeavyHitters.Counted one : counted) {
        Exact truth = exact.get(one.key());
        assertTrue(one.load() <= before, "not in order");
        before = one.load();
        assertTrue(truth.load <= one.load(), "a load is told too low");
        assertTrue(one.load() - truth.load <= sketch.floor(), "a load is told much too high");
        assertTrue(one.reads() >= 0 && one.writes() >= 0 && one.error() >= 0, one::toString);
        assertTrue(
            one.reads() + one.writes() - one.error() <= truth.reads + truth.writes,
            "what is left without the error is too much");
      }
      // Whoever has more than the floor is there.
      Map<Payload, HeavyHitters.Counted> byKey = new HashMap<>();
      counted.forEach(one -> byKey.put(one.key(), one));
      exact.forEach(
          (key, truth) ->
              assertTrue(truth.load <= sketch.floor() || byKey.containsKey(key), key::toString));
    }
  }

  private static int zipf(RandomGenerator random, int keys, double exponent) {
    // By inversion of the continuous distribution: near enough to have a few heavy ones.
    double u = random.nextDouble();
    double power = 1 - exponent;
    double x = Math.pow((Math.pow(keys + 1, power) - 1) * u + 1, 1 / power);
    return Math.min(keys - 1, (int) x - 1);
  }

  @Test
  void noLoadIsToldTooLowAndNoneTooHighByMoreThanItsShare() {
    Seeds.forAll(
        60,
        random -> {
          int kept = 1 + random.nextInt(random.nextBoolean() ? 4 : 64);
          int keys = 1 + random.nextInt(4_000);
          double exponent = List.of(0.0, 0.8, 1.2, 2.0).get(random.nextInt(4));
          boolean weighted = random.nextBoolean();
          Both both = new Both(kept);
          for (int count = random.nextInt(20_000); count >= 0; count--) {
            long times = 1L + random.nextInt(3);
            long each = weighted ? 1L + random.nextInt(2_000) : 1;
            both.add(
                "k" + zipf(random, keys, exponent), random.nextInt(4) == 0, times, times * each);
          }
          both.check(kept);
        });
  }

  @Test
  void whereThereIsRoomForAllTheCountsAreExact() {
    Both both = new Both(100);
    for (int number = 0; number < 10_000; number++) {
      both.add("k" + number % 150, number % 3 == 0, 1, 1 + number % 7);
    }
    assertEquals(0, both.sketch.floor());
    for (HeavyHitters.Counted one : both.sketch.counted(200)) {
      Exact truth = both.exact.get(one.key());
      assertEquals(truth.load, one.load());
      assertEquals(truth.reads, one.reads());
      assertEquals(truth.writes, one.writes());
      assertEquals(0, one.error());
    }
  }

  @Test
  void theHeaviestOfAZipfDistributionAreFoundInOrder() {
    Seeds.forAll(
        10,
        random -> {
          Both both = new Both(256);
          for (int count = 0; count < 200_000; count++) {
            both.add("k" + zipf(random, 1_000_000, 1.2), false, 1, 600);
          }
          List<Payload> heaviest =
              both.exact.entrySet().stream()
                  .sorted(
                      Comparator.comparingLong(
                              (Map.Entry<Payload, Exact> one) -> one.getValue().load)
                          .reversed())
                  .limit(5)
                  .map(Map.Entry::getKey)
                  .toList();
          assertEquals(
              heaviest, both.sketch.counted(5).stream().map(HeavyHitters.Counted::key).toList());
        });
  }

  @Test
  void aFewLargeAccessesWeighMoreThanManySmallOnes() {
    Both both = new Both(8);
    for (int number = 0; number < 100_000; number++) {
      both.add("k" + number % 5_000, false, 1, 600);
    }
    both.add("large", true, 100, 100 * 16_000_000L);
    HeavyHitters.Counted first = both.sketch.counted(1).getFirst();
    assertEquals(Payload.ofText("large"), first.key());
    assertEquals(0, first.reads());
    assertEquals(100, first.writes() - first.error());
  }

  @Test
  void afterwardsNothingIsLeft() {
    Both both = new Both(4);
    for (int number = 0; number < 1_000; number++) {
      both.add("k" + number, false, 1, 1);
    }
    both.sketch.clear();
    both.exact.clear();
    both.total = 0;
    assertEquals(List.of(), both.sketch.counted(10));
    both.add("k1", false, 1, 1);
    both.check(4);
    assertEquals(0, both.sketch.counted(1).getFirst().error());
  }

  @Test
  void keysThatComeAndGoTakeNoNewMemory() {
    HeavyHitters sketch = new HeavyHitters(64);
    byte[] key = new byte[24];
    for (int round = 0; round < 20_000; round++) {
      addAny(sketch, key, round);
    }
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int round = 0; round < 20_000; round++) {
      addAny(sketch, key, round);
    }
    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertTrue(allocated < 20_000, () -> allocated + " bytes for 20,000 keys");
  }

  private static void addAny(HeavyHitters sketch, byte[] key, int number) {
    for (int at = 16; at < 24; at++) {
      key[at] = (byte) (number >>> (4 * (at - 16)));
    }
    sketch.add(key, 0, 24, false, 1, 1 + number % 10);
  }
}
