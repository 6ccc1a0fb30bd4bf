package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import dev.trellis.wire.Acknowledgement;
import picocli.CommandLine.Option;

/// The options of commands that write: mix it in beside [ConnectionOptions].
public final class WriteOptions {
  @Option(
      names = "--ack",
      paramLabel = "LEVEL",
      defaultValue = "default",
      description =
          "What to wait for: 'one' replica, 'replicated' on enough nodes to survive the loss of k, "
              + "'durable' on disk; the cluster's 'default' is replicated where it has the nodes.")
  private Acknowledgement acknowledgement = Acknowledgement.DEFAULT;

  /// Calls that wait for what the options say.
  public CallOptions applyTo(CallOptions options) {
    return options.withAcknowledgement(acknowledgement);
  }
}
