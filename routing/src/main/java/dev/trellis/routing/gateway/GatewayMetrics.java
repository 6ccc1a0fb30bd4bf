package dev.trellis.routing.gateway;

import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;
import io.prometheus.client.Histogram;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/// What the gateway counts.
final class GatewayMetrics {
  /// The route of requests that lead nowhere.
  private static final String NO_ROUTE = "none";

  private final Counter requests;
  private final Map<Route, Histogram.Child> seconds = new EnumMap<>(Route.class);
  private final Gauge connections;
  private final Counter connectionsRefused;
  private final Gauge watches;

  GatewayMetrics(CollectorRegistry registry, MemoryBudget memory) {
    requests =
        Counter.build("trellis_gateway_requests_total", "Requests answered.")
            .labelNames("route", "status")
            .register(registry);
    Histogram histogram =
        Histogram.build(
                "trellis_gateway_request_seconds",
                "Time from the end of a request to the start of its answer.")
            .labelNames("route")
            .buckets(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2)
            .register(registry);
    for (Route route : Route.values()) {
      seconds.put(route, histogram.labels(route.label()));
    }
    connections =
        Gauge.build("trellis_gateway_connections", "Open connections.").register(registry);
    connectionsRefused =
        Counter.build(
                "trellis_gateway_connections_refused_total",
                "Connections closed because there were too many.")
            .register(registry);
    watches = Gauge.build("trellis_gateway_watches", "Open watches.").register(registry);
    Gauge.build(
            "trellis_gateway_memory_bytes", "Bodies that arrive and answers that leave, in bytes.")
        .create()
        .setChild(
            new Gauge.Child() {
              @Override
              public double get() {
                return memory.used();
              }
            })
        .register(registry);
  }

  void answered(Optional<Route> route, int status) {
    requests.labels(route.map(Route::label).orElse(NO_ROUTE), Integer.toString(status)).inc();
  }

  void took(Route route, long nanos) {
    Histogram.Child child = seconds.get(route);
    if (child != null) {
      child.observe(nanos / 1e9);
    }
  }

  void connectionOpened() {
    connections.inc();
  }

  void connectionClosed() {
    connections.dec();
  }

  void connectionRefused() {
    connectionsRefused.inc();
  }

  void watchOpened() {
    watches.inc();
  }

  void watchClosed() {
    watches.dec();
  }
}
