package dev.trellis.faults;

import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.shard.Sabotage;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.process.ProcessMain;
import java.util.Arrays;
import java.util.Set;

/// The process of a node with a known defect, to see that the checks notice it: the defect's name,
/// then the arguments of a node. Nodes for use have no such setting.
public final class SabotagedNode {
  private SabotagedNode() {}

  public static void main(String[] arguments) {
    Sabotage sabotage = Sabotage.valueOf(arguments[0]);
    ProcessMain.run(
        "node",
        NodeConfig.reference(),
        Arrays.copyOfRange(arguments, 1, arguments.length),
        config ->
            TrellisNode.start(
                NodeConfig.of(config),
                (shard, store) -> new ShardCore(shard, store, Set.of(sabotage))));
  }
}
