package dev.trellis.simulation;

import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.simulation.SimulationReport.Made;
import dev.trellis.wire.Placement;
import java.util.Locale;

/// Decisions in words.
final class PolicyText {
  private PolicyText() {}

  static String line(Made made) {
    return time(made.second())
        + "  "
        + what(made.decision())
        + ": "
        + made.decision().explanation().because();
  }

  static String time(long second) {
    return second >= 3_600
        ? "%d:%02d:%02d".formatted(second / 3_600, second / 60 % 60, second % 60)
        : "%d:%02d".formatted(second / 60, second % 60);
  }

  static String what(Decision decision) {
    return switch (decision) {
      case Decision.Resize resize ->
          "%s %d to %d nodes".formatted(resize.tier().word(), resize.from(), resize.to());
      case Decision.Place place ->
          "%s %s %s to %s"
              .formatted(
                  place.move().word(),
                  place.count() == 1
                      ? place.key().text()
                      : String.format(Locale.ROOT, "%,d of %s", place.count(), place.key().text()),
                  text(place.from()),
                  text(place.to()));
    };
  }

  private static String text(Placement placement) {
    return "(%d,%d,%d)"
        .formatted(placement.memoryNodes(), placement.ssdNodes(), placement.shardsPerNode());
  }

  /// With three digits that count.
  static String number(double value) {
    double size = Math.abs(value);
    return size == Math.rint(size) || size >= 1_000
        ? String.format(Locale.ROOT, "%,.0f", value)
        : String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 1 ? "%.2f" : "%.3g", value);
  }
}
