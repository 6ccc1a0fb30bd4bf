package dev.trellis.monitor.policy;

import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A tier as policies look at it.
///
/// @param known active members that answer: whose numbers are of now
/// @param nodes members that are there or on their way, those that leave left out
/// @param suspects members that do not answer
/// @param isMoving whether a member joins or leaves
/// @param sinceMillis when the last of the active members became so
/// @param bytes what the active members hold; those that do not answer still hold it
/// @param bytesMax what they may hold
/// @param shardsPerNode of the known member with the fewest; 1 if there is none
/// @param median occupancy of the known members, of two in the middle the lesser: what a few
///   members that hold hot keys do not change
/// @param mean occupancy of the known members
/// @param operationsPerSecond of the known members
/// @param secondsPerOperation what an operation costs a shard, as busy time
record TierView(
    Tier tier,
    List<Node> known,
    int nodes,
    int suspects,
    boolean isMoving,
    long sinceMillis,
    double bytes,
    double bytesMax,
    int shardsPerNode,
    double median,
    double mean,
    double operationsPerSecond,
    double secondsPerOperation) {
  static TierView of(ClusterView view, Tier tier) {
    Sums sums = new Sums();
    for (Node node : view.nodes()) {
      if (node.tier() == tier) {
        sums.add(node);
      }
    }
    double[] occupancies = sums.occupancies.stream().mapToDouble(each -> each).sorted().toArray();
    return new TierView(
        tier,
        sums.known,
        sums.nodes,
        sums.suspects,
        sums.isMoving,
        sums.sinceMillis,
        sums.bytes,
        sums.bytesMax,
        sums.known.isEmpty() ? 1 : sums.shardsPerNode,
        occupancies.length == 0 ? 0 : occupancies[(occupancies.length - 1) / 2],
        Arrays.stream(occupancies).average().orElse(0),
        sums.operationsPerSecond,
        Numbers.ratio(sums.busy, sums.operationsPerSecond));
  }

  /// What is added up in one pass, since there may be ten thousand nodes.
  private static final class Sums {
    final List<Node> known = new ArrayList<>();
    final List<Double> occupancies = new ArrayList<>(); // of the known ones
    int nodes;
    int suspects;
    boolean isMoving;
    long sinceMillis;
    double bytes;
    double bytesMax;
    int shardsPerNode = Integer.MAX_VALUE;
    double busy;
    double operationsPerSecond;

    void add(Node node) {
      nodes += node.state() == State.LEAVING ? 0 : 1;
      suspects += node.isSuspected() ? 1 : 0;
      if (node.state() != State.ACTIVE) {
        isMoving = true;
        return;
      }
      sinceMillis = Math.max(sinceMillis, node.sinceMillis());
      for (Shard shard : node.shards()) {
        bytes += Numbers.measured(shard.bytes());
        bytesMax += Numbers.measured(shard.bytesMax());
      }
      if (!node.isSuspected()) {
        addKnown(node);
      }
    }

    private void addKnown(Node node) {
      double occupancy = 0;
      for (Shard shard : node.shards()) {
        occupancy += Numbers.measured(shard.occupancy());
        operationsPerSecond += Numbers.measured(shard.operationsPerSecond());
      }
      int shards = Math.max(1, node.shards().size());
      known.add(node);
      occupancies.add(occupancy / shards);
      shardsPerNode = Math.min(shardsPerNode, shards);
      busy += occupancy;
    }
  }

  /// How full it is, as a share; 0 if its members have no room at all.
  double use() {
    return Numbers.ratio(bytes, bytesMax);
  }

  /// What a node may hold, on average, in bytes.
  double bytesMaxPerNode() {
    return Numbers.ratio(bytesMax, Math.max(1, nodes));
  }
}
