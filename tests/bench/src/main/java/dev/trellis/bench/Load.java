package dev.trellis.bench;

import java.time.Duration;

/// What to ask of a cluster, and how hard.
///
/// @param connections clients, each with connections of its own, 1 to 1,000
/// @param pipeline calls (or batches) that each client keeps unanswered, 1 to 1,024
/// @param duration of the measured part, 100 ms to 1 d
/// @param warmup not measured, 0 to 1 h
/// @param keyCount keys in play, 1 to 1,000,000,000
/// @param valueBytes size of a written value, 0 to 16 MiB
/// @param readPercent share of reads, 0 to 100
/// @param batch keys in a batch, 1 (single calls) to 10,000
/// @param theta exponent of the zipf distribution
/// @param seed of the choice of keys
public record Load(
    int connections,
    int pipeline,
    Duration duration,
    Duration warmup,
    long keyCount,
    int valueBytes,
    int readPercent,
    int batch,
    Keys keys,
    double theta,
    Target target,
    long seed) {
  /// What is written and read.
  public enum Target {
    /// Values put and got.
    LWW,
    /// Counters added to and read.
    COUNTER
  }

  public Load {
    requireWithin("--connections", connections, 1, 1_000);
    requireWithin("--pipeline", pipeline, 1, 1_024);
    requireWithin("--time in ms", duration.toMillis(), 100, Duration.ofDays(1).toMillis());
    requireWithin("--warmup in ms", warmup.toMillis(), 0, Duration.ofHours(1).toMillis());
    requireWithin("--keys", keyCount, 1, 1_000_000_000);
    requireWithin("--value-size", valueBytes, 0, 16 << 20);
    requireWithin("--read-percent", readPercent, 0, 100);
    requireWithin("--batch", batch, 1, 10_000);
    if (!(theta > 0 && theta <= 10)) {
      throw new IllegalArgumentException("--theta " + theta + " is outside 0 (excluded) to 10");
    }
  }

  private static void requireWithin(String name, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(name + " " + value + " is outside " + min + " to " + max);
    }
  }
}
