package dev.trellis.casestudy;

import dev.trellis.casestudy.Training.Iteration;
import dev.trellis.casestudy.Training.Outcome;
import dev.trellis.casestudy.Training.Outcomes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;

/// What `casestudy model-training` found, for people and for programs.
///
/// @param about what was run, with what and on what, by name
/// @param batches iterations of a pass
record TrainingReport(Map<String, Object> about, int batches, Outcomes training)
    implements StudyReport {
  static final double CACHED_AT_MOST = 1.15;
  private static final double NANOS_PER_MILLI = 1e6;

  /// What to know before a figure is held against one of the paper.
  static final List<String> DIFFERENCES =
      List.of(
          "There, 90 GB of product reviews in batches of 100 MB; here, made-up reviews that fit into"
              + " memory, in batches of a few MB (a value of the store has 16 MiB at most).",
          "The model is the paper's: bag-of-words of 6,787 words, two hidden layers of 10 units, ReLU,"
              + " Adam at 0.001, one step for each batch, 10 passes. It is written in plain Java, for"
              + " one thread; how the paper's batches are laid out is not told: here each review is a"
              + " list of ranks and counts.",
          "There, S3 gives a Lambda function 100 MB in 2.49 s, 40 MB/s. Here the store is a process on"
              + " the same machine, and data shipping is as fast as the loopback interface. What the"
              + " cache saves between machines is more than that.",
          "A function lives for one pass, then another goes on with the model that it left; there, for"
              + " 15 minutes of 294 iterations. The near cache lives in the runtime, beside the"
              + " functions, and outlives them.",
          "Local files are read through the page cache into one buffer. The first pass fills the near"
              + " cache and is not in the means; the sources take turns, pass by pass.");

  /// What iterations took.
  private record Cost(List<Iteration> iterations) {
    double meanMillis() {
      return mean(Iteration::nanos);
    }

    double fetchMillis() {
      return mean(Iteration::fetchNanos);
    }

    double computeMillis() {
      return mean(Iteration::computeNanos);
    }

    double p50Millis() {
      List<Long> sorted = iterations.stream().map(Iteration::nanos).sorted().toList();
      return sorted.get(sorted.size() / 2) / NANOS_PER_MILLI;
    }

    private double mean(ToLongFunction<Iteration> nanos) {
      return iterations.stream().mapToLong(nanos).average().orElseThrow() / NANOS_PER_MILLI;
    }
  }

  /// Of the iterations after the first pass, in which the near cache is filled.
  private Cost cost(Outcome outcome) {
    return new Cost(outcome.iterations().subList(batches, outcome.iterations().size()));
  }

  private Cost firstPass(Outcome outcome) {
    return new Cost(outcome.iterations().subList(0, batches));
  }

  private Outcome outcome(String source) {
    return training.outcomes().stream()
        .filter(outcome -> outcome.source().equals(source))
        .findFirst()
        .orElseThrow();
  }

  private double ratio(Outcome outcome, String baseline) {
    return cost(outcome).meanMillis() / cost(outcome(baseline)).meanMillis();
  }

  List<Target> targets() {
    Outcome cached = outcome(BatchSource.Stored.CACHED);
    Outcome shipped = outcome(BatchSource.Stored.SHIPPED);
    return List.of(
        new Target(
            "an iteration with the near cache against local files",
            ratio(cached, BatchSource.LocalFiles.NAME),
            Optional.of(CACHED_AT_MOST)),
        new Target(
            "data shipping against the near cache, a speed-up of",
            ratio(shipped, BatchSource.Stored.CACHED),
            Optional.empty()),
        new Target(
            "of its fetching alone, a speed-up of",
            cost(shipped).fetchMillis() / cost(cached).fetchMillis(),
            Optional.empty()));
  }

  /// What is not as it must be, whatever the times, a sentence each.
  @Override
  public List<String> faults() {
    List<String> faults = new ArrayList<>();
    Outcome first = training.outcomes().getFirst();
    for (Outcome outcome : training.outcomes()) {
      if (!outcome.model().equals(first.model())) {
        faults.add(
            outcome.source()
                + ": the model is not the one that came of "
                + first.source()
                + ", so that some batch was not what was put");
      }
    }
    List<Double> losses = first.losses();
    if (losses.getLast() >= losses.getFirst()) {
      faults.add(
          String.format(
              Locale.ROOT,
              "the loss has not gone down: %.4f in the first pass, %.4f in the last",
              losses.getFirst(),
              losses.getLast()));
    }
    if (training.heldOutAfter() >= training.heldOutBefore()) {
      faults.add(
          String.format(
              Locale.ROOT,
              "the error on what was held out has not gone down: %.4f, then %.4f",
              training.heldOutBefore(),
              training.heldOutAfter()));
    }
    return faults;
  }

  @Override
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    about.forEach((name, value) -> lines.add(name + ": " + value));
    lines.add("");
    lines.add(row("ITERATION", "MEAN MS", "FETCH MS", "COMPUTE MS", "P50 MS", "1ST PASS", "RATIO"));
    for (Outcome outcome : training.outcomes()) {
      Cost cost = cost(outcome);
      lines.add(
          row(
              outcome.source(),
              decimal(cost.meanMillis()),
              decimal(cost.fetchMillis()),
              decimal(cost.computeMillis()),
              decimal(cost.p50Millis()),
              decimal(firstPass(outcome).meanMillis()),
              decimal(ratio(outcome, BatchSource.LocalFiles.NAME)) + "×"));
    }
    for (PublishedTime time : PublishedTime.TRAINING) {
      double fetch = time.fetchMillis().orElseThrow();
      lines.add(
          row(
              time.setup() + " *",
              decimal(time.millis()),
              decimal(fetch),
              decimal(time.millis() - fetch),
              "",
              "",
              decimal(PublishedTime.ratio(PublishedTime.TRAINING, time)) + "×"));
    }
    lines.add("* " + PublishedTime.SOURCE + ". What differs:");
    DIFFERENCES.forEach(difference -> lines.add("- " + difference));
    lines.add("");
    List<Double> losses = training.outcomes().getFirst().losses();
    lines.add(
        "loss (mean squared error, stars²) of each pass: "
            + String.join(", ", losses.stream().map(TrainingReport::loss).toList()));
    lines.add(
        String.format(
            Locale.ROOT,
            "error on held-out reviews (root of the mean square): %.3f stars, untrained %.3f,"
                + " always the mean %.3f",
            Math.sqrt(training.heldOutAfter()),
            Math.sqrt(training.heldOutBefore()),
            Math.sqrt(training.heldOutMean())));
    targets().forEach(target -> lines.add(target.line()));
    faults().forEach(fault -> lines.add("FAILED: " + fault));
    return lines;
  }

  @Override
  public Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>(about);
    json.put("passed", faults().isEmpty());
    json.put("faults", faults());
    json.put("results", training.outcomes().stream().map(this::toJson).toList());
    json.put("losses", training.outcomes().getFirst().losses());
    Map<String, Object> heldOut = new LinkedHashMap<>();
    heldOut.put("untrained", training.heldOutBefore());
    heldOut.put("trained", training.heldOutAfter());
    heldOut.put("ofMean", training.heldOutMean());
    json.put("heldOutSquaredError", heldOut);
    json.put("targets", targets().stream().map(Target::toJson).toList());
    json.put("published", PublishedTime.TRAINING.stream().map(PublishedTime::toJson).toList());
    json.put("publishedIn", PublishedTime.SOURCE);
    json.put("differences", DIFFERENCES);
    return json;
  }

  private Map<String, Object> toJson(Outcome outcome) {
    Cost cost = cost(outcome);
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("source", outcome.source());
    json.put("iterations", outcome.iterations().size());
    json.put("meanMillis", rounded(cost.meanMillis()));
    json.put("fetchMillis", rounded(cost.fetchMillis()));
    json.put("computeMillis", rounded(cost.computeMillis()));
    json.put("p50Millis", rounded(cost.p50Millis()));
    json.put("firstPassMeanMillis", rounded(firstPass(outcome).meanMillis()));
    json.put("ratio", rounded(ratio(outcome, BatchSource.LocalFiles.NAME)));
    return json;
  }

  private static double rounded(double value) {
    return Math.round(value * 1e3) / 1e3;
  }

  private static String loss(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }

  private static String decimal(double number) {
    return String.format(Locale.ROOT, "%,.2f", number);
  }

  private static String row(String name, String... cells) {
    return String.format(Locale.ROOT, "%-32s ", name)
        + String.format(Locale.ROOT, "%9s %9s %10s %9s %9s %8s", (Object[]) cells);
  }
}
