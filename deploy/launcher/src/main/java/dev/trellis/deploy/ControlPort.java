package dev.trellis.deploy;

import dev.trellis.node.control.ControlClient;
import dev.trellis.node.control.OrderRefusedException;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/// The control port of a node on this machine.
final class ControlPort {
  /// A node answers at once, but a machine may be busy.
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  /// What is to be done must not fail just because a machine is very busy.
  static final Duration ORDER_TIMEOUT = Duration.ofSeconds(15);

  private ControlPort() {}

  /// What gives orders to the node that listens there.
  static ControlClient client(Access access, int port) {
    return client(access, port, ORDER_TIMEOUT);
  }

  private static ControlClient client(Access access, int port, Duration timeout) {
    return new ControlClient(
        InetAddress.getLoopbackAddress().getHostAddress(), port, timeout, access.curve());
  }

  /// Claims for a monitor's epoch that it leads.
  ///
  /// @throws OrderRefusedException if another has a higher one
  /// @throws IOException if the node does not answer, which whoever leads tries again soon
  static void claim(Access access, int port, long epoch) throws IOException {
    client(access, port, TIMEOUT).claim(epoch);
  }

  /// What the node says of itself and of the cluster; empty if it does not answer.
  static Optional<NodeAnswer> ask(Access access, int port) {
    try {
      return Optional.of(NodeAnswer.ofJson(client(access, port, TIMEOUT).status()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
