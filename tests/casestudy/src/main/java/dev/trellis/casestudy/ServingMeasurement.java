package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.HdrHistogram.Histogram;

/// Sends the same batches through several services, one at a time, and holds what comes back
/// against what should. They take turns, some batches each, so that what else the machine does
/// meets all of them alike.
final class ServingMeasurement {
  private static final int TURN = 20; // batches
  private static final int WARM_UP_MAX = 1_000; // batches of each
  private static final int DIGITS = 3;

  private final List<Serving> services;
  private final List<Payload> batches;
  private final List<Payload> expected;

  /// @param batches as [Documents#encode] makes them
  ServingMeasurement(List<Serving> services, List<Payload> batches, DirtyWords model) {
    this.services = List.copyOf(services);
    this.batches = List.copyOf(batches);
    this.expected = batches.stream().map(model::clean).toList();
  }

  /// What became of one service.
  ///
  /// @param latencyNanos from before a batch is sent until its result is there
  /// @param classifyMillis of that, what the classifier itself takes, in the mean
  /// @param wrong results that were not what they should be
  record Outcome(String service, Histogram latencyNanos, double classifyMillis, long wrong) {
    private static final double NANOS_PER_MILLI = 1e6;

    double meanMillis() {
      return latencyNanos.getMean() / NANOS_PER_MILLI;
    }

    double millisAt(double percentile) {
      return latencyNanos.getValueAtPercentile(percentile) / NANOS_PER_MILLI;
    }
  }

  /// Carries it out.
  ///
  /// @param progress is told how many batches are done, of all services together
  List<Outcome> run(IntConsumer progress) {
    for (Serving service : services) {
      for (int i = 0; i < Math.min(WARM_UP_MAX, batches.size()); i++) {
        var _ = service.serve(batches.get(i));
      }
      service.classifier().reset();
    }
    List<Histogram> latencies = new ArrayList<>();
    long[] wrong = new long[services.size()];
    services.forEach(service -> latencies.add(new Histogram(DIGITS)));
    int done = 0;
    for (int from = 0; from < batches.size(); from += TURN) {
      int to = Math.min(from + TURN, batches.size());
      for (int turn = 0; turn < services.size(); turn++) {
        int which = (turn + from / TURN) % services.size();
        wrong[which] += serve(services.get(which), from, to, latencies.get(which));
        done += to - from;
        progress.accept(done);
      }
    }
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < services.size(); i++) {
      Serving service = services.get(i);
      outcomes.add(
          new Outcome(
              service.name(), latencies.get(i), service.classifier().meanMillis(), wrong[i]));
    }
    return outcomes;
  }

  private long serve(Serving service, int from, int to, Histogram latencies) {
    long wrong = 0;
    for (int i = from; i < to; i++) {
      long began = System.nanoTime();
      Payload cleaned = service.serve(batches.get(i));
      latencies.recordValue(System.nanoTime() - began);
      wrong += cleaned.equals(expected.get(i)) ? 0 : 1;
    }
    return wrong;
  }
}
