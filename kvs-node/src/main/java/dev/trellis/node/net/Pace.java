package dev.trellis.node.net;

import java.time.Duration;
import java.time.InstantSource;

/// Whether somebody moves a frame that holds memory for which others wait: at a megabyte a second,
/// and not later than that by more than a patience. A byte now and then would else hold the memory
/// for as long as he likes. Confined to the shard's thread.
final class Pace {
  /// What a byte takes at the least rate.
  private static final long MICROS_PER_BYTE = 1;

  private final InstantSource clock;
  private long paidMicros; // up to when what was moved was enough; never in the future

  Pace(InstantSource clock) {
    this.clock = clock;
  }

  /// A frame begins to move, or to be expected.
  void begin() {
    paidMicros = micros();
  }

  void moved(long bytes) {
    paidMicros = Math.min(micros(), paidMicros + bytes * MICROS_PER_BYTE);
  }

  boolean isBehind(Duration patience) {
    return micros() - paidMicros > patience.toNanos() / 1_000;
  }

  private long micros() {
    return clock.millis() * 1_000;
  }
}
