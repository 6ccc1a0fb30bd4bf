package dev.trellis.plot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Curves over time, with marks where something happened.
public final class TimeChart {
  private static final int WIDTH = 720;
  private static final int HEIGHT = 220;
  private static final int LEFT = 56;
  private static final int RIGHT = 12;
  private static final int TOP = 12;
  private static final int BOTTOM = 28;
  private static final int TICKS = 4;

  /// More points than this are thinned out, the extremes kept.
  private static final int POINTS_MAX = 1_200;

  /// What a page with such charts adds to its style.
  public static final String STYLE =
      """
      path.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
      .c0 { stroke: var(--ok); } .c1 { stroke: var(--info); stroke-dasharray: 5 4; }
      .c2 { stroke: var(--bad); stroke-dasharray: 2 3; } .b0 { background: var(--ok); }
      .b1 { background: var(--info); } .b2 { background: var(--bad); }
      .mark { stroke: var(--soft); stroke-dasharray: 1 3; }
      rect.at { fill: var(--soft); } svg text { font-size: 13px; }
      @media (max-width: 500px) { svg text { font-size: 20px; } }
      """;

  /// A line: points of (minute, value).
  public record Curve(String name, List<double[]> points) {
    public Curve {
      points = List.copyOf(points);
    }
  }

  /// What happened at a minute.
  public record Mark(double minute, String hint) {}

  private final String title;
  private final boolean isLogarithmic;
  private final List<Curve> curves;
  private final List<Mark> marks;
  private final double minutes;
  private final double least;
  private final double most;

  private TimeChart(String title, boolean isLogarithmic, List<Curve> curves, List<Mark> marks) {
    this.title = title;
    this.isLogarithmic = isLogarithmic;
    this.curves = curves;
    this.marks = marks;
    double end = 1e-9;
    double low = Double.MAX_VALUE;
    double high = 0;
    for (Curve curve : curves) {
      for (double[] point : curve.points()) {
        end = Math.max(end, point[0]);
        high = Math.max(high, point[1]);
        low = point[1] > 0 ? Math.min(low, point[1]) : low;
      }
    }
    minutes = end;
    least = isLogarithmic ? powerOfTen(Math.floor(Math.log10(Math.min(low, 1e12)))) : 0;
    most =
        isLogarithmic
            ? Math.max(least * 10, powerOfTen(Math.ceil(Math.log10(Math.max(high, 1e-9)))))
            : roundUp(high);
  }

  private static double powerOfTen(double exponent) {
    return Math.pow(10, exponent);
  }

  private static double roundUp(double value) {
    double step = powerOfTen(Math.floor(Math.log10(Math.max(value, 1e-9)))) / 2;
    return Math.max(1e-9, Math.ceil(value * 1.02 / step) * step);
  }

  /// A heading, a legend if there are several curves, and the drawing.
  public static String of(
      String title, boolean isLogarithmic, List<Curve> curves, List<Mark> marks) {
    return new TimeChart(title, isLogarithmic, curves, marks).draw();
  }

  private String draw() {
    StringBuilder text = new StringBuilder("<h2>").append(Svg.escape(title)).append("</h2>\n");
    legend(text);
    Svg svg = new Svg(WIDTH, HEIGHT, title);
    drawAxes(svg);
    for (Mark mark : marks) {
      double x = x(mark.minute());
      svg.line("mark", x, TOP, x, HEIGHT - BOTTOM);
      svg.box("at", x - 3, TOP - 6, 6, 6, mark.hint());
    }
    for (int index = 0; index < curves.size(); index++) {
      svg.path("curve c" + Math.min(index, 2), path(curves.get(index)));
    }
    return text.append(svg).toString();
  }

  private void legend(StringBuilder text) {
    if (curves.size() < 2) {
      return;
    }
    text.append("<p class=\"key soft\">");
    for (int index = 0; index < curves.size(); index++) {
      text.append(
          "<span class=\"b%d\"></span>%s"
              .formatted(Math.min(index, 2), Svg.escape(curves.get(index).name())));
    }
    text.append("</p>\n");
  }

  private void drawAxes(Svg svg) {
    if (isLogarithmic) {
      for (double value = least; value <= most * 1.001; value *= 10) {
        tick(svg, value);
      }
    } else {
      for (int tick = 0; tick <= TICKS; tick++) {
        tick(svg, most * tick / TICKS);
      }
    }
    for (int tick = 0; tick <= TICKS; tick++) {
      double minute = minutes * tick / TICKS;
      String anchor = tick == 0 ? "start" : tick == TICKS ? "end" : "middle";
      svg.label("tick", x(minute), HEIGHT - 8, anchor, time(minute));
    }
  }

  private String time(double minute) {
    return minutes >= 300
        ? String.format(Locale.ROOT, "%.0f h", minute / 60)
        : String.format(Locale.ROOT, "%.0f min", minute);
  }

  private void tick(Svg svg, double value) {
    svg.line("grid", LEFT, y(value), WIDTH - RIGHT, y(value));
    svg.label("tick", LEFT - 6, y(value) + 4, "end", words(value));
  }

  private CharSequence path(Curve curve) {
    StringBuilder path = new StringBuilder();
    for (double[] point : thinned(curve.points())) {
      path.append(path.isEmpty() ? 'M' : 'L')
          .append(String.format(Locale.ROOT, "%.1f %.1f", x(point[0]), y(point[1])));
    }
    return path;
  }

  private static List<double[]> thinned(List<double[]> points) {
    int stride = (points.size() + POINTS_MAX - 1) / POINTS_MAX;
    if (stride <= 1) {
      return points;
    }
    List<double[]> kept = new ArrayList<>();
    for (int from = 0; from < points.size(); from += stride) {
      List<double[]> few = points.subList(from, Math.min(points.size(), from + stride));
      double[] lowest = few.getFirst();
      double[] highest = few.getFirst();
      for (double[] point : few) {
        lowest = point[1] < lowest[1] ? point : lowest;
        highest = point[1] > highest[1] ? point : highest;
      }
      boolean lowestFirst = lowest[0] <= highest[0];
      kept.add(lowestFirst ? lowest : highest);
      if (lowest != highest) {
        kept.add(lowestFirst ? highest : lowest);
      }
    }
    return kept;
  }

  private double x(double minute) {
    return LEFT + minute / minutes * (WIDTH - LEFT - RIGHT);
  }

  private double y(double value) {
    double share =
        isLogarithmic
            ? Math.log10(Math.max(value, least) / least) / Math.log10(most / least)
            : value / most;
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  }

  private static String words(double value) {
    if (value >= 1e6) {
      return String.format(Locale.ROOT, "%.3gM", value / 1e6);
    }
    return value >= 1e4
        ? String.format(Locale.ROOT, "%.0fk", value / 1e3)
        : value >= 10 || value == Math.rint(value)
            ? String.format(Locale.ROOT, "%.0f", value)
            : String.format(Locale.ROOT, "%.2g", value);
  }
}
