package dev.trellis.faults;

import dev.trellis.faults.Workload.Finding;
import dev.trellis.history.History;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.check.Anomaly;
import dev.trellis.history.check.EachKey;
import dev.trellis.history.check.Verdict;
import dev.trellis.plot.Page;
import dev.trellis.plot.Svg;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A page about a run that needs nothing but itself: the table, and for each cell its calls over
/// time and what was found, with the calls around it.
final class Report {
  private static final int TIMELINES_MAX = 4; // of one cell
  private static final int REPORTS_MAX = 2;
  private static final int FINDINGS_MAX = 20;
  private static final String STYLE =
      """
      td a { color: inherit; text-decoration: none; display: block; }
      .pass { color: var(--good); } .FAIL { color: var(--bad); font-weight: 700; }
      .unknown { color: var(--info); }
      .wide { overflow-x: auto; } .wide svg { min-width: 760px; }
      .shade { fill: var(--shade); opacity: .55; } .rate { fill: var(--ok); opacity: .35; }
      path.point { stroke-width: 3; stroke-linecap: round; fill: none; }
      .point.ok { stroke: var(--ok); } .point.fail { stroke: var(--fail); }
      .point.info { stroke: var(--info); } rect.call { opacity: .55; }
      rect.ok { fill: var(--ok); } rect.fail { fill: var(--fail); } rect.info { fill: var(--info); }
      rect.marked { stroke: var(--bad); stroke-width: 2; opacity: .9; }
      .finding { border-left: 4px solid var(--bad); padding-left: .8rem; margin: 1rem 0; }
      .told { border-left-color: var(--line); } code { font-size: .9em; }
      """;

  private final RunPlan plan;
  private final List<List<Cell>> columns = new ArrayList<>();
  private final StringBuilder sections = new StringBuilder();

  Report(RunPlan plan) {
    this.plan = plan;
  }

  /// Adds the cells of one fault.
  void add(List<Cell> column) throws IOException {
    columns.add(column);
    Fault fault = column.getFirst().fault();
    sections.append(
        "<h2 id=\"%s\">%s</h2>\n<p>Again and again, %s. Really happened: %d.</p>\n"
            .formatted(
                fault.word(),
                fault.word(),
                Svg.escape(fault.description()),
                column.getFirst().faults()));
    for (String problem : column.getFirst().problems()) {
      sections.append("<p class=\"finding FAIL\">").append(Svg.escape(problem)).append("</p>\n");
    }
    for (Cell cell : column) {
      add(cell);
    }
  }

  private void add(Cell cell) throws IOException {
    History history = HistoryReader.read(cell.history());
    sections.append(
        """
        <h3 id="%s">%s: <span class="%s">%s</span></h3>
        <div class="soft">%,d calls succeeded, %,d did not happen, of %,d nobody knows</div>
        """
            .formatted(
                anchor(cell),
                cell.workload(),
                cell.verdictWord(),
                cell.verdictWord(),
                cell.succeeded(),
                cell.failed(),
                cell.unknown()));
    for (String sentence : cell.measured()) {
      sections.append("<p>Measured: ").append(Svg.escape(sentence)).append(".</p>\n");
    }
    wide(Plot.of("calls of " + cell.workload() + " under " + cell.fault().word(), history));
    Map<String, History> byKey = new LinkedHashMap<>();
    EachKey.byKey(history).forEach((key, part) -> byKey.put(String.valueOf(key), part));
    add(cell.failures(), "finding", TIMELINES_MAX, history, byKey);
    add(cell.reports(), "finding told", REPORTS_MAX, history, byKey);
  }

  private void add(
      List<Finding> findings,
      String style,
      int timelinesMax,
      History history,
      Map<String, History> byKey) {
    int timelines = 0;
    for (Finding finding : findings.subList(0, Math.min(FINDINGS_MAX, findings.size()))) {
      sections
          .append("<div class=\"")
          .append(style)
          .append("\">")
          .append(finding.isFailure() ? "" : "Not promised, and so it was: ")
          .append(Svg.escape(Cell.describe(finding)))
          .append("\n");
      History key = byKey.get(finding.key());
      List<Anomaly> anomalies = finding.result().anomalies();
      if (key != null && !anomalies.isEmpty() && timelines < timelinesMax) {
        wide(Timeline.of(history, key, anomalies.getFirst()));
        timelines++;
      }
      sections.append("</div>\n");
    }
    if (findings.size() > FINDINGS_MAX) {
      sections.append(
          "<p class=\"soft\">and %d more keys</p>\n".formatted(findings.size() - FINDINGS_MAX));
    }
  }

