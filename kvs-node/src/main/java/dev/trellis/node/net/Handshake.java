package dev.trellis.node.net;

import dev.trellis.wire.Frame;
import java.util.Optional;

/// The rules of the first exchange.
final class Handshake {
  private static final int VERSION_MIN = Math.max(1, Frame.PROTOCOL_VERSION - 1);

  private Handshake() {}

  /// Why a client is not served here; empty if it is.
  static Optional<String> objection(Frame.Hello hello, String clusterName) {
    if (hello.versionMin() > Frame.PROTOCOL_VERSION || hello.versionMax() < VERSION_MIN) {
      return Optional.of(
          "this node speaks protocol versions "
              + VERSION_MIN
              + " to "
              + Frame.PROTOCOL_VERSION
              + ", "
              + hello.agent()
              + " speaks "
              + hello.versionMin()
              + " to "
              + hello.versionMax());
    }
    if (!hello.clusterName().isEmpty() && !hello.clusterName().equals(clusterName)) {
      return Optional.of(
          "this node belongs to cluster '"
              + clusterName
              + "', not to cluster '"
              + hello.clusterName()
              + "'");
    }
    return Optional.empty();
  }

  /// The newest version that both speak, given that there is no objection.
  static int version(Frame.Hello hello) {
    return Math.min(hello.versionMax(), Frame.PROTOCOL_VERSION);
  }
}
