package dev.trellis.placement;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.NodeDescriptor;
import java.util.List;
import java.util.stream.IntStream;

/// One of a node's points on the hash ring: it owns the arc from the point before it, exclusive, to
/// its own position, inclusive.
///
/// @param position on the ring of 64-bit hashes, compared as signed
record VirtualNode(long position, String nodeId) implements Comparable<VirtualNode> {
  /// The golden ratio in 64 bits: the step at which consecutive numbers differ most.
  private static final long STEP = 0x9E3779B97F4A7C15L;

  /// The points of a node. They follow from its id and capacity alone; more capacity adds points
  /// and moves none.
  static List<VirtualNode> of(NodeDescriptor node) {
    long start = KeyHash.of(Payload.ofText(node.id()));
    return IntStream.rangeClosed(1, node.capacity() * HashRing.VIRTUAL_NODES_PER_CAPACITY)
        .mapToObj(index -> new VirtualNode(KeyHash.mix(start + index * STEP), node.id()))
        .toList();
  }

  /// By position; two nodes on one point, however unlikely, stand in the same order everywhere.
  @Override
  public int compareTo(VirtualNode other) {
    int order = Long.compare(position, other.position);
    return order != 0 ? order : nodeId.compareTo(other.nodeId);
  }
}
