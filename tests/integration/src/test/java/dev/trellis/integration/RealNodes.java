package dev.trellis.integration;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Real nodes in this process, several of a cluster, and what was opened over them: all ends with
/// this object, the last first.
final class RealNodes {
  private final List<AutoCloseable> opened = new ArrayList<>();

  /// Starts a node of two shards.
  ///
  /// @param seeds members of the cluster that it joins; none to found one
  TrellisNode start(String id, TrellisNode... seeds) {
    String text =
        "node.id = "
            + id
            + ", shards = 2, data.ports = 0, admin.port = 0, control.port = 0, cluster.seeds = ["
            + String.join(
                ",",
                Arrays.stream(seeds)
                    .map(seed -> "\"127.0.0.1:" + seed.descriptor().controlPort() + "\"")
                    .toList())
            + "]";
    return closing(
        TrellisNode.start(
            NodeConfig.of(StrictConfig.ofText(NodeConfig.reference(), text, Map.of()))));
  }

  /// Connects a client that begins with these nodes.
  Trellis connect(UnaryOperator<ClientConfig> settings, TrellisNode... nodes) {
    String[] addresses =
        Arrays.stream(nodes)
            .map(node -> "127.0.0.1:" + node.descriptor().shardPorts().getFirst())
            .toArray(String[]::new);
    return closing(Trellis.connect(settings.apply(ClientConfig.of(addresses))));
  }

  /// Closes something with the nodes, before them.
  <T extends AutoCloseable> T closing(T open) {
    opened.add(open);
    return open;
  }

  void close() throws Exception {
    for (AutoCloseable each : opened.reversed()) {
      each.close();
    }
  }
}
