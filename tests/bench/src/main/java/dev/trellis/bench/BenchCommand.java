package dev.trellis.bench;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bin/trellis bench`: a load generator.
@Command(
    name = "bench",
    description = {
      "Put a load on the cluster and measure throughput and latency.",
      "A closed loop by default: each client keeps --pipeline calls unanswered and sends the next"
          + " when an answer comes. A store that stalls is asked less meanwhile, which flatters its"
          + " latencies. With --rate an open loop: a call is due each period whatever the store"
          + " does, and its latency counts from then."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis bench",
      "  trellis bench --pipeline 64 --connections 4 --read-percent 90 --keys-drawn zipf",
      "  trellis bench --rate 50000 --time 30s --html page.html",
      "  trellis bench --workload a --keys 1000000 --json"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class BenchCommand implements Callable<Integer> {
  private static final int VALUE_BYTES = 64;
  private static final double NANOS_PER_SECOND = 1e9;

  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();

  @Option(
      names = "--workload",
      paramLabel = "NAME",
      converter = Words.OfWorkload.class,
      description =
          "A mix of the Yahoo! Cloud Serving Benchmark: a (half writes), b (5%% writes), c (reads),"
              + " d (reads of the latest, 5%% inserts), f (half read-modify-writes); values of"
              + " 1000 B.")
  private @Nullable Workload workload;

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
      description =
          "Calls, or batches, that each keeps unanswered; with --rate, at most (${DEFAULT-VALUE}).")
  private int pipeline;

  @Option(
      names = "--rate",
      paramLabel = "N",
      description = "Operations a second that are due, over all clients: an open loop.")
  private @Nullable Integer rate;

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
      description = "Keys that are there: bench:0, bench:1, … (${DEFAULT-VALUE}).")
  private long keyCount;

  @Option(
      names = "--key-prefix",
      paramLabel = "TEXT",
      defaultValue = "bench:",
      description = "What a key's number follows (${DEFAULT-VALUE}).")
  private String keyPrefix = "";

  @Option(
      names = "--key-digits",
      paramLabel = "N",
      defaultValue = "0",
      description = "Digits of a key's number, with zeros before it (as many as it has).")
  private int keyDigits;

  @Option(
      names = "--insert-percent",
      paramLabel = "P",
      defaultValue = "0",
      description = "Share of writes of new keys, taken from the writes (${DEFAULT-VALUE}).")
  private int insertPercent;

  @Option(
      names = "--no-load",
      description = "Do not write all keys first; they are there from an earlier run.")
  private boolean isLoaded;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      description = "Keys per call (${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      defaultValue = "lww",
      converter = Words.OfTarget.class,
      description = "lww: puts and gets; counter: adds and gets (${DEFAULT-VALUE}).")
  private Load.Target target = Load.Target.LWW;

  @Mixin private final LoadOptions options = new LoadOptions(VALUE_BYTES);

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write a page with plots that needs nothing but itself.")
  private @Nullable Path page;

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
    Load load = load();
    requireWritable();
    LoadGenerator generator =
        new LoadGenerator(load, options.applyTo(connection.callOptions()), Ticker.SYSTEM);
    Optional<Measurement.Filling> filling =
        isLoaded ? Optional.empty() : Optional.of(fill(load, generator));
    List<Trellis> clients = new ArrayList<>();
    try {
      ClientConfig config = connection.config().withAgent("trellis-bench");
      for (int client = 0; client < connections; client++) {
        clients.add(Trellis.connect(config));
      }
      return measure(generator, clients, new Measurement(load, filling));
    } finally {
      clients.forEach(Trellis::close);
    }
  }

  private Load load() {
    Mix mix = options.mix(workload);
    CommandFailure.requireWithin("--insert-percent", insertPercent, 0, mix.writePercent());
    return new Load(
        connections,
        pipeline,
        rate == null ? OptionalInt.empty() : OptionalInt.of(rate),
        time,
        warmup,
        keyCount,
        keyPrefix,
        keyDigits,
        options.values(workload),
        new Mix(
            mix.readPercent(),
            mix.writePercent() - insertPercent,
            mix.insertPercent() + insertPercent,
            mix.readModifyWritePercent()),
        batch,
        options.keys(workload),
        options.theta(workload),
        target,
        options.seed());
  }

  /// A page that cannot be written is told before the load, not after it.
  private void requireWritable() {
    if (page != null) {
      write(page, "");
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "cannot write the page " + Failures.of(file, e), e);
    }
  }

  private Measurement.Filling fill(Load load, LoadGenerator generator) {
    Console console = standard.console();
    long began = System.nanoTime();
    long[] shown = {began};
    Trellis client = connection.connect();
    try {
      generator.fill(
          Store.of(client),
          written -> {
            long now = System.nanoTime();
            if (now - shown[0] > NANOS_PER_SECOND / 5) {
              shown[0] = now;
              console.progress("loading: %,d of %,d keys".formatted(written, load.keyCount()));
            }
          });
    } catch (CompletionException e) {
      if (e.getCause() instanceof TrellisException failure) {
        throw failure;
      }
      throw e;
    } finally {
      console.progress("");
    }
    return new Measurement.Filling(load.keyCount(), (System.nanoTime() - began) / NANOS_PER_SECOND);
  }

  private int measure(LoadGenerator generator, List<Trellis> clients, Measurement measurement)
      throws InterruptedException {
    try (RunningLoad running = new RunningLoad(generator, clients)) {
      measure(running, measurement);
    }
    tell(measurement);
    return measurement.failures().isEmpty() ? ExitCode.OK : ExitCode.NEGATIVE;
  }

  private void measure(RunningLoad running, Measurement measurement) throws InterruptedException {
    Console console = standard.console();
    TimeUnit.NANOSECONDS.sleep(warmup.toNanos());
    running.meter().reset();
    measurement.begin(System.currentTimeMillis());
    long began = System.nanoTime();
    long end = began + time.toNanos();
    for (long from = began; from < end; ) {
      TimeUnit.NANOSECONDS.sleep(Math.min((long) NANOS_PER_SECOND, end - from));
      long now = System.nanoTime();
      Measurement.Interval interval =
          measurement.take(running.meter(), (now - from) / NANOS_PER_SECOND);
      console.progress(
          "%,.0f of %,d s: %,.0f operations/s, p50 %,.0f µs, p99 %,.0f µs"
              .formatted(
                  measurement.seconds(),
                  time.toSeconds(),
                  interval.operations() / interval.seconds(),
                  interval.p50Micros(),
                  interval.p99Micros()));
      from = now;
    }
    console.progress("");
  }

  private void tell(Measurement measurement) {
    Console console = standard.console();
    if (standard.json()) {
      console.printLine(Json.write(measurement.json()));
    } else {
      measurement.lines().forEach(console::printLine);
    }
    if (page != null) {
      write(page, MeasurementPage.of(measurement));
      if (!standard.json()) {
        console.printLine("plots: " + page);
      }
    }
  }
}
