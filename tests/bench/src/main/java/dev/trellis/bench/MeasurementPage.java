package dev.trellis.bench;

import dev.trellis.bench.Measurement.Interval;
import dev.trellis.plot.Page;
import dev.trellis.plot.Svg;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/// A page about a measurement: its table, operations and latencies over time, and how latencies are
/// distributed.
final class MeasurementPage {
  private static final int WIDTH = 720;
  private static final int HEIGHT = 260;
  private static final int LEFT = 64;
  private static final int RIGHT = 12;
  private static final int TOP = 12;
  private static final int BOTTOM = 30;
  private static final int TICKS = 5;
  private static final double[] TAIL = {50, 90, 99, 99.9, 99.99, 99.999};
  private static final String STYLE =
      """
      .scroll { overflow-x: auto; } td.n, th.n { text-align: right; }
      path.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
      .c0 { stroke: var(--ok); } .c1 { stroke: var(--info); } .c2 { stroke: var(--bad); }
      .c3 { stroke: var(--good); } .b0 { background: var(--ok); } .b1 { background: var(--info); }
      .b2 { background: var(--bad); } .b3 { background: var(--good); }
      svg text { font-size: 13px; }
      @media (max-width: 500px) { svg text { font-size: 20px; } }
      """;

  private MeasurementPage() {}

  /// One line of a plot.
  private record Curve(String name, List<double[]> points) {}

  static String of(Measurement measurement) {
    StringBuilder page = new StringBuilder(Page.head("Trellis bench", STYLE));
    page.append("<h1>Trellis bench</h1>\n<p class=\"soft\">")
        .append(Svg.escape(measurement.describe()))
        .append("</p>\n");
    measurement
        .filling()
        .ifPresent(
            filled ->
                page.append(
                    String.format(
                        Locale.ROOT,
                        "<p>Loaded %,d keys in %.1f s: %,.0f a second.</p>%n",
                        filled.keys(),
                        filled.seconds(),
                        filled.keys() / Math.max(1e-9, filled.seconds()))));
    page.append(
        String.format(
            Locale.ROOT,
            "<p><b>%,.0f operations a second</b> over %.1f s, %s.</p>%n",
            measurement.operationsPerSecond(),
            measurement.seconds(),
            measurement.load().rate().isPresent()
                ? String.format(
                    Locale.ROOT,
                    "an open loop of %,d a second: latency counts from when a call was due",
                    measurement.load().rate().getAsInt())
                : "a closed loop"));
    table(page, measurement);
    List<Interval> intervals = measurement.intervals();
    section(
        page,
        "Operations a second",
        false,
        List.of(curve("operations", intervals, each -> each.operations() / each.seconds())));
    section(
        page,
        "Latency over time, µs",
        true,
        List.of(
            curve("p50", intervals, Interval::p50Micros),
            curve("p99", intervals, Interval::p99Micros),
            curve("max", intervals, Interval::maxMicros)));
    distribution(page, measurement);
    return page.append(Page.end()).toString();
  }

  private static void table(StringBuilder page, Measurement measurement) {
    page.append("<div class=\"scroll\"><table><tr><th></th>");
    for (String head : List.of("count", "p50 µs", "p95 µs", "p99 µs", "p99.9 µs", "max µs")) {
      page.append("<th class=\"n\">").append(head).append("</th>");
    }
    page.append("</tr>\n");
    measurement.latencies().forEach((type, nanos) -> row(page, type.word(), nanos));
    if (measurement.load().rate().isPresent()) {
      row(page, "sent late by", measurement.lateness());
    }
    if (measurement.failed().getTotalCount() > 0) {
      row(page, "failed", measurement.failed());
    }
    page.append("</table></div>\n");
    if (measurement.missing() > 0) {
      page.append(
          String.format(
              Locale.ROOT, "<p>Reads that found nothing: %,d</p>%n", measurement.missing()));
    }
    measurement
        .failures()
        .forEach(
            (code, count) ->
                page.append(
                    String.format(Locale.ROOT, "<p>Failed with %s: %,d</p>%n", code, count)));
  }

  private static void row(StringBuilder page, String name, Histogram nanos) {
    page.append(
        String.format(
            Locale.ROOT, "<tr><td>%s</td><td class=\"n\">%,d</td>", name, nanos.getTotalCount()));
    for (double percentile : new double[] {50, 95, 99, 99.9, 100}) {
      page.append(
          String.format(
              Locale.ROOT, "<td class=\"n\">%,.1f</td>", Measurement.micros(nanos, percentile)));
    }
    page.append("</tr>\n");
  }

  private static Curve curve(
      String name, List<Interval> intervals, ToDoubleFunction<Interval> value) {
    return new Curve(
        name,
        intervals.stream()
            .map(each -> new double[] {each.endSeconds(), value.applyAsDouble(each)})
            .toList());
  }

  private static void section(
      StringBuilder page, String title, boolean isLogarithmic, List<Curve> curves) {
    page.append("<h2>").append(title).append("</h2>\n");
    legend(page, curves);
    double end = 0;
    for (Curve curve : curves) {
      for (double[] point : curve.points()) {
        end = Math.max(end, point[0]);
      }
    }
    double span = Math.max(end, 1e-9);
    Scale scale = Scale.of(curves, isLogarithmic);
    Svg svg = new Svg(WIDTH, HEIGHT, title);
    scale.draw(svg);
    double step = Math.ceil(span / TICKS);
    for (double at = 0; at <= span; at += step) {
      String anchor = at == 0 ? "start" : at + step > span ? "end" : "middle";
      svg.label("tick", x(at / span), HEIGHT - 8, anchor, String.format(Locale.ROOT, "%.0f s", at));
    }
    draw(svg, curves, scale, second -> second / span);
    page.append(svg);
  }

