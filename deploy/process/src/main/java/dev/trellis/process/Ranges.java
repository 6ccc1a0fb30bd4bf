package dev.trellis.process;

import java.time.Duration;
import java.util.function.Function;

/// Range checks for records of configuration: the message names the key, the value and the range.
public final class Ranges {
  private Ranges() {}

  /// Refuses a number outside its range.
  ///
  /// @throws ConfigurationException unless `min <= value <= max`
  public static void requireWithin(String key, long value, long min, long max) {
    require(key, value, min, max, String::valueOf);
  }

  /// Refuses a number outside its range, and what is not a number.
  ///
  /// @throws ConfigurationException unless `min <= value <= max`
  public static void requireWithin(String key, double value, double min, double max) {
    require(key, value, min, max, Ranges::shortest);
  }

  private static String shortest(double number) {
    return number == Math.rint(number) && Math.abs(number) < 1e15
        ? Long.toString((long) number)
        : Double.toString(number);
  }

  /// Refuses a duration outside its range.
  ///
  /// @throws ConfigurationException unless `min <= value <= max`
  public static void requireWithin(String key, Duration value, Duration min, Duration max) {
    require(key, value, min, max, Units::text);
  }

  /// Refuses a number of bytes outside its range.
  ///
  /// @throws ConfigurationException unless `min <= value <= max`
  public static void requireBytesWithin(String key, long value, long min, long max) {
    require(key, value, min, max, Units::bytesText);
  }

  private static <T extends Comparable<T>> void require(
      String key, T value, T min, T max, Function<T, String> text) {
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw new ConfigurationException(
          key
              + " "
              + text.apply(value)
              + " is outside "
              + text.apply(min)
              + " to "
              + text.apply(max));
    }
  }
}
