package dev.trellis.integration.broken.node;

import dev.trellis.integration.broken.client.KnowsTheNode;

/// The other half of a circle of modules.
public final class KnowsTheClient {
  private KnowsTheClient() {}

  /// Never called.
  public static int bytes() {
    return KnowsTheNode.bytes();
  }
}
