package dev.trellis.wire;

/// One life of one shard of one node: what replicas address each other by. A process that starts
/// again under its old id has another incarnation, so nothing meant for its former self reaches it.
///
/// @param incarnation of the node's process, see [NodeDescriptor#incarnation]
/// @param shard index within the node, from 0
public record Peer(String nodeId, long incarnation, int shard) {
  @Override
  public String toString() {
    return "shard " + shard + " of node " + nodeId;
  }
}
