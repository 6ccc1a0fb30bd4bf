package dev.trellis.bench;

import dev.trellis.bench.BenchCluster.Node;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bin/trellis bench-nodes`: what clients notice of it when nodes die, join and leave.
@Command(
    name = "bench-nodes",
    description = {
      "Start a cluster of its own, fill it, and measure what clients notice when a node is killed,"
          + " one is added and one is removed.",
      "The load keeps its schedule (an open loop): latencies count from when a call was due."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis bench-nodes",
      "  trellis bench-nodes --nodes 3 --mebibytes 1024 --memory 3g --rate 2000 --json"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class BenchNodesCommand implements Callable<Integer> {
  private static final int SHOWN_KEYS = 5_000;
  private static final int VALUE_BYTES = 1_000;
  private static final int PIPELINE = 1_024; // a stall of a second at the default rate
  private static final Duration EVENT_MAX = Duration.ofMinutes(10);
  private static final long POLL_MILLIS = 5;

  @Mixin private final StandardOptions standard = new StandardOptions();

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "4",
      description = "Nodes at the start, 3 to 8 (${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = "--mebibytes",
      paramLabel = "N",
      defaultValue = "256",
      description = "How much to fill in, each key counted once (${DEFAULT-VALUE}).")
  private int mebibytes;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Calls a second (${DEFAULT-VALUE}).")
  private int rate;

  @Mixin private final LoadOptions options = new LoadOptions(VALUE_BYTES);

  @Option(
      names = "--before",
      paramLabel = "TIME",
      defaultValue = "15s",
      description = "How long to measure when nothing happens (${DEFAULT-VALUE}).")
  private Duration before = Duration.ZERO;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      description = "The heap of each node, as of 'trellis up'.")
  private @Nullable String memory;

  @Option(
      names = "--shards",
      paramLabel = "N",
      defaultValue = "1",
      description = "Shards of each node (${DEFAULT-VALUE}).")
  private int shards;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "A setting of every node, as of 'trellis up'.")
  private List<String> settings = new ArrayList<>();

  @Option(
      names = "--port-base",
      paramLabel = "PORT",
      defaultValue = "9400",
      description = "The router's port (${DEFAULT-VALUE}).")
  private int portBase;

  @Override
  public Integer call() throws InterruptedException {
    if (nodes < 3 || nodes > 8) {
      throw new CommandFailure(ExitCode.MISUSE, "--nodes " + nodes + " is outside 3 to 8");
    }
    try {
      Load load = load();
      Path folder = Files.createTempDirectory("trellis-bench-nodes");
      try (BenchCluster cluster = new BenchCluster(portBase, folder)) {
        cluster.up(upOptions());
        measure(cluster, load);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    } catch (TrellisException e) {
      throw new CommandFailure(ExitCode.of(e.code()), String.valueOf(e.getMessage()), e);
    }
    return ExitCode.OK;
  }

  private List<String> upOptions() {
    List<String> options =
        new ArrayList<>(
            List.of(
                "--memory-nodes", Integer.toString(nodes), "--shards", Integer.toString(shards)));
    if (memory != null) {
      options.addAll(List.of("--memory", memory));
    }
    settings.forEach(setting -> options.addAll(List.of("--set", setting)));
    return options;
  }

  private Load load() {
    CommandFailure.requireWithin("--mebibytes", mebibytes, 1, 1 << 20);
    ValueSizes values = options.values(null);
    long meanBytes = Math.max(1, (values.least() + (long) values.most()) / 2);
    return new Load(
        1,
        PIPELINE,
        OptionalInt.of(rate),
        before,
        Duration.ZERO,
        Math.max(1, ((long) mebibytes << 20) / meanBytes),
        "bench:",
        0,
        values,
        options.mix(null),
        1,
        options.keys(null),
        options.theta(null),
        Load.Target.LWW,
        options.seed());
  }

  private void measure(BenchCluster cluster, Load plan) throws IOException, InterruptedException {
    LoadGenerator generator =
        new LoadGenerator(plan, options.applyTo(CallOptions.DEFAULT), Ticker.SYSTEM);
    try (Trellis client =
        Trellis.connect(ClientConfig.of(cluster.address()).withTimeout(Duration.ofSeconds(30)))) {
      long began = System.nanoTime();
      fill(generator, client, plan.keyCount());
      tell(
          "filled",
          Map.of(
              "keys",
              plan.keyCount(),
              "mebibytes",
              (long) mebibytes,
              "seconds",
              secondsSince(began)));
      try (RunningLoad running = new RunningLoad(generator, List.of(client))) {
        Meter load = running.meter();
        Thread.sleep(before.dividedBy(3));
        before(cluster, load);
        String killed = death(cluster, load);
        quiet(load);
        var _ = cluster.node("remove", killed, "--dead");
        String added = join(cluster, load);
        quiet(load);
        leave(cluster, load, added);
      }
    }
  }

  private void before(BenchCluster cluster, Meter load) throws IOException, InterruptedException {
    List<Node> all = cluster.nodes();
    load.reset();
    double bytes = BenchCluster.bytesBetween(all);
    Thread.sleep(before);
    Map<String, Object> result = latencies(load);
    long written = ((Number) Objects.requireNonNull(result.get("written"))).longValue();
    bytes = BenchCluster.bytesBetween(all) - bytes;
    result.put("bytesBetweenNodesPerWrite", Math.round(bytes / Math.max(1, written)));
    tell("before", result);
  }

  /// Lets what an event left behind pass.
  private void quiet(Meter load) throws InterruptedException {
    Thread.sleep(before.dividedBy(3));
    load.reset();
  }

  private void fill(LoadGenerator generator, Trellis client, long keyCount) {
    generator.fill(
        Store.of(client),
        written -> {
          if (written % SHOWN_KEYS == 0) {
            standard.console().progress("filling: %,d of %,d keys".formatted(written, keyCount));
          }
        });
    standard.console().progress("");
  }

  private String death(BenchCluster cluster, Meter load) throws IOException, InterruptedException {
    List<Node> all = cluster.nodes();
    Node victim = all.get(1);
    List<Node> others = all.stream().filter(node -> !node.equals(victim)).toList();
    load.reset();
    long began = System.nanoTime();
    ProcessHandle.of(victim.pid()).ifPresent(ProcessHandle::destroyForcibly);
    double suspected = await(began, others, answer -> !isTrusted(answer, victim.id()));
    double removed = await(began, others, answer -> isAbsent(answer, victim.id()));
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("suspectedByAllSeconds", suspected);
    result.put("removedByAllSeconds", removed);
    result.putAll(latencies(load));
    tell("death", result);
    // Only now do the others copy what has too few copies.
    double whole = awaitWhole(began, others);
    Map<String, Object> rebuilt = new LinkedHashMap<>();
    rebuilt.put("wholeSeconds", whole);
    rebuilt.putAll(latencies(load));
    tell("rebuild", rebuilt);
    return victim.id();
  }

  private String join(BenchCluster cluster, Meter load) throws IOException, InterruptedException {
    load.reset();
    long began = System.nanoTime();
    String added = String.valueOf(cluster.node("add", "--detach").get("id"));
    double whole = awaitWhole(began, cluster.nodes());
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("activeAndWholeSeconds", whole);
    result.putAll(latencies(load));
    tell("join", result);
    return added;
  }

  private void leave(BenchCluster cluster, Meter load, String id)
      throws IOException, InterruptedException {
    load.reset();
    long began = System.nanoTime();
    var _ = cluster.node("remove", id);
    double left = secondsSince(began);
    double whole = awaitWhole(began, cluster.nodes());
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("leftSeconds", left);
    result.put("wholeSeconds", whole);
    result.putAll(latencies(load));
    tell("leave", result);
  }

  /// What is to be true of a node's answer.
  private interface Condition {
    boolean holds(Map<?, ?> answer);
  }

  /// The seconds until it holds for all of these.
  private static double await(long began, List<Node> nodes, Condition condition)
      throws InterruptedException {
    return awaitAll(
        began,
        nodes,
        answers -> answers.size() == nodes.size() && answers.stream().allMatch(condition::holds));
  }

  private static double awaitWhole(long began, List<Node> nodes) throws InterruptedException {
    return awaitAll(
        began, nodes, answers -> answers.size() == nodes.size() && BenchCluster.areWhole(answers));
  }

  /// What is to be true of the answers of those that answer.
  private interface JointCondition {
    boolean holds(List<Map<?, ?>> answers);
  }

  private static double awaitAll(long began, List<Node> nodes, JointCondition condition)
      throws InterruptedException {
    while (true) {
      List<Map<?, ?>> answers = new ArrayList<>();
      nodes.forEach(node -> BenchCluster.ask(node).ifPresent(answers::add));
      if (condition.holds(answers)) {
        return secondsSince(began);
      }
      if (secondsSince(began) > EVENT_MAX.toSeconds()) {
        throw new CommandFailure(
            ExitCode.UNKNOWN, "the cluster did not come so far in " + EVENT_MAX + ": " + answers);
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private static boolean isAbsent(Map<?, ?> answer, String id) {
    return BenchCluster.list(answer.get("absent")).stream()
        .map(BenchCluster::map)
        .anyMatch(absent -> id.equals(absent.get("id")));
  }

  private static boolean isTrusted(Map<?, ?> answer, String id) {
    return BenchCluster.list(answer.get("members")).stream()
        .map(BenchCluster::map)
        .anyMatch(
            member -> id.equals(member.get("id")) && Boolean.FALSE.equals(member.get("suspected")));
  }

  private static double secondsSince(long began) {
    return Math.round((System.nanoTime() - began) / 1e6) / 1e3;
  }

  private static Map<String, Object> latencies(Meter load) {
    Histogram nanos = load.takeFailed(); // what failed was waited for too
    long written = 0;
    for (OperationType type : OperationType.values()) {
      Histogram of = load.take(type, null);
      nanos.add(of);
      written += type == OperationType.READ ? 0 : of.getTotalCount();
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("calls", nanos.getTotalCount());
    result.put("written", written);
    result.put("p50Millis", millis(nanos.getValueAtPercentile(50)));
    result.put("p99Millis", millis(nanos.getValueAtPercentile(99)));
    result.put("p999Millis", millis(nanos.getValueAtPercentile(99.9)));
    result.put("maxMillis", millis(nanos.getMaxValue()));
    Map<String, Object> failures = new LinkedHashMap<>();
    load.takeFailures().forEach((code, count) -> failures.put(code.name(), count));
    result.put("failures", failures);
    return result;
  }

  private static double millis(long nanos) {
    return Math.round(nanos / 1e3) / 1e3;
  }

  private void tell(String event, Map<String, Object> figures) {
    Console console = standard.console();
    if (standard.json()) {
      Map<String, Object> line = new LinkedHashMap<>();
      line.put("event", event);
      line.putAll(figures);
      console.printLine(Json.write(line));
    } else {
      StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%-8s", event));
      figures.forEach((name, figure) -> line.append("  ").append(name).append(' ').append(figure));
      console.printLine(line.toString());
    }
    console.flush();
  }
}
