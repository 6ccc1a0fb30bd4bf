package dev.trellis.monitor.statistics;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What a process tells of itself on `/metrics`, in Prometheus' text format.
///
/// @param samples in the order of the page
public record Metrics(List<Sample> samples) {
  private static final Pattern LINE =
      Pattern.compile("([a-zA-Z_:][\\w:]*)(?:\\{(.*)})?\\s+(\\S+)(?:\\s+-?\\d+)?");
  private static final Pattern LABEL = Pattern.compile("(\\w+)=\"((?:[^\"\\\\]|\\\\.)*)\",?");

  /// One number.
  ///
  /// @param labels by name, in the order of the page
  public record Sample(String name, Map<String, String> labels, double value) {
    public Sample {
      labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
    }

    boolean hasLabel(String label, String wanted) {
      return wanted.equals(labels.get(label));
    }
  }

  public Metrics {
    samples = List.copyOf(samples);
  }

  /// Reads the text; lines that are no samples are passed over.
  public static Metrics parse(String text) {
    List<Sample> samples = new ArrayList<>();
    text.lines()
        .filter(line -> !line.startsWith("#"))
        .map(LINE::matcher)
        .filter(Matcher::matches)
        .forEach(
            line ->
                samples.add(
                    new Sample(line.group(1), labels(line.group(2)), number(line.group(3)))));
    return new Metrics(samples);
  }

  private static Map<String, String> labels(@Nullable String text) {
    Map<String, String> labels = new LinkedHashMap<>();
    if (text != null) {
      Matcher label = LABEL.matcher(text);
      while (label.find()) {
        labels.put(label.group(1), label.group(2));
      }
    }
    return labels;
  }

  private static double number(String text) {
    return switch (text) {
      case "+Inf" -> Double.POSITIVE_INFINITY;
      case "-Inf" -> Double.NEGATIVE_INFINITY;
      default -> {
        try {
          yield Double.parseDouble(text);
        } catch (NumberFormatException _) {
          yield Double.NaN;
        }
      }
    };
  }

  /// The sum of the samples of a name that one shard gave; 0 if there are none.
  public double sumOfShard(String name, int shard) {
    String wanted = Integer.toString(shard);
    return samples.stream()
        .filter(sample -> sample.name().equals(name) && sample.hasLabel("shard", wanted))
        .mapToDouble(Sample::value)
        .sum();
  }

  /// A histogram of one shard, its classes added up: how many values were at most each bound, in
  /// the unit of the metric. Empty if the shard gave none.
  public Map<Double, Double> histogramOfShard(String name, int shard) {
    String wanted = Integer.toString(shard);
    Map<Double, Double> counts = new TreeMap<>();
    samples.stream()
        .filter(
            sample -> sample.name().equals(name + "_bucket") && sample.hasLabel("shard", wanted))
        .forEach(
            sample ->
                counts.merge(
                    number(sample.labels().getOrDefault("le", "+Inf")),
                    sample.value(),
                    Double::sum));
    return counts;
  }
}
