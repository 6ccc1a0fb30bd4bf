package dev.trellis.faults;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// What a cluster is made of.
///
/// @param nodes at the start, 3 to 9
/// @param ssdNodes of them, those that keep their data on disk, 0 or more
/// @param shards of each node, 1 to 8
/// @param heap of each process, as `-Xmx` takes it
/// @param settings of each node beyond what is needed to start it, as HOCON text by key
/// @param skewable whether its clocks can be set wrong
/// @param sabotage the defect that each node has, a name of `Sabotage`; empty for none
record ClusterPlan(
    int nodes,
    int ssdNodes,
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

  /// The longest that a node holds back a change that nobody waits for.
  ///
  /// @throws ConfigurationException if the settings are none of a node
  Duration gossipEpoch() {
    String text =
        settings.entrySet().stream()
            .map(setting -> setting.getKey() + " = " + setting.getValue() + "\n")
            .collect(Collectors.joining());
    return StrictConfig.ofText(NodeConfig.reference(), text, Map.of()).duration("gossip.epoch");
  }

  ClusterPlan withSkewable(boolean changed) {
    return new ClusterPlan(nodes, ssdNodes, shards, heap, settings, changed, sabotage);
  }
}
