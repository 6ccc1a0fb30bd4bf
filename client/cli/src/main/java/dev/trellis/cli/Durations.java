package dev.trellis.cli;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Durations as people type them: a whole number and a unit, such as `500ms`, `10s` or `7d`.
final class Durations implements ITypeConverter<Duration> {
  private static final Pattern FORM = Pattern.compile("(\\d{1,15})(ms|s|m|h|d)");

  @Override
  public Duration convert(String text) {
    try {
      return parse(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(String.valueOf(e.getMessage()));
    }
  }

  /// @throws IllegalArgumentException if the text is no duration, or none above zero
  static Duration parse(String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is no duration: write a whole number and ms, s, m, h or d, such as 10s");
    }
    long number = Long.parseLong(form.group(1));
    if (number == 0) {
      throw new IllegalArgumentException("'" + text + "' is no time at all; give 1ms or more");
    }
    try {
      return switch (form.group(2)) {
        case "ms" -> Duration.ofMillis(number);
        case "s" -> Duration.ofSeconds(number);
        case "m" -> Duration.ofMinutes(number);
        case "h" -> Duration.ofHours(number);
        default -> Duration.ofDays(number);
      };
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("'" + text + "' is longer than can be counted", e);
    }
  }
}
