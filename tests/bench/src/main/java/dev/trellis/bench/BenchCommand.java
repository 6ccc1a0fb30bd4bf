package dev.trellis.bench;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bin/trellis bench`: a load generator.
@Command(
    name = "bench",
    description = {
      "Put a load on the cluster and measure throughput and latency.",
      "A closed loop: each connection keeps --pipeline calls unanswered and sends the next when an",
      "answer comes. A store that stalls is asked less meanwhile, which flatters its latencies."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis bench",
      "  trellis bench --pipeline 64 --connections 4 --read-percent 90 --keys-drawn zipf",
      "  trellis bench --pipeline 1 --time 30s --json"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class BenchCommand implements Callable<Integer> {
  private static final long SECOND_NANOS = 1_000_000_000;

  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();

  @Option(
      names = "--connections",
      paramLabel = "N",
      defaultValue = "1",
      description = "Clients, each with connections of its own (${DEFAULT-VALUE}).")
  private int connections;

  @Option(
      names = "--pipeline",
      paramLabel = "N",
      defaultValue = "64",
      description = "Calls, or batches, that each keeps unanswered (${DEFAULT-VALUE}).")
  private int pipeline;

  @Option(
      names = "--time",
      paramLabel = "TIME",
      defaultValue = "10s",
      description = "How long to measure (${DEFAULT-VALUE}).")
  private Duration time = Duration.ZERO;

  @Option(
      names = "--warmup",
      paramLabel = "TIME",
      defaultValue = "3s",
      description = "How long to run before that (${DEFAULT-VALUE}).")
  private Duration warmup = Duration.ZERO;

  @Option(
      names = "--keys",
      paramLabel = "N",
      defaultValue = "100000",
      description = "Keys in play: bench:0, bench:1, … (${DEFAULT-VALUE}).")
  private long keyCount;

  @Option(
      names = "--value-size",
      paramLabel = "BYTES",
      defaultValue = "64",
      description = "Size of a value (${DEFAULT-VALUE}).")
  private int valueBytes;

  @Option(
      names = "--read-percent",
      paramLabel = "P",
      defaultValue = "50",
      description = "Share of reads (${DEFAULT-VALUE}).")
  private int readPercent;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      description = "Keys per call (${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--keys-drawn",
      paramLabel = "HOW",
      defaultValue = "UNIFORM",
      description = "uniform, zipf or single (uniform).")
  private Keys keys = Keys.UNIFORM;

  @Option(
      names = "--theta",
      paramLabel = "T",
      defaultValue = "0.99",
      description = "Exponent of zipf (${DEFAULT-VALUE}).")
  private double theta;

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      defaultValue = "LWW",
      description = "lww: puts and gets; counter: adds and gets (lww).")
  private Load.Target target = Load.Target.LWW;

  @Option(
      names = "--ack",
      paramLabel = "LEVEL",
      description = "What writes wait for: one, replicated or durable (the cluster's default).")
  private @Nullable String acknowledgement;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Decides which keys are drawn (${DEFAULT-VALUE}).")
  private long seed;

  @Override
  public Integer call() throws InterruptedException {
    try {
      return run();
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    } catch (TrellisException e) {
      throw new CommandFailure(ExitCode.of(e.code()), String.valueOf(e.getMessage()), e);
    }
  }

  private int run() throws InterruptedException {
    Load load =
        new Load(
            connections,
            pipeline,
            time,
            warmup,
            keyCount,
            valueBytes,
            readPercent,
            batch,
            keys,
            theta,
            target,
            seed);
    CallOptions options = connection.callOptions();
    if (acknowledgement != null) {
      options = options.withAcknowledgement(Acknowledgement.ofWord(acknowledgement));
    }
    LoadGenerator generator = new LoadGenerator(load, options);
    generator.fill(
        connection.connect(),
        written -> progress("filling: " + written + " of " + load.keyCount() + " keys"));
    List<Trellis> clients = new ArrayList<>();
    try {
      ClientConfig config =
          ClientConfig.of(connection.addresses().toArray(String[]::new)).withAgent("trellis-bench");
      for (int client = 0; client < connections; client++) {
        clients.add(Trellis.connect(config));
      }
      return measure(load, generator, clients);
    } finally {
      clients.forEach(Trellis::close);
    }
  }

  private int measure(Load load, LoadGenerator generator, List<Trellis> clients)
      throws InterruptedException {
    CountDownLatch done = new CountDownLatch(clients.size());
    for (int client = 0; client < clients.size(); client++) {
      generator.start(clients.get(client), client, done);
    }
    TimeUnit.NANOSECONDS.sleep(warmup.toNanos());
    generator.reset();
    Histogram reads = new Histogram(3);
    Histogram writes = new Histogram(3);
    long start = System.nanoTime();
    long end = start + time.toNanos();
    long before = 0;
    for (long now = start; now < end; now = System.nanoTime()) {
      TimeUnit.NANOSECONDS.sleep(Math.min(SECOND_NANOS, end - now));
      long completed = generator.completed();
      progress(
          "%,d s: %,d operations/s"
              .formatted((System.nanoTime() - start) / SECOND_NANOS, completed - before));
      before = completed;
    }
    reads.add(generator.takeLatencies(LoadGenerator.Type.READ));
    writes.add(generator.takeLatencies(LoadGenerator.Type.WRITE));
    double seconds = (System.nanoTime() - start) / (double) SECOND_NANOS;
    long completed = generator.completed();
    Map<ErrorCode, Long> failures = generator.failures();
    generator.stop();
    done.await();
    generator.requireSound();
    if (standard.json()) {
      standard
          .console()
          .printLine(Json.write(json(load, completed, seconds, reads, writes, failures)));
    } else {
      tell(load, completed, seconds, reads, writes, failures);
    }
    return failures.isEmpty() ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private void progress(String line) {
    Console console = standard.console();
    if (console.errorIsTerminal()) {
      console.errorLine(line);
    }
  }

  private void tell(
      Load load,
      long completed,
      double seconds,
      Histogram reads,
      Histogram writes,
      Map<ErrorCode, Long> failures) {
    Console console = standard.console();
    console.printLine(
        "connections: %d, each with %d %s of %d unanswered; %d%% reads; %,d keys, %s; %d B values"
            .formatted(
                load.connections(),
                load.pipeline(),
                load.batch() == 1 ? "calls" : "batches",
                load.batch(),
                load.readPercent(),
                load.keyCount(),
                load.keys().word(),
                load.valueBytes()));
    console.printLine(
        "%,.0f operations/s over %.1f s (closed loop)".formatted(completed / seconds, seconds));
    console.printLine(
        "%-7s %12s %10s %10s %10s %10s %10s"
            .formatted("", "count", "p50 µs", "p95 µs", "p99 µs", "p99.9 µs", "max µs"));
    tell("reads", reads);
    tell("writes", writes);
    failures.forEach((code, count) -> console.printLine("failed with " + code + ": " + count));
  }

  private void tell(String what, Histogram latencies) {
    if (latencies.getTotalCount() > 0) {
      standard
          .console()
          .printLine(
              "%-7s %,12d %,10.1f %,10.1f %,10.1f %,10.1f %,10.1f"
                  .formatted(
                      what,
                      latencies.getTotalCount(),
                      micros(latencies, 50),
                      micros(latencies, 95),
                      micros(latencies, 99),
                      micros(latencies, 99.9),
                      latencies.getMaxValue() / 1e3));
    }
  }

  private static double micros(Histogram latencies, double percentile) {
    return latencies.getValueAtPercentile(percentile) / 1e3;
  }

  private static Map<String, Object> json(
      Load load,
      long completed,
      double seconds,
      Histogram reads,
      Histogram writes,
      Map<ErrorCode, Long> failures) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("loop", "closed");
    result.put("connections", (long) load.connections());
    result.put("pipeline", (long) load.pipeline());
    result.put("batch", (long) load.batch());
    result.put("keys", load.keyCount());
    result.put("keysDrawn", load.keys().word());
    result.put("valueBytes", (long) load.valueBytes());
    result.put("readPercent", (long) load.readPercent());
    result.put("kind", load.target().name().toLowerCase(Locale.ROOT));
    result.put("seed", load.seed());
    result.put("seconds", seconds);
    result.put("operations", completed);
    result.put("operationsPerSecond", completed / seconds);
    result.put("readMicros", json(reads));
    result.put("writeMicros", json(writes));
    Map<String, Object> failed = new LinkedHashMap<>();
    failures.forEach((code, count) -> failed.put(code.name(), count));
    result.put("failures", failed);
    return result;
  }

  private static Map<String, Object> json(Histogram latencies) {
    Map<String, Object> micros = new LinkedHashMap<>();
    micros.put("count", latencies.getTotalCount());
    for (double percentile : List.of(50.0, 95.0, 99.0, 99.9)) {
      String name = "p" + (percentile == 99.9 ? "99.9" : String.valueOf((int) percentile));
      micros.put(name, micros(latencies, percentile));
    }
    micros.put("max", latencies.getMaxValue() / 1e3);
    return micros;
  }
}
