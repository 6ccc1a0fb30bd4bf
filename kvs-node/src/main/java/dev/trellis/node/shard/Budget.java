package dev.trellis.node.shard;

/// What may be sent to bring other replicas up to date, so that clients keep their share of network
/// and processors: a bucket that fills with time. May be overdrawn once, by a state larger than it.
///
/// It fills at the configured rate while peers acknowledge as fast as ever. Acknowledgements that
/// come late say that batches wait somewhere, in the network or for a shard that has too much to
/// do, and requests of clients wait with them. Then the rate is halved, time and again, down to a
/// sixteenth, but not below what no client notices; and it grows back once the delay is gone.
///
/// @see "Shalunov et al., Low Extra Delay Background Transport (LEDBAT), RFC 6817"
final class Budget {
  /// The delay that batches may add to what the way takes by itself.
  private static final long TARGET_MILLIS = 10;

  /// What remains of the rate, however late acknowledgements come: those who miss copies must get
  /// them some time.
  private static final int SLOWEST = 16;

  /// And below this it is not slowed down, since that would spare nobody anything.
  private static final long SLOWEST_BYTES_PER_SECOND = 1 << 20;

  /// Steps in which the whole rate is won back, one a period at most.
  private static final int STEPS = 32;

  private static final long PERIOD_MILLIS = 100;

  private final long bytesPerSecondMax;
  private final long bytesPerSecondMin;
  private long bytesPerSecond;
  private long available;
  private long filledMillis = Long.MIN_VALUE;
  private long adaptedMillis = Long.MIN_VALUE;
  private long slowedMillis = Long.MIN_VALUE;

  Budget(long bytesPerSecond) {
    this.bytesPerSecondMax = bytesPerSecond;
    this.bytesPerSecondMin =
        Math.min(bytesPerSecond, Math.max(bytesPerSecond / SLOWEST, SLOWEST_BYTES_PER_SECOND));
    this.bytesPerSecond = bytesPerSecond;
    this.available = depth();
  }

  /// A bucket holds what comes in a few ticks, so that what it lets through at once delays nobody
  /// for long.
  private long depth() {
    return Math.max(1, bytesPerSecond / 32);
  }

  void fill(long nowMillis) {
    if (filledMillis != Long.MIN_VALUE && nowMillis > filledMillis) {
      long passed = Math.min(1_000, nowMillis - filledMillis);
      available = Math.min(depth(), available + Math.max(1, bytesPerSecond * passed / 1_000));
    }
    filledMillis = nowMillis;
  }

  boolean hasAny() {
    return available > 0;
  }

  void take(long bytes) {
    available -= bytes;
  }

  /// The rate at which the bucket fills at present.
  long bytesPerSecond() {
    return bytesPerSecond;
  }

  /// Takes note of how a peer acknowledges.
  ///
  /// @param extraMillis how much longer it takes than is usual with that peer, see [QuickestWay]
  void answered(long nowMillis, long extraMillis) {
    if (extraMillis > TARGET_MILLIS) {
      // What makes one late often makes others late too, and counts once.
      if (isOver(slowedMillis, nowMillis)) {
        slowedMillis = nowMillis;
        adaptedMillis = nowMillis;
        bytesPerSecond = Math.max(bytesPerSecondMin, bytesPerSecond / 2);
      }
    } else if (isOver(adaptedMillis, nowMillis)) {
      adaptedMillis = nowMillis;
      bytesPerSecond = Math.min(bytesPerSecondMax, bytesPerSecond + bytesPerSecondMax / STEPS + 1);
    }
  }

  private static boolean isOver(long begunMillis, long nowMillis) {
    return begunMillis == Long.MIN_VALUE
        || nowMillis < begunMillis
        || nowMillis - begunMillis >= PERIOD_MILLIS;
  }
}
