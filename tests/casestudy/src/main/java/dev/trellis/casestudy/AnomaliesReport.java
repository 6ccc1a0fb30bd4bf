package dev.trellis.casestudy;

import dev.trellis.casestudy.Level.Anomaly;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What `casestudy anomalies` found, for people and for programs.
///
/// @param about what was run, with what and on what, by name
record AnomaliesReport(Map<String, Object> about, List<LevelResult> results)
    implements StudyReport {
  /// What to know before a figure is held against one of the thesis.
  static final List<String> DIFFERENCES =
      List.of(
          "There, stores in the cloud and functions on other machines; here, all on one machine, and"
              + " a function is a thread with a client of its own.",
          "Here the second function begins when the first has ended; nothing starts it, which would"
              + " take time in which replicas agree.",
          "Each key is on both nodes, and each call goes to either by chance: as if all callers were"
              + " strangers to each other. Any write that has not spread yet is missed by every second"
              + " read.",
          "A function writes first and then reads twice, and the two write different keys. Values are"
              + " of a few bytes.",
          "Counted are transactions with at least one anomaly; --json also has the reads. An anomaly is"
              + " found by the stamps of versions, after the run.",
          "Level causal writes multicausal values: a write reads first what it replaces, so that a"
              + " transaction has eight calls, and as no stamp orders such values, nothing is counted.");

  @Override
  public List<String> faults() {
    return results.stream().flatMap(result -> result.faults().stream()).toList();
  }

  @Override
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    about.forEach((name, value) -> lines.add(name + ": " + value));
    lines.add("");
    lines.add(row("IN 10,000 TRANSACTIONS", "READ-YOUR-WRITES", "FRACTURED READS"));
    for (LevelResult result : results) {
      lines.add(
          row(
              result.name(),
              inTenThousand(result.level().ownReads(), result.ownReads(), result),
              inTenThousand(result.level().fracturedReads(), result.fracturedReads(), result)));
    }
    for (Published published : Published.ALL) {
      lines.add(
          row(
              published.store() + " *",
              grouped(published.ownReads()),
              grouped(published.fracturedReads())));
    }
    lines.add("* " + Published.SOURCE + ". What differs:");
    DIFFERENCES.forEach(difference -> lines.add("- " + difference));
    lines.add("");
    lines.add(
        costRow(
            "COST", "P50 MS", "P99 MS", "P50 RATIO", "METADATA B MEAN/MAX", "REPEATED", "FAILED"));
    results.forEach(result -> lines.add(cost(result)));
    lines.add("HydroCache (SIGMOD 2020) has 120 to 850 B of metadata for causal consistency.");
    for (LevelResult result : results) {
      lines.add(result.name() + ", calls for one key by node: " + result.oneKeyCallsByNode());
      if (result.failedCalls() > 0) {
        lines.add(result.name() + ", failed calls: " + result.outcome().failures());
      }
    }
    faults().forEach(fault -> lines.add("FAILED: " + fault));
    return lines;
  }

  private String cost(LevelResult result) {
    return costRow(
        result.name(),
        decimal(result.p50Millis()),
        decimal(result.p99Millis()),
        decimal(result.p50Millis() / baseline(result).p50Millis()) + "×",
        Math.round(result.outcome().tokenBytes().getMean())
            + " / "
            + result.outcome().tokenBytes().getMaxValue(),
        grouped(result.outcome().repeats()),
        grouped(result.failedCalls()));
  }

  /// The result of the weakest level on the same cluster.
  private LevelResult baseline(LevelResult result) {
    return results.stream()
        .filter(other -> other.gossip().equals(result.gossip()))
        .findFirst()
        .orElseThrow();
  }

  @Override
  public Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>(about);
    json.put("passed", faults().isEmpty());
    json.put("faults", faults());
    json.put("results", results.stream().map(LevelResult::toJson).toList());
    json.put("published", Published.ALL.stream().map(Published::toJson).toList());
    json.put("publishedIn", Published.SOURCE);
    json.put("differences", DIFFERENCES);
    return json;
  }

  private static String inTenThousand(Anomaly anomaly, AnomalyCount count, LevelResult result) {
    double share = (double) count.transactions() / result.transactions();
    return anomaly == Anomaly.UNCOUNTED ? "-" : grouped(Math.round(share * Published.TRANSACTIONS));
  }

  private static String grouped(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  private static String decimal(double number) {
    return String.format(Locale.ROOT, "%,.2f", number);
  }

  private static String row(String name, String ownReads, String fracturedReads) {
    return String.format(Locale.ROOT, "%-38s %18s %16s", name, ownReads, fracturedReads);
  }

  private static String costRow(String name, String... cells) {
    return String.format(Locale.ROOT, "%-38s ", name)
        + String.format(Locale.ROOT, "%8s %8s %10s %19s %9s %7s", (Object[]) cells);
  }
}
