package dev.trellis.causal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import org.junit.jupiter.api.Test;

class HybridLogicalClockTest {
  private static final long SKEW_MAX = 500;
  private static final long NOON = 1_700_000_000_000L;

  private final HybridLogicalClock clock = new HybridLogicalClock(SKEW_MAX);

  @Test
  void readingsNeverRepeatOrGoBackWhateverPhysicalTimeDoesAndOthersSend() {
    Seeds.forAll(
        500,
        random -> {
          HybridLogicalClock clock = new HybridLogicalClock(SKEW_MAX);
          HybridTimestamp last = HybridTimestamp.ZERO;
          long physical = NOON;
          for (int step = 0; step < 100; step++) {
            physical += random.nextInt(-40, 60);
            if (random.nextBoolean()) {
              HybridTimestamp foreign =
                  HybridTimestamp.of(physical + random.nextInt(-700, 700), random.nextInt(65_536));
              boolean near = foreign.millis() - physical <= SKEW_MAX;
              assertEquals(near, clock.observe(foreign, physical));
              last = near ? last.max(foreign) : last;
            }
            if (random.nextInt(3) == 0) {
              HybridTimestamp current = clock.current(physical);
              assertEquals(last.max(HybridTimestamp.ofMillis(physical)), current);
              assertEquals(current, clock.current(physical), "reading without taking one");
              last = current;
            }
            HybridTimestamp reading = clock.tick(physical);
            assertTrue(reading.isAfter(last), reading + " after " + last);
            assertTrue(reading.millis() >= physical);
            // Close to physical time: no further ahead than the furthest reading seen.
            assertEquals(
                HybridTimestamp.ofMillis(physical).isAfter(last)
                    ? HybridTimestamp.ofMillis(physical)
                    : last.next(),
                reading);
            last = reading;
          }
        });
  }

  @Test
  void followsPhysicalTimeWhileThatMovesOn() {
    assertEquals(HybridTimestamp.of(NOON, 0), clock.tick(NOON));
    assertEquals(HybridTimestamp.of(NOON, 1), clock.tick(NOON));
    assertEquals(HybridTimestamp.of(NOON + 1, 0), clock.tick(NOON + 1));
  }

  @Test
  void ridesOutPhysicalTimeThatWentBack() {
    clock.tick(NOON);
    assertEquals(HybridTimestamp.of(NOON, 1), clock.tick(NOON - 3_600_000));
    assertEquals(HybridTimestamp.of(NOON, 2), clock.tick(NOON - 1));
    assertEquals(HybridTimestamp.of(NOON + 1, 0), clock.tick(NOON + 1));
  }

  @Test
  void aMillisecondWithMoreThan65536ReadingsBorrowsFromTheNext() {
    HybridTimestamp last = HybridTimestamp.ZERO;
    for (int reading = 0; reading <= 65_536; reading++) {
      last = clock.tick(NOON);
    }
    assertEquals(HybridTimestamp.of(NOON + 1, 0), last);
    assertEquals(HybridTimestamp.of(NOON + 1, 1), clock.tick(NOON + 1));
  }

  @Test
  void oneBadClockDoesNotDragThisOneAlong() {
    assertFalse(clock.observe(HybridTimestamp.ofMillis(NOON + SKEW_MAX + 1), NOON));
    assertEquals(HybridTimestamp.of(NOON, 0), clock.tick(NOON));
    assertTrue(clock.observe(HybridTimestamp.of(NOON + SKEW_MAX, 65_535), NOON));
    assertEquals(HybridTimestamp.of(NOON + SKEW_MAX + 1, 0), clock.tick(NOON));
  }

  @Test
  void theGuardHoldsOnBothSides() {
    assertTrue(clock.withinSkew(HybridTimestamp.of(NOON + SKEW_MAX, 65_535), NOON));
    assertFalse(clock.withinSkew(HybridTimestamp.ofMillis(NOON + SKEW_MAX + 1), NOON));
    assertTrue(clock.withinSkew(HybridTimestamp.ofMillis(NOON - SKEW_MAX), NOON));
    assertFalse(clock.withinSkew(HybridTimestamp.of(NOON - SKEW_MAX - 1, 65_535), NOON));
    assertFalse(clock.withinSkew(HybridTimestamp.ZERO, NOON));
    assertFalse(clock.withinSkew(HybridTimestamp.MAX, NOON));
  }

  @Test
  void aClockThatToleratesNoSkewTakesTheExactMillisecondOnly() {
    HybridLogicalClock strict = new HybridLogicalClock(0);
    assertTrue(strict.withinSkew(HybridTimestamp.of(NOON, 9), NOON));
    assertFalse(strict.withinSkew(HybridTimestamp.of(NOON + 1, 0), NOON));
    assertEquals(0, strict.skewMaxMillis());
  }

  @Test
  void aNegativeToleranceIsRefusedByItsName() {
    assertEquals(
        "clock.skew.max -1 ms is negative",
        assertThrows(IllegalArgumentException.class, () -> new HybridLogicalClock(-1))
            .getMessage());
  }
}
