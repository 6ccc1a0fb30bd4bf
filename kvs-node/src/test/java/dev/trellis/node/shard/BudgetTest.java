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
  void evenTheLeastRateIsOne() {
    Budget small = new Budget(1);
    for (long at = 0; at < 1_000; at += 100) {
      small.answered(at, 1_000);
    }
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

  @Test
  void theUsualDelayIsTheShortestOfLastMinutes() {
    QuickestWay way = new QuickestWay();
    assertEquals(0, way.extraMillis(0, 50));
    assertEquals(20, way.extraMillis(1, 70));
    assertEquals(0, way.extraMillis(60_000, 30));
    assertEquals(20, way.extraMillis(179_999, 50));
    assertEquals(0, way.extraMillis(240_000, 50));
    assertEquals(10, way.extraMillis(240_001, 60));
    assertEquals(0, way.extraMillis(1_000_000, 90));
    assertEquals(0, way.extraMillis(10, 95), "the clock was set back");
  }
}
