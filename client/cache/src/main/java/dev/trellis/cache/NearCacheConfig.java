package dev.trellis.cache;

import java.time.Duration;
import java.util.Optional;

/// How a near cache is bounded, in memory and in time. Immutable; start from [#DEFAULT].
///
/// @param bytesMax of keys, values and what is kept beside them, as they are estimated to take on
///   the heap, 64 KiB or more
/// @param lease how long a copy counts as fresh that a shard has confirmed, counted from when it
///   was asked to, 10 ms to 1 h. A shard is asked four times in that time, once for all keys of a
///   connection
/// @param maxStaleness by how much reads that do not say otherwise may be behind what others have
///   written, 1 ms to one day; empty for as little as the subscriptions give: what a replica had at
///   most `lease` ago
/// @param subscribeAfter the read of a key by which the cache subscribes to it, 1 for the first.
///   Until then a copy counts as fresh for `lease` and no longer
/// @param subscriptionsMax keys that the cache subscribes to at most, 0 to 10,000,000; each costs
///   its shard some memory, and work at every change. What is beyond is cached for `lease`
public record NearCacheConfig(
    long bytesMax,
    Duration lease,
    Optional<Duration> maxStaleness,
    int subscribeAfter,
    int subscriptionsMax) {
  /// 64 MiB, a lease of two seconds, and a subscription to each key from its first read on.
  public static final NearCacheConfig DEFAULT =
      new NearCacheConfig(64L << 20, Duration.ofSeconds(2), Optional.empty(), 1, 100_000);

  public NearCacheConfig {
    requireWithin("bytesMax", bytesMax, 64 << 10, Long.MAX_VALUE);
    requireWithin("lease", lease, Duration.ofMillis(10), Duration.ofHours(1));
    maxStaleness.ifPresent(
        bound -> requireWithin("maxStaleness", bound, Duration.ofMillis(1), Duration.ofDays(1)));
    requireWithin("subscribeAfter", subscribeAfter, 1, Integer.MAX_VALUE);
    requireWithin("subscriptionsMax", subscriptionsMax, 0, 10_000_000);
  }

  private static void requireWithin(String what, Duration value, Duration min, Duration max) {
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(what + " " + value + " is outside " + min + " to " + max);
    }
  }

  private static void requireWithin(String what, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(what + " " + value + " is outside " + min + " to " + max);
    }
  }

  public NearCacheConfig withBytesMax(long bytes) {
    return new NearCacheConfig(bytes, lease, maxStaleness, subscribeAfter, subscriptionsMax);
  }

  public NearCacheConfig withLease(Duration time) {
    return new NearCacheConfig(bytesMax, time, maxStaleness, subscribeAfter, subscriptionsMax);
  }

  public NearCacheConfig withMaxStaleness(Duration bound) {
    return new NearCacheConfig(
        bytesMax, lease, Optional.of(bound), subscribeAfter, subscriptionsMax);
  }

  public NearCacheConfig withSubscribeAfter(int reads) {
    return new NearCacheConfig(bytesMax, lease, maxStaleness, reads, subscriptionsMax);
  }

  public NearCacheConfig withSubscriptionsMax(int keys) {
    return new NearCacheConfig(bytesMax, lease, maxStaleness, subscribeAfter, keys);
  }
}
