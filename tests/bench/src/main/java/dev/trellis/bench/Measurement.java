package dev.trellis.bench;

import dev.trellis.wire.ErrorCode;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.HdrHistogram.Histogram;

/// What a load got, as a whole and over time. Filled by one thread.
final class Measurement {
  private static final double[] PERCENTILES = {50, 95, 99, 99.9};
  private static final String[] NAMES = {"p50", "p95", "p99", "p99.9"};

  /// One stretch of time.
  ///
  /// @param endSeconds its end, counted from the start of the measured part
  /// @param seconds its length
  /// @param p50Micros latencies of all operations; 0 if there were none
  record Interval(
      double endSeconds,
      double seconds,
      long operations,
      double p50Micros,
      double p99Micros,
      double maxMicros) {}

  /// How the keys were written first.
  record Filling(long keys, double seconds) {}

  private final Load load;
  private final Optional<Filling> filling;
  private final Map<OperationType, Histogram> latencies = new EnumMap<>(OperationType.class);
  private final List<Interval> intervals = new ArrayList<>();
  private final Map<ErrorCode, Long> failures = new EnumMap<>(ErrorCode.class);
  private final Map<OperationType, Histogram> recycled = new EnumMap<>(OperationType.class);
  private final Histogram lateness = Meter.histogram();
  private final Histogram failed = Meter.histogram();
  private long missing;
  private long beganMillis; // since 1970
  private double seconds;

  Measurement(Load load, Optional<Filling> filling) {
    this.load = load;
    this.filling = filling;
  }

  /// Notes the moment from which it counts.
  void begin(long atMillis) {
    beganMillis = atMillis;
  }

  /// Takes what a meter has counted since the last time.
  ///
  /// @param length how long that was
  /// @return what was taken
  Interval take(Meter meter, double length) {
    Histogram all = Meter.histogram();
    for (OperationType type : OperationType.values()) {
      Histogram taken = meter.take(type, recycled.get(type));
      recycled.put(type, taken);
      if (taken.getTotalCount() > 0) {
        latencies.computeIfAbsent(type, _ -> Meter.histogram()).add(taken);
        all.add(taken);
      }
    }
    lateness.add(meter.takeLateness());
    failed.add(meter.takeFailed());
    missing += meter.takeMissing();
    meter.takeFailures().forEach((code, count) -> failures.merge(code, count, Long::sum));
    seconds += length;
    Interval interval =
        new Interval(
            seconds,
            length,
            all.getTotalCount(),
            micros(all, 50),
            micros(all, 99),
            all.getMaxValue() / 1e3);
    intervals.add(interval);
    return interval;
  }

  Load load() {
    return load;
  }

  /// Empty if the keys were there already.
  Optional<Filling> filling() {
    return filling;
  }

  /// By operation, in nanoseconds; those that did not occur are left out.
  Map<OperationType, Histogram> latencies() {
    return latencies;
  }

  List<Interval> intervals() {
    return intervals;
  }

  /// By code.
  Map<ErrorCode, Long> failures() {
    return failures;
  }

  /// How long failed calls took, in nanoseconds.
  Histogram failed() {
    return failed;
  }

  /// Reads that found nothing.
  long missing() {
    return missing;
  }

  /// How much later than due the calls of an open loop were sent, in nanoseconds.
  Histogram lateness() {
    return lateness;
  }

  double seconds() {
    return seconds;
  }

  /// Operations that were answered.
  long operations() {
    return latencies.values().stream().mapToLong(Histogram::getTotalCount).sum();
  }

  double operationsPerSecond() {
    return operations() / Math.max(1e-9, seconds);
  }

  static double micros(Histogram nanos, double percentile) {
    return nanos.getTotalCount() == 0 ? 0 : nanos.getValueAtPercentile(percentile) / 1e3;
  }

