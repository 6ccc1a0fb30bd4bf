package dev.trellis.simulation;

/// How the shards of a simulated cluster share the keys.
public enum Layout {
  /// Each key belongs to one of the shards of one node.
  PARTITIONED(0),
  /// Every shard holds every key; they send each other their states.
  REPLICATED(1);

  private final long seed;

  Layout(long seed) {
    this.seed = seed;
  }

  /// Added to a plan's seed, so that its two layouts see different days.
  long seedOffset() {
    return seed;
  }
}
