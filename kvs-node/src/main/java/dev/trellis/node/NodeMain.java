package dev.trellis.node;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.ProcessMain;

/// The process of a storage node: `--config FILE`, or `--reference` to print every setting.
public final class NodeMain {
  private NodeMain() {}

  public static void main(String[] arguments) {
    ProcessMain.run(
        "node",
        NodeConfig.reference(),
        arguments,
        config -> TrellisNode.start(NodeConfig.of(config)));
  }
}
