package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import java.nio.file.Path;
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
      names = "--ca",
      paramLabel = "FILE",
      description =
          "The certificates of the authority of a cluster with security = on. By default TRELLIS_CA,"
              + " else that of the cluster of 'trellis up --secure'.")
  private @Nullable Path ca;

  @Option(
      names = "--key-file",
      paramLabel = "FILE",
      description =
          "A file with your API key. By default TRELLIS_API_KEY_FILE, else the administrator's of"
              + " the cluster of 'trellis up --secure'.")
  private @Nullable Path keyFile;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long to wait for an answer, such as 500ms or 10s (default: 5s).")
  private @Nullable Duration timeout;

  /// The client of the cluster that is meant, connected.
  ///
  /// @throws CommandFailure if it cannot be reached
  public Trellis connect() {
    return root().connections().to(target(), root().console());
  }

  /// The defaults for calls with what the options say.
  public CallOptions callOptions() {
    return timeout == null ? CallOptions.DEFAULT : CallOptions.DEFAULT.withTimeout(timeout);
  }

  /// How long to wait for an answer, if it was said.
  public Optional<Duration> timeout() {
    return Optional.ofNullable(timeout);
  }

  /// How a client reaches the cluster that is meant, and what it shows.
  ///
  /// @throws CommandFailure if a file with what is to be shown cannot be used
  public ClientConfig config() {
    return target().config(root().console());
  }

  /// The file with the authorities that sign for the cluster; empty where security is off.
  public Optional<Path> authorities() {
    return target().authorities();
  }

  /// Whether `--address` names the cluster.
  public boolean isAddressGiven() {
    return address != null;
  }

  /// Where the cluster is, if something says so: `--address`, the shell that the command is typed
  /// in, or the environment. Empty if the cluster is meant that is on this machine.
  public List<String> named() {
    Optional<Target> shell = root().shellTarget();
    return addresses(shell).or(() -> shell.map(Target::addresses)).orElse(List.of());
  }

  /// Those that `--address` names, or outside a shell the environment.
  private Optional<List<String>> addresses(Optional<Target> shell) {
    return Optional.ofNullable(address)
        .or(
            () ->
                shell.isPresent() ? Optional.empty() : root().console().variable("TRELLIS_ADDRESS"))
        .map(ConnectionOptions::split);
  }

  /// The cluster that is meant. What is not given is that of the shell that the command is typed
  /// in, or of the environment; where nothing says which cluster is meant, of the one of this
  /// machine.
  Target target() {
    Console console = root().console();
    Optional<Target> shell = root().shellTarget();
    Optional<List<String>> named = addresses(shell);
    Optional<Path> authorities =
        Optional.ofNullable(ca).or(() -> console.variable("TRELLIS_CA").map(Path::of));
    Optional<Path> key =
        Optional.ofNullable(keyFile)
            .or(() -> console.variable("TRELLIS_API_KEY_FILE").map(Path::of));
    if (named.isPresent()) {
      return new Target(named.get(), authorities, key);
    }
    if (shell.isPresent()) {
      return new Target(
          shell.get().addresses(),
          Optional.ofNullable(ca).or(shell.get()::authorities),
          Optional.ofNullable(keyFile).or(shell.get()::keyFile));
    }
    int port = LocalClusters.likelyPort(console).orElse(LocalClusters.DEFAULT_PORT);
    Optional<Path> own = LocalClusters.secrets(console, port);
    return new Target(
        List.of("127.0.0.1:" + port),
        authorities.or(() -> own.map(folder -> folder.resolve("ca.crt"))),
        key.or(() -> own.map(folder -> folder.resolve("admin.key"))));
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
