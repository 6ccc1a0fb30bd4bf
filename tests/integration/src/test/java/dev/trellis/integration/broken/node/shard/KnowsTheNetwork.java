package dev.trellis.integration.broken.node.shard;

import dev.trellis.integration.broken.node.net.DataPlane;
import io.netty.buffer.Unpooled;

/// A shard that knows Netty and the data plane.
public final class KnowsTheNetwork {
  private KnowsTheNetwork() {}

  /// Never called.
  public static int bytes() {
    return Unpooled.EMPTY_BUFFER.readableBytes() + DataPlane.bytes();
  }
}
