package dev.trellis.monitor.console;

import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.EnumMap;
import java.util.Map;

/// What the console's charts show: some measures of the cluster over the last hours, in fixed
/// memory. Safe for any number of threads.
public final class ConsoleHistory {
  /// What is kept over time.
  public enum Measure {
    LATENCY_MEAN_MICROS("latencyMeanMicros"),
    LATENCY_P95_MICROS("latencyP95Micros"),
    OBJECTIVE_MICROS("objectiveMicros"),
    MEMORY_NODES("memoryNodes"),
    SSD_NODES("ssdNodes"),
    OPERATIONS_PER_SECOND("operationsPerSecond"),
    COST_PER_HOUR("costPerHour");

    private final String word;

    Measure(String word) {
      this.word = word;
    }

    /// What the measure is called in JSON.
    public String word() {
      return word;
    }
  }

  private final Map<Measure, TimeSeries> series = new EnumMap<>(Measure.class); // guarded by this
  private long newestMillis; // guarded by this

  /// A history of nothing, of six hours at most.
  public ConsoleHistory() {
    for (Measure measure : Measure.values()) {
      series.put(measure, new TimeSeries());
    }
  }

  /// Adds what a state says. A latency of which there are no samples is no latency.
  public synchronized void add(ConsoleState state) {
    Latency latency = state.latency();
    boolean isKnown = latency.samples() > 0;
    add(state, Measure.LATENCY_MEAN_MICROS, isKnown ? latency.meanMicros() : Double.NaN);
    add(state, Measure.LATENCY_P95_MICROS, isKnown ? latency.p95Micros() : Double.NaN);
    add(state, Measure.OBJECTIVE_MICROS, state.objective().micros());
    add(state, Measure.MEMORY_NODES, state.tier(Tier.MEMORY).nodes());
    add(state, Measure.SSD_NODES, state.tier(Tier.SSD).nodes());
    add(state, Measure.OPERATIONS_PER_SECOND, state.operationsPerSecond());
    add(state, Measure.COST_PER_HOUR, state.costPerHour());
    newestMillis = state.atMillis();
  }

  private synchronized void add(ConsoleState state, Measure measure, double value) {
    of(measure).add(state.atMillis(), value);
  }

  private synchronized TimeSeries of(Measure measure) {
    TimeSeries found = series.get(measure);
    if (found == null) {
      throw new IllegalStateException("no series of " + measure);
    }
    return found;
  }

  /// When the latest state was; 0 if there was none.
  public synchronized long newestMillis() {
    return newestMillis;
  }

  /// Every measure from a time to the latest state; all in equal steps.
  public synchronized Map<Measure, TimeSeries.Slice> since(long fromMillis) {
    Map<Measure, TimeSeries.Slice> slices = new EnumMap<>(Measure.class);
    for (Measure measure : Measure.values()) {
      slices.put(measure, of(measure).slice(fromMillis, newestMillis));
    }
    return slices;
  }
}
