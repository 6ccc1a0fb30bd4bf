package dev.trellis.routing;

import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.Secrets;
import dev.trellis.process.StrictConfig;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;

/// Nodes and routers with `security = on`, on free ports.
final class SecuredProcesses {
  private SecuredProcesses() {}

  /// Starts a node.
  ///
  /// @param settings beyond those that all have
  static TrellisNode node(Secrets own, String id, String settings) {
    return TrellisNode.start(
        NodeConfig.of(
            StrictConfig.ofText(
                NodeConfig.reference(),
                "node.id = " + id + ", data.ports = 0, admin.port = 0\n" + secured(own) + settings,
                Map.of())));
  }

  /// Starts a router before nodes.
  ///
  /// @param settings beyond those that all have
  static TrellisRouter router(Secrets own, String settings, TrellisNode... nodes) {
    String addresses =
        Arrays.stream(nodes)
            .map(node -> "\"127.0.0.1:" + node.descriptor().shardPorts().getFirst() + '"')
            .collect(Collectors.joining(", "));
    return TrellisRouter.start(
        RouterConfig.of(
            StrictConfig.ofText(
                RouterConfig.reference(),
                "data.port = 0, gateway.port = 0, admin.port = 0, cluster.nodes = ["
                    + addresses
                    + "]\n"
                    + secured(own)
                    + settings,
                Map.of())));
  }

  private static String secured(Secrets own) {
    return "security = on, secrets.folder = \"" + own.folder() + "\"\n";
  }
}
