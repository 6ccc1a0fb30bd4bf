package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.node.KeptData;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// A node that a local cluster is to have.
///
/// @param number counted from 0; decides its name, its ports and its folder
record PlannedNode(int number, Tier tier) {
  static PlannedNode of(ServerState server) {
    return new PlannedNode(server.number(), server.tier().orElse(Tier.MEMORY));
  }

  String id() {
    return ServerPlan.nodeId(number);
  }

  /// The nodes that have data in the folder of a cluster.
  static Set<Integer> withData(Path folder) {
    return IntStream.range(0, Ports.NODES_MAX)
        .filter(number -> KeptData.isIn(folder.resolve(ServerPlan.nodeId(number))))
        .boxed()
        .collect(Collectors.toSet());
  }

  /// One more than there are: with the least number that no node has.
  ///
  /// @throws CommandFailure if there is no room for more
  static PlannedNode next(ClusterState cluster, ClusterReport report, Tier tier) {
    Set<String> taken = report.nodes().stream().map(NodeReport::id).collect(Collectors.toSet());
    // What is there of an SSD node that does not run now must not be taken for that of another.
    withData(cluster.folder()).forEach(kept -> taken.add(ServerPlan.nodeId(kept)));
    int number = cluster.nextNumber(taken);
    if (number >= Ports.NODES_MAX) {
      throw new CommandFailure(
          ExitCode.REFUSED,
          "a cluster of this machine has at most " + Ports.NODES_MAX + " nodes, and all are there");
    }
    return new PlannedNode(number, tier);
  }

  /// So many nodes of each tier: those with data in the folder are of the SSD tier again.
  ///
  /// @param kept numbers of nodes that have data, no more than `ssd`
  static List<PlannedNode> choose(int memory, int ssd, Set<Integer> kept) {
    List<PlannedNode> chosen = new ArrayList<>();
    kept.forEach(number -> chosen.add(new PlannedNode(number, Tier.SSD)));
    List<Integer> free =
        IntStream.range(0, Ports.NODES_MAX)
            .filter(number -> !kept.contains(number))
            .boxed()
            .toList();
    for (int at = 0; at < memory + ssd - kept.size(); at++) {
      chosen.add(new PlannedNode(free.get(at), at < memory ? Tier.MEMORY : Tier.SSD));
    }
    chosen.sort(Comparator.comparingInt(PlannedNode::number));
    return chosen;
  }
}
