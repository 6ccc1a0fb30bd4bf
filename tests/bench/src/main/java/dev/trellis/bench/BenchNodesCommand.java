package dev.trellis.bench;

import dev.trellis.bench.BenchCluster.Node;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
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
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
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
  private static final int FILL_CALLS = 500;
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
      names = "--value-size",
      paramLabel = "BYTES",
      defaultValue = "1000",
      description = "Size of a value (${DEFAULT-VALUE}).")
  private int valueBytes;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Calls a second, half of them puts (${DEFAULT-VALUE}).")
  private int rate;

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
      Path folder = Files.createTempDirectory("trellis-bench-nodes");
      try (BenchCluster cluster = new BenchCluster(portBase, folder)) {
        cluster.up(options());
        measure(cluster);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (TrellisException e) {
      throw new CommandFailure(ExitCode.of(e.code()), String.valueOf(e.getMessage()), e);
    }
    return ExitCode.OK;
  }

  private List<String> options() {
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

  private long keyCount() {
    return Math.max(1, ((long) mebibytes << 20) / Math.max(1, valueBytes));
  }

  private void measure(BenchCluster cluster) throws IOException, InterruptedException {
    try (Trellis client =
        Trellis.connect(ClientConfig.of(cluster.address()).withTimeout(Duration.ofSeconds(30)))) {
      long began = System.nanoTime();
      fill(client);
      tell(
          "filled",
          Map.of(
              "keys", keyCount(), "mebibytes", (long) mebibytes, "seconds", secondsSince(began)));
      try (OpenLoop load = new OpenLoop(client, keyCount(), valueBytes, rate)) {
        load.start();
        Thread.sleep(before.dividedBy(3));
        var _ = load.takeLatencies();
        Thread.sleep(before);
        tell("before", latencies(load));
        String killed = death(cluster, load);
        quiet(load);
        var _ = cluster.node("remove", killed, "--dead");
        String added = join(cluster, load);
        quiet(load);
        leave(cluster, load, added);
      }
    }
  }

  /// Lets what an event left behind pass.
  private void quiet(OpenLoop load) throws InterruptedException {
    Thread.sleep(before.dividedBy(3));
    var _ = load.takeLatencies();
    var _ = load.takeFailures();
  }

  private void fill(Trellis client) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(7);
    byte[] value = new byte[valueBytes];
    for (long from = 0; from < keyCount(); from += FILL_CALLS) {
      List<Call> calls = new ArrayList<>();
      for (long key = from; key < Math.min(keyCount(), from + FILL_CALLS); key++) {
        random.nextBytes(value); // so that nothing on the way can save work by seeing it again
        calls.add(
            new Call(
                OpenLoop.keyOf(key), new Mutation.Put(Payload.of(value)), CallOptions.DEFAULT));
      }
      client.executeAll(calls).forEach(CompletableFuture::join);
      standard.console().progress("filling: %,d of %,d keys".formatted(from, keyCount()));
    }
    standard.console().progress("");
  }

  private String death(BenchCluster cluster, OpenLoop load)
      throws IOException, InterruptedException {
    List<Node> all = cluster.nodes();
    Node victim = all.get(1);
    List<Node> others = all.stream().filter(node -> !node.equals(victim)).toList();
    var _ = load.takeLatencies();
    long began = System.nanoTime();
    ProcessHandle.of(victim.pid()).ifPresent(ProcessHandle::destroyForcibly);
    double suspected = await(began, others, answer -> !isTrusted(answer, victim.id()));
    double removed = await(began, others, answer -> isAbsent(answer, victim.id()));
    double whole = awaitWhole(began, others);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("suspectedByAllSeconds", suspected);
    result.put("removedByAllSeconds", removed);
    result.put("wholeSeconds", whole);
    result.putAll(latencies(load));
    tell("death", result);
    return victim.id();
  }

  private String join(BenchCluster cluster, OpenLoop load)
      throws IOException, InterruptedException {
    var _ = load.takeLatencies();
    long began = System.nanoTime();
    String added = String.valueOf(cluster.node("add", "--detach").get("id"));
    double whole = awaitWhole(began, cluster.nodes());
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("activeAndWholeSeconds", whole);
    result.putAll(latencies(load));
    tell("join", result);
    return added;
  }

  private void leave(BenchCluster cluster, OpenLoop load, String id)
      throws IOException, InterruptedException {
    var _ = load.takeLatencies();
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

  private static Map<String, Object> latencies(OpenLoop load) {
    Histogram nanos = load.takeLatencies();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("calls", nanos.getTotalCount());
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
