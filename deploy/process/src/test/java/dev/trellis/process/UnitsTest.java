package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class UnitsTest {
  @Test
  void durationsAndSizesAreReadWithTheirUnits() {
    assertEquals(Duration.ofMillis(500), Units.duration("500ms"));
    assertEquals(Duration.ofMinutes(10), Units.duration(" 10 m "));
    assertEquals(Duration.ofDays(3), Units.duration("3d"));
    assertEquals(1_024, Units.bytes("1024B"));
    assertEquals(2L << 30, Units.bytes("2 GiB"));
  }

  @Test
  void textIsReadBackAsWhatItWasMadeOf() {
    for (long millis : new long[] {0, 1, 999, 1_000, 90_000, 3_600_000, 86_400_000 * 3L}) {
      Duration duration = Duration.ofMillis(millis);
      assertEquals(duration, Units.duration(Units.text(duration)));
    }
    assertEquals("90s", Units.text(Duration.ofSeconds(90)));
    assertEquals("16MiB", Units.bytesText(16 << 20));
    assertEquals("1025B", Units.bytesText(1_025));
  }

  @Test
  void whatHasNoUnitOrOverflowsIsRefused() {
    for (String text : new String[] {"", "5", "-5s", "5 weeks", "1.5s", "s"}) {
      assertThrows(IllegalArgumentException.class, () -> Units.duration(text), text);
    }
    assertEquals(
        "is too great a size",
        assertThrows(IllegalArgumentException.class, () -> Units.bytes("999999999999999999GiB"))
            .getMessage());
  }

  @Test
  void rangesNameTheKeyTheValueAndTheRange() {
    assertEquals(
        "handshake.timeout 2m is outside 100ms to 1m",
        assertThrows(
                ConfigurationException.class,
                () ->
                    Ranges.requireWithin(
                        "handshake.timeout",
                        Duration.ofMinutes(2),
                        Duration.ofMillis(100),
                        Duration.ofMinutes(1)))
            .getMessage());
    assertEquals(
        "shards 0 is outside 1 to 16",
        assertThrows(ConfigurationException.class, () -> Ranges.requireWithin("shards", 0, 1, 16))
            .getMessage());
    Ranges.requireBytesWithin("limits.value", 16, 1, 16);
  }

  @Test
  void distanceCountsInsertionsDeletionsAndReplacements() {
    assertEquals(0, NearestName.distance("shards", "shards"));
    assertEquals(1, NearestName.distance("shard", "shards"));
    assertEquals(3, NearestName.distance("kitten", "sitting"));
    assertEquals(4, NearestName.distance("", "bind"));
  }
}
