package dev.trellis.faults;

import dev.trellis.faults.Lab.Host;

/// Which port of a host is for what.
final class ServerPorts {
  private ServerPorts() {}

  static int control(Host host) {
    return host.portBase();
  }

  static int admin(Host host) {
    return host.portBase() + 1;
  }

  /// Of the first shard; the others follow. On the router's host, its data port.
  static int data(Host host) {
    return host.portBase() + 2;
  }

  static int gateway(Host host) {
    return host.portBase() + 3;
  }
}
