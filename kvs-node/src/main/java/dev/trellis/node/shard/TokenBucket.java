package dev.trellis.node.shard;

/// Tokens that come at a steady rate and are kept for a while if nobody takes them. Who takes more
/// than there are owes them, and nobody gets any until that is paid: so what is long passes too,
/// and costs its time.
///
/// Knows no clock. One that is set back stops the tokens for as long as it takes to tell the next
/// millisecond, not until it has caught up.
final class TokenBucket {
  /// Tokens a second beyond which a rate is as good as none.
  private static final long RATE_MAX = 1_000_000_000_000L;

  /// What is owed for longer is forgiven.
  private static final long DEBT_SECONDS_MAX = 60;

  private final long perSecond;
  private final long burst; // in thousandths of a token, as the next
  private long level;
  private long atMillis;

  /// A full one.
  ///
  /// @param perSecond 1 or more
  /// @param burst tokens that are kept, 1 or more
  TokenBucket(long perSecond, long burst, long nowMillis) {
    this.perSecond = Math.min(perSecond, RATE_MAX);
    this.burst = Math.min(burst, RATE_MAX) * 1_000;
    this.level = this.burst;
    this.atMillis = nowMillis;
  }

  /// The same with other limits, and not fuller for that.
  TokenBucket with(long otherPerSecond, long otherBurst, long nowMillis) {
    fill(nowMillis);
    TokenBucket other = new TokenBucket(otherPerSecond, otherBurst, nowMillis);
    other.level = Math.min(level, other.burst);
    return other;
  }

  /// How many tokens there are; below 1 if some are owed.
  long available(long nowMillis) {
    fill(nowMillis);
    return Math.floorDiv(level, 1_000);
  }

  /// Whether a token or more is there.
  boolean hasSome(long nowMillis) {
    return available(nowMillis) > 0;
  }

  /// Takes tokens, whether or not there are so many.
  void take(long tokens, long nowMillis) {
    fill(nowMillis);
    long most = DEBT_SECONDS_MAX * perSecond * 1_000;
    level = Math.max(-most, level - Math.min(tokens, RATE_MAX) * 1_000);
  }

  /// How long it takes until there is a token, at least 1 ms.
  long millisToWait(long nowMillis) {
    fill(nowMillis);
    return Math.max(1, Math.ceilDiv(1_000 - level, perSecond));
  }

  private void fill(long nowMillis) {
    // In a thousandth of a second comes a thousandth of a second's tokens. Longer than it takes to
    // pay all that can be owed, no time matters.
    long elapsed = Math.clamp(nowMillis - atMillis, 0, (DEBT_SECONDS_MAX + 2) * 1_000);
    atMillis = nowMillis;
    level = Math.min(burst, level + elapsed * perSecond);
  }
}
