package dev.trellis.node.control;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;

/// Turns the names of hosts into addresses.
interface Resolver {
  /// The one of the system.
  Resolver SYSTEM =
      host -> {
        try {
          return List.of(InetAddress.getAllByName(host));
        } catch (UnknownHostException e) {
          return List.of();
        }
      };

  /// All addresses of a name, in no particular order; none if it is unknown. May wait for a name
  /// server, but for what [#isLiteral].
  List<InetAddress> resolve(String host);

  /// Whether a host is written as an address, and not as a name.
  static boolean isLiteral(String host) {
    return host.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}") || host.contains(":");
  }
}
