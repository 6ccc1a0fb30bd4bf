package dev.trellis.integration.broken.node.net;

import dev.trellis.integration.broken.node.shard.KnowsTheNetwork;

/// Half of a circle.
public final class DataPlane {
  private DataPlane() {}

  /// Never called.
  public static int bytes() {
    return KnowsTheNetwork.bytes();
  }
}
