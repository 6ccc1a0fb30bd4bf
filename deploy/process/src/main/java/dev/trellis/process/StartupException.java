package dev.trellis.process;

import java.io.IOException;
import java.net.InetSocketAddress;

/// What keeps a well-configured process from starting: a port in use, a folder that cannot be
/// written. The message is one line for the operator.
public final class StartupException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public StartupException(String message) {
    super(message);
  }

  public StartupException(String message, Throwable cause) {
    super(message, cause);
  }

  /// Says that a port could not be opened.
  ///
  /// @param wantedBy what was to listen there, such as `shard 0 of node n1`
  /// @param key of the configuration that names the port
  public static StartupException portUnavailable(
      InetSocketAddress address, String wantedBy, String key, Throwable cause) {
    String where = "port " + address.getPort() + " of " + address.getHostString();
    return new StartupException(
        isInUse(cause)
            ? where
                + " is in use, and "
                + wantedBy
                + " needs it; stop what listens there, or set "
                + key
                + " to another port (0 takes a free one)"
            : where + " cannot be opened for " + wantedBy + ": " + cause.getMessage(),
        cause);
  }

  /// The JDK and Netty's native transport tell this in words only.
  private static boolean isInUse(Throwable cause) {
    return cause instanceof IOException
        && cause.getMessage() != null
        && cause.getMessage().contains("in use");
  }
}
