package dev.trellis.node.config;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.process.ConfigurationException;
import dev.trellis.process.Secrets;
import dev.trellis.process.Security;
import java.util.List;
import java.util.Optional;

/// Where a node listens.
///
/// @param bind address or name to listen on; anything but loopback needs a word on security
/// @param advertise address or name that others reach the node by; empty for the same as `bind`
/// @param dataPorts a port per shard, in shard order; 0 takes a free one
/// @param adminPort 0 takes a free one
/// @param secrets there if security is on
public record ListenConfig(
    String bind,
    Optional<String> advertise,
    List<Integer> dataPorts,
    int adminPort,
    Security security,
    Optional<Secrets> secrets) {
  static final int SHARDS_MAX = 256;
  private static final int PORT_MAX = 65_535;

  public ListenConfig {
    dataPorts = List.copyOf(dataPorts);
    requireWithin("shards", dataPorts.size(), 1, SHARDS_MAX);
    for (int port : dataPorts) {
      requireWithin("data.ports", port, 0, PORT_MAX);
      if (port != 0 && dataPorts.indexOf(port) != dataPorts.lastIndexOf(port)) {
        throw new ConfigurationException("data.ports names port " + port + " twice");
      }
    }
    requireWithin("admin.port", adminPort, 0, PORT_MAX);
    String reached = advertise.orElse(bind);
    if (reached.equals("0.0.0.0") || reached.equals("::")) {
      throw new ConfigurationException(
          "advertise must be set to an address or name that others reach this node by, since bind "
              + bind
              + " is every address and thus none");
    }
  }

  /// The address or name that others reach the node by.
  public String advertised() {
    return advertise.orElse(bind);
  }
}