  /// Latency against the share of operations that were as fast: the tail gets as much room for each
  /// nine.
  private static void distribution(StringBuilder page, Measurement measurement) {
    List<Curve> curves = new ArrayList<>();
    measurement
        .latencies()
        .forEach(
            (type, nanos) -> {
              List<double[]> points = new ArrayList<>();
              for (double nines = 0; nines <= 5; nines += 0.05) {
                double percentile = 100 * (1 - Math.pow(10, -nines));
                // Where there is less than one operation left, the curve would say nothing.
                if (nanos.getTotalCount() * Math.pow(10, -nines) >= 1) {
                  points.add(new double[] {nines, Measurement.micros(nanos, percentile)});
                }
              }
              curves.add(new Curve(type.word(), points));
            });
    String title = "Latency by percentile of operations, µs";
    page.append("<h2>").append(title).append("</h2>\n");
    legend(page, curves);
    Scale scale = Scale.of(curves, true);
    Svg svg = new Svg(WIDTH, HEIGHT, title);
    scale.draw(svg);
    for (int tick = 0; tick < TAIL.length; tick++) {
      double nines = -Math.log10(1 - TAIL[tick] / 100);
      svg.line("grid", x(nines / 5), TOP, x(nines / 5), HEIGHT - BOTTOM);
      svg.label(
          "tick",
          x(nines / 5),
          HEIGHT - 8,
          tick == TAIL.length - 1 ? "end" : "middle",
          Double.toString(TAIL[tick]).replaceFirst("\\.0$", ""));
    }
    draw(svg, curves, scale, nines -> nines / 5);
    page.append(svg);
  }

  private static void legend(StringBuilder page, List<Curve> curves) {
    if (curves.size() < 2) {
      return;
    }
    page.append("<p class=\"key soft\">");
    for (int index = 0; index < curves.size(); index++) {
      page.append(
          String.format(
              Locale.ROOT,
              "<span class=\"b%d\"></span>%s",
              index,
              Svg.escape(curves.get(index).name())));
    }
    page.append("</p>\n");
  }

  /// Where along its axis, from 0 to 1, a point is.
  private interface Across {
    double of(double value);
  }

  private static void draw(Svg svg, List<Curve> curves, Scale scale, Across across) {
    for (int index = 0; index < curves.size(); index++) {
      StringBuilder path = new StringBuilder();
      for (double[] point : curves.get(index).points()) {
        path.append(path.isEmpty() ? 'M' : 'L')
            .append(
                String.format(Locale.ROOT, "%.1f %.1f", x(across.of(point[0])), scale.y(point[1])));
      }
      svg.path("curve c" + index, path);
    }
  }

  private static double x(double share) {
    return LEFT + share * (WIDTH - LEFT - RIGHT);
  }

  /// The axis of values.
  ///
  /// @param least at its foot; of a logarithmic one a power of ten, as `most`
  private record Scale(double least, double most, boolean isLogarithmic) {
    static Scale of(List<Curve> curves, boolean isLogarithmic) {
      double least = Double.MAX_VALUE;
      double most = 0;
      for (Curve curve : curves) {
        for (double[] point : curve.points()) {
          if (point[1] > 0) {
            least = Math.min(least, point[1]);
            most = Math.max(most, point[1]);
          }
        }
      }
      if (!isLogarithmic) {
        double step = Math.pow(10, Math.floor(Math.log10(Math.max(most, 1))));
        return new Scale(0, Math.ceil(Math.max(most, 1) / step) * step, false);
      }
      double foot = Math.pow(10, Math.floor(Math.log10(Math.clamp(least, 1e-3, 1e12))));
      double top = Math.pow(10, Math.ceil(Math.log10(Math.clamp(most, 1e-3, 1e12))));
      return new Scale(foot, Math.max(top, foot * 10), true);
    }

    double y(double value) {
      double share =
          isLogarithmic
              ? Math.log10(Math.max(value, least) / least) / Math.log10(most / least)
              : value / most;
      return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
    }

    void draw(Svg svg) {
      if (isLogarithmic) {
        for (double value = least; value <= most * 1.001; value *= 10) {
          tick(svg, value);
        }
      } else {
        for (int tick = 0; tick <= TICKS; tick++) {
          tick(svg, most * tick / TICKS);
        }
      }
    }

    private void tick(Svg svg, double value) {
      svg.line("grid", LEFT, y(value), WIDTH - RIGHT, y(value));
      svg.label("tick", LEFT - 6, y(value) + 4, "end", words(value));
    }

    private static String words(double value) {
      if (value >= 1e6) {
        return String.format(Locale.ROOT, "%.3gM", value / 1e6).replaceFirst("\\.?0+M$", "M");
      }
      return value >= 1e4
          ? String.format(Locale.ROOT, "%.0fk", value / 1e3)
          : value >= 1 || value == 0
              ? String.format(Locale.ROOT, "%.0f", value)
              : String.format(Locale.ROOT, "%.2g", value);
    }
  }
}
