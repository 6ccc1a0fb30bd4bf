package dev.trellis.casestudy;

import java.util.LinkedHashMap;
import java.util.Map;
import org.HdrHistogram.Histogram;

/// How long communications of one kind took.
final class Latency {
  private static final int DIGITS = 3;
  private static final double MICRO = 1_000;

  private final String name;
  private final Histogram nanos = new Histogram(DIGITS);

  Latency(String name) {
    this.name = name;
  }

  void add(long tookNanos) {
    nanos.recordValue(tookNanos);
  }

  String name() {
    return name;
  }

  double meanMicros() {
    return nanos.getMean() / MICRO;
  }

  double micros(double percentile) {
    return nanos.getValueAtPercentile(percentile) / MICRO;
  }

  Map<String, Object> toJson(Latency baseline) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", name);
    json.put("meanMicros", meanMicros());
    json.put("p50Micros", micros(50));
    json.put("p99Micros", micros(99));
    json.put("p50Ratio", micros(50) / baseline.micros(50));
    json.put("meanRatio", meanMicros() / baseline.meanMicros());
    return json;
  }
}
