package dev.trellis.node.membership;

import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;

/// One life of one node.
///
/// @param number random, fresh at each start of the process
public record Incarnation(String nodeId, long number) {
  /// The life that a node describes itself in.
  public static Incarnation of(NodeDescriptor node) {
    return new Incarnation(node.id(), node.incarnation());
  }

  /// The life of the node that a shard is of.
  public static Incarnation of(Peer peer) {
    return new Incarnation(peer.nodeId(), peer.incarnation());
  }
}
