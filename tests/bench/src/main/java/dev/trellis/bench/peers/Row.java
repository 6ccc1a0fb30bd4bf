package dev.trellis.bench.peers;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/// One line of the table.
///
/// @param measure what was measured, and how
/// @param target for people
/// @param measured a ratio or a figure, for people
/// @param value the same as a number; empty where it was left out
/// @param figures the absolute figures behind it
/// @param verdict what came of it
record Row(
    String measure,
    String target,
    String measured,
    OptionalDouble value,
    String figures,
    Verdict verdict) {
  /// Whether the target was reached.
  enum Verdict {
    REACHED,
    NOT_REACHED,
    /// There is no target.
    REPORTED,
    /// Something was missing.
    LEFT_OUT;

    String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
  }

  /// A ratio that shall be at least so great.
  static Row atLeast(String measure, double target, double ratio, String figures) {
    return ratio(measure, "≥ ", target, ratio, figures, ratio >= target);
  }

  /// A ratio that shall be at most so great.
  static Row atMost(String measure, double target, double ratio, String figures) {
    return ratio(measure, "≤ ", target, ratio, figures, ratio <= target);
  }

  private static Row ratio(
      String measure, String sign, double target, double ratio, String figures, boolean isReached) {
    return new Row(
        measure,
        sign + String.format(Locale.ROOT, "%.2f×", target),
        String.format(Locale.ROOT, "%.2f×", ratio),
        OptionalDouble.of(ratio),
        figures,
        isReached ? Verdict.REACHED : Verdict.NOT_REACHED);
  }

  /// A figure that shall be at most so great.
  static Row atMost(String measure, double target, double value, String unit, String figures) {
    return new Row(
        measure,
        String.format(Locale.ROOT, "≤ %.0f %s", target, unit),
        String.format(Locale.ROOT, "%.0f %s", value, unit),
        OptionalDouble.of(value),
        figures,
        value <= target ? Verdict.REACHED : Verdict.NOT_REACHED);
  }

  /// A figure without a target.
  static Row reported(String measure, double value, String measured, String figures) {
    return new Row(measure, "–", measured, OptionalDouble.of(value), figures, Verdict.REPORTED);
  }

  /// What could not be measured.
  static Row leftOut(String measure, String why) {
    return new Row(measure, "–", "–", OptionalDouble.empty(), why, Verdict.LEFT_OUT);
  }

  /// As JSON.
  Map<String, Object> json() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("measure", measure);
    object.put("target", target);
    object.put("measured", measured);
    value.ifPresent(number -> object.put("value", number));
    object.put("figures", figures);
    object.put("verdict", verdict.word());
    return object;
  }

  /// As a line of a table in Markdown.
  String markdown() {
    return "| %s | %s | %s | %s | %s |"
        .formatted(measure, target, measured, figures, verdict.word());
  }
}
