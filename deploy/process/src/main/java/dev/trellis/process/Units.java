package dev.trellis.process;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Durations and sizes as people write them: a whole number and a unit, such as `500ms` or `16
/// MiB`. The unit is never optional: a bare number is where one misreads seconds as milliseconds.
public final class Units {
  private static final Pattern QUANTITY = Pattern.compile("(\\d{1,18})\\s*([A-Za-z]+)");
  private static final Map<String, Long> MILLIS = new LinkedHashMap<>();
  private static final Map<String, Long> MICROS = new LinkedHashMap<>();
  private static final Map<String, Long> BYTES = new LinkedHashMap<>();

  static {
    // Greatest first, which is the order in which they are tried for printing.
    MILLIS.put("d", 86_400_000L);
    MILLIS.put("h", 3_600_000L);
    MILLIS.put("m", 60_000L);
    MILLIS.put("s", 1_000L);
    MILLIS.put("ms", 1L);
    MILLIS.forEach((unit, millis) -> MICROS.put(unit, millis * 1_000));
    MICROS.put("us", 1L);
    BYTES.put("GiB", 1L << 30);
    BYTES.put("MiB", 1L << 20);
    BYTES.put("KiB", 1L << 10);
    BYTES.put("B", 1L);
  }

  private Units() {}

  /// Reads a duration.
  ///
  /// @throws IllegalArgumentException if it is none; the message says what would be
  public static Duration duration(String text) {
    return Duration.ofMillis(quantity(text, MILLIS, "duration", "ms, s, m, h or d, such as 500ms"));
  }

  /// Reads a duration that may be shorter than a millisecond.
  ///
  /// @throws IllegalArgumentException if it is none; the message says what would be
  public static Duration latency(String text) {
    String hint = "us, ms, s, m, h or d, such as 2500us";
    return Duration.of(quantity(text, MICROS, "duration", hint), ChronoUnit.MICROS);
  }

  /// Reads a number of bytes.
  ///
  /// @throws IllegalArgumentException if it is none; the message says what would be
  public static long bytes(String text) {
    return quantity(text, BYTES, "size", "B, KiB, MiB or GiB, such as 16MiB");
  }

  /// The shortest exact text of a duration of whole microseconds.
  public static String text(Duration duration) {
    return duration.toNanos() % 1_000_000 == 0
        ? text(duration.toMillis(), MILLIS)
        : text(duration.toNanos() / 1_000, MICROS);
  }

  /// The shortest exact text of a number of bytes.
  public static String bytesText(long bytes) {
    return text(bytes, BYTES);
  }

  private static long quantity(String text, Map<String, Long> units, String what, String hint) {
    Matcher matcher = QUANTITY.matcher(text.strip());
    if (matcher.matches()) {
      Long unit = units.get(matcher.group(2));
      if (unit != null) {
        try {
          return Math.multiplyExact(Long.parseLong(matcher.group(1)), unit);
        } catch (ArithmeticException e) {
          throw new IllegalArgumentException("is too great a " + what, e);
        }
      }
    }
    throw new IllegalArgumentException(
        "is no " + what + ": write a whole number and a unit of " + hint);
  }

  private static String text(long amount, Map<String, Long> units) {
    for (Map.Entry<String, Long> unit : units.entrySet()) {
      if (amount != 0 && amount % unit.getValue() == 0) {
        return amount / unit.getValue() + unit.getKey();
      }
    }
    return amount + (units == BYTES ? "B" : "ms");
  }
}
