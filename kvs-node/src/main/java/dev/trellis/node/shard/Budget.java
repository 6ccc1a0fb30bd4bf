package dev.trellis.node.shard;

/// What may be sent to bring other replicas up to date, so that clients keep their share of the
/// network: a bucket that fills with time. May be overdrawn once, by a state larger than it.
final class Budget {
  private final long bytesPerSecond;
  private long available;
  private long filledMillis = Long.MIN_VALUE;

  Budget(long bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
    this.available = bytesPerSecond / 10;
  }

  void fill(long nowMillis) {
    if (filledMillis != Long.MIN_VALUE && nowMillis > filledMillis) {
      long passed = Math.min(1_000, nowMillis - filledMillis);
      available = Math.min(bytesPerSecond / 10, available + bytesPerSecond * passed / 1_000);
    }
    filledMillis = nowMillis;
  }

  boolean hasAny() {
    return available > 0;
  }

  void take(long bytes) {
    available -= bytes;
  }
}
