package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SharedClockTest {
  private static final long START = 1_700_000_000_000L;

  private final AtomicLong wall = new AtomicLong(START);
  private final SharedClock clock = new SharedClock(wall::get);

  /// A stamp, refused by a shard of this clock, of which we hear after a while.
  private void refused(long shardMillis, long later) {
    HybridTimestamp stamp = clock.tick();
    wall.addAndGet(later);
    clock.adopt(HybridTimestamp.ofMillis(shardMillis), stamp);
  }

  @Test
  void aClockThatIsWrongFollowsTheShardThatRefusedItsStamp() {
    refused(START + 60_000, 5);
    assertEquals(START + 60_000, clock.tick().millis());
    wall.addAndGet(100);
    refused(START, 5);
    assertEquals(START, clock.tick().millis());
    wall.addAndGet(7);
    assertEquals(START + 7, clock.tick().millis());
  }

  /// The request was on its way for 600 ms and the refusal for 400: nobody's clock is wrong.
  @Test
  void aRefusalThatTookLongDoesNotSetBackAClockThatIsRight() {
    refused(START + 600, 1_000);
    assertEquals(START + 1_000, clock.tick().millis());
  }

  @Test
  void ofManyRefusalsOnlyTheFirstMovesTheClock() {
    HybridTimestamp first = clock.tick();
    HybridTimestamp second = clock.tick();
    clock.adopt(HybridTimestamp.ofMillis(START - 60_000), first);
    HybridTimestamp stamp = clock.tick();
    clock.adopt(HybridTimestamp.ofMillis(START - 60_000), second);
    assertTrue(clock.tick().isAfter(stamp));
  }
}
