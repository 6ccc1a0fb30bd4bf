package dev.trellis.cache;

import java.time.Duration;

/// Clocks that stand still until the test moves them.
final class TestTicker implements Ticker {
  private long nanos = -1_000; // of no meaning but to themselves, and they may overflow
  private long millis = 1_700_000_000_000L;

  @Override
  public long nanos() {
    return nanos;
  }

  @Override
  public long millis() {
    return millis;
  }

  void pass(Duration time) {
    nanos += time.toNanos();
    millis += time.toMillis();
  }

  /// Only the one clock goes on: the other stood still with the machine.
  void passInNanos(Duration time) {
    nanos += time.toNanos();
  }

  /// Likewise.
  void passInMillis(Duration time) {
    millis += time.toMillis();
  }
}
