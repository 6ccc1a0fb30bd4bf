package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class TokenBucketTest {
  private static final long START = 1_700_000_000_000L;

  /// Whoever takes whenever he may gets the rate, and at most what was kept on top of it.
  @Test
  void overAnyTimeNoMoreThanRateAndBurstAreTaken() {
    Seeds.forAll(
        500,
        random -> {
          long rate = 1 + random.nextLong(random.nextBoolean() ? 20 : 1_000_000);
          long burst = 1 + random.nextLong(rate);
          TokenBucket bucket = new TokenBucket(rate, burst, START);
          long now = START;
          double taken = 0;
          long largest = 1 + random.nextLong(Math.max(1, burst));
          for (int step = 0; step < 2_000; step++) {
            now += random.nextInt(4) == 0 ? random.nextInt(200) : 0;
            if (bucket.hasSome(now)) {
              long wanted = 1 + random.nextLong(largest);
              bucket.take(wanted, now);
              taken += wanted;
            }
            double most = burst + rate * ((now - START) / 1_000.0) + largest;
            assertTrue(taken <= most, taken + " of " + most + " at rate " + rate);
          }
        });
  }

  @Test
  void whoTakesAllThatComesGetsTheRate() {
    for (long rate : new long[] {1, 3, 999, 1_001, 5_000_000}) {
      TokenBucket bucket = new TokenBucket(rate, rate, START);
      long taken = 0;
      for (long now = START; now < START + 100_000; now++) {
        long each = Math.max(1, rate / 1_000);
        while (bucket.hasSome(now)) {
          bucket.take(each, now);
          taken += each;
        }
      }
      assertEquals(101.0 * rate, (double) taken, 0.02 * 101 * rate, "at " + rate);
    }
  }

  @Test
  void whatIsLargerThanTheBucketPassesAndIsPaidFor() {
    TokenBucket bucket = new TokenBucket(100, 100, START);
    bucket.take(1_000, START);
    assertFalse(bucket.hasSome(START));
    assertEquals(9_010, bucket.millisToWait(START));
    assertFalse(bucket.hasSome(START + 9_009));
    assertTrue(bucket.hasSome(START + 9_010));
    bucket.take(1_000_000, START + 9_010);
    assertTrue(bucket.millisToWait(START + 9_010) <= 60_010, "it is not owed for ever");
  }

  @Test
  void aClockThatIsSetBackStopsNobody() {
    TokenBucket bucket = new TokenBucket(100, 100, START);
    bucket.take(100, START);
    long earlier = START - 3_600_000;
    assertFalse(bucket.hasSome(earlier));
    assertTrue(bucket.hasSome(earlier + 10));
    assertTrue(bucket.hasSome(Long.MAX_VALUE / 2));
  }

  @Test
  void otherLimitsFillNothing() {
    TokenBucket bucket = new TokenBucket(100, 100, START);
    bucket.take(100, START);
    assertFalse(bucket.with(1_000, 1_000, START).hasSome(START));
    assertTrue(bucket.with(1_000, 1_000, START).hasSome(START + 1));
    assertEquals(
        51,
        new TokenBucket(100, 100, START).with(10, 5, START).with(20, 50, START).millisToWait(START)
            + 50);
  }
}
