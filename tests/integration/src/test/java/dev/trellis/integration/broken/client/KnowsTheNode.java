package dev.trellis.integration.broken.client;

import dev.trellis.integration.broken.node.shard.KnowsTheNetwork;

/// A client that depends on the node.
public final class KnowsTheNode {
  private KnowsTheNode() {}

  /// Never called.
  public static int bytes() {
    return KnowsTheNetwork.bytes();
  }
}
