package dev.trellis.monitor.simulation;

import dev.trellis.monitor.simulation.ModelConfig.Service;

/// How long clients wait, and how much gets through: a closed queueing network. A number of clients
/// ask, wait and pause; each shard is a server at which they wait the longer the busier it is
/// (`service x variability x u / (1 - u)`, which is M/M/1 with 1 and M/D/1 with 0.5). A load that
/// does not care how long it waits is one of many clients with long pauses. The one unknown is how
/// many requests a second there are in all; what clients wait grows with it, so it is found by
/// halving.
final class Queues {
  private static final int HALVINGS = 30;

  /// If the solution is this near to the last one, fewer do.
  private static final double NEAR = 0.03;

  private static final int HALVINGS_NEAR = 12;
  private static final int BINS = 400;
  private static final double BINS_PER_DOUBLING = 12;

  /// Of requests that wait at a shard, one in twenty waits at least three times as long as the
  /// mean: ln 20.
  private static final double TAIL = 3;

  private final Service service;
  private final TierModel memory;
  private final TierModel ssd;
  private final double pauseSeconds;
  private double last; // what was found last

  /// What was found.
  ///
  /// @param perSecond requests
  record Flow(double perSecond, double meanMicros, double p95Micros) {}

  Queues(ModelConfig config, TierModel memory, TierModel ssd) {
    service = config.service();
    this.memory = memory;
    this.ssd = ssd;
    pauseSeconds = config.clients().pause().toNanos() / 1e9;
  }

  /// Solves for a number of clients, and sets the utilization of the shards.
  ///
  /// @param memoryCapacity what is left of the capacity of shards, as data move
  /// @param lostSeconds what a request waits on average for nodes that are dead
  Flow solve(double clients, double memoryCapacity, double ssdCapacity, double lostSeconds) {
    double memorySeconds = service.memoryMicros() / 1e6 / memoryCapacity;
    double ssdSeconds = service.ssdMicros() / 1e6 / ssdCapacity;
    Demand demand =
        perSecond ->
            perSecond
                * (pauseSeconds
                    + lostSeconds
                    + seconds(memory, perSecond, memorySeconds, service.memoryNetworkMicros())
                    + seconds(ssd, perSecond, ssdSeconds, service.ssdNetworkMicros()));
    double most = Math.min(most(memory, memorySeconds), most(ssd, ssdSeconds));
    double perSecond = Math.max(find(demand, clients, most), 1e-9);
    last = perSecond;
    utilize(memory, perSecond, memorySeconds);
    utilize(ssd, perSecond, ssdSeconds);
    double[] bins = new double[BINS];
    fill(bins, memory, memorySeconds, service.memoryNetworkMicros());
    fill(bins, ssd, ssdSeconds, service.ssdNetworkMicros());
    double lost = lostSeconds * 1e6;
    return new Flow(
        perSecond,
        Math.max(0, clients / perSecond - pauseSeconds) * 1e6,
        percentile(bins, 0.95) + lost);
  }

  /// How many clients it takes to make so many requests a second.
  private interface Demand {
    double clients(double perSecond);
  }

  /// The rate at which demand meets the clients there are.
  private double find(Demand demand, double clients, double most) {
    double low = last * (1 - NEAR);
    double high = Math.min(most, last * (1 + NEAR));
    boolean isNear = low < high && demand.clients(low) < clients && demand.clients(high) >= clients;
    if (!isNear) {
      low = 0;
      high = most;
    }
    for (int step = 0; step < (isNear ? HALVINGS_NEAR : HALVINGS); step++) {
      double middle = (low + high) / 2;
      if (demand.clients(middle) < clients) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  /// The rate at which the first shard can do no more.
  private static double most(TierModel tier, double serviceSeconds) {
    double most = 1e12;
    for (int shard = 0; shard < tier.shards(); shard++) {
      if (tier.requests[shard] > 0) {
        most = Math.min(most, left(tier, shard) / (tier.requests[shard] * serviceSeconds));
      }
    }
    return most;
  }

  /// What merges leave of a shard's time; however many they are, requests get a little.
  private static double left(TierModel tier, int shard) {
    return Math.max(0.05, 1 - tier.merges[shard]);
  }

  /// What requests of a tier take, each weighed by how many of all there are.
  private double seconds(
      TierModel tier, double perSecond, double serviceSeconds, double networkMicros) {
    double sum = 0;
    double lastShare = -1; // shards of a node are mostly alike
    double lastMerges = -1;
    double each = 0;
    for (int shard = 0; shard < tier.shards(); shard++) {
      double share = tier.requests[shard];
      if (share != lastShare || tier.merges[shard] != lastMerges) {
        lastShare = share;
        lastMerges = tier.merges[shard];
        double busy = perSecond * share * serviceSeconds + 1 - left(tier, shard);
        each = share * (networkMicros / 1e6 + serviceSeconds + waiting(busy, serviceSeconds));
      }
      sum += each;
    }
    return sum;
  }

  private double waiting(double busy, double serviceSeconds) {
    return serviceSeconds * service.variability() * busy / Math.max(1e-12, 1 - busy);
  }

  private static void utilize(TierModel tier, double perSecond, double serviceSeconds) {
    for (int shard = 0; shard < tier.shards(); shard++) {
      tier.utilization[shard] =
          Math.min(1, perSecond * tier.requests[shard] * serviceSeconds + tier.merges[shard]);
    }
  }

  private void fill(double[] bins, TierModel tier, double serviceSeconds, double networkMicros) {
    double last = -1; // shards of a node are mostly alike
    int bin = 0;
    for (int shard = 0; shard < tier.shards(); shard++) {
      double busy = tier.utilization[shard];
      if (busy != last) {
        last = busy;
        double micros =
            networkMicros + (serviceSeconds + TAIL * waiting(busy, serviceSeconds)) * 1e6;
        double doublings = Math.log(Math.max(1, micros)) / Math.log(2);
        bin = (int) Math.clamp(doublings * BINS_PER_DOUBLING, 0, BINS - 1);
      }
      bins[bin] += tier.requests[shard];
    }
  }

  private static double percentile(double[] bins, double share) {
    double all = 0;
    for (double bin : bins) {
      all += bin;
    }
    double sum = 0;
    for (int bin = 0; bin < bins.length; bin++) {
      sum += bins[bin];
      if (sum >= share * all) {
        return Math.pow(2, (bin + 0.5) / BINS_PER_DOUBLING);
      }
    }
    return 0;
  }
}
