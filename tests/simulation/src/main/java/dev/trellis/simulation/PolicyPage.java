package dev.trellis.simulation;

import dev.trellis.monitor.policy.Explanation;
import dev.trellis.monitor.simulation.PaperCurve;
import dev.trellis.monitor.simulation.SimulationReport;
import dev.trellis.monitor.simulation.SimulationReport.Made;
import dev.trellis.monitor.simulation.SimulationReport.Sample;
import dev.trellis.plot.Page;
import dev.trellis.plot.Svg;
import dev.trellis.plot.TimeChart;
import dev.trellis.plot.TimeChart.Curve;
import dev.trellis.plot.TimeChart.Mark;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/// A page about a simulated run: nodes, cost, latency and operations over time, and every decision
/// with its reasons.
final class PolicyPage {
  private static final int ROWS_MAX = 500;

  private final SimulationReport report;
  private final List<Mark> marks;
  private final boolean isPaper;

  private PolicyPage(SimulationReport report) {
    this.report = report;
    marks = marks(report);
    isPaper = report.scenario().name().equals(PaperCurve.SCENARIO);
  }

  static String of(SimulationReport report, List<String> summary) {
    return new PolicyPage(report).page(summary);
  }

  private static List<Mark> marks(SimulationReport report) {
    return report.decisions().stream()
        .collect(Collectors.groupingBy(Made::second, TreeMap::new, Collectors.toList()))
        .entrySet()
        .stream()
        .map(
            second ->
                new Mark(
                    second.getKey() / 60.0,
                    second.getValue().stream()
                        .limit(8)
                        .map(PolicyText::line)
                        .collect(Collectors.joining("\n"))))
        .toList();
  }

  private String page(List<String> summary) {
    StringBuilder page =
        new StringBuilder(
            Page.head(
                "Trellis simulate policy " + report.scenario().name(),
                TimeChart.STYLE + "td { vertical-align: top; } .scroll { overflow-x: auto; }"));
    page.append("<h1>Policies in simulation: ")
        .append(Svg.escape(report.scenario().name()))
        .append("</h1>\n<p class=\"soft\">")
        .append(Svg.escape(report.scenario().description()))
        .append("</p>\n<ul>\n");
    summary.forEach(line -> page.append("<li>").append(Svg.escape(line)).append("</li>\n"));
    page.append("</ul>\n");
    charts(page);
    decisions(page);
    return page.append(Page.end()).toString();
  }

  private void charts(StringBuilder page) {
    double objective = report.config().policy().objective().micros() / 1e3;
    double end = report.samples().size() / 60.0;
    Curve objectiveLine =
        new Curve("objective", List.of(new double[] {0, objective}, new double[] {end, objective}));
    page.append(
        chart(
            "Latency, ms",
            true,
            sample -> sample.latencyMicros() / 1e3,
            PaperCurve.Point::latencyMillis,
            List.of(objectiveLine)));
    page.append(
        chart(
            "Memory nodes, from their order on",
            false,
            Sample::memoryNodes,
            PaperCurve.Point::nodes,
            List.of()));
    if (report.mostSsdNodes() > 0) {
      page.append(
          TimeChart.of(
              "SSD nodes, from their order on",
              false,
              List.of(curve("this run", Sample::ssdNodes)),
              marks));
    }
    page.append(
        chart(
            "Operations a second",
            false,
            Sample::operationsPerSecond,
            PaperCurve.Point::operationsPerSecond,
            List.of()));
    page.append(
        TimeChart.of(
            "Cost an hour", false, List.of(curve("this run", report::costPerHour)), marks));
  }

  private String chart(
      String title,
      boolean isLogarithmic,
      ToDoubleFunction<Sample> value,
      ToDoubleFunction<PaperCurve.Point> paper,
      List<Curve> more) {
    List<Curve> curves = new ArrayList<>();
    curves.add(curve("this run", value));
    if (isPaper) {
      curves.add(
          new Curve(
              "the paper's figure 5",
              PaperCurve.points().stream()
                  .map(point -> new double[] {point.minute(), paper.applyAsDouble(point)})
                  .toList()));
    }
    curves.addAll(more);
    return TimeChart.of(title, isLogarithmic, curves, marks);
  }

  private Curve curve(String name, ToDoubleFunction<Sample> value) {
    return new Curve(
        name,
        report.samples().stream()
            .map(sample -> new double[] {sample.second() / 60.0, value.applyAsDouble(sample)})
            .toList());
  }

  private void decisions(StringBuilder page) {
    page.append("<h2>Decisions</h2>\n");
    if (report.decisions().isEmpty()) {
      page.append("<p>None.</p>\n");
      return;
    }
    page.append(
        "<div class=\"scroll\"><table><tr><th>at</th><th>what</th><th>why</th><th>inputs</th>"
            + "<th>threshold</th><th>expected</th></tr>\n");
    report.decisions().stream().limit(ROWS_MAX).forEach(made -> row(page, made));
    page.append("</table></div>\n");
    if (report.decisions().size() > ROWS_MAX) {
      page.append("<p>And ").append(report.decisions().size() - ROWS_MAX).append(" more.</p>\n");
    }
  }

  private static void row(StringBuilder page, Made made) {
    Explanation why = made.decision().explanation();
    page.append("<tr>");
    for (String cell :
        List.of(
            PolicyText.time(made.second()),
            PolicyText.what(made.decision()),
            why.policy() + ": " + why.because(),
            numbers(why.inputs()),
            why.threshold(),
            numbers(why.expected()))) {
      page.append("<td>").append(Svg.escape(cell)).append("</td>");
    }
    page.append("</tr>\n");
  }

  private static String numbers(Map<String, Double> numbers) {
    return numbers.entrySet().stream()
        .map(each -> each.getKey() + " " + PolicyText.number(each.getValue()))
        .collect(Collectors.joining(", "));
  }
}
