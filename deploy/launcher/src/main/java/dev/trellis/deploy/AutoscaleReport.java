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
  /// @param readsPerSecond of each active memory node
  /// @param hotReplicas of the hot key in memory; 0 while it is in its default place
  /// @param memoryBytes in use, of all memory nodes
  /// @param meanMicros latency that clients saw
  record Sample(
      long atMillis,
      int ssdNodes,
      List<Double> readsPerSecond,
      int hotReplicas,
      double memoryBytes,
      double operationsPerSecond,
      double meanMicros) {
    Sample {
      readsPerSecond = List.copyOf(readsPerSecond);
    }

    int memoryNodes() {
      return readsPerSecond.size();
    }
  }

  /// Something that was put on the cluster.
  record Phase(String name, String what, long fromMillis, long toMillis) {}

  /// A decision of the monitor.
  ///
  /// @param key that it is about; empty if it is about nodes
  /// @param keys how many it stands for; 0 if it is about nodes
  /// @param doneMillis when it had come about; 0 if it has not
  record Decided(
      long atMillis,
      String kind,
      String key,
      long keys,
      String what,
      String because,
      String state,
      long doneMillis) {
    boolean isDone() {
      return doneMillis > 0;
    }
  }
}
