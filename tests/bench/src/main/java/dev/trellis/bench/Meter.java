package dev.trellis.bench;

import dev.trellis.client.TrellisException;
import dev.trellis.wire.ErrorCode;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;
import org.jspecify.annotations.Nullable;

/// Counts what a load got for its calls. Any thread may use it; it takes no memory for a call.
final class Meter {
  /// Latencies beyond are taken for this.
  static final long HIGHEST_NANOS = 600_000_000_000L;

  private static final int DIGITS = 3;

  private final Map<OperationType, Recorder> latencies = new EnumMap<>(OperationType.class);
  private final Recorder lateness = new Recorder(HIGHEST_NANOS, DIGITS);
  private final Recorder failed = new Recorder(HIGHEST_NANOS, DIGITS);
  private final LongAdder missing = new LongAdder();
  private final ConcurrentMap<ErrorCode, LongAdder> failures = new ConcurrentHashMap<>();
  private volatile @Nullable Throwable defect; // set by any thread, read by the caller

  Meter() {
    for (OperationType type : OperationType.values()) {
      latencies.put(type, new Recorder(HIGHEST_NANOS, DIGITS));
    }
  }

  /// A histogram for what this counts.
  static Histogram histogram() {
    return new Histogram(HIGHEST_NANOS, DIGITS);
  }

  /// Operations were answered that were asked for together.
  void answered(OperationType type, long nanos, int count) {
    recorder(type).recordValueWithCount(Math.clamp(nanos, 0, HIGHEST_NANOS), count);
  }

  /// A read that was answered found nothing.
  void missed() {
    missing.increment();
  }

  /// A call was sent that much later than it was due.
  void sentLate(long nanos) {
    lateness.recordValue(Math.clamp(nanos, 0, HIGHEST_NANOS));
  }

  /// A call failed, after so long.
  void failed(Throwable failure, long nanos) {
    failed.recordValue(Math.clamp(nanos, 0, HIGHEST_NANOS));
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof TrellisException known) {
      failures.computeIfAbsent(known.code(), _ -> new LongAdder()).increment();
    } else {
      defect = cause;
    }
  }

  /// Fails if a call ended in a way that no call should.
  void requireSound() {
    Throwable found = defect;
    if (found != null) {
      throw new IllegalStateException("a call ended in an unknown way", found);
    }
  }

  /// Takes the latencies since the last call, in nanoseconds.
  ///
  /// @param recycled of an earlier call for the same type, whose memory may be used again; null for
  ///   none
  Histogram take(OperationType type, @Nullable Histogram recycled) {
    return recorder(type).getIntervalHistogram(recycled);
  }

  /// Takes how late calls were sent, since the last call, in nanoseconds.
  Histogram takeLateness() {
    return lateness.getIntervalHistogram();
  }

  /// Takes how long failed calls took, since the last call, in nanoseconds.
  Histogram takeFailed() {
    return failed.getIntervalHistogram();
  }

  /// Takes the number of reads that found nothing, since the last call.
  long takeMissing() {
    return missing.sumThenReset();
  }

  /// Takes the failures since the last call, by code.
  Map<ErrorCode, Long> takeFailures() {
    Map<ErrorCode, Long> taken = new EnumMap<>(ErrorCode.class);
    failures.forEach(
        (code, count) -> {
          long number = count.sumThenReset();
          if (number > 0) {
            taken.put(code, number);
          }
        });
    return taken;
  }

  /// Forgets what was measured so far.
  void reset() {
    latencies.values().forEach(Recorder::reset);
    lateness.reset();
    failed.reset();
    missing.reset();
    failures.clear();
  }

  private Recorder recorder(OperationType type) {
    Recorder recorder = latencies.get(type);
    if (recorder == null) {
      throw new IllegalStateException("no recorder for " + type);
    }
    return recorder;
  }
}
