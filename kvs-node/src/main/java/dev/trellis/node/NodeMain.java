package dev.trellis.node;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.ProcessMain;
import dev.trellis.process.RunningProcess;
import dev.trellis.process.StrictConfig;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The process of a storage node: `--config FILE`, or `--reference` to print every setting.
public final class NodeMain {
  private static final Logger LOG = LoggerFactory.getLogger(NodeMain.class);

  private NodeMain() {}

  public static void main(String[] arguments) {
    ProcessMain.run("node", NodeConfig.reference(), arguments, NodeMain::start);
  }

  /// A node within a program ends with its program, so what becomes of the process is no setting of
  /// the node.
  private static RunningProcess start(StrictConfig settings) {
    NodeConfig config = NodeConfig.of(settings);
    Optional<String> leaveFile = settings.optionalText("leave.file");
    if (leaveFile.isEmpty()) {
      TrellisNode node = TrellisNode.start(config);
      tell(config, node);
      return node;
    }
    StayingNode staying = StayingNode.start(config, path(settings, leaveFile.get()));
    staying.node().ifPresent(node -> tell(config, node));
    return staying;
  }

  private static Path path(StrictConfig settings, String file) {
    try {
      return Path.of(file);
    } catch (InvalidPathException e) {
      throw settings.wrong("leave.file", "is no path: " + e.getReason());
    }
  }

  private static void tell(NodeConfig config, TrellisNode node) {
    LOG.info(
        "node {} of cluster {} serves {} on data ports {}, admin port {}",
        config.nodeId(),
        config.clusterName(),
        config.listen().bind(),
        node.descriptor().shardPorts(),
        node.descriptor().adminPort());
  }
}
