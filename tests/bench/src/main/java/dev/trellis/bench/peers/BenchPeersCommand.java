package dev.trellis.bench.peers;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bin/trellis bench-peers`: the store beside others, in one run.
@Command(
    name = "bench-peers",
    description = {
      "Measure the store beside an echo server, Redis and Infinispan, in one run on this machine,"
          + " each in a process of its own, in turn, and say which targets are reached.",
      "The server is on core 0 and the client on core 1. Takes about half an hour; --quick a few"
          + " minutes, with less certainty. What is not installed is left out and named."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis bench-peers --quick",
      "  trellis bench-peers --only start,memory",
      "  trellis bench-peers --json result.json --markdown result.md"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
public final class BenchPeersCommand implements Callable<Integer> {
  private static final String KEYS = "100000";
  private static final int IN_FLIGHT = 256;
  private static final int BATCH = 64;
  private static final int BATCHES_IN_FLIGHT = 16; // 1,024 keys: as many as a connection may carry
  private static final List<String> PARTS =
      List.of(
          "singles",
          "batches",
          "latency",
          "zipf",
          "memory",
          "growth",
          "garbage",
          "replicated",
          "durable",
          "disk",
          "start",
          "process");

  @Mixin private final StandardOptions standard = new StandardOptions();

  @Option(names = "--quick", description = "Shorter and fewer runs, and a tenth of the keys.")
  private boolean isQuick;

  @Option(
      names = "--only",
      paramLabel = "PART",
      split = ",",
      description =
          "Some parts: singles, batches, latency, zipf, memory, growth, garbage, replicated, durable,"
              + " disk, start, process (default: all).")
  private List<String> only = new ArrayList<>();

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "Write the result as JSON to a file too.")
  private @Nullable Path out;

  @Option(
      names = "--markdown",
      paramLabel = "FILE",
      description = "Write the result as a table in Markdown too.")
  private @Nullable Path markdown;

  @Option(
      names = "--port-base",
      paramLabel = "PORT",
      defaultValue = "9600",
      description = "Ports are counted from here (${DEFAULT-VALUE}).")
  private int portBase;

  private final List<Row> rows = new ArrayList<>();

  @Override
  public Integer call() {
    Set<String> wanted = only.isEmpty() ? new TreeSet<>(PARTS) : new TreeSet<>(only);
    for (String part : wanted) {
      if (!PARTS.contains(part)) {
        throw new CommandFailure(
            ExitCode.MISUSE, "--only " + part + " is none of " + String.join(", ", PARTS));
      }
    }
    if (portBase < 1_024 || portBase > 65_000) {
      throw new CommandFailure(
          ExitCode.MISUSE, "--port-base " + portBase + " is outside 1024 to 65000");
    }
    String home = System.getProperty("trellis.home");
    if (home == null) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "processes are started through the script bin/trellis; use that");
    }
    if (!Lab.has("taskset")) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "taskset, which places processes, is missing: package util-linux");
    }
    try (Lab lab =
        new Lab(Path.of(home), Files.createTempDirectory("trellis-bench-peers"), portBase)) {
      for (String part : PARTS) {
        if (wanted.contains(part)) {
          run(part, lab);
        }
      }
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "a process cannot be measured: " + e.getMessage(), e);
    }
    write(Path.of(home));
    return ExitCode.OK;
  }

  private void run(String part, Lab lab) throws IOException {
    standard.console().progress("measuring: " + part);
    int before = rows.size();
    try {
      measure(part, lab);
    } catch (CommandFailure e) {
      if (e.exitCode() == ExitCode.INTERRUPTED) {
        throw e;
      }
      lab.stopAll();
      lab.keepLogs();
      rows.add(Row.leftOut(part, String.valueOf(e.getMessage())));
    }
    standard.console().progress("");
    if (!standard.json()) {
      rows.subList(before, rows.size()).forEach(this::tell);
    }
  }

  private void measure(String part, Lab lab) throws IOException {
    switch (part) {
      case "singles" -> singles(lab);
      case "batches" -> batches(lab);
      case "latency" -> latency(lab);
      case "zipf" -> zipf(lab);
      case "memory" -> memory(lab);
      case "growth" -> growth(lab);
      case "garbage" -> garbage(lab);
      case "replicated" -> replicated(lab);
      case "durable" -> durable(lab);
      case "disk" -> disk(lab);
      case "start" -> start(lab);
      case "process" -> process(lab);
      default -> throw new IllegalArgumentException(part);
    }
  }

  private int rounds() {
    return isQuick ? 1 : 3;
  }

  private String[] timing() {
    return isQuick
        ? new String[] {"--warmup", "2s", "--time", "2s"}
        : new String[] {"--warmup", "5s", "--time", "5s"};
  }

  // ---- Throughput ----

  private void singles(Lab lab) throws IOException {
    Lab.Server node = lab.node(Lab.SERVER_CORE, "1g");
    Lab.Server echo = lab.echo(Lab.SERVER_CORE, 64);
    fill(lab, node);
    for (boolean reads : new boolean[] {true, false}) {
      String what = reads ? "gets" : "puts";
      List<Double> ours = new ArrayList<>();
      List<Double> echoes = new ArrayList<>();
      List<Double> redis = new ArrayList<>();
      for (int round = 0; round < rounds(); round++) {
        ours.add(throughput(lab, node, options(reads ? 100 : 0, IN_FLIGHT, 1)));
        echoes.add(throughput(lab, echo, options(reads ? 100 : 0, IN_FLIGHT, 1)));
        if (Lab.has("redis-server")) {
          redis.add(redis(lab, 64, 4, "-t", reads ? "get" : "set", "-d", "64"));
        }
      }
      String measure =
          "single %s a second, 64 B, %d in flight, against ".formatted(what, IN_FLIGHT);
      rows.add(
          Row.atLeast(
              measure + "the echo server",
              0.85,
              median(ours) / median(echoes),
              "%s against %s".formatted(count(ours), count(echoes))));
      rows.add(
          redis.isEmpty()
              ? noRedis(measure + "Redis")
              : Row.atLeast(
                  measure + "Redis (-P 64 -c 4 -r 100000)",
                  1.3,
                  median(ours) / median(redis),
                  "%s against %s".formatted(count(ours), count(redis))));
    }
    lab.stop(node);
    lab.stop(echo);
  }

  private void batches(Lab lab) throws IOException {
    Lab.Server node = lab.node(Lab.SERVER_CORE, "1g");
    fill(lab, node);
    for (boolean reads : new boolean[] {true, false}) {
      List<Double> ours = new ArrayList<>();
      List<Double> redis = new ArrayList<>();
      for (int round = 0; round < rounds(); round++) {
        ours.add(throughput(lab, node, options(reads ? 100 : 0, BATCHES_IN_FLIGHT, BATCH)));
        if (Lab.has("redis-server")) {
          List<String> command = new ArrayList<>(List.of(reads ? "mget" : "mset"));
          for (int key = 0; key < BATCH; key++) {
            command.add("key:__rand_int__");
            if (!reads) {
              command.add("x".repeat(64));
            }
          }
          redis.add(redis(lab, BATCHES_IN_FLIGHT / 4, 4, command.toArray(String[]::new)) * BATCH);
        }
      }
      String measure =
          "keys a second in batches of %d (%s), %d batches in flight, against Redis %s"
              .formatted(BATCH, reads ? "get" : "put", BATCHES_IN_FLIGHT, reads ? "mget" : "mset");
      rows.add(
          redis.isEmpty()
              ? noRedis(measure)
              : Row.atLeast(
                  measure,
                  1.0,
                  median(ours) / median(redis),
                  "%s against %s".formatted(count(ours), count(redis))));
    }
    lab.stop(node);
  }

  private void zipf(Lab lab) throws IOException {
    Lab.Server node = lab.node(Lab.SERVER_CORE, "1g");
    fill(lab, node);
    List<Double> zipf = new ArrayList<>();
    List<Double> uniform = new ArrayList<>();
    for (int round = 0; round < rounds(); round++) {
      zipf.add(
          throughput(
              lab, node, options(50, IN_FLIGHT, 1, "--keys-drawn", "zipf", "--theta", "4.0")));
      uniform.add(throughput(lab, node, options(50, IN_FLIGHT, 1)));
    }
    rows.add(
        Row.atLeast(
            "zipf 4.0 against uniform, half puts, %d in flight".formatted(IN_FLIGHT),
            0.95,
            median(zipf) / median(uniform),
            "%s against %s".formatted(count(zipf), count(uniform))));
    lab.stop(node);
  }

  private void replicated(Lab lab) throws IOException {
    String base = Integer.toString(lab.portBase());
    var _ =
        lab.run(
            "0,1",
            lab.script(),
            "up",
            "--detach",
            "--no-monitor",
            "--port-base",
            base,
            "--memory-nodes",
            "2",
            "--shards",
            "1",
            "--memory",
            "1g");
    try {
      String address = "127.0.0.1:" + base;
      List<Double> replicated = new ArrayList<>();
      List<Double> one = new ArrayList<>();
      var _ = lab.bench("0,1", address, "--time", "1s", "--keys", KEYS);
      for (int round = 0; round < rounds(); round++) {
        replicated.add(
            perSecond(lab.bench("0,1", address, options(0, IN_FLIGHT, 1, "--ack", "replicated"))));
        one.add(perSecond(lab.bench("0,1", address, options(0, IN_FLIGHT, 1, "--ack", "one"))));
      }
      rows.add(
          Row.atLeast(
              "replicated puts against one, the same two nodes, on both cores",
              0.4,
              median(replicated) / median(one),
              "%s against %s".formatted(count(replicated), count(one))));
    } finally {
      var _ = lab.run("0,1", lab.script(), "down", "--port-base", base);
    }
  }

  // ---- The SSD tier ----

  private void durable(Lab lab) throws IOException {
    for (int inFlight : new int[] {1, 64, 1_024}) {
      Lab.Server node =
          lab.ssdNode(Lab.SERVER_CORE, "1g", lab.folder().resolve("durable-" + inFlight));
      warmUp(lab, node);
      List<Double> ours = new ArrayList<>();
      List<Double> redis = new ArrayList<>();
      for (int round = 0; round < rounds(); round++) {
        ours.add(throughput(lab, node, options(0, inFlight, 1, "--ack", "durable")));
        if (Lab.has("redis-server")) {
          redis.add(durableRedis(lab, inFlight));
        }
      }
      lab.stop(node);
      String measure =
          "durable puts a second, 64 B, %,d in flight, against Redis (appendfsync always)"
              .formatted(inFlight);
      String detail = "%s against %s".formatted(count(ours), redis.isEmpty() ? "-" : count(redis));
      double ratio = redis.isEmpty() ? 0 : median(ours) / median(redis);
      rows.add(
          redis.isEmpty()
              ? noRedis(measure)
              : switch (inFlight) {
                case 1 -> Row.reported(measure, ratio, "%.2f×".formatted(ratio), detail);
                default -> Row.atLeast(measure, inFlight == 64 ? 1.0 : 0.5, ratio, detail);
              });
    }
  }

  /// What is compiled while it serves shares a core with what it serves: with few requests in
  /// flight, that would still go on when it is measured.
  private void warmUp(Lab lab, Lab.Server node) throws IOException {
    var _ =
        lab.bench(
            Lab.CLIENT_CORE,
            node.address(),
            "--keys",
            KEYS,
            "--read-percent",
            "0",
            "--pipeline",
            "1024",
            "--batch",
            "1",
            "--ack",
            "durable",
            "--warmup",
            "1s",
            "--time",
            isQuick ? "5s" : "20s");
  }

  /// Durable writes a second of Redis, whose log grows for that long.
  private double durableRedis(Lab lab, int inFlight) throws IOException {
    int clients = Math.min(4, inFlight);
    Lab.Server server =
        lab.durableRedis(Lab.SERVER_CORE, lab.folder().resolve("redis-" + System.nanoTime()));
    String csv =
        lab.run(
            Lab.CLIENT_CORE,
            "redis-benchmark",
            "-p",
            Integer.toString(server.port()),
            "--csv",
            "-P",
            Integer.toString(inFlight / clients),
            "-c",
            Integer.toString(clients),
            "-r",
            KEYS,
            "-n",
            requests(inFlight == 1 ? 10_000 : inFlight == 64 ? 200_000 : 1_000_000),
            "-d",
            "64",
            "-t",
            "set");
    lab.stop(server);
    return redisPerSecond(csv);
  }

  private void disk(Lab lab) throws IOException {
    Path data = lab.folder().resolve("disk");
    Lab.Server memory = lab.node(Lab.SERVER_CORE, "1g");
    Lab.Server ssd = lab.ssdNode(Lab.SERVER_CORE, "1g", data);
    fill(lab, memory);
    fill(lab, ssd);
    List<Double> fromMemory = new ArrayList<>();
    List<Double> fromDisk = new ArrayList<>();
    for (int round = 0; round < rounds(); round++) {
      fromDisk.add(throughput(lab, ssd, options(100, IN_FLIGHT, 1)));
      fromMemory.add(throughput(lab, memory, options(100, IN_FLIGHT, 1)));
    }
    rows.add(
        Row.atLeast(
            "gets a second of keys on disk, in page cache, against keys in memory, 64 B, %d in flight"
                .formatted(IN_FLIGHT),
            0.5,
            median(fromDisk) / median(fromMemory),
            "%s against %s".formatted(count(fromDisk), count(fromMemory))));
    lab.stop(memory);
    lab.stop(ssd);
    manyKeysOnDisk(lab, lab.folder().resolve("many"));
  }

  private void manyKeysOnDisk(Lab lab, Path data) throws IOException {
    int keys = isQuick ? 1_000_000 : 10_000_000;
    int valueBytes = 256;
    int keyBytes = 8;
    Lab.Server node = lab.ssdNode(Lab.SERVER_CORE, "2g", data);
    var _ =
        lab.bench(
            Lab.CLIENT_CORE,
            node.address(),
            "--keys",
            Integer.toString(keys),
            "--key-prefix",
            "k",
            "--key-digits",
            Integer.toString(keyBytes - 1),
            "--value-size",
            Integer.toString(valueBytes),
            "--ack",
            "durable",
            "--time",
            "100ms",
            "--warmup",
            "1ms");
    lab.stop(node);
    long bytes = 0;
    try (Stream<Path> files = Files.walk(data)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        bytes += Files.size(file);
      }
    }
    double content = (double) keys * (keyBytes + valueBytes);
    rows.add(
        Row.reported(
            "bytes on disk for each byte of keys and values, %,d keys of %d B"
                .formatted(keys, valueBytes),
            bytes / content,
            "%.2f".formatted(bytes / content),
            "%,d MiB of files".formatted(bytes >> 20)));
    List<Double> ready = new ArrayList<>();
    for (int round = 0; round < rounds(); round++) {
      long began = System.nanoTime();
      Lab.Server again = lab.ssdNode(Lab.SERVER_CORE, "2g", data);
      ready.add((System.nanoTime() - began) / 1e6);
      lab.stop(again);
    }
    rows.add(
        Row.atMost(
            "an SSD node of %,d keys from start to ready, after it was killed".formatted(keys),
            5_000,
            median(ready),
            "ms",
            "in page cache"));
  }

  private static double throughput(Lab lab, Lab.Server server, String[] options)
      throws IOException {
    return perSecond(lab.bench(Lab.CLIENT_CORE, server.address(), options));
  }

  private String[] options(int readPercent, int pipeline, int batch, String... more) {
    List<String> options =
        new ArrayList<>(
            List.of(
                "--no-load",
                "--keys",
                KEYS,
                "--read-percent",
                Integer.toString(readPercent),
                "--pipeline",
                Integer.toString(pipeline),
                "--batch",
                Integer.toString(batch)));
    options.addAll(List.of(timing()));
    options.addAll(List.of(more));
    return options.toArray(String[]::new);
  }

  private static void fill(Lab lab, Lab.Server node) throws IOException {
    var _ =
        lab.bench(
            Lab.CLIENT_CORE, node.address(), "--keys", KEYS, "--time", "1s", "--warmup", "1s");
  }

  /// Requests a second of Redis, which is started and filled for it, and stopped.
  private double redis(Lab lab, int pipeline, int clients, String... test) throws IOException {
    Lab.Server server = lab.redis(Lab.SERVER_CORE);
    String port = Integer.toString(server.port());
    var _ =
        lab.run(
            Lab.CLIENT_CORE,
            "redis-benchmark",
            "-p",
            port,
            "-q",
            "-P",
            "64",
            "-c",
            "4",
            "-r",
            KEYS,
            "-n",
            "1000000",
            "-d",
            "64",
            "-t",
            "set");
    List<String> command =
        new ArrayList<>(
            List.of(
                "redis-benchmark",
                "-p",
                port,
                "--csv",
                "-P",
                Integer.toString(pipeline),
                "-c",
                Integer.toString(clients),
                "-r",
                KEYS,
                "-n",
                test[0].equals("-t") ? requests(4_000_000) : requests(200_000)));
    command.addAll(List.of(test));
    String csv = lab.run(Lab.CLIENT_CORE, command.toArray(String[]::new));
    lab.stop(server);
    return redisPerSecond(csv);
  }

  /// Of a line of names, then one whose second column is the requests a second.
  private static double redisPerSecond(String csv) {
    String last = csv.strip().lines().reduce((_, line) -> line).orElse("");
    String[] columns = last.split("\",\"", -1);
    return Double.parseDouble(columns[1].replace("\"", ""));
  }

  private String requests(int full) {
    return Integer.toString(isQuick ? full / 4 : full);
  }

  private static Row noRedis(String measure) {
    return Row.leftOut(measure, "redis-server is not installed: package redis-server");
  }

  // ---- Latency ----

  private void latency(Lab lab) throws IOException {
    for (String clientCore : List.of(Lab.CLIENT_CORE, Lab.SERVER_CORE)) {
      Lab.Server node = lab.node(Lab.SERVER_CORE, "1g");
      Lab.Server echo = lab.echo(Lab.SERVER_CORE, 64);
      fill(lab, node);
      List<Double> p50 = new ArrayList<>();
      List<Double> p99 = new ArrayList<>();
      List<Double> echo50 = new ArrayList<>();
      List<Double> echo99 = new ArrayList<>();
      for (int round = 0; round < rounds(); round++) {
        Map<?, ?> ours = lab.bench(clientCore, node.address(), options(100, 1, 1));
        Map<?, ?> echoes = lab.bench(clientCore, echo.address(), options(100, 1, 1));
        p50.add(latency(ours, "read", "p50"));
        p99.add(latency(ours, "read", "p99"));
        echo50.add(latency(echoes, "read", "p50"));
        echo99.add(latency(echoes, "read", "p99"));
      }
      String where = clientCore.equals(Lab.CLIENT_CORE) ? ", two cores" : ", both on one core";
      rows.add(
          Row.atMost(
              "p50 of one get at a time, against the echo server" + where,
              1.15,
              median(p50) / median(echo50),
              "%.1f µs against %.1f µs".formatted(median(p50), median(echo50))));
      rows.add(
          Row.atMost(
              "p99 of one get at a time, against the echo server" + where,
              1.3,
              median(p99) / median(echo99),
              "%.1f µs against %.1f µs".formatted(median(p99), median(echo99))));
      lab.stop(node);
      lab.stop(echo);
    }
  }

  private void growth(Lab lab) throws IOException {
    long keys = isQuick ? 1_000_000 : 10_000_000;
    int rate = 100_000;
    Lab.Server node = lab.node(Lab.SERVER_CORE, isQuick ? "3g" : "8g");
    String[] common = {
      "--rate", Integer.toString(rate), "--pipeline", "256", "--read-percent", "0", "--warmup", "3s"
    };
    String seconds = Math.max(1, keys / rate) + "s";
    Map<?, ?> growing =
        lab.bench(
            Lab.CLIENT_CORE,
            node.address(),
            with(common, "--keys", "1000", "--insert-percent", "100", "--time", seconds));
    Map<?, ?> steady =
        lab.bench(
            Lab.CLIENT_CORE,
            node.address(),
            with(common, "--no-load", "--keys", Long.toString(keys), "--time", "20s"));
    double during = latency(growing, "insert", "p99.9");
    double after = latency(steady, "write", "p99.9");
    rows.add(
        Row.atMost(
            "p99.9 of puts while %,d keys are loaded, against steady state, %,d a second (open loop)"
                .formatted(keys, rate),
            2,
            during / after,
            "%.0f µs against %.0f µs".formatted(during, after)));
    lab.stop(node);
  }

  private static String[] with(String[] common, String... more) {
    List<String> all = new ArrayList<>(List.of(common));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  // ---- Memory ----

  private void memory(Lab lab) throws IOException {
    int keys = isQuick ? 100_000 : 1_000_000;
    for (int valueBytes : new int[] {64, 256}) {
      Lab.Server node = lab.node(Lab.SERVER_CORE, "3g", "-XX:+AlwaysPreTouch");
      double ours;
      double heap;
      try (Probe probe = new Probe(node.process().pid())) {
        long liveBefore = probe.liveHeapBytes();
        long residentBefore = Probe.residentBytes(node.process().pid());
        var _ =
            lab.bench(
                Lab.CLIENT_CORE,
                node.address(),
                "--keys",
                Integer.toString(keys),
                "--key-prefix",
                "k",
                "--key-digits",
                "7",
                "--value-size",
                Integer.toString(valueBytes),
                "--time",
                "100ms",
                "--warmup",
                "1ms");
        // The heap is all resident from the start, so what of it is in use is counted beside.
        heap = (probe.liveHeapBytes() - liveBefore) / (double) keys;
        ours = heap + (Probe.residentBytes(node.process().pid()) - residentBefore) / (double) keys;
      }
      lab.stop(node);
      String measure =
          "memory per key, %,d keys of 8 B with %d B values, against Redis"
              .formatted(keys, valueBytes);
      if (!Lab.has("redis-server")) {
        rows.add(noRedis(measure));
        continue;
      }
      double redis = redisMemory(lab, keys, valueBytes);
      rows.add(
          Row.atMost(
              measure,
              0.75,
              ours / redis,
              "%.0f B (of these %.0f B live heap) against %.0f B".formatted(ours, heap, redis)));
    }
  }

  private static double redisMemory(Lab lab, int keys, int valueBytes) throws IOException {
    Lab.Server server = lab.redis(Lab.SERVER_CORE);
    long before = Probe.residentBytes(server.process().pid());
    Path commands = lab.folder().resolve("keys.txt");
    String value = "x".repeat(valueBytes);
    try (var writer = Files.newBufferedWriter(commands)) {
      for (int key = 0; key < keys; key++) {
        writer.write(String.format(Locale.ROOT, "SET k%07d %s%n", key, value));
      }
    }
    var _ =
        lab.run(
            Lab.CLIENT_CORE,
            "sh",
            "-c",
            "redis-cli -p " + server.port() + " --pipe <'" + commands + "'");
    double bytes = (Probe.residentBytes(server.process().pid()) - before) / (double) keys;
    lab.stop(server);
    Files.delete(commands);
    return bytes;
  }

  private void garbage(Lab lab) throws IOException {
    Lab.Server node = lab.node(Lab.SERVER_CORE, "1g");
    fill(lab, node);
    try (Probe probe = new Probe(node.process().pid())) {
      for (boolean reads : new boolean[] {true, false}) {
        // Twice, since what is compiled anew while it warms up takes more.
        double bytes = 0;
        for (int round = 0; round < 2; round++) {
          long before = probe.allocatedBy("shard-");
          Map<?, ?> result =
              lab.bench(
                  Lab.CLIENT_CORE,
                  node.address(),
                  "--no-load",
                  "--keys",
                  KEYS,
                  "--pipeline",
                  Integer.toString(IN_FLIGHT),
                  "--read-percent",
                  reads ? "100" : "0",
                  "--warmup",
                  "1ms",
                  "--time",
                  isQuick ? "3s" : "10s");
          bytes = (probe.allocatedBy("shard-") - before) / number(result.get("operations"));
        }
        rows.add(
            Row.atMost(
                "heap garbage per %s, by the shard's thread".formatted(reads ? "get" : "put"),
                32,
                bytes,
                "B",
                "as its JVM counts them"));
      }
    }
    lab.stop(node);
  }

  // ---- Starts ----

  private void start(Lab lab) throws IOException {
    Map<String, String> without = Map.of("TRELLIS_AOT", "never");
    Path aot = aotCache();
    Map<String, String> with = Map.of("TRELLIS_AOT", "");
    int runs = isQuick ? 5 : 20;
    Lab.Server node = lab.node("0,1", "512m");
    var _ = lab.run("0,1", lab.script(), "put", "greeting", "hello", "--address", node.address());
    List<Double> cold = new ArrayList<>();
    List<Double> cached = new ArrayList<>();
    List<Double> get = new ArrayList<>();
    List<Double> getWithout = new ArrayList<>();
    List<Double> redisGet = new ArrayList<>();
    List<Double> ready = new ArrayList<>();
    List<Double> readyWithout = new ArrayList<>();
    boolean hasRedis = Lab.has("redis-server");
    Lab.Server redis = hasRedis ? lab.redis("0,1") : node;
    List<String> plain = List.of("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");
    List<String> quick = new ArrayList<>(plain);
    if (aot != null) {
      quick.addAll(List.of("-XX:AOTCache=" + aot, "-Xlog:aot*=off", "-Xlog:cds*=off"));
    }
    String[] getCommand = {lab.script(), "get", "greeting", "--address", node.address()};
    for (int run = 0; run < runs; run++) {
      cold.add(firstGet(lab, plain, node));
      cached.add(firstGet(lab, quick, node));
      get.add(lab.seconds(with, getCommand));
      getWithout.add(lab.seconds(without, getCommand));
      ready.add(lab.secondsToReady(with));
      readyWithout.add(lab.secondsToReady(without));
      if (hasRedis) {
        redisGet.add(
            lab.seconds(
                Map.of(), "redis-cli", "-p", Integer.toString(redis.port()), "get", "greeting"));
      }
    }
    lab.stop(node);
    String note = aot == null ? "; there is no AOT cache here" : "";
    rows.add(
        Row.reported(
            "cold JVM to the first answered get in the client, class path start",
            median(cold) * 1e3,
            "%.0f ms".formatted(median(cold) * 1e3),
            "median of " + runs));
    rows.add(
        Row.atMost(
            "the same with the AOT cache",
            400,
            median(cached) * 1e3,
            "ms",
            "median of " + runs + note));
    rows.add(
        Row.atMost(
            "a node process from start to ready, with the AOT cache",
            1_000,
            median(ready) * 1e3,
            "ms",
            "%.0f ms without%s".formatted(median(readyWithout) * 1e3, note)));
    rows.add(
        Row.atMost(
            "bin/trellis get KEY, the whole command, with the AOT cache",
            400,
            median(get) * 1e3,
            "ms",
            "%.0f ms without%s%s"
                .formatted(
                    median(getWithout) * 1e3,
                    hasRedis ? ", redis-cli get %.0f ms".formatted(median(redisGet) * 1e3) : "",
                    note)));
    if (hasRedis) {
      lab.stop(redis);
    }
  }

  private static double firstGet(Lab lab, List<String> flags, Lab.Server node) throws IOException {
    return lab.secondsToFirstLine(
        List.of(lab.java(FirstGet.class, flags, node.address(), "greeting")));
  }

  /// The cache that this very process was started with; null if there is none.
  private static @Nullable Path aotCache() {
    String flag = "-XX:AOTCache=";
    return java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(argument -> argument.startsWith(flag))
        .map(argument -> Path.of(argument.substring(flag.length())))
        .findFirst()
        .orElse(null);
  }

  // ---- In one process ----

  private void process(Lab lab) throws IOException {
    String measure = "in one process, one thread, 64 B: a shard against Infinispan, ";
    if (!Files.isDirectory(Lab.peerJars(Path.of(System.getProperty("trellis.home", "."))))) {
      rows.add(
          Row.leftOut(measure + "puts and gets", "Infinispan is fetched by a build of the tree"));
      return;
    }
    String seconds = isQuick ? "2" : "5";
    List<double[]> ours = new ArrayList<>();
    List<double[]> theirs = new ArrayList<>();
    for (int round = 0; round < rounds(); round++) {
      ours.add(inProcess(lab, "trellis", seconds));
      theirs.add(inProcess(lab, "infinispan", seconds));
    }
    for (int index = 0; index < 2; index++) {
      int at = index;
      List<Double> mine = ours.stream().map(each -> each[at]).toList();
      List<Double> other = theirs.stream().map(each -> each[at]).toList();
      rows.add(
          Row.reported(
              measure + (index == 0 ? "puts" : "gets") + " a second",
              median(mine) / median(other),
              "%.2f×".formatted(median(mine) / median(other)),
              "%s against %s".formatted(count(mine), count(other))));
    }
  }

  private static double[] inProcess(Lab lab, String which, String seconds) throws IOException {
    String[] printed =
        lab.run(
                Lab.CLIENT_CORE,
                lab.java(InProcess.class, List.of("-Xms1g", "-Xmx1g"), which, seconds))
            .strip()
            .split(" ", -1);
    return new double[] {Double.parseDouble(printed[0]), Double.parseDouble(printed[1])};
  }

  // ---- Results ----

  private static double perSecond(Map<?, ?> result) {
    return number(result.get("operationsPerSecond"));
  }

  private static double latency(Map<?, ?> result, String type, String percentile) {
    return result.get("latencyMicros") instanceof Map<?, ?> types
            && types.get(type) instanceof Map<?, ?> micros
        ? number(micros.get(percentile))
        : 0;
  }

  private static double number(@Nullable Object json) {
    return json instanceof Number number ? number.doubleValue() : 0;
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return DoubleStream.of(sorted[(sorted.length - 1) / 2], sorted[sorted.length / 2])
        .average()
        .orElseThrow();
  }

  private static String count(List<Double> values) {
    return String.format(Locale.ROOT, "%,.0f", median(values));
  }

  private void tell(Row row) {
    standard
        .console()
        .printLine(
            "%-12s %s: %s (target %s; %s)"
                .formatted(
                    row.verdict().word(),
                    row.measure(),
                    row.measured(),
                    row.target(),
                    row.figures()));
    standard.console().flush();
  }

  private void write(Path home) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("time", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    result.put("commit", Machine.commit(home));
    result.put("machine", Machine.describe());
    result.put("quick", isQuick);
    result.put("rows", rows.stream().map(Row::json).toList());
    Console console = standard.console();
    if (standard.json()) {
      console.printLine(Json.write(result));
    } else {
      console.printLine("machine: " + Machine.describe());
      console.printLine("commit: " + Machine.commit(home));
    }
    if (out != null) {
      write(out, Json.write(result) + "\n");
    }
    if (markdown != null) {
      StringBuilder text = new StringBuilder();
      text.append("Machine: ").append(Machine.describe()).append(". Commit: ");
      text.append(Machine.commit(home)).append(". Time: ").append(result.get("time"));
      text.append(isQuick ? ". Quick." : ".").append("\n\n");
      text.append("| measure | target | measured | figures | |\n|---|---|---|---|---|\n");
      rows.forEach(row -> text.append(row.markdown()).append('\n'));
      write(markdown, text.toString());
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot write " + Failures.of(file, e), e);
    }
  }
}
