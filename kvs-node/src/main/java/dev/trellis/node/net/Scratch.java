package dev.trellis.node.net;

import org.jspecify.annotations.Nullable;

/// Room on the heap in which the connections of a shard look at what has come, one at a time.
final class Scratch {
  final byte[] bytes;
  @Nullable FrameAccumulator user; // whose bytes are in it

  Scratch(int size) {
    bytes = new byte[size];
  }
}
