package dev.trellis.placement;

/// The fixed division of the hash space into equal ranges, the partitions. All keys of a partition
/// have the same replicas unless something else was decided for one of them, and within a node the
/// same shard; so digests, handoff and completeness are per partition, and where a key belongs is
/// looked up, not computed. Everybody in a cluster must use the same division.
///
/// @param bits of the hash that name the partition, 1 to 20; the highest ones
/// @see "DeCandia et al., Dynamo, SOSP 2007, §6.2, strategy 3"
public record Partitions(int bits) {
  /// The division that clusters use: fine enough for a thousand nodes, and for the shards of one.
  public static final Partitions STANDARD = new Partitions(14);

  public Partitions {
    if (bits < 1 || bits > 20) {
      throw new IllegalArgumentException("partitions of " + bits + " bits are outside 1 to 20");
    }
  }

  /// How many there are.
  public int count() {
    return 1 << bits;
  }

  /// The partition of a key.
  ///
  /// @param keyHash see [KeyHash#of]
  /// @return 0 to [#count] - 1
  public int of(long keyHash) {
    return (int) (keyHash >>> (Long.SIZE - bits));
  }

  /// The lowest hash of a partition, read as unsigned: its place on the ring.
  public long position(int partition) {
    return (long) partition << (Long.SIZE - bits);
  }

  /// The shard of a node that owns a partition there: uniform, and independent of the partition's
  /// place on the ring, else a node whose arc is short would leave some of its shards without keys.
  ///
  /// @param shards how many the node has, 1 or more
  /// @return 0 to `shards - 1`
  /// @throws IllegalArgumentException if there is no shard
  public int shardOf(int partition, int shards) {
    if (shards < 1) {
      throw new IllegalArgumentException("a node with " + shards + " shards holds no key");
    }
    // Multiply-shift takes the high bits, the very ones that a node's arc of the ring holds fixed;
    // so mix first.
    return (int) Math.unsignedMultiplyHigh(KeyHash.mix(partition + 1L), shards);
  }

  /// The shard of a node that owns a key there; see [#shardOf(int, int)].
  ///
  /// @param keyHash see [KeyHash#of]
  public int shardOfKey(long keyHash, int shards) {
    return shardOf(of(keyHash), shards);
  }
}
