package dev.trellis.deploy;

import dev.trellis.deploy.AutoscaleReport.Decided;
import dev.trellis.deploy.AutoscaleReport.Phase;
import dev.trellis.deploy.AutoscaleReport.Sample;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/// The page of a demo, which needs nothing but itself.
final class AutoscalePage {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 150;
  private static final int LEFT = 70;

  private static final String STYLE =
      """
      :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
      body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
      svg { width: 100%; height: auto; }
      .line { fill: none; stroke: currentColor; stroke-width: 1.5; }
      .phase { fill: currentColor; opacity: .07; }
      .phase.odd { opacity: .14; }
      .axis { stroke: currentColor; opacity: .4; }
      .mark { stroke: currentColor; stroke-dasharray: 2 3; }
      text { font-size: 11px; fill: currentColor; }
      table { border-collapse: collapse; width: 100%; }
      th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8886; vertical-align: top; }
      """;

  private final AutoscaleReport report;
  private final long endMillis;

  private AutoscalePage(AutoscaleReport report) {
    this.report = report;
    this.endMillis =
        Math.max(1, report.samples().isEmpty() ? 1 : report.samples().getLast().atMillis());
  }

  /// The whole page.
  static String of(AutoscaleReport report) {
    return new AutoscalePage(report).page();
  }

  private String page() {
    StringBuilder html = new StringBuilder();
    html.append("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.append("<meta name=\"viewport\" content=\"width=device-width\">");
    html.append("<title>Trellis: a store that sizes itself</title><style>").append(STYLE);
    html.append("</style></head><body><h1>A store that sizes itself</h1><table>");
    report
        .findings()
        .forEach(
            (what, found) ->
                html.append("<tr><th scope=\"row\">")
                    .append(escaped(what))
                    .append("</th><td>")
                    .append(escaped(found))
                    .append("</td></tr>"));
    html.append("</table>");
    chart(html, "Nodes of the memory tier", Sample::memoryNodes);
    chart(html, "Replicas of the hot key in memory", Sample::hotReplicas);
    chart(html, "Operations a second", Sample::operationsPerSecond);
    chart(html, "Latency that clients saw, mean, µs", Sample::meanMicros);
    chart(html, "Bytes in memory, of all nodes", Sample::memoryBytes);
    phases(html);
    decisions(html);
    return html.append("</body></html>\n").toString();
  }

  private void chart(StringBuilder html, String title, ToDoubleFunction<Sample> value) {
    List<Sample> samples = report.samples();
    double most = Math.max(1, samples.stream().mapToDouble(value).max().orElse(1));
    html.append("<h2>").append(escaped(title)).append("</h2><svg viewBox=\"0 0 ").append(WIDTH);
    html.append(' ').append(HEIGHT + 20).append("\" role=\"img\" aria-label=\"");
    html.append(escaped(title)).append(", at most ").append(number(most)).append("\">");
    for (int at = 0; at < report.phases().size(); at++) {
      Phase phase = report.phases().get(at);
      html.append("<rect class=\"phase").append(at % 2 == 0 ? "" : " odd").append("\" x=\"");
      html.append(number(x(phase.fromMillis()))).append("\" y=\"0\" width=\"");
      html.append(number(x(phase.toMillis()) - x(phase.fromMillis()))).append("\" height=\"");
      html.append(HEIGHT).append("\"/><text x=\"").append(number(x(phase.fromMillis()) + 3));
      html.append("\" y=\"").append(HEIGHT + 14).append("\">").append(escaped(phase.name()));
      html.append("</text>");
    }
    for (Decided decided : report.decisions()) {
      String x = number(x(decided.atMillis()));
      html.append("<line class=\"mark\" x1=\"").append(x).append("\" x2=\"").append(x);
      html.append("\" y1=\"0\" y2=\"").append(HEIGHT).append("\"><title>");
      html.append(escaped(decided.what())).append("</title></line>");
    }
    html.append("<text x=\"0\" y=\"12\">").append(number(most)).append("</text>");
    html.append("<text x=\"0\" y=\"").append(HEIGHT).append("\">0</text>");
    html.append("<line class=\"axis\" x1=\"").append(LEFT).append("\" x2=\"").append(WIDTH);
    html.append("\" y1=\"").append(HEIGHT).append("\" y2=\"").append(HEIGHT).append("\"/>");
    html.append("<polyline class=\"line\" points=\"");
    for (Sample sample : samples) {
      double y = HEIGHT - value.applyAsDouble(sample) / most * (HEIGHT - 10);
      html.append(number(x(sample.atMillis()))).append(',').append(number(y)).append(' ');
    }
    html.append("\"/></svg>");
  }

  private double x(long millis) {
    return LEFT + Math.clamp((double) millis / endMillis, 0, 1) * (WIDTH - LEFT);
  }

  private void phases(StringBuilder html) {
    html.append("<h2>What was put on it</h2><table><tr><th>from</th><th>to</th><th></th></tr>");
    for (Phase phase : report.phases()) {
      row(
          html,
          DemoCommand.seconds(phase.fromMillis()),
          DemoCommand.seconds(phase.toMillis()),
          phase.name() + ": " + phase.what());
    }
    html.append("</table>");
  }

  private void decisions(StringBuilder html) {
    html.append("<h2>What the monitor decided, and why</h2>");
    html.append("<table><tr><th>at</th><th>what</th><th>because</th><th>state</th></tr>");
    for (Decided decided : report.decisions()) {
      row(
          html,
          DemoCommand.seconds(decided.atMillis()),
          decided.what(),
          decided.because(),
          decided.state());
    }
    html.append("</table>");
  }

  private static void row(StringBuilder html, String... cells) {
    html.append("<tr>");
    for (String cell : cells) {
      html.append("<td>").append(escaped(cell)).append("</td>");
    }
    html.append("</tr>");
  }

  private static String number(double number) {
    return number == Math.rint(number)
        ? String.format(Locale.ROOT, "%.0f", number)
        : String.format(Locale.ROOT, "%.1f", number);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
