package dev.trellis.functions.runtime;

import java.time.Duration;

/// How a function is run.
///
/// @param timeout how long a run may take, 1 ms to 15 min, as in AWS Lambda
/// @param maxAttempts how often an invocation is tried, the first time included, 1 to 1,000
/// @param concurrency runs at the same time, 1 to 10,000; what exceeds it is throttled
public record FunctionConfig(Duration timeout, int maxAttempts, int concurrency) {
  /// The longest that a run may take.
  public static final Duration TIMEOUT_MAX = Duration.ofMinutes(15);

  /// 15 minutes, 3 attempts, 100 at the same time.
  public static final FunctionConfig DEFAULT = new FunctionConfig(TIMEOUT_MAX, 3, 100);

  public FunctionConfig {
    if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException(
          "timeout " + timeout + " is outside " + Duration.ofMillis(1) + " to " + TIMEOUT_MAX);
    }
    requireWithin("maxAttempts", maxAttempts, 1_000);
    requireWithin("concurrency", concurrency, 10_000);
  }

  private static void requireWithin(String what, int value, int max) {
    if (value < 1 || value > max) {
      throw new IllegalArgumentException(what + " " + value + " is outside 1 to " + max);
    }
  }

  public FunctionConfig withTimeout(Duration time) {
    return new FunctionConfig(time, maxAttempts, concurrency);
  }

  public FunctionConfig withMaxAttempts(int attempts) {
    return new FunctionConfig(timeout, attempts, concurrency);
  }

  public FunctionConfig withConcurrency(int runs) {
    return new FunctionConfig(timeout, maxAttempts, runs);
  }
}
