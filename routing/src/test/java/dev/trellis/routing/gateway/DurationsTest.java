package dev.trellis.routing.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {
  private static final Duration MAX = Duration.ofDays(100);

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "1500, 1500",
    "250ms, 250",
    "30s, 30000",
    "5m, 300000",
    "2h, 7200000",
    "100d, 8640000000",
    "30S, 30000"
  })
  void isRead(String text, long millis) {
    assertEquals(Duration.ofMillis(millis), Durations.parse("ttl", text, MAX));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0",
        "-1",
        "-5s",
        "1.5s",
        "5 s",
        "5y",
        "s",
        "101d",
        "99999999999999999999",
        "1e3",
        "999999999999999999d"
      })
  void isRefusedNamingTheArgumentAndTheValue(String text) {
    String message =
        assertThrows(Refusal.class, () -> Durations.parse("ttl", text, MAX)).getMessage();
    assertTrue(message.contains("ttl '" + text + "' must be a length of time"), message);
    assertTrue(message.contains("100d"), message);
  }
}
