package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.plot.Svg;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// How calls went over time: a point for each, by when it was made and how long it took, and below
/// how many succeeded in each second; the times in which faults were there are shaded.
final class Plot {
  private static final int WIDTH = 1_000;
  private static final int LEFT = 60;
  private static final int RIGHT = 10;
  private static final int TOP = 14;
  private static final int LATENCY_HEIGHT = 150;
  private static final int GAP = 14;
  private static final int RATE_HEIGHT = 60;
  private static final int BOTTOM = 22;
  private static final int HEIGHT = TOP + LATENCY_HEIGHT + GAP + RATE_HEIGHT + BOTTOM;
  private static final double NANOS_PER_MILLI = 1e6;
  private static final double NANOS_PER_SECOND = 1e9;

  /// Of latencies, in powers of ten of a millisecond.
  private static final int POWER_MIN = -1;

  private static final int POWER_MAX = 4;
  private static final int[] TICKS = {1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200};
  private static final int TICKS_MAX = 14;

  private Plot() {}

  static String of(String title, History history) {
    List<Operation> operations = history.operations();
    if (operations.isEmpty()) {
      return "";
    }
    long end = operations.getLast().time();
    double seconds = Math.max(1, end / NANOS_PER_SECOND);
    Svg svg = new Svg(WIDTH, HEIGHT, title);
    for (Shade shade : Shade.of(operations, end)) {
      double from = x(shade.from(), seconds);
      double width = x(shade.to(), seconds) - from;
      svg.box("shade", from, TOP, width, HEIGHT - TOP - BOTTOM, shade.hint());
    }
    axes(svg, seconds);
    points(svg, history, seconds);
    rates(svg, history, seconds);
    return svg.toString();
  }

  private static double x(long nanos, double seconds) {
    return LEFT + nanos / NANOS_PER_SECOND / seconds * (WIDTH - LEFT - RIGHT);
  }

  private static double y(double millis) {
    double power = Math.clamp(Math.log10(Math.max(millis, 1e-9)), POWER_MIN, POWER_MAX);
    return TOP + LATENCY_HEIGHT * (POWER_MAX - power) / (POWER_MAX - POWER_MIN);
  }

  private static void axes(Svg svg, double seconds) {
    for (int power = POWER_MIN; power <= POWER_MAX; power++) {
      double millis = Math.pow(10, power);
      svg.line("grid", LEFT, y(millis), WIDTH - RIGHT, y(millis));
      String words =
          power >= 3
              ? String.format(Locale.ROOT, "%.0f s", millis / 1_000)
              : power >= 0
                  ? String.format(Locale.ROOT, "%.0f ms", millis)
                  : String.format(Locale.ROOT, "%.1f ms", millis);
      svg.label("tick", LEFT - 6, y(millis) + 4, "end", words);
    }
    int step = TICKS[TICKS.length - 1];
    for (int index = TICKS.length - 1; index >= 0; index--) {
      if (seconds / TICKS[index] <= TICKS_MAX) {
        step = TICKS[index];
      }
    }
    for (int second = 0; second <= seconds; second += step) {
      double at = x((long) (second * NANOS_PER_SECOND), seconds);
      svg.line("grid", at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 4);
      svg.label("tick", at, HEIGHT - 4, "middle", second + " s");
    }
  }

  private static void points(Svg svg, History history, double seconds) {
    StringBuilder ok = new StringBuilder();
    StringBuilder failed = new StringBuilder();
    StringBuilder unknown = new StringBuilder();
    Set<String> drawn = new HashSet<>(); // many fall on one place
    for (Call call : history.calls()) {
      if (call.completion().isEmpty()) {
        continue;
      }
      double millis = (call.completedTime() - call.invokedTime()) / NANOS_PER_MILLI;
      String point =
          String.format(Locale.ROOT, "M%.0f %.0fh0", x(call.invokedTime(), seconds), y(millis));
      StringBuilder kind = call.isOk() ? ok : call.isFailed() ? failed : unknown;
      if (drawn.add((call.isOk() ? "o" : call.isFailed() ? "f" : "u") + point)) {
        kind.append(point);
      }
    }
    svg.path("point ok", ok).path("point fail", failed).path("point info", unknown);
  }

  private static void rates(Svg svg, History history, double seconds) {
    int[] rates = new int[(int) seconds + 1];
    for (Call call : history.calls()) {
      if (call.isOk()) {
        rates[Math.min(rates.length - 1, (int) (call.completedTime() / NANOS_PER_SECOND))]++;
      }
    }
    int most = 1;
    for (int rate : rates) {
      most = Math.max(most, rate);
    }
    double floor = HEIGHT - BOTTOM;
    StringBuilder area = new StringBuilder();
    area.append(String.format(Locale.ROOT, "M%.1f %.1f", (double) LEFT, floor));
    for (int second = 0; second < rates.length; second++) {
      double height = (double) rates[second] / most * RATE_HEIGHT;
      double from = x((long) (second * NANOS_PER_SECOND), seconds);
      double to = Math.min(WIDTH - RIGHT, x((long) ((second + 1) * NANOS_PER_SECOND), seconds));
      area.append(
          String.format(
              Locale.ROOT, "L%.1f %.1fL%.1f %.1f", from, floor - height, to, floor - height));
    }
    area.append(String.format(Locale.ROOT, "L%.1f %.1fZ", (double) WIDTH - RIGHT, floor));
    svg.path("rate", area);
    svg.line("grid", LEFT, floor, WIDTH - RIGHT, floor);
    svg.label("tick", LEFT - 6, floor - RATE_HEIGHT + 8, "end", most + "/s");
    svg.label("tick", LEFT - 6, floor, "end", "0/s");
  }
}
