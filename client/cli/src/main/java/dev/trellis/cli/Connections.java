package dev.trellis.cli;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The clients in use, one per cluster: a shell keeps them from one command to the next.
final class Connections implements AutoCloseable {
  private final Map<List<String>, Trellis> clients = new HashMap<>();

  /// The client of the cluster at these addresses, which is connected at first use.
  ///
  /// @throws CommandFailure if none of them answers
  Trellis to(List<String> addresses) {
    return clients.computeIfAbsent(addresses, Connections::connect);
  }

  private static Trellis connect(List<String> addresses) {
    try {
      return Trellis.connect(
          ClientConfig.of(addresses.toArray(String[]::new)).withAgent("trellis-cli"));
    } catch (TrellisException e) {
      throw new CommandFailure(
          ExitCode.of(e.code()),
          "no cluster answers at "
              + String.join(", ", addresses)
              + "; start one with 'trellis up', or say with --address where it is",
          Optional.of(e.code()),
          e);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public void close() {
    clients.values().forEach(Trellis::close);
    clients.clear();
  }
}
