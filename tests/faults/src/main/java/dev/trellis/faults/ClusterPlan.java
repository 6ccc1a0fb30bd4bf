package dev.trellis.faults;

import java.util.Map;
import java.util.Optional;

/// What a cluster is made of.
///
/// @param nodes at the start, 3 to 9
/// @param shards of each node, 1 to 8
/// @param heap of each process, as `-Xmx` takes it
/// @param settings of each node beyond what is needed to start it, as HOCON text by key
/// @param skewable whether its clocks can be set wrong
/// @param sabotage the defect that each node has, a name of `Sabotage`; empty for none
record ClusterPlan(
    int nodes,
    int shards,
    String heap,
    Map<String, String> settings,
    boolean skewable,
    Optional<String> sabotage) {
  /// Lost nodes to survive.
  static final int FAULT_TOLERANCE = 1;

  ClusterPlan {
    settings = Map.copyOf(settings);
  }

  ClusterPlan withSkewable(boolean changed) {
    return new ClusterPlan(nodes, shards, heap, settings, changed, sabotage);
  }
}
