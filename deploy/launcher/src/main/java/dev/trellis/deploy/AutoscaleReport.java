package dev.trellis.deploy;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What came of a demo.
///
/// @param samples of the cluster, in the order of time
/// @param phases what was put on it, in the order of time
/// @param decisions of the monitor, the oldest first
/// @param findings by what was looked for, in words
/// @param isFaultless whether no operation failed and no value was lost
record AutoscaleReport(
    List<Sample> samples,
    List<Phase> phases,
    List<Decided> decisions,
    Map<String, String> findings,
    boolean isFaultless) {
  AutoscaleReport {
    samples = List.copyOf(samples);
    phases = List.copyOf(phases);
    decisions = List.copyOf(decisions);
    findings = Collections.unmodifiableMap(new LinkedHashMap<>(findings));
  }

  /// The cluster at a moment, as the console tells it.
  ///
  /// @param atMillis since the beginning
  /// @param hotReplicas of the hot key; 0 while it is in its default place
  record Sample(
      long atMillis,
      int memoryNodes,
      int ssdNodes,
      int hotReplicas,
      double operationsPerSecond,
      double p95Micros) {}

  /// Something that was put on the cluster.
  record Phase(String name, String what, long fromMillis, long toMillis) {}

  /// A decision of the monitor.
  record Decided(long atMillis, String kind, String what, String because, String state) {}
}
