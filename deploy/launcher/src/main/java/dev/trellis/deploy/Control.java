package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.ExitCode;
import dev.trellis.node.control.ControlClient;
import dev.trellis.node.control.OrderRefusedException;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/// Orders to nodes that a client knows of, on whatever machine they are.
///
/// @param keys with which they are given; empty where security is off
record Control(Optional<CurveKeys> keys) {
  private static final Duration TIMEOUT = Duration.ofSeconds(15);

  /// A node answers at once, but a machine may be busy.
  private static final Duration STATUS_TIMEOUT = Duration.ofSeconds(2);

  /// To nodes of the cluster that a command is about. Where that has security on, the keys are
  /// beside the certificates of its authority, as `trellis security init` puts them into `client`.
  ///
  /// @throws CommandFailure if they are not
  static Control of(ConnectionOptions connection) {
    return new Control(connection.authorities().map(Control::keysBeside));
  }

  private static CurveKeys keysBeside(Path authorities) {
    Path folder = Optional.ofNullable(authorities.toAbsolutePath().getParent()).orElse(authorities);
    try {
      return CurveKeys.of(new Secrets(folder));
    } catch (ConfigurationException e) {
      throw new CommandFailure(
          ExitCode.MISUSE,
          "orders to nodes with security = on need keys of the control plane beside the file of --ca,"
              + " as in the folder 'client' of 'trellis security init': "
              + e.getMessage(),
          e);
    }
  }

  /// A question to a node.
  @FunctionalInterface
  interface Question<T> {
    T put(ControlClient node) throws IOException;
  }

  /// An order to a node.
  @FunctionalInterface
  interface Order {
    void giveTo(ControlClient node) throws IOException;
  }

  /// @throws CommandFailure if the node has no control port
  private ControlClient client(NodeDescriptor node, Duration timeout) {
    if (node.controlPort() == 0) {
      throw new CommandFailure(
          ExitCode.REFUSED,
          "node " + node.id() + " has no control port, and takes no orders; set control.port");
    }
    return new ControlClient(node.host(), node.controlPort(), timeout, keys);
  }

  /// What a node says of itself and of the cluster; empty if it does not answer soon.
  Optional<NodeAnswer> status(NodeDescriptor node) {
    try {
      return Optional.of(NodeAnswer.ofJson(client(node, STATUS_TIMEOUT).status()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// Asks a node.
  ///
  /// @throws CommandFailure if it refuses, or does not answer
  <T> T ask(NodeDescriptor node, Question<T> question) {
    try {
      return question.put(client(node, TIMEOUT));
    } catch (OrderRefusedException e) {
      throw new CommandFailure(
          ExitCode.REFUSED, "node " + node.id() + " refuses: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.UNREACHABLE, "node " + node.id() + ": " + e.getMessage(), e);
    }
  }

  /// Gives a node an order.
  ///
  /// @throws CommandFailure if it refuses, or does not answer
  void order(NodeDescriptor node, Order order) {
    boolean _ =
        ask(
            node,
            client -> {
              order.giveTo(client);
              return true;
            });
  }
}
