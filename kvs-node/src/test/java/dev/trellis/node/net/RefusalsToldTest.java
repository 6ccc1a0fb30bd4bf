package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class RefusalsToldTest {
  private final RefusalsTold told = new RefusalsTold();
  private long now = 1_000_000;

  @Test
  void aReasonIsToldOnceAndAgainAfterAWhileWithHowOftenItWasNot() {
    assertEquals(OptionalLong.of(0), told.note("stale", now));
    for (int i = 0; i < 5; i++) {
      assertEquals(OptionalLong.empty(), told.note("stale", now += 1_000));
    }
    now += RefusalsTold.AGAIN_MILLIS;
    assertEquals(OptionalLong.of(5), told.note("stale", now));
    assertEquals(OptionalLong.empty(), told.note("stale", now));
  }

  /// However long it goes on: after 1,000 reasons nothing was told any more.
  @Test
  void whoMakesUpReasonsGetsSoManyLinesAMinuteAndTheRestIsCounted() {
    long lines = 0;
    long counted = 0;
    int hour = 3_600;
    for (int second = 0; second < hour; second++) {
      now += 1_000;
      for (int i = 0; i < 100; i++) {
        OptionalLong line = told.note("reason " + second + " " + i, now);
        if (line.isPresent()) {
          lines++;
          counted += line.getAsLong();
        }
      }
    }
    assertTrue(lines >= hour - 60 && lines <= hour + RefusalsTold.LINES_MAX, "lines " + lines);
    assertTrue(lines + counted > 100L * hour - 200, "told " + lines + ", counted " + counted);
  }

  @Test
  void whatWasCountedIsToldThoughNobodyComesAnyMore() {
    assertEquals(OptionalLong.of(0), told.note("stale", now));
    assertEquals(OptionalLong.empty(), told.overdue(now + RefusalsTold.COUNT_MILLIS));
    told.note("stale", now);
    told.note("stale", now);
    assertEquals(OptionalLong.empty(), told.overdue(now + RefusalsTold.COUNT_MILLIS - 1));
    assertEquals(OptionalLong.of(2), told.overdue(now + RefusalsTold.COUNT_MILLIS));
    assertEquals(OptionalLong.empty(), told.overdue(now + RefusalsTold.COUNT_MILLIS));
  }

  @Test
  void aClockThatIsSetBackHoldsNothingBack() {
    assertEquals(OptionalLong.of(0), told.note("stale", now));
    assertEquals(OptionalLong.of(0), told.note("stale", now - 1));
  }
}
