package dev.trellis.process;

import java.net.InetAddress;
import java.net.UnknownHostException;

/// Decides where a process may listen: on loopback, and elsewhere only if its configuration says
/// whether it protects itself.
public final class ListenGuard {
  private ListenGuard() {}

  /// Resolves an address to listen on.
  ///
  /// @param key of the configuration that names the address
  /// @throws ConfigurationException if there is no such address, or it may not be listened on
  public static InetAddress resolve(String key, String address, Security security) {
    InetAddress resolved = resolve(key, address);
    if (security == Security.LOOPBACK_ONLY && !resolved.isLoopbackAddress()) {
      throw new ConfigurationException(
          key
              + " "
              + address
              + " is not a loopback address, and whoever reaches it could read and change"
              + " everything; write security = on, with the folder that bin/trellis security init"
              + " makes as secrets.folder, or security = off if the network itself keeps strangers"
              + " out, or use 127.0.0.1");
    }
    return resolved;
  }

  private static InetAddress resolve(String key, String address) {
    try {
      return InetAddress.getByName(address);
    } catch (UnknownHostException e) {
      throw new ConfigurationException(
          key + " " + address + " is no address of this machine and no name that resolves", e);
    }
  }
}
