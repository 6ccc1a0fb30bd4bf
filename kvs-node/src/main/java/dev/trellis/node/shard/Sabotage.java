package dev.trellis.node.shard;

/// What a test may break on purpose, to see that its checks would notice. Never set in production.
public enum Sabotage {
  /// A batch that got lost is not sent again.
  NO_RETRANSMISSION,
  /// Of two `lww` values with equal timestamps the one that came later is kept.
  EQUAL_TIMESTAMPS_KEEP_INCOMING,
  /// What has ended is forgotten without asking those who may hold something older.
  COLLECT_WITHOUT_VOTE,
  /// Two shards of one node count as two copies.
  ACKNOWLEDGEMENTS_PER_SHARD,
  /// Repeats are not recognised once the client has come over another connection.
  REPEATS_FORGOTTEN_ON_DISCONNECT,
  /// A copy is dropped before others have acknowledged it.
  DROP_UNACKNOWLEDGED,
  /// A replica that does not have everything answers that a key is missing.
  INCOMPLETE_ANSWERS_MISSING,
  /// What a mutation with a tag writes is named by the shard.
  TAGS_IGNORED,
  /// What invocations have added is folded while they may still be run, without asking those who
  /// may have more of it.
  FOLDED_EARLY,
  /// What is merged counts as on disk.
  DURABLE_BEFORE_SYNC,
  /// A replica answers with what it has, however new that is demanded to be.
  DEMANDS_IGNORED
}
