package dev.trellis.node.shard;

import java.time.Duration;

/// How a shard keeps in step with the other replicas of its keys.
///
/// @param gossipEpoch longest that a change nobody waits for is held back to be merged with others,
///   1 ms to 10 s; the *multicast epoch* of Anna, ICDE 2018, §V.A
/// @param antiEntropyPeriod time between comparisons with each peer, 100 ms to 1 h
/// @param acknowledgementTimeout how long a write waits for its copies, and a read for the replicas
///   it asks, 10 ms to 1 min
/// @param retransmitAfter how long a batch may stay unacknowledged before it is sent again, 10 ms
///   to 1 min
/// @param linkBytesMax weight of the changes that wait for one peer, beyond which they are dropped
///   and found again by comparing, 64 KiB or more
/// @param handoffBytesPerSecond bytes of entries a second that are sent to bring other replicas up
///   to date, 1 KiB or more
public record ReplicationConfig(
    Duration gossipEpoch,
    Duration antiEntropyPeriod,
    Duration acknowledgementTimeout,
    Duration retransmitAfter,
    long linkBytesMax,
    long handoffBytesPerSecond) {
  /// What a cluster uses unless it is told otherwise.
  public static final ReplicationConfig DEFAULT =
      new ReplicationConfig(
          Duration.ofMillis(10),
          Duration.ofSeconds(10),
          Duration.ofSeconds(2),
          Duration.ofMillis(200),
          64 << 20,
          64 << 20);

  public ReplicationConfig {
    requireWithin("gossip.epoch", gossipEpoch, Duration.ofMillis(1), Duration.ofSeconds(10));
    requireWithin(
        "antientropy.period", antiEntropyPeriod, Duration.ofMillis(100), Duration.ofHours(1));
    requireWithin(
        "replication.timeout",
        acknowledgementTimeout,
        Duration.ofMillis(10),
        Duration.ofMinutes(1));
    requireWithin(
        "replication.retransmit", retransmitAfter, Duration.ofMillis(10), Duration.ofMinutes(1));
    requireAtLeast("replication.buffer", linkBytesMax, 64 << 10);
    requireAtLeast("handoff.rate", handoffBytesPerSecond, 1 << 10);
  }

  private static void requireWithin(String key, Duration value, Duration min, Duration max) {
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(key + " " + value + " is outside " + min + " to " + max);
    }
  }

  private static void requireAtLeast(String key, long value, long min) {
    if (value < min) {
      throw new IllegalArgumentException(key + " " + value + " is below " + min);
    }
  }
}
