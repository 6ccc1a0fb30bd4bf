package dev.trellis.routing.lookup;

import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;

/// What the map service counts.
final class LookupMetrics {
  private final Gauge connections;
  private final Counter lookups;
  private final Counter misdirected;
  private final Gauge nodes;
  private final Gauge version;

  LookupMetrics(CollectorRegistry registry) {
    connections =
        Gauge.build("trellis_router_connections", "Clients connected to the map service.")
            .register(registry);
    lookups =
        Counter.build("trellis_router_lookups_total", "Cluster maps given out.").register(registry);
    misdirected =
        Counter.build(
                "trellis_router_misdirected_total",
                "Requests for keys, which belong to nodes and are refused here.")
            .register(registry);
    nodes = Gauge.build("trellis_router_nodes", "Nodes in the cluster map.").register(registry);
    version = Gauge.build("trellis_router_map_version", "Of the cluster map.").register(registry);
  }

  void connectionOpened() {
    connections.inc();
  }

  void connectionClosed() {
    connections.dec();
  }

  void lookedUp() {
    lookups.inc();
  }

  void misdirected(int requests) {
    misdirected.inc(requests);
  }

  void mapIs(int nodeCount, long mapVersion) {
    nodes.set(nodeCount);
    version.set((double) mapVersion);
  }
}
