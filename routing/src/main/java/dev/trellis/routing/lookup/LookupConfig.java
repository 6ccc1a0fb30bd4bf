package dev.trellis.routing.lookup;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.process.ConfigurationException;
import dev.trellis.wire.Limits;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/// How the cluster map is gathered and served.
///
/// @param routerId name of this router, 1 to 64 characters
/// @param clusterName that its nodes must have, and its clients if they name one
/// @param nodes the seeds: data addresses of nodes, or names that stand for several; by any one
///   that answers the others are learned
/// @param address where clients ask; port 0 takes a free one
/// @param limits that clients are told of
/// @param period how often each node is asked, 10 ms to 1 min
/// @param timeout how long a node may take to answer before its word no longer counts, one period
///   to 1 min
/// @param handshakeTimeout how long a client may take to say who it is, 10 ms to 1 min
/// @param connectionsMax clients at once, 1 to 100,000; more are refused
public record LookupConfig(
    String routerId,
    String clusterName,
    List<Address> nodes,
    InetSocketAddress address,
    Limits limits,
    Duration period,
    Duration timeout,
    Duration handshakeTimeout,
    int connectionsMax) {
  public LookupConfig {
    nodes = List.copyOf(nodes);
    if (routerId.isEmpty() || routerId.length() > 64) {
      throw new ConfigurationException("router.id '" + routerId + "' must have 1 to 64 characters");
    }
    if (nodes.isEmpty()) {
      throw new ConfigurationException(
          "cluster.nodes is empty; name the data address of at least one node, such as"
              + " 127.0.0.1:7502");
    }
    requireWithin("cluster.period", period, Duration.ofMillis(10), Duration.ofMinutes(1));
    requireWithin("cluster.timeout", timeout, period, Duration.ofMinutes(1));
    requireWithin(
        "handshake.timeout", handshakeTimeout, Duration.ofMillis(10), Duration.ofMinutes(1));
    requireWithin("connections.max", connectionsMax, 1, 100_000);
  }
}
