package dev.trellis.deploy;

import dev.trellis.node.control.ControlClient;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/// The control port of a node on this machine.
final class ControlPort {
  /// A node answers at once, but a machine may be busy.
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private ControlPort() {}

  /// What gives orders to the node that listens there.
  static ControlClient client(int port) {
    return new ControlClient(InetAddress.getLoopbackAddress().getHostAddress(), port, TIMEOUT);
  }

  /// What the node says of itself and of the cluster; empty if it does not answer.
  static Optional<NodeAnswer> ask(int port) {
    try {
      return Optional.of(NodeAnswer.ofJson(client(port).status()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
