package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class BudgetTest {
  private static final long RATE = 32_000_000;

  private final Budget budget = new Budget(RATE);

  /// What can be taken within a second that starts at `fromMillis`, in portions of 1,000 bytes.
  private double takenInASecond(long fromMillis) {
    long taken = 0;
    for (long at = fromMillis; at < fromMillis + 1_000; at += 10) {
      budget.fill(at);
      while (budget.hasAny()) {
        budget.take(1_000);
        taken += 1_000;
      }
    }
    return (double) taken;
  }

  @Test
  void givesTheConfiguredRateWhileNothingIsLate() {
    takenInASecond(0);
    assertEquals((double) RATE, takenInASecond(1_000), 10_000.0);
    for (long at = 2_000; at < 5_000; at += 100) {
      budget.answered(at, 10);
    }
    assertEquals((double) RATE, takenInASecond(5_000), RATE / 32.0, "and a bucketful");
  }

  @Test
  void yieldsWhileAnswersAreLateAndComesBack() {
    for (long at = 0; at < 10_000; at += 100) {
      budget.answered(at, 11);
    }
    assertEquals(RATE / 16, budget.bytesPerSecond());
    takenInASecond(10_000);
    assertEquals(RATE / 16.0, takenInASecond(11_000), 10_000.0);
    long winning = 0;
    for (long at = 20_000; budget.bytesPerSecond() < RATE; at += 100) {
      budget.answered(at, 0);
      winning++;
    }
    assertEquals(30, winning);
  }

  @Test
  void oneDelayedMomentCountsOnce() {
    for (int i = 0; i < 50; i++) {
      budget.answered(1_000 + i, 500);
    }
    assertEquals(RATE / 2, budget.bytesPerSecond());
  }

  @Test
  void oneOfManyThatIsLateCounts() {
    for (long at = 0; at < 10_000; at += 100) {
      for (int peer = 0; peer < 9; peer++) {
        budget.answered(at, 0);
      }
      budget.answered(at, 500);
    }
    assertEquals(RATE / 16, budget.bytesPerSecond());
  }

  /// A simulated node never got rid of what it had: 32 KiB a second were slowed down too.
  @Test
  void aRateThatNobodyNoticesIsNotSlowedDown() {
    for (long rate : new long[] {32 << 10, 1 << 20, 4 << 20}) {
      Budget small = new Budget(rate);
      for (long at = 0; at < 10_000; at += 100) {
        small.answered(at, 500);
      }
      assertEquals(Math.min(rate, 1 << 20), small.bytesPerSecond());
    }
  }

  @Test
  void evenTheLeastRateIsOne() {
    Budget small = new Budget(1);
    small.fill(0);
    assertTrue(small.hasAny());
    small.take(1_000);
    assertFalse(small.hasAny());
    small.fill(1);
    assertFalse(small.hasAny());
    for (long at = 2; at <= 2_000; at++) {
      small.fill(at);
    }
    assertTrue(small.hasAny());
  }

  private static final int TOGETHER = 8;

  /// What so many equal delays in a tenth of a second come to.
  private static long extraMillis(QuickestWay way, long fromMillis, long delayMillis) {
    for (int i = 1; i < TOGETHER; i++) {
      assertEquals(QuickestWay.UNKNOWN, way.extraMillis(fromMillis, delayMillis));
    }
    return way.extraMillis(fromMillis + 100, delayMillis);
  }

  @Test
  void theUsualDelayIsTheShortestOfLastMinutes() {
    QuickestWay way = new QuickestWay();
    assertEquals(0, extraMillis(way, 0, 50));
    assertEquals(20, extraMillis(way, 1_000, 70));
    assertEquals(0, extraMillis(way, 60_000, 30));
    assertEquals(20, extraMillis(way, 179_800, 50));
    assertEquals(0, extraMillis(way, 240_000, 50));
    assertEquals(10, extraMillis(way, 241_000, 60));
    assertEquals(0, extraMillis(way, 1_000_000, 90));
    assertEquals(0, extraMillis(way, 10, 95), "the clock was set back");
  }

  /// Each that took longer than the quickest ever was taken for late.
  @Test
  void onAnUnevenWayTheQuickestOfTheLastFewCounts() {
    QuickestWay way = new QuickestWay();
    for (int i = 0; i < 11 * 90; i++) { // eleven take a tenth of a second
      long extra = way.extraMillis(i * 10L, 2 + i % 7 * 12L);
      assertTrue(extra == 0 || extra == QuickestWay.UNKNOWN, extra + " ms");
    }
    assertEquals(30, extraMillis(way, 20_000, 32));
  }

  @Test
  void aFewDelaysTellNothingNorDoManyOfOneMoment() {
    QuickestWay way = new QuickestWay();
    for (int i = 1; i < TOGETHER; i++) {
      assertEquals(QuickestWay.UNKNOWN, way.extraMillis(i * 1_000L, 1));
    }
    assertEquals(0, way.extraMillis(8_000, 1));
    for (int i = 0; i < 100; i++) {
      assertEquals(QuickestWay.UNKNOWN, way.extraMillis(8_010 + i % 90, 40));
    }
    assertEquals(39, way.extraMillis(8_200, 40));
  }
}
