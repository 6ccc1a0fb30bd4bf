package dev.trellis.monitor.policy;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.ClusterView.Population;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.ClusterView.Taken;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.monitor.policy.PolicySettings.Statistic;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Builds views for tests: a cluster at rest that nothing is wrong with, and what differs.
final class Views {
  static final long NOW_MILLIS = 36_000_000;
  static final double GIB = 1L << 30;
  static final int SHARDS = 4;

  /// Of a Trellis cluster: 2.5 ms, occupancy 0.2 to 0.6.
  static final PolicySettings SETTINGS = settings(Optional.empty(), new Counts(1, 1_000));

  int faultTolerance = 1;
  boolean isWhole = true;
  double keys = 1_000_000;
  double keyMean = 0.1;
  double keyDeviation = 1;
  Latency latency = micros(1_000);
  final List<Node> nodes = new ArrayList<>();
  final List<ClusterView.Key> keyList = new ArrayList<>();
  final List<Taken> taken = new ArrayList<>();

  static PolicySettings settings(Optional<Double> budget, Counts memoryNodes) {
    return new PolicySettings(
        new Objective(Statistic.MEAN, Duration.ofNanos(2_500_000)),
        budget,
        1,
        0.25,
        3,
        2,
        Duration.ofSeconds(60),
        new Band(0.3, 0.6),
        new Band(0.5, 0.75),
        new Band(0.5, 0.75),
        new Band(0.2, 0.6),
        1.5,
        Duration.ofSeconds(120),
        Duration.ofSeconds(60),
        memoryNodes,
        new Counts(0, 1_000));
  }

  static Latency micros(double mean) {
    return new Latency(1_000, mean, mean * 2, true);
  }

  /// A node that is busy at each of its shards, and as full.
  Views node(Tier tier, double occupancy, double use) {
    return node(tier, State.ACTIVE, false, occupancy, use);
  }

  Views node(Tier tier, State state, boolean isSuspected, double occupancy, double use) {
    List<Shard> shards = new ArrayList<>();
    for (int shard = 0; shard < SHARDS; shard++) {
      // An operation takes 20 µs of a shard.
      double perSecond = occupancy / 20e-6;
      shards.add(new Shard(occupancy, perSecond / 2, perSecond / 2, 1_000, use * GIB, GIB));
    }
    nodes.add(
        new Node(
            "%s-%d".formatted(tier.word(), nodes.size()), tier, state, 1_000, isSuspected, shards));
    return this;
  }

  Views memory(int count, double occupancy, double use) {
    for (int node = 0; node < count; node++) {
      node(Tier.MEMORY, occupancy, use);
    }
    return this;
  }

  Views ssd(int count, double occupancy, double use) {
    for (int node = 0; node < count; node++) {
      node(Tier.SSD, occupancy, use);
    }
    return this;
  }

  /// A key somewhere, with reads and writes a second.
  Views key(String name, Placement placement, double reads, double writes) {
    return key(name, 1, placement, reads, writes, 1_000, 60 * (reads + writes));
  }

  Views key(
      String name,
      long count,
      Placement placement,
      double reads,
      double writes,
      double bytes,
      double accesses) {
    keyList.add(
        new ClusterView.Key(
            Payload.ofText(name),
            count,
            placement,
            placement.equals(Placement.ofDefault(faultTolerance)),
            reads,
            writes,
            bytes,
            placement.memoryNodes() == 0 ? reads : 0,
            accesses,
            accesses > 0 ? 0 : 3_600_000));
    return this;
  }

  /// A decision that came about so long ago.
  Views done(Decision decision, long secondsAgo) {
    long atMillis = NOW_MILLIS - secondsAgo * 1_000;
    taken.add(new Taken(decision, atMillis, true, atMillis));
    return this;
  }

  Views pending(Decision decision, long secondsAgo) {
    taken.add(new Taken(decision, NOW_MILLIS - secondsAgo * 1_000, false, 0));
    return this;
  }

  static Resize resize(Tier tier, int from, int to) {
    return new Resize(tier, from, to, List.of(), new Reasons("test").because("a test"));
  }

  ClusterView view() {
    return new ClusterView(
        NOW_MILLIS,
        faultTolerance,
        isWhole,
        nodes,
        keyList,
        new Population(keys, keyMean, keyDeviation),
        latency,
        taken);
  }

  List<Decision> decide(Policy policy) {
    return policy.decide(view(), SETTINGS);
  }

  static Resize onlyResize(List<Decision> decisions) {
    if (decisions.size() == 1 && decisions.getFirst() instanceof Resize resize) {
      return resize;
    }
    throw new AssertionError("not one change of nodes: " + decisions);
  }

  static Place onlyPlace(List<Decision> decisions) {
    if (decisions.size() == 1 && decisions.getFirst() instanceof Place place) {
      return place;
    }
    throw new AssertionError("not one placement: " + decisions);
  }
}
