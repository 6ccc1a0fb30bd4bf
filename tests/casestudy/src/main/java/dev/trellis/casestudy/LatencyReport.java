package dev.trellis.casestudy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What `casestudy latency` measured, for people and for programs.
///
/// @param about what was run, with what and on what, by name
/// @param results the first is what the others are held against
record LatencyReport(Map<String, Object> about, List<Latency> results) implements StudyReport {
  static final String SOURCE =
      "Hellerstein et al., Serverless Computing: One Step Forward, Two Steps Back, CIDR 2019, §3.1";

  /// One communication of 1 KB; through a store, a write and a read.
  private record PublishedLatency(String name, double micros, double ratio) {}

  private static final List<PublishedLatency> PUBLISHED =
      List.of(
          new PublishedLatency("0MQ on EC2, round trip", 290, 1),
          new PublishedLatency("DynamoDB from Lambda or EC2", 11_000, 37.9),
          new PublishedLatency("S3 from EC2", 106_000, 365),
          new PublishedLatency("S3 from Lambda", 108_000, 372),
          new PublishedLatency("Lambda invocation", 303_000, 1_045));

  /// What to know before a figure is held against one of the paper.
  static final List<String> DIFFERENCES =
      List.of(
          "There, machines in a data centre; here, one, over the loopback interface: no figure has a"
              + " network in it. What may be held against the paper are ratios, not times.",
          "The base is JeroMQ, 0MQ in Java, between two threads with a context each; there it was"
              + " libzmq between two machines, whose network took most of the time, so the ratios of"
              + " what takes more computing are greater here.",
          "A function is a thread with a client of its own, which is connected and warm; the nodes are"
              + " processes. The paper's functions were Lambdas, for storage also EC2 machines.",
          "Nodes look at their sockets for a while before they sleep (--poll, their poll.time), as is"
              + " good where a shard has a core of its own; by default they sleep at once. JeroMQ has"
              + " no such setting.",
          "The paper counts a write and a read; 'put and get' is that. A mailbox does more: the message"
              + " goes to the other function, which is told, and back, so twice a write and a push."
              + " The paper has no such row.",
          "DynamoDB and S3 keep a write on several machines' disks before they answer. ack=one is in"
              + " the memory of one node, ack=replicated of two.");

  /// Ratios of medians that are aimed at, by the number of the result.
  private static final Map<Integer, Double> TARGETS = new LinkedHashMap<>(Map.of(1, 1.5, 2, 1.0));

  @Override
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    about.forEach((name, value) -> lines.add(name + ": " + value));
    lines.add("");
    lines.add(row("ONE COMMUNICATION", "P50 US", "P99 US", "MEAN US", "P50 RATIO", "TARGET"));
    for (int i = 0; i < results.size(); i++) {
      Latency result = results.get(i);
      lines.add(
          row(
              result.name(),
              decimal(result.micros(50)),
              decimal(result.micros(99)),
              decimal(result.meanMicros()),
              decimal(ratio(i)) + "×",
              target(i)));
    }
    for (PublishedLatency published : PUBLISHED) {
      lines.add(
          row(
              published.name + " *",
              "",
              "",
              decimal(published.micros),
              decimal(published.ratio) + "×",
              ""));
    }
    lines.add("* " + SOURCE + ": means. What differs:");
    DIFFERENCES.forEach(difference -> lines.add("- " + difference));
    return lines;
  }

  private double ratio(int at) {
    return results.get(at).micros(50) / results.getFirst().micros(50);
  }

  private boolean isMet(int at) {
    return ratio(at) <= TARGETS.getOrDefault(at, Double.MAX_VALUE);
  }

  private String target(int at) {
    if (!TARGETS.containsKey(at)) {
      return "";
    }
    return "<= " + decimal(TARGETS.get(at)) + (isMet(at) ? "" : ", missed");
  }

  @Override
  public Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>(about);
    List<Object> rows = new ArrayList<>();
    for (int i = 0; i < results.size(); i++) {
      Map<String, Object> row = results.get(i).toJson(results.getFirst());
      if (TARGETS.containsKey(i)) {
        row.put("targetRatio", TARGETS.get(i));
        row.put("met", isMet(i));
      }
      rows.add(row);
    }
    json.put("results", rows);
    json.put(
        "published",
        PUBLISHED.stream()
            .map(each -> Map.of("name", each.name, "meanMicros", each.micros, "ratio", each.ratio))
            .toList());
    json.put("publishedIn", SOURCE);
    json.put("differences", DIFFERENCES);
    return json;
  }

  private static String decimal(double number) {
    return String.format(Locale.ROOT, "%,.2f", number);
  }

  private static String row(String name, String... cells) {
    return String.format(Locale.ROOT, "%-42s ", name)
        + String.format(Locale.ROOT, "%10s %10s %10s %10s %16s", (Object[]) cells).stripTrailing();
  }
}
