package dev.trellis.node.net;

import java.util.List;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.SingleWriterRecorder;
import org.jspecify.annotations.Nullable;

/// How long requests of one class kept their shard busy. Recorded by the shard without a lock or a
/// wait; read by any thread.
final class ServiceTime {
  private static final long NANOS_MIN = 100;
  private static final long NANOS_MAX = 60_000_000_000L;
  private static final int DIGITS = 2;

  private final SingleWriterRecorder recorder =
      new SingleWriterRecorder(NANOS_MIN, NANOS_MAX, DIGITS);
  private final Tally nanos = new Tally();
  private final Histogram all = new Histogram(NANOS_MIN, NANOS_MAX, DIGITS); // guarded by this
  private @Nullable Histogram interval; // guarded by this; reused

  /// To be called by the shard only.
  void record(long tookNanos) {
    recorder.recordValue(Math.clamp(tookNanos, 0, NANOS_MAX));
    nanos.add(tookNanos);
  }

  /// Records `count` requests that took so long together. To be called by the shard only.
  void record(long tookNanos, int count) {
    recorder.recordValueWithCount(Math.clamp(tookNanos / count, 0, NANOS_MAX), count);
    nanos.add(tookNanos);
  }

  /// All that was recorded.
  ///
  /// @param counts per bound, how many requests took at most that long
  record Snapshot(List<Long> counts, long count, long nanos) {}

  /// Counts what was recorded since the start.
  ///
  /// @param boundsNanos ascending
  synchronized Snapshot snapshot(List<Long> boundsNanos) {
    long total = nanos.value();
    interval = recorder.getIntervalHistogram(interval);
    all.add(interval);
    List<Long> counts =
        boundsNanos.stream().map(bound -> all.getCountBetweenValues(0, bound)).toList();
    return new Snapshot(counts, all.getTotalCount(), total);
  }
}