  /// Scrolls by itself where the page is narrow, lest its words become too small.
  private void wide(String drawing) {
    sections.append("<div class=\"wide\">").append(drawing).append("</div>\n");
  }

  private static String anchor(Cell cell) {
    return cell.fault().word() + "-" + cell.workload();
  }

  /// Writes what there is.
  ///
  /// @param place where the clusters ran, for people
  void write(Path file, String place) throws IOException {
    StringBuilder page = new StringBuilder(Page.head("Trellis under faults", STYLE));
    page.append("<h1>Trellis under faults</h1>\n");
    page.append(
        String.format(
            Locale.ROOT,
            "<p class=\"soft\">Seed %d, %d nodes of %d shards, %d s a fault, %d calls a second of"
                + " each workload, %s%s.</p>%n",
            plan.seed(),
            plan.cluster().nodes(),
            plan.cluster().shards(),
            plan.time().toSeconds(),
            plan.rate(),
            Svg.escape(place),
            plan.cluster()
                .sabotage()
                .map(
                    defect ->
                        "; <b>the nodes have the defect "
                            + defect.toLowerCase(Locale.ROOT).replace('_', '-')
                            + "</b>")
                .orElse("")));
    table(page);
    page.append(
        """
        <p class="key soft">In the plots, a point is a call: when it was made, how long it took.
        <span style="background:var(--ok)"></span>succeeded
        <span style="background:var(--fail)"></span>did not happen
        <span style="background:var(--info)"></span>nobody knows
        <span style="background:var(--shade)"></span>a fault was there. Below, calls that succeeded
        in each second.</p>
        """);
    page.append(sections).append(Page.end());
    Files.writeString(file, page);
  }

  private void table(StringBuilder page) {
    page.append("<div class=\"wide\"><table><tr><th>fault</th>");
    plan.workloads().forEach(name -> page.append("<th>").append(name).append("</th>"));
    page.append("</tr>\n");
    for (List<Cell> column : columns) {
      String fault = column.getFirst().fault().word();
      page.append("<tr><th><a href=\"#%s\">%s</a></th>".formatted(fault, fault));
      for (String name : plan.workloads()) {
        page.append(
            column.stream()
                .filter(cell -> cell.workload().equals(name))
                .map(Report::cell)
                .findFirst()
                .orElse("<td>not for it</td>"));
      }
      page.append("</tr>\n");
    }
    page.append("</table></div>\n");
    broken(page);
  }

  /// Where to look first: each cell that failed, and the first that is wrong with it.
  private void broken(StringBuilder page) {
    List<Cell> failed =
        columns.stream()
            .flatMap(List::stream)
            .filter(cell -> cell.verdict() == Verdict.INVALID)
            .toList();
    if (failed.isEmpty()) {
      return;
    }
    page.append("<h2>What is broken</h2>\n<ul>\n");
    for (Cell cell : failed) {
      List<String> wrong = new ArrayList<>(cell.problems());
      cell.failures().forEach(finding -> wrong.add(Cell.describe(finding)));
      page.append(
          "<li><a href=\"#%s\">%s under %s</a>: %s%s</li>\n"
              .formatted(
                  anchor(cell),
                  cell.workload(),
                  cell.fault().word(),
                  wrong.isEmpty() ? "see there" : Svg.escape(wrong.getFirst()),
                  wrong.size() > 1 ? ", and %d more".formatted(wrong.size() - 1) : ""));
    }
    page.append("</ul>\n");
  }

  private static String cell(Cell cell) {
    return String.format(
        Locale.ROOT,
        "<td><a href=\"#%s\"><span class=\"%s\">%s</span><br><span class=\"soft\">%,d calls, %d"
            + " faults</span></a></td>",
        anchor(cell),
        cell.verdictWord(),
        cell.verdictWord(),
        cell.succeeded(),
        cell.faults());
  }
}
