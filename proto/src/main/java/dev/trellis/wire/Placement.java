package dev.trellis.wire;

/// How many replicas a key has and where: Anna's replication vector.
///
/// @param memoryNodes nodes of the memory tier that hold the key, 0 or more
/// @param ssdNodes nodes of the SSD tier that hold it, 0 or more; with `memoryNodes` at least 1
/// @param shardsPerNode shards of each such node that hold it, 1 or more
/// @see "Wu, Sreekanti, Hellerstein, Autoscaling Tiered Cloud Storage in Anna, VLDB 2019, §4"
public record Placement(int memoryNodes, int ssdNodes, int shardsPerNode) {
  public Placement {
    if (memoryNodes < 0 || ssdNodes < 0) {
      throw new IllegalArgumentException(
          "placement of %d memory and %d SSD nodes: a number of nodes is at least 0"
              .formatted(memoryNodes, ssdNodes));
    }
    if (memoryNodes == 0 && ssdNodes == 0) {
      throw new IllegalArgumentException("a key placed on no node is lost; name at least one");
    }
    if (shardsPerNode < 1) {
      throw new IllegalArgumentException(
          "placement on %d shards per node: at least one must hold the key"
              .formatted(shardsPerNode));
    }
  }

  /// Where a key is unless something else was decided for it: once in memory, and as often on SSD
  /// as nodes may be lost.
  ///
  /// @param faultTolerance the number of lost nodes to survive, 0 or more
  public static Placement ofDefault(int faultTolerance) {
    return new Placement(1, faultTolerance, 1);
  }
}
