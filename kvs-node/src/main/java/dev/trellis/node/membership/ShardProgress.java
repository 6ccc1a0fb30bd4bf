package dev.trellis.node.membership;

/// How far one shard has come with what the view asks of it. Immutable: written by the shard, read
/// by others.
///
/// @param version of the topology that it acts upon, see [dev.trellis.placement.Topology#version];
///   0 before the first view
/// @param held partitions that it shall hold, now or once joins and leaves are done
/// @param incomplete how many of these it does not have whole yet
/// @param surplus partitions of which it has entries that it shall not hold any more, and that not
///   enough of their owners have acknowledged yet
public record ShardProgress(long version, int held, int incomplete, int surplus) {
  /// Of a shard that has seen no view yet.
  public static final ShardProgress NONE = new ShardProgress(0, 0, 0, 0);

  /// Whether the shard has all that it shall hold.
  public boolean isComplete() {
    return version != 0 && incomplete == 0;
  }
}
