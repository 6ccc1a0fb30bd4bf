package dev.trellis.node.shard;

import dev.trellis.placement.Partitions;
import dev.trellis.wire.Limits;
import java.time.Duration;

/// The settings of one shard.
///
/// @param nodeId name of the node, for messages
/// @param shard index within the node, from 0
/// @param shardCount shards of the node, 1 to 256
/// @param incarnation random, fresh at each start of the process
/// @param limits sizes that are accepted
/// @param clockSkewMax furthest that a client's stamp may be from the shard's time, 1 ms to 1 h
/// @param tombstoneGrace how long the dead are remembered before their memory is freed, 1 s to 30 d
/// @param bytesMax weight of entries, in memory or on disk, above which writes that add are
///   refused, at least 1 MiB
/// @param clientsMax clients whose repeated mutations are recognised, 16 to 1,000,000; each costs
///   about [RepeatWindow#WIDTH] / 8 bytes
/// @param watchesMax watches of one connection, 1 to 1,000,000
/// @param nodeIncarnation of the node's process, by which other nodes tell its lives apart
/// @param partitions the division of the hash space; the same in the whole cluster
/// @param replication how it keeps in step with other replicas
/// @param waitingBytesMax how much may wait to be written to disk, where there is one, before
///   nothing more is taken in; at least 1 MiB
/// @param accesses what is noted of which keys are asked for
/// @param invocationLifetime how long after its birth an invocation may write under its tags, 1 s
///   to 7 d
public record ShardConfig(
    String nodeId,
    int shard,
    int shardCount,
    long incarnation,
    Limits limits,
    Duration clockSkewMax,
    Duration tombstoneGrace,
    long bytesMax,
    int clientsMax,
    int watchesMax,
    long nodeIncarnation,
    Partitions partitions,
    ReplicationConfig replication,
    long waitingBytesMax,
    AccessConfig accesses,
    Duration invocationLifetime) {
  private static final long WAITING_BYTES_MAX = 64L << 20;

  private static final Duration INVOCATION_LIFETIME = Duration.ofHours(1);

  /// Births of invocations are forgotten together that fall into the same part of a lifetime.
  private static final int EPOCHS_PER_LIFETIME = 6;

  /// A shard in the standard division of the hash space, with the default replication.
  public ShardConfig(
      String nodeId,
      int shard,
      int shardCount,
      long incarnation,
      Limits limits,
      Duration clockSkewMax,
      Duration tombstoneGrace,
      long bytesMax,
      int clientsMax,
      int watchesMax) {
    this(
        nodeId,
        shard,
        shardCount,
        incarnation,
        limits,
        clockSkewMax,
        tombstoneGrace,
        bytesMax,
        clientsMax,
        watchesMax,
        incarnation,
        Partitions.STANDARD,
        ReplicationConfig.DEFAULT,
        WAITING_BYTES_MAX);
  }

  /// A shard that notes of accesses what shards do by default.
  public ShardConfig(
      String nodeId,
      int shard,
      int shardCount,
      long incarnation,
      Limits limits,
      Duration clockSkewMax,
      Duration tombstoneGrace,
      long bytesMax,
      int clientsMax,
      int watchesMax,
      long nodeIncarnation,
      Partitions partitions,
      ReplicationConfig replication,
      long waitingBytesMax) {
    this(
        nodeId,
        shard,
        shardCount,
        incarnation,
        limits,
        clockSkewMax,
        tombstoneGrace,
        bytesMax,
        clientsMax,
        watchesMax,
        nodeIncarnation,
        partitions,
        replication,
        waitingBytesMax,
        AccessConfig.DEFAULT,
        INVOCATION_LIFETIME);
  }

  public ShardConfig {
    requireWithin("shards", shardCount, 1, 256);
    requireWithin("shard", shard, 0, shardCount - 1);
    requireWithin("clock.skew.max", clockSkewMax, Duration.ofMillis(1), Duration.ofHours(1));
    requireWithin("tombstone.grace", tombstoneGrace, Duration.ofSeconds(1), Duration.ofDays(30));
    requireWithin("memory.max", bytesMax, 1 << 20, Long.MAX_VALUE);
    requireWithin("ssd.buffer", waitingBytesMax, 1 << 20, Long.MAX_VALUE);
    requireWithin("clients.max", clientsMax, 16, 1_000_000);
    requireWithin("watches.max", watchesMax, 1, 1_000_000);
    requireWithin(
        "invocation.lifetime", invocationLifetime, Duration.ofSeconds(1), Duration.ofDays(7));
  }

  /// The births, in milliseconds, before which no invocation may write any more at `millis`: the
  /// end of a birth epoch, so that shards whose clocks differ a little mostly say the same.
  long bornBefore(long millis) {
    long epoch = invocationLifetime.toMillis() / EPOCHS_PER_LIFETIME;
    long closed = millis - invocationLifetime.toMillis();
    return closed <= 0 ? 0 : closed - closed % epoch;
  }

  /// A shard of a node of its own with default settings.
  public static ShardConfig of(String nodeId, int shard, int shardCount, long incarnation) {
    return new ShardConfig(
        nodeId,
        shard,
        shardCount,
        incarnation,
        Limits.DEFAULT,
        Duration.ofMillis(500),
        Duration.ofMinutes(10),
        1L << 30,
        10_000,
        10_000);
  }

  private static void requireWithin(String key, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(key + " " + value + " is outside " + min + " to " + max);
    }
  }

  private static void requireWithin(String key, Duration value, Duration min, Duration max) {
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(key + " " + value + " is outside " + min + " to " + max);
    }
  }
}
