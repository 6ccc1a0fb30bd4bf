package dev.trellis.monitor.console;

import java.net.InetAddress;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// Refuses requests that a browser was talked into. A page from elsewhere can let its own name
/// resolve to this machine and then read, as its own, what is served here (DNS rebinding); but the
/// browser still says by what name it came. So only names that nobody else can own are answered to:
/// loopback ones, the address that the request came to, and those that were configured.
final class HostGuard {
  private final Set<String> names;

  /// A guard that also lets these names in, in whatever case.
  HostGuard(Collection<String> names) {
    this.names = new HashSet<>();
    names.forEach(name -> this.names.add(name.toLowerCase(Locale.ROOT)));
  }

  /// Whether a request may be answered.
  ///
  /// @param hosts all `Host` headers of the request, with or without a port; a port is not looked
  ///   at, as those who forward one come by another
  /// @param local the address that the request came to
  boolean admits(List<String> hosts, InetAddress local) {
    if (hosts.size() != 1) {
      return false;
    }
    String name = withoutPort(hosts.getFirst().strip().toLowerCase(Locale.ROOT));
    if (name.equals("localhost") || name.endsWith(".localhost") || names.contains(name)) {
      return true;
    }
    try {
      InetAddress literal = InetAddress.ofLiteral(name);
      return literal.isLoopbackAddress() || literal.equals(local);
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  private static String withoutPort(String host) {
    if (host.startsWith("[")) {
      int end = host.indexOf(']');
      return end < 0 ? host : host.substring(1, end);
    }
    int colon = host.lastIndexOf(':');
    return colon < 0 ? host : host.substring(0, colon);
  }
}
