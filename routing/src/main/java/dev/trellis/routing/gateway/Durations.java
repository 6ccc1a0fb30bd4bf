package dev.trellis.routing.gateway;

import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Lengths of time as people type them: `500ms`, `30s`, `5m`, `2h`, `7d`, or plain milliseconds.
final class Durations {
  private static final Pattern FORM = Pattern.compile("([0-9]{1,18})(ms|s|m|h|d|)");
  private static final Map<String, Long> MILLIS_BY_UNIT =
      Map.of("", 1L, "ms", 1L, "s", 1_000L, "m", 60_000L, "h", 3_600_000L, "d", 86_400_000L);

  private Durations() {}

  /// @param name of the parameter, for the message
  /// @throws Refusal if the text has another form, or lies outside 1 ms to `max`
  static Duration parse(String name, String text, Duration max) {
    Matcher form = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!form.matches()) {
      throw refusal(name, text, max);
    }
    try {
      long millis =
          Math.multiplyExact(
              Long.parseLong(form.group(1)), MILLIS_BY_UNIT.getOrDefault(form.group(2), 1L));
      if (millis < 1 || millis > max.toMillis()) {
        throw refusal(name, text, max);
      }
      return Duration.ofMillis(millis);
    } catch (ArithmeticException e) {
      throw refusal(name, text, max);
    }
  }

  private static Refusal refusal(String name, String text, Duration max) {
    return Refusal.badRequest(
        name
            + " '"
            + text
            + "' must be a length of time from 1ms to "
            + max.toDays()
            + "d, such as 500ms, 30s, 5m, 2h or 7d; a plain number counts milliseconds");
  }
}
