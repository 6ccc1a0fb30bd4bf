package dev.trellis.monitor;

import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.wire.NodeDescriptor.Tier;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;
import io.prometheus.client.hotspot.BufferPoolsExports;
import io.prometheus.client.hotspot.GarbageCollectorExports;
import io.prometheus.client.hotspot.MemoryPoolsExports;
import io.prometheus.client.hotspot.StandardExports;
import io.prometheus.client.hotspot.ThreadExports;
import java.util.Locale;

/// What a monitor tells of itself, for Prometheus.
final class MonitorMetrics {
  final Counter reportsDropped =
      Counter.build("trellis_monitor_reports_dropped", "Reports that came while too many waited.")
          .create();
  private final Counter reports =
      Counter.build("trellis_monitor_reports", "Reports of nodes that were heard.").create();
  private final Counter malformed =
      Counter.build("trellis_monitor_reports_malformed", "Messages that were no report.").create();
  private final Counter decisions =
      Counter.build("trellis_monitor_decisions", "Decisions.").labelNames("policy").create();
  private final Gauge leads =
      Gauge.build("trellis_monitor_leads", "Whether this monitor leads: 1 or 0.").create();
  private final Gauge nodes =
      Gauge.build("trellis_monitor_nodes", "Nodes that are active.").labelNames("tier").create();
  private final Gauge latency =
      Gauge.build(
              "trellis_monitor_latency_seconds", "Latency that clients saw, over a few seconds.")
          .labelNames("statistic")
          .create();
  private final Gauge objective =
      Gauge.build("trellis_monitor_objective_seconds", "Latency that clients are to see.")
          .labelNames("statistic")
          .create();
  private final Gauge whole =
      Gauge.build("trellis_monitor_whole", "Whether no range is short of copies: 1 or 0.").create();

  MonitorMetrics(Objective wanted) {
    objective
        .labels(wanted.statistic().name().toLowerCase(Locale.ROOT))
        .set(wanted.latency().toNanos() / 1e9);
  }

  CollectorRegistry registry() {
    CollectorRegistry registry = new CollectorRegistry();
    reportsDropped.register(registry);
    reports.register(registry);
    malformed.register(registry);
    decisions.register(registry);
    leads.register(registry);
    nodes.register(registry);
    latency.register(registry);
    objective.register(registry);
    whole.register(registry);
    new StandardExports().register(registry);
    new MemoryPoolsExports().register(registry);
    new BufferPoolsExports().register(registry);
    new GarbageCollectorExports().register(registry);
    new ThreadExports().register(registry);
    return registry;
  }

  void decided(Decision decision) {
    decisions.labels(decision.explanation().policy()).inc();
  }

  void observe(ClusterView view, boolean isLeader, long received, long notReports) {
    reports.inc(received - reports.get());
    malformed.inc(notReports - malformed.get());
    leads.set(isLeader ? 1 : 0);
    whole.set(view.isWhole() ? 1 : 0);
    for (Tier tier : Tier.values()) {
      nodes.labels(tier.word()).set(view.active(tier).size());
    }
    if (view.latency().samples() > 0) {
      latency.labels("mean").set(view.latency().meanMicros() / 1e6);
      latency.labels("p95").set(view.latency().p95Micros() / 1e6);
    }
  }
}
