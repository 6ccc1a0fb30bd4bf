package dev.trellis.cli;

import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.wire.ErrorCode;
import java.net.ConnectException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// The clients in use, one per cluster: a shell keeps them from one command to the next.
final class Connections implements AutoCloseable {
  private final Map<Target, Trellis> clients = new HashMap<>();

  /// The client of a cluster, which is connected at first use.
  ///
  /// @throws CommandFailure if it does not answer, or does not let us in
  Trellis to(Target target, Console console) {
    return clients.computeIfAbsent(target, one -> connect(one, console));
  }

  private static Trellis connect(Target target, Console console) {
    try {
      return Trellis.connect(target.config(console));
    } catch (TrellisException e) {
      throw new CommandFailure(
          ExitCode.of(e.code()),
          e.code() == ErrorCode.UNAUTHENTICATED
              ? String.valueOf(e.getMessage())
              : "no cluster answers at " + whereAndWhy(target, e),
          Optional.of(e.code()),
          e);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    }
  }

  /// Where nobody listens there is nothing to tell of it. Who does, and is not spoken to, may be of
  /// another cluster.
  private static String whereAndWhy(Target target, TrellisException failure) {
    if (isOfNobody(failure)) {
      return String.join(", ", target.addresses())
          + "; start one with 'trellis up', or say with --address where it is";
    }
    return String.valueOf(failure.getMessage()).replaceFirst("^no router or node answers: ", "")
        + "; say with --address where it is, and with --ca who signs for it if it has security = on";
  }

  private static boolean isOfNobody(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectException) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() {
    clients.values().forEach(Trellis::close);
    clients.clear();
  }
}
