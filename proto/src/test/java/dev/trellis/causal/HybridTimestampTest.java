package dev.trellis.causal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HybridTimestampTest {
  private static final long MILLIS_MAX = (1L << 47) - 1;

  @Test
  void keepsMillisecondsAndCounterApart() {
    HybridTimestamp time = HybridTimestamp.of(1_700_000_000_123L, 65_535);
    assertEquals(1_700_000_000_123L, time.millis());
    assertEquals(65_535, time.counter());
    assertEquals("1700000000123.65535", time.toString());
    assertEquals(time, new HybridTimestamp(time.packed()));
  }

  @Test
  void aFullCounterCarriesIntoTheMilliseconds() {
    assertEquals(HybridTimestamp.of(7, 0), HybridTimestamp.of(6, 65_535).next());
    assertEquals(HybridTimestamp.of(6, 65_535), HybridTimestamp.of(6, 65_534).next());
  }

  @Test
  void isOrderedByMillisecondsThenCounter() {
    HybridTimestamp early = HybridTimestamp.of(6, 65_535);
    HybridTimestamp late = HybridTimestamp.of(7, 0);
    assertTrue(late.isAfter(early));
    assertFalse(early.isAfter(late));
    assertFalse(early.isAfter(early));
    assertTrue(early.compareTo(late) < 0);
    assertSame(late, early.max(late));
    assertSame(late, late.max(early));
    assertSame(early, early.max(HybridTimestamp.of(6, 65_535)));
  }

  @Test
  void theLastTimestampHasNoNext() {
    assertEquals(MILLIS_MAX, HybridTimestamp.MAX.millis());
    assertEquals(HybridTimestamp.MAX, HybridTimestamp.of(MILLIS_MAX, 65_535));
    assertThrows(IllegalStateException.class, HybridTimestamp.MAX::next);
  }

  @Test
  void whatIsOutOfRangeIsRefusedWithTheRange() {
    assertEquals(
        "milliseconds -1 are outside 0 to " + MILLIS_MAX,
        assertThrows(IllegalArgumentException.class, () -> HybridTimestamp.ofMillis(-1))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> HybridTimestamp.ofMillis(MILLIS_MAX + 1));
    assertThrows(IllegalArgumentException.class, () -> HybridTimestamp.of(1, 65_536));
    assertThrows(IllegalArgumentException.class, () -> HybridTimestamp.of(1, -1));
    assertThrows(IllegalArgumentException.class, () -> new HybridTimestamp(-1));
  }
}
