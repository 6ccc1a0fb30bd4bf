package dev.trellis.node.net;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Frame;

/// The answer to a ping that asks how new all is that a connection was told: by several shards of
/// the node, each of which answers for the keys that are watched there.
final class NodePong {
  private final long id;
  private final HybridTimestamp time;
  private HybridTimestamp asOf;
  private int missing;

  /// @param time when the connection's own shard answered
  /// @param asOf what it said
  /// @param others how many more are asked
  NodePong(long id, HybridTimestamp time, HybridTimestamp asOf, int others) {
    this.id = id;
    this.time = time;
    this.asOf = asOf;
    this.missing = others;
  }

  /// Takes the answer of one of the others; returns whether it was the last.
  boolean add(HybridTimestamp other) {
    asOf = asOf.isAfter(other) ? other : asOf;
    return --missing == 0;
  }

  Frame.Pong whole() {
    return new Frame.Pong(id, time, asOf);
  }
}
