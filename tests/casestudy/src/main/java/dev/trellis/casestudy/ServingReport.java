package dev.trellis.casestudy;

import dev.trellis.casestudy.ServingMeasurement.Outcome;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// What `casestudy prediction-serving` found, for people and for programs.
///
/// @param about what was run, with what and on what, by name
/// @param outcomes the first is what the others are held against
record ServingReport(Map<String, Object> about, List<Outcome> outcomes) implements StudyReport {
  static final double AT_MOST = 1.3;

  /// What to know before a figure is held against one of the paper.
  static final List<String> DIFFERENCES =
      List.of(
          "There, functions of a cloud and machines between which there is a network; here, all on one"
              + " machine: caller and function are threads of one process, with a client each, and the"
              + " node is another process.",
          "The paper tells neither how long its documents are nor how long the classifier alone takes."
              + " Here both are printed: what is not classifying is the way there and back, and the"
              + " shorter the documents, the more the ratio shows of that alone.",
          "The documents are made-up words with the frequencies of a language. Batches go one at a time;"
              + " the next is sent when the result of the one before is there.",
          "The socket keeps nothing: what is under way is lost with either side. A batch and a result in"
              + " the store are there until somebody takes them; in a cluster of its own, on one node"
              + " in memory.",
          "The model is read from the store for each batch, through a near cache, so that a new one"
              + " counts at once; the thread behind the socket has it in its memory.");

  private Outcome baseline() {
    return outcomes.getFirst();
  }

  private double ratio(Outcome outcome) {
    return outcome.meanMillis() / baseline().meanMillis();
  }

  List<Target> targets() {
    return outcomes.stream()
        .skip(1)
        .map(
            outcome ->
                new Target(
                    "mean latency of " + outcome.service() + " against a " + baseline().service(),
                    ratio(outcome),
                    Optional.of(AT_MOST)))
        .toList();
  }

  /// What is not as it must be, whatever the times, a sentence each.
  @Override
  public List<String> faults() {
    return outcomes.stream()
        .filter(outcome -> outcome.wrong() > 0)
        .map(
            outcome ->
                outcome.service()
                    + ": "
                    + outcome.wrong()
                    + " of "
                    + outcome.latencyNanos().getTotalCount()
                    + " results were not what the model says")
        .toList();
  }

  @Override
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    about.forEach((name, value) -> lines.add(name + ": " + value));
    lines.add("");
    lines.add(row("BATCH OF 10 DOCUMENTS", "MEAN MS", "CLASSIFYING", "P50 MS", "P99 MS", "RATIO"));
    for (Outcome outcome : outcomes) {
      lines.add(
          row(
              outcome.service(),
              decimal(outcome.meanMillis()),
              decimal(outcome.classifyMillis()),
              decimal(outcome.millisAt(50)),
              decimal(outcome.millisAt(99)),
              decimal(ratio(outcome)) + "×"));
    }
    for (PublishedTime time : PublishedTime.SERVING) {
      lines.add(
          row(
              time.setup() + " *",
              decimal(time.millis()),
              "",
              "",
              "",
              decimal(PublishedTime.ratio(PublishedTime.SERVING, time)) + "×"));
    }
    lines.add("* " + PublishedTime.SOURCE + ". What differs:");
    DIFFERENCES.forEach(difference -> lines.add("- " + difference));
    lines.add("");
    targets().forEach(target -> lines.add(target.line()));
    faults().forEach(fault -> lines.add("FAILED: " + fault));
    return lines;
  }

  @Override
  public Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>(about);
    json.put("passed", faults().isEmpty());
    json.put("faults", faults());
    json.put("results", outcomes.stream().map(this::toJson).toList());
    json.put("targets", targets().stream().map(Target::toJson).toList());
    json.put("published", PublishedTime.SERVING.stream().map(PublishedTime::toJson).toList());
    json.put("publishedIn", PublishedTime.SOURCE);
    json.put("differences", DIFFERENCES);
    return json;
  }

  private Map<String, Object> toJson(Outcome outcome) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("service", outcome.service());
    json.put("batches", outcome.latencyNanos().getTotalCount());
    json.put("meanMillis", rounded(outcome.meanMillis()));
    json.put("classifyMillis", rounded(outcome.classifyMillis()));
    json.put("p50Millis", rounded(outcome.millisAt(50)));
    json.put("p99Millis", rounded(outcome.millisAt(99)));
    json.put("ratio", rounded(ratio(outcome)));
    json.put("wrongResults", outcome.wrong());
    return json;
  }

  private static double rounded(double value) {
    return Math.round(value * 1e3) / 1e3;
  }

  private static String decimal(double number) {
    return String.format(Locale.ROOT, "%,.2f", number);
  }

  private static String row(String name, String... cells) {
    return String.format(Locale.ROOT, "%-34s ", name)
        + String.format(Locale.ROOT, "%9s %11s %9s %9s %9s", (Object[]) cells);
  }
}
