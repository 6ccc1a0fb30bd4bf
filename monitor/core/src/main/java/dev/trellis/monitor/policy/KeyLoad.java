package dev.trellis.monitor.policy;

import java.time.Duration;

/// What a key costs the shards that hold it. Operations spread over its replicas; but each write
/// costs every other replica a merge too, at most one a gossip epoch from each, since what waits to
/// be sent is merged before. So more replicas help up to a number, and then do harm.
///
/// @param operationsPerSecond of clients, at all replicas together
/// @param writesPerSecond of these
/// @param secondsPerOperation what one costs a shard; a merge is reckoned as dear
/// @param epochsPerSecond of gossip
record KeyLoad(
    double operationsPerSecond,
    double writesPerSecond,
    double secondsPerOperation,
    double epochsPerSecond) {
  /// How much better a placement must be to be worth the move, if it is not good enough.
  private static final double WORTHWHILE = 0.9;

  static KeyLoad of(ClusterView.Key key, double secondsPerOperation, Duration gossipEpoch) {
    double writes = Numbers.measured(key.writesPerSecond());
    return new KeyLoad(
        Numbers.measured(key.readsPerSecond()) + writes,
        writes,
        secondsPerOperation,
        1e3 / gossipEpoch.toMillis());
  }

  /// The load if clients asked so many times as often.
  KeyLoad times(double factor) {
    return new KeyLoad(
        operationsPerSecond * factor,
        writesPerSecond * factor,
        secondsPerOperation,
        epochsPerSecond);
  }

  /// The share of its time that each of so many replicas is busy with the key; above 1 is more than
  /// a shard can do.
  double busyShare(int replicas) {
    double merges =
        Math.min(writesPerSecond * (replicas - 1) / replicas, epochsPerSecond * (replicas - 1));
    return secondsPerOperation * (operationsPerSecond / replicas + merges);
  }

  /// The spread with the fewest replicas, over nodes first and then over their shards, that keeps
  /// each below `target`; if none does, the best one, or `now` if that is hardly better.
  Spread spread(double target, int nodes, int shardsPerNode, Spread now) {
    Spread best = Spread.SINGLE;
    for (int replicas = 1; replicas <= nodes * shardsPerNode; replicas += 1 + replicas / 32) {
      Spread spread = Spread.of(replicas, nodes, shardsPerNode);
      double busy = busyShare(spread.replicas());
      if (busy <= target) {
        return spread;
      }
      if (busy < busyShare(best.replicas())) {
        best = spread;
      }
    }
    return busyShare(best.replicas()) <= WORTHWHILE * busyShare(now.replicas()) ? best : now;
  }

  /// Over how many nodes a key is spread, and over how many shards of each.
  record Spread(int nodes, int shardsPerNode) {
    static final Spread SINGLE = new Spread(1, 1);

    private static Spread of(int replicas, int nodes, int shardsPerNode) {
      return replicas <= nodes
          ? new Spread(replicas, 1)
          : new Spread(nodes, Math.min(shardsPerNode, (replicas + nodes - 1) / nodes));
    }

    int replicas() {
      return nodes * shardsPerNode;
    }
  }
}
