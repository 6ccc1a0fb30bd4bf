package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.node.control.ControlClient;
import dev.trellis.node.control.OrderRefusedException;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.time.Duration;

/// Orders to nodes that a client knows of, on whatever machine they are.
final class Control {
  private static final Duration TIMEOUT = Duration.ofSeconds(15);

  private Control() {}

  /// An order to a node, or a question.
  @FunctionalInterface
  interface Question<T> {
    T put(ControlClient node) throws IOException;
  }

  /// @throws CommandFailure if the node has no control port
  static ControlClient of(NodeDescriptor node) {
    if (node.controlPort() == 0) {
      throw new CommandFailure(
          ExitCode.REFUSED,
          "node " + node.id() + " has no control port, and takes no orders; set control.port");
    }
    return new ControlClient(node.host(), node.controlPort(), TIMEOUT);
  }

  /// Asks a node.
  ///
  /// @throws CommandFailure if it refuses, or does not answer
  static <T> T ask(NodeDescriptor node, Question<T> question) {
    try {
      return question.put(of(node));
    } catch (OrderRefusedException e) {
      throw new CommandFailure(
          ExitCode.REFUSED, "node " + node.id() + " refuses: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.UNREACHABLE, "node " + node.id() + ": " + e.getMessage(), e);
    }
  }
}
