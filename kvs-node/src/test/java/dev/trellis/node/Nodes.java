package dev.trellis.node;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import java.util.Map;

/// Nodes for tests, on free ports.
public final class Nodes {
  private Nodes() {}

  /// Starts node `n1` of one shard, unless the settings say otherwise.
  ///
  /// @param settings in HOCON, in addition to those that all test nodes have
  public static TrellisNode start(String settings) {
    return TrellisNode.start(config(settings));
  }

  public static NodeConfig config(String settings) {
    return NodeConfig.of(
        StrictConfig.ofText(
            NodeConfig.reference(),
            // The skew is what a busy machine may keep a request of a test waiting.
            "node.id = n1, data.ports = 0, admin.port = 0, clock.skew.max = 1m\n" + settings,
            Map.of()));
  }
}
