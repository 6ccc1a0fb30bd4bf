package dev.trellis.monitor.simulation;

import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/// A tier of the model: its nodes, and how much of the requests each of its shards gets.
///
/// The shards of all serving nodes stand one after the other. Classes of many keys are spread over
/// all of them by the nodes' weights; a single key is on as many as its placement says, from one
/// that follows from its name.
final class TierModel {
  final Tier tier;
  final List<ModelNode> nodes = new ArrayList<>();
  final int shardsPerNode;

  private final RandomGenerator random;
  private final double unevenness;
  private int started;
  private List<ModelNode> serving = List.of();

  double[] requests = {}; // the share of all requests that each shard gets
  double[] merges = {}; // the share of its time that each shard spends on merges
  double[] utilization = {}; // the share of its time that each shard is busy with both

  TierModel(Tier tier, ModelConfig config, RandomGenerator random) {
    this.tier = tier;
    this.random = random;
    shardsPerNode = config.nodes().shards();
    unevenness = config.nodes().unevenness();
  }

  ModelNode start(State state, long nowMillis) {
    double weight = Math.clamp(1 + unevenness * random.nextGaussian(), 0.5, 2.0);
    ModelNode node =
        new ModelNode("%s-%05d".formatted(tier.word(), started++), tier, weight, state, nowMillis);
    nodes.add(node);
    return node;
  }

  /// Forgets what was laid on the shards, and takes note of who serves.
  void clear() {
    serving = nodes.stream().filter(ModelNode::isServing).toList();
    int shards = serving.size() * shardsPerNode;
    requests = cleared(requests, shards);
    merges = cleared(merges, shards);
    utilization = cleared(utilization, shards);
  }

  private static double[] cleared(double[] array, int length) {
    if (array.length != length) {
      return new double[length];
    }
    Arrays.fill(array, 0);
    return array;
  }

  List<ModelNode> serving() {
    return serving;
  }

  int shards() {
    return requests.length;
  }

  /// Lays requests and merges on all shards.
  void spread(double requestShare, double mergeTime) {
    double weights = serving.stream().mapToDouble(node -> node.weight).sum();
    for (int node = 0; node < serving.size(); node++) {
      double share = serving.get(node).weight / weights / shardsPerNode;
      for (int shard = node * shardsPerNode; shard < (node + 1) * shardsPerNode; shard++) {
        requests[shard] += requestShare * share;
        merges[shard] += mergeTime * share;
      }
    }
  }

  /// Lays those of a single key on its replicas.
  void pin(long hash, int keyNodes, int keyShards, double requestShare, double mergeTime) {
    int nodesOfKey = Math.min(keyNodes, serving.size());
    int shardsOfKey = Math.min(keyShards, shardsPerNode);
    int replicas = nodesOfKey * shardsOfKey;
    int firstNode = (int) Math.floorMod(hash, (long) serving.size());
    int firstShard = (int) Math.floorMod(hash >>> 32, (long) shardsPerNode);
    for (int node = 0; node < nodesOfKey; node++) {
      for (int shard = 0; shard < shardsOfKey; shard++) {
        int index =
            (firstNode + node) % serving.size() * shardsPerNode
                + (firstShard + shard) % shardsPerNode;
        requests[index] += requestShare / replicas;
        merges[index] += mergeTime / replicas;
      }
    }
  }

  /// How many copies a placement comes to here.
  int replicas(int keyNodes, int keyShards) {
    return Math.min(keyNodes, serving.size()) * Math.min(keyShards, shardsPerNode);
  }
}
