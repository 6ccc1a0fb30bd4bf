package dev.trellis.node;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.ProcessMain;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process of a storage node: `--config FILE`, or `--reference` to print every setting.
public final class NodeMain {
  private static final Logger LOG = LoggerFactory.getLogger(NodeMain.class);

  private NodeMain() {}

  public static void main(String[] arguments) {
    ProcessMain.run(
        "node", NodeConfig.reference(), arguments, config -> start(NodeConfig.of(config)));
  }

  private static TrellisNode start(NodeConfig config) {
    TrellisNode node = TrellisNode.start(config);
    LOG.info(
        "node {} of cluster {} serves {} on data ports {}, admin port {}",
        config.nodeId(),
        config.clusterName(),
        config.listen().bind(),
        node.descriptor().shardPorts(),
        node.descriptor().adminPort());
    return node;
  }
}