  /// As JSON: numbers and texts only, lists where there are several.
  Map<String, Object> json() {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("loop", load.rate().isPresent() ? "open" : "closed");
    load.rate().ifPresent(rate -> result.put("rate", (long) rate));
    result.put("connections", (long) load.connections());
    result.put("pipeline", (long) load.pipeline());
    result.put("batch", (long) load.batch());
    result.put("keys", load.keyCount());
    result.put("keysDrawn", load.keys().word());
    result.put("theta", load.theta());
    result.put("valueBytes", load.values().toString());
    result.put("readPercent", (long) load.mix().readPercent());
    result.put("writePercent", (long) load.mix().writePercent());
    result.put("insertPercent", (long) load.mix().insertPercent());
    result.put("readModifyWritePercent", (long) load.mix().readModifyWritePercent());
    result.put("kind", Words.of(load.target()));
    result.put("seed", load.seed());
    filling.ifPresent(
        filled -> {
          Map<String, Object> object = new LinkedHashMap<>();
          object.put("keys", filled.keys());
          object.put("seconds", filled.seconds());
          object.put("keysPerSecond", filled.keys() / Math.max(1e-9, filled.seconds()));
          result.put("load", object);
        });
    result.put("beganMillis", beganMillis);
    result.put("seconds", seconds);
    result.put("operations", operations());
    result.put("operationsPerSecond", operationsPerSecond());
    Map<String, Object> byType = new LinkedHashMap<>();
    latencies.forEach((type, nanos) -> byType.put(type.word(), json(nanos)));
    result.put("latencyMicros", byType);
    if (load.rate().isPresent()) {
      result.put("lateMicros", json(lateness));
    }
    result.put("missing", missing);
    Map<String, Object> byCode = new LinkedHashMap<>();
    failures.forEach((code, count) -> byCode.put(code.name(), count));
    result.put("failures", byCode);
    result.put("failedMicros", json(failed));
    result.put("intervals", intervals.stream().map(Measurement::json).toList());
    return result;
  }

  private static Map<String, Object> json(Interval interval) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("endSeconds", interval.endSeconds());
    object.put("operationsPerSecond", interval.operations() / Math.max(1e-9, interval.seconds()));
    object.put("p50Micros", interval.p50Micros());
    object.put("p99Micros", interval.p99Micros());
    object.put("maxMicros", interval.maxMicros());
    return object;
  }

  private static Map<String, Object> json(Histogram nanos) {
    Map<String, Object> micros = new LinkedHashMap<>();
    micros.put("count", nanos.getTotalCount());
    micros.put("mean", nanos.getTotalCount() == 0 ? 0.0 : nanos.getMean() / 1e3);
    for (int index = 0; index < PERCENTILES.length; index++) {
      micros.put(NAMES[index], micros(nanos, PERCENTILES[index]));
    }
    micros.put("max", nanos.getMaxValue() / 1e3);
    return micros;
  }

  // ---- For people ----

  /// A few lines: what was asked, and a table of what came of it.
  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(describe());
    filling.ifPresent(
        filled ->
            lines.add(
                "load: %,d keys in %.1f s, %,.0f keys/s"
                    .formatted(
                        filled.keys(),
                        filled.seconds(),
                        filled.keys() / Math.max(1e-9, filled.seconds()))));
    lines.add(
        "%,.0f operations/s over %.1f s (%s)"
            .formatted(
                operationsPerSecond(),
                seconds,
                load.rate().isPresent()
                    ? "open loop of %,d/s; latency counts from when a call was due"
                        .formatted(load.rate().getAsInt())
                    : "closed loop"));
    lines.add(
        "%-18s %12s %10s %10s %10s %10s %10s"
            .formatted("", "count", "p50 µs", "p95 µs", "p99 µs", "p99.9 µs", "max µs"));
    latencies.forEach((type, nanos) -> lines.add(line(type.word(), nanos)));
    if (load.rate().isPresent()) {
      lines.add(line("sent late by", lateness));
    }
    if (failed.getTotalCount() > 0) {
      lines.add(line("failed", failed));
    }
    if (missing > 0) {
      lines.add("reads that found nothing: %,d".formatted(missing));
    }
    failures.forEach((code, count) -> lines.add("failed with %s: %,d".formatted(code, count)));
    return lines;
  }

  /// What was asked, in one line.
  String describe() {
    return "%d %s, each with %s%d %s%s unanswered; %s; %,d keys, %s; values of %s B"
        .formatted(
            load.connections(),
            load.connections() == 1 ? "client" : "clients",
            load.rate().isPresent() ? "up to " : "",
            load.pipeline(),
            load.batch() == 1 ? "calls" : "batches",
            load.batch() == 1 ? "" : " of " + load.batch(),
            load.mix().describe(),
            load.keyCount(),
            switch (load.keys()) {
              case UNIFORM, SINGLE -> load.keys().word();
              case ZIPF, SCRAMBLED, LATEST -> load.keys().word() + " " + load.theta();
            },
            load.values());
  }

  private static String line(String what, Histogram nanos) {
    return "%-18s %,12d %,10.1f %,10.1f %,10.1f %,10.1f %,10.1f"
        .formatted(
            what,
            nanos.getTotalCount(),
            micros(nanos, 50),
            micros(nanos, 95),
            micros(nanos, 99),
            micros(nanos, 99.9),
            nanos.getMaxValue() / 1e3);
  }
}
