package dev.trellis.deploy;

import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `top`: shows what each shard is doing.
@Command(
    name = "top",
    description = {
      "Show what each shard does, anew each second until Ctrl-C.",
      "Into a pipe, or with --json, shows one interval and ends. Latencies are those within the"
          + " shard."
    })
final class TopCommand implements Callable<Integer> {
  private static final String CLEAR_SCREEN = "\u001b[H\u001b[2J";

  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final LocalOptions local = new LocalOptions();

  @Option(
      names = "--interval",
      paramLabel = "TIME",
      defaultValue = "1s",
      description = "How much time each line stands for (default: 1s).")
  private Duration interval = Duration.ofSeconds(1);

  /// What all shards told at one moment.
  private record Snapshot(Instant at, Map<String, ShardReport> shards) {}

  /// What a shard did in an interval.
  private record Activity(
      String shard,
      ShardReport now,
      double operationsPerSecond,
      double p50Micros,
      double p99Micros) {
    static Activity between(String shard, ShardReport before, ShardReport now, double seconds) {
      Map<Double, Double> histogram = new TreeMap<>(now.serviceSeconds());
      before
          .serviceSeconds()
          .forEach((bound, count) -> histogram.merge(bound, -count, Double::sum));
      return new Activity(
          shard,
          now,
          Math.max(0, now.operations() - before.operations()) / seconds,
          percentile(histogram, 0.50) * 1e6,
          percentile(histogram, 0.99) * 1e6);
    }

    /// The least bound that this share of the values is within; 0 if there are none.
    private static double percentile(Map<Double, Double> histogram, double share) {
      double all = histogram.values().stream().mapToDouble(count -> count).max().orElse(0);
      return all <= 0
          ? 0
          : histogram.entrySet().stream()
              .filter(bucket -> bucket.getValue() >= all * share)
              .mapToDouble(Map.Entry::getKey)
              .findFirst()
              .orElse(0);
    }

    Map<String, Object> toJson() {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("shard", shard);
      json.put("operationsPerSecond", operationsPerSecond);
      json.put("p50Micros", p50Micros);
      json.put("p99Micros", p99Micros);
      json.put("entries", now.entries());
      json.put("entriesBytes", now.entriesBytes());
      json.put("connections", now.connections());
      return json;
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    Console console = standard.console();
    boolean once = standard.json() || !console.outputIsTerminal();
    Snapshot before = snapshot(console);
    do {
      Thread.sleep(interval);
      Snapshot now = snapshot(console);
      show(console, activities(before, now), once);
      before = now;
    } while (!once);
    return ExitCode.OK;
  }

  private Snapshot snapshot(Console console) {
    ClusterState state = local.running(console);
    Map<String, ShardReport> shards = new LinkedHashMap<>();
    for (NodeReport node : ClusterReport.of(state).nodes()) {
      for (ShardReport shard : node.shards()) {
        shards.put(node.id() + "/" + shard.index(), shard);
      }
    }
    return new Snapshot(Instant.now(), shards);
  }

  private static List<Activity> activities(Snapshot before, Snapshot now) {
    double seconds = Math.max(1, Duration.between(before.at(), now.at()).toMillis()) / 1e3;
    List<Activity> activities = new ArrayList<>();
    now.shards()
        .forEach(
            (name, shard) ->
                activities.add(
                    Activity.between(
                        name, before.shards().getOrDefault(name, shard), shard, seconds)));
    return activities;
  }

  private void show(Console console, List<Activity> activities, boolean once) {
    if (standard.json()) {
      console.printLine(
          Json.write(Map.of("shards", activities.stream().map(Activity::toJson).toList())));
      return;
    }
    if (!once) {
      console.print(CLEAR_SCREEN);
    }
    console.printLine(row("SHARD", "OPS/S", "P50 µs", "P99 µs", "KEYS", "BYTES", "CONNECTIONS"));
    for (Activity one : activities) {
      console.printLine(
          row(
              one.shard(),
              String.format(Locale.ROOT, "%.0f", one.operationsPerSecond()),
              String.format(Locale.ROOT, "%.1f", one.p50Micros()),
              String.format(Locale.ROOT, "%.1f", one.p99Micros()),
              Long.toString(one.now().entries()),
              Long.toString(one.now().entriesBytes()),
              Long.toString(one.now().connections())));
    }
    console.flush();
  }

  private static String row(String... columns) {
    StringBuilder row = new StringBuilder(String.format(Locale.ROOT, "%-12s", columns[0]));
    for (int i = 1; i < columns.length; i++) {
      row.append(String.format(Locale.ROOT, "%12s", columns[i]));
    }
    return row.toString();
  }
}
