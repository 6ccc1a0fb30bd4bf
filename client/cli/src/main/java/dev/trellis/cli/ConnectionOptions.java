package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// The options of every command that talks to a cluster: mix it in beside [StandardOptions].
public final class ConnectionOptions {
  @Spec(Spec.Target.MIXEE)
  private @Nullable CommandSpec command;

  @Option(
      names = "--address",
      paramLabel = "HOST:PORT",
      description =
          "Where the cluster's routers or nodes are; several are separated by commas. By default "
              + "TRELLIS_ADDRESS, else the cluster of 'trellis up', else 127.0.0.1:7400.")
  private @Nullable String address;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long to wait for an answer, such as 500ms or 10s (default: 5s).")
  private @Nullable Duration timeout;

  /// The client of the cluster that is meant, connected.
  ///
  /// @throws CommandFailure if it cannot be reached
  public Trellis connect() {
    return root().connections().to(addresses());
  }

  /// The defaults for calls with what the options say.
  public CallOptions callOptions() {
    return timeout == null ? CallOptions.DEFAULT : CallOptions.DEFAULT.withTimeout(timeout);
  }

  /// How long to wait for an answer, if it was said.
  public Optional<Duration> timeout() {
    return Optional.ofNullable(timeout);
  }

  /// The addresses of the cluster that is meant, at least one.
  public List<String> addresses() {
    Console console = root().console();
    return Optional.ofNullable(address)
        .map(ConnectionOptions::split)
        .or(root()::shellAddresses)
        .or(() -> console.variable("TRELLIS_ADDRESS").map(ConnectionOptions::split))
        .orElseGet(
            () ->
                List.of(
                    "127.0.0.1:"
                        + LocalClusters.likelyPort(console).orElse(LocalClusters.DEFAULT_PORT)));
  }

  private static List<String> split(String addresses) {
    return Arrays.stream(addresses.split(",", -1)).map(String::strip).toList();
  }

  private TrellisCommand root() {
    if (command == null) {
      throw new IllegalStateException("ConnectionOptions is not mixed into a command");
    }
    return (TrellisCommand) command.root().userObject();
  }
}
