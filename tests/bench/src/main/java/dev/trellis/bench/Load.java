package dev.trellis.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.OptionalInt;

/// What to ask of a cluster, and how hard.
///
/// @param connections clients, each with connections of its own, 1 to 1,000
/// @param pipeline calls (or batches) that each client keeps unanswered, 1 to 1,024; in an open
///   loop, at most
/// @param rate operations a second that are due, 1 to 10,000,000: an open loop. Empty: a closed one
/// @param duration of the measured part, 100 ms to 1 d
/// @param warmup not measured, 0 to 1 h
/// @param keyCount keys that are there at first, 1 to 1,000,000,000
/// @param keyPrefix what the key's number follows, up to 1,000 B
/// @param keyDigits digits of a key's number, with zeros before it where it has fewer, 0 to 19
/// @param values sizes of written values
/// @param batch keys in a batch, 1 (single calls) to 10,000; 1 with read-modify-writes
/// @param theta exponent of the zipf distributions
/// @param seed of all that is drawn
record Load(
    int connections,
    int pipeline,
    OptionalInt rate,
    Duration duration,
    Duration warmup,
    long keyCount,
    String keyPrefix,
    int keyDigits,
    ValueSizes values,
    Mix mix,
    int batch,
    Keys keys,
    double theta,
    Target target,
    long seed) {
  /// What is written and read.
  enum Target {
    /// Values put and got.
    LWW,
    /// Counters added to and read.
    COUNTER
  }

  private static final int PIPELINE_MAX = 1_024;

  Load {
    requireWithin("--connections", connections, 1, 1_000);
    requireWithin("--pipeline", pipeline, 1, PIPELINE_MAX);
    rate.ifPresent(calls -> requireWithin("--rate", calls, 1, 10_000_000));
    requireWithin("--time in ms", duration.toMillis(), 100, Duration.ofDays(1).toMillis());
    requireWithin("--warmup in ms", warmup.toMillis(), 0, Duration.ofHours(1).toMillis());
    requireWithin("--keys", keyCount, 1, 1_000_000_000);
    requireWithin("--key-prefix in bytes", keyPrefix.getBytes(UTF_8).length, 0, 1_000);
    requireWithin("--key-digits", keyDigits, 0, 19);
    requireWithin("--batch", batch, 1, 10_000);
    if (batch > 1 && mix.readModifyWritePercent() > 0) {
      throw new IllegalArgumentException(
          "--batch " + batch + ": a read-modify-write is of one key; leave it at 1");
    }
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
