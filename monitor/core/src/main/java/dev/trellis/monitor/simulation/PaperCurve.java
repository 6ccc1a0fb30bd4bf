package dev.trellis.monitor.simulation;

import java.util.List;

/// The course of the paper's experiment, to be laid beside a run of the same.
///
/// @see "Wu et al., VLDB 2019, figure 5"
public final class PaperCurve {
  /// The scenario that it belongs to.
  public static final String SCENARIO = "paper-dynamic";

  /// What the paper says of it: the share of the time in which the objective was met.
  public static final double SHARE_WITHIN_OBJECTIVE = 0.97;

  private PaperCurve() {}

  /// What the figure shows at one moment.
  public record Point(
      double minute, double latencyMillis, double thousandOperationsPerSecond, double nodes) {
    public double operationsPerSecond() {
      return thousandOperationsPerSecond * 1_000;
    }
  }

  /// Its points, as far as they can be told apart.
  public static List<Point> points() {
    return ModelConfig.resource("paper-figure-5.csv")
        .lines()
        .filter(line -> !line.startsWith("#"))
        .map(PaperCurve::point)
        .toList();
  }

  private static Point point(String line) {
    String[] cells = line.split(",", -1);
    return new Point(
        Double.parseDouble(cells[0]),
        Double.parseDouble(cells[1]),
        Double.parseDouble(cells[2]),
        Double.parseDouble(cells[3]));
  }

  /// Minutes of nodes of memory up to a minute, by the number at the end of each step.
  public static double nodeMinutes(double untilMinute) {
    double minutes = 0;
    double last = 0;
    for (Point point : points()) {
      double minute = Math.min(point.minute(), untilMinute);
      minutes += (minute - last) * point.nodes();
      last = minute;
    }
    return minutes;
  }
}
