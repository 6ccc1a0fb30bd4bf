package dev.trellis.monitor.simulation;

import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.ClusterView.Population;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.ClusterView.Taken;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;

/// A cluster as a model: what is where, who asks for it, how busy that makes whom, and what changes
/// of nodes and placements take.
final class ModelCluster {
  /// What a member takes from the moment of an order until it serves.
  private record Starting(Tier tier, long readyMillis) {}

  /// Data on the move between the nodes of a tier.
  ///
  /// @param share of the tier's data that moves
  private record Moving(Tier tier, double share, long endMillis, List<ModelNode> nodes) {}

  /// What a moved key leaves in memory.
  private static final double RECORD_BYTES = 100;

  private final ModelConfig config;
  private final KeySpace keys;
  private final TierModel memory;
  private final TierModel ssd;
  private final Queues queues;
  private final RandomGenerator random;
  private final List<Starting> starting = new ArrayList<>();
  private final List<Moving> moving = new ArrayList<>();
  private final List<Decision.Place> placing = new ArrayList<>();
  private final List<Long> placingAtMillis = new ArrayList<>();
  private final List<ModelNode> dead = new ArrayList<>();
  private Load load = Load.of(0, 0);
  private double[] shares = {};
  private Queues.Flow flow = new Queues.Flow(0, 0, 0);

  ModelCluster(Scenario scenario, ModelConfig config, RandomGenerator random) {
    this.config = config;
    this.random = random;
    keys = new KeySpace(scenario, config);
    memory = new TierModel(Tier.MEMORY, config, random);
    ssd = new TierModel(Tier.SSD, config, random);
    queues = new Queues(config, memory, ssd);
    for (int node = 0; node < config.nodes().memory(); node++) {
      memory.start(State.ACTIVE, 0);
    }
    for (int node = 0; node < config.nodes().ssd(); node++) {
      ssd.start(State.ACTIVE, 0);
    }
  }

  private TierModel tier(Tier tier) {
    return tier == Tier.MEMORY ? memory : ssd;
  }

  // What changes.

  /// Lets time come to `nowMillis`; true if anything changed in it.
  boolean advance(long nowMillis) {
    boolean changed = bury(nowMillis);
    for (Starting each : List.copyOf(starting)) {
      if (each.readyMillis() <= nowMillis) {
        starting.remove(each);
        tier(each.tier()).start(State.JOINING, nowMillis);
        changed = true;
      }
    }
    if (changed) {
      join(memory, nowMillis);
      join(ssd, nowMillis);
    }
    for (Moving each : List.copyOf(moving)) {
      if (each.endMillis() <= nowMillis) {
        moving.remove(each);
        each.nodes().forEach(node -> arrive(node, nowMillis));
        changed = true;
      }
    }
    while (!placing.isEmpty() && placingAtMillis.getFirst() <= nowMillis) {
      placingAtMillis.removeFirst();
      keys.place(placing.removeFirst());
      changed = true;
    }
    return changed;
  }

  /// What a node comes to when its data has moved.
  private void arrive(ModelNode node, long nowMillis) {
    if (node.state == State.LEAVING) {
      tier(node.tier).nodes.remove(node);
    } else {
      node.state = State.ACTIVE;
      node.sinceMillis = nowMillis;
    }
  }

  /// Those that came up begin to get their data, all at once.
  private void join(TierModel tier, long nowMillis) {
    List<ModelNode> joining =
        tier.nodes.stream()
            .filter(
                node ->
                    node.state == State.JOINING
                        && moving.stream().noneMatch(each -> each.nodes().contains(node)))
            .toList();
    if (!joining.isEmpty()) {
      long givers = tier.nodes.stream().filter(ModelNode::isServing).count();
      double share = joining.size() / (double) (givers + joining.size());
      move(tier, share, Math.max(1, givers), joining, nowMillis);
    }
  }

  private void move(
      TierModel tier, double share, long givers, List<ModelNode> nodes, long nowMillis) {
    double seconds =
        bytes(tier.tier) * share / (givers * (double) config.handoff().bytesPerSecond());
    moving.add(
        new Moving(
            tier.tier, share, nowMillis + Math.max(1_000, Math.round(seconds * 1e3)), nodes));
  }

  /// A node dies.
  void kill(long nowMillis) {
    List<ModelNode> alive = memory.nodes.stream().filter(ModelNode::isServing).toList();
    if (alive.size() > 1) {
      ModelNode node = alive.get(random.nextInt(alive.size()));
      node.isDead = true;
      node.sinceMillis = nowMillis;
      dead.add(node);
    }
  }

  /// Takes out of the ring whom all take for dead; what it held is copied anew, and whoever starts
  /// processes starts another one, as it is still told to have so many.
  private boolean bury(long nowMillis) {
    boolean changed = false;
    for (ModelNode node : List.copyOf(dead)) {
      if (nowMillis - node.sinceMillis >= config.nodes().detection().toMillis()) {
        dead.remove(node);
        TierModel tier = tier(node.tier);
        tier.nodes.remove(node);
        long left = Math.max(1, tier.nodes.size());
        move(tier, 1.0 / (left + 1), left, List.of(), nowMillis);
        order(node.tier, 1, nowMillis);
        changed = true;
      }
    }
    return changed;
  }

  private void order(Tier tier, int nodes, long nowMillis) {
    long readyMillis = nowMillis + config.nodes().start().toMillis();
    starting.addAll(Collections.nCopies(nodes, new Starting(tier, readyMillis)));
  }

  /// Begins to carry out a decision.
  void carryOut(Decision decision, long nowMillis) {
    switch (decision) {
      case Decision.Place place -> {
        placing.add(place);
        placingAtMillis.add(nowMillis + config.placeDelay().toMillis());
      }
      case Decision.Resize resize -> resize(resize, nowMillis);
    }
  }

  private void resize(Decision.Resize resize, long nowMillis) {
    TierModel tier = tier(resize.tier());
    int missing = resize.to() - coming(resize.tier());
    if (missing > 0) {
      order(resize.tier(), missing, nowMillis);
    } else if (missing < 0) {
      List<ModelNode> leaving =
          tier.nodes.stream().filter(node -> resize.leaving().contains(node.id)).toList();
      long serving = tier.nodes.stream().filter(ModelNode::isServing).count();
      leaving.forEach(node -> node.state = State.LEAVING);
      move(
          tier,
          leaving.size() / (double) Math.max(1, serving),
          Math.max(1, leaving.size()),
          leaving,
          nowMillis);
    }
  }

  /// Nodes of a tier that are there to stay or on their way.
  private int coming(Tier tier) {
    long leaving = tier(tier).nodes.stream().filter(node -> node.state == State.LEAVING).count();
    return paid(tier) - (int) leaving;
  }

  /// All that have to be paid for, from their order to their end.
  int paid(Tier tier) {
    int ordered = 0;
    for (Starting each : starting) {
      ordered += each.tier() == tier ? 1 : 0;
    }
    return tier(tier).nodes.size() + ordered;
  }

  /// Whether what was decided has come about.
  boolean isDone(Decision decision) {
    return switch (decision) {
      case Decision.Place place -> !placing.contains(place);
      case Decision.Resize resize ->
          starting.stream().noneMatch(each -> each.tier() == resize.tier())
              && tier(resize.tier()).nodes.stream().allMatch(ModelNode::isActive);
    };
  }

  // What it comes to.

  /// Answers a load: who is how busy, and how long clients wait.
  Queues.Flow serve(Load now) {
    load = now;
    shares = keys.shares(now);
    double perSecond = flow.perSecond();
    for (int round = 0; round < 4; round++) {
      layOut(perSecond);
      flow = queues.solve(now.clients(), capacity(Tier.MEMORY), capacity(Tier.SSD), lostSeconds());
      if (Math.abs(flow.perSecond() - perSecond) < 0.001 * flow.perSecond()) {
        break;
      }
      perSecond = flow.perSecond();
    }
    return flow;
  }

  /// Lays requests on shards, and merges by how many requests a second there were.
  private void layOut(double perSecond) {
    memory.clear();
    ssd.clear();
    boolean hasSsd = !ssd.serving().isEmpty();
    double evenMemory = 0;
    double evenMemoryMerges = 0;
    double evenSsd = 0;
    double evenSsdMerges = 0;
    for (int index = 0; index < shares.length; index++) {
      KeyClass keyClass = keys.classes().get(index);
      double writes = perSecond * shares[index] * config.clients().writeShare();
      double writesOfKey = writes / keyClass.count();
      boolean isInMemory = keyClass.isInMemory() || !hasSsd;
      double merges = keyClass.count() * mergeSeconds(keyClass, writesOfKey, isInMemory);
      if (isInMemory && keyClass.isSingle()) {
        memory.pin(
            hash(keyClass),
            Math.max(1, keyClass.placement.memoryNodes()),
            keyClass.placement.shardsPerNode(),
            shares[index],
            merges);
      } else if (isInMemory) {
        evenMemory += shares[index];
        evenMemoryMerges += merges;
      } else if (keyClass.isSingle()) {
        ssd.pin(hash(keyClass), keyClass.placement.ssdNodes(), 1, shares[index], 0);
      } else {
        evenSsd += shares[index];
      }
      if (hasSsd) {
        int copies = isInMemory ? config.faultTolerance() : config.faultTolerance() + 1;
        evenSsdMerges +=
            keyClass.count()
                * Math.min(writesOfKey, epochsPerSecond())
                * Math.min(copies, ssd.serving().size())
                * config.service().ssdWriteMicros()
                / 1e6;
      }
    }
    memory.spread(evenMemory, evenMemoryMerges);
    if (hasSsd) {
      ssd.spread(evenSsd, evenSsdMerges);
    }
  }

  /// What merges of a key cost all its replicas in memory together, in seconds a second: each gets
  /// the writes of each other one, at most one merge an epoch.
  private double mergeSeconds(KeyClass keyClass, double writesOfKey, boolean isInMemory) {
    if (!isInMemory) {
      return 0;
    }
    int replicas =
        memory.replicas(
            Math.max(1, keyClass.placement.memoryNodes()), keyClass.placement.shardsPerNode());
    double mergesOfReplica = (replicas - 1) * Math.min(writesOfKey / replicas, epochsPerSecond());
    return replicas
        * mergesOfReplica
        * config.service().mergeShare()
        * config.service().memoryMicros()
        / 1e6;
  }

  private double epochsPerSecond() {
    return 1e3 / config.service().gossipEpoch().toMillis();
  }

  private static long hash(KeyClass keyClass) {
    long mixed = (keyClass.part * 1_000_003L + keyClass.firstRank) * 0x9E3779B97F4A7C15L;
    mixed = (mixed ^ (mixed >>> 29)) * 0xBF58476D1CE4E5B9L;
    return mixed ^ (mixed >>> 32);
  }

  private double capacity(Tier tier) {
    double share =
        moving.stream().filter(each -> each.tier() == tier).mapToDouble(Moving::share).sum();
    double gone = Math.min(1, share / config.handoff().share());
    return 1 - (1 - config.handoff().capacity()) * gone;
  }

  /// What a request loses on average by asking nodes that are dead.
  private double lostSeconds() {
    long unknown = dead.size();
    return unknown == 0
        ? 0
        : unknown
            / (double) (memory.serving().size() + unknown)
            * config.clients().timeout().toMillis()
            / 1e3;
  }

  private double bytes(Tier tier) {
    double bytes = 0;
    for (KeyClass keyClass : keys.classes()) {
      int copies =
          tier == Tier.MEMORY
              ? memory.replicas(
                  keyClass.placement.memoryNodes(), keyClass.placement.shardsPerNode())
              : Math.min(keyClass.placement.ssdNodes(), ssd.nodes.size());
      double each = config.data().valueBytes() * load.growth() * copies;
      if (tier == Tier.MEMORY && !keyClass.isDefault) {
        each += RECORD_BYTES;
      }
      bytes += keyClass.count() * each;
    }
    return bytes;
  }

  // What the monitor sees of it.

  /// The view of a monitor that asks now.
  ///
  /// @param seen latency since it last asked
  ClusterView view(long nowMillis, Latency seen, List<Taken> taken) {
    List<Node> nodes = new ArrayList<>();
    describe(memory, (double) config.nodes().memoryBytes(), nodes);
    describe(ssd, (double) config.nodes().ssdBytes(), nodes);
    double rate = flow.perSecond();
    double population = (double) config.data().keys();
    double mean = rate / population;
    double squares = 0;
    List<ClusterView.Key> classes = new ArrayList<>();
    for (int index = 0; index < shares.length; index++) {
      KeyClass keyClass = keys.classes().get(index);
      double each = rate * shares[index] / keyClass.count();
      squares += keyClass.count() * (each - mean) * (each - mean);
      classes.add(describe(keyClass, each));
    }
    return new ClusterView(
        nowMillis,
        config.faultTolerance(),
        moving.isEmpty() && dead.isEmpty(),
        nodes,
        classes,
        new Population(population, mean, Math.sqrt(squares / population)),
        seen,
        taken);
  }

  private void describe(TierModel tier, double bytesMax, List<Node> nodes) {
    double weights = tier.serving().stream().mapToDouble(node -> node.weight).sum();
    double bytes = bytes(tier.tier);
    int index = 0;
    for (ModelNode node : tier.nodes) {
      List<Shard> shards = new ArrayList<>(tier.shardsPerNode);
      boolean isServing = index < tier.serving().size() && tier.serving().get(index) == node;
      for (int shard = 0; shard < tier.shardsPerNode; shard++) {
        shards.add(
            isServing
                ? describe(
                    tier,
                    index * tier.shardsPerNode + shard,
                    bytes * node.weight / weights / tier.shardsPerNode,
                    bytesMax / tier.shardsPerNode)
                : new Shard(0, 0, 0, 0, 0, bytesMax / tier.shardsPerNode));
      }
      if (isServing) {
        index++;
      }
      nodes.add(new Node(node.id, tier.tier, node.state, node.sinceMillis, node.isDead, shards));
    }
  }

  private Shard describe(TierModel tier, int shard, double bytes, double bytesMax) {
    double perSecond = flow.perSecond() * tier.requests[shard];
    double writes = perSecond * config.clients().writeShare();
    // What memory nodes send to disks are writes there.
    double fromMemory =
        tier.tier == Tier.SSD && config.service().ssdWriteMicros() > 0
            ? tier.merges[shard] / (config.service().ssdWriteMicros() / 1e6)
            : 0;
    return new Shard(
        tier.utilization[shard] * config.service().saturatedOccupancy(),
        perSecond - writes,
        writes + fromMemory,
        bytes / config.data().valueBytes(),
        bytes,
        bytesMax);
  }

  private ClusterView.Key describe(KeyClass keyClass, double perSecond) {
    double writes = perSecond * config.clients().writeShare();
    double window = config.policy().promoteWindow().toMillis() / 1e3;
    return new ClusterView.Key(
        keyClass.name,
        keyClass.count(),
        keyClass.placement,
        keyClass.isDefault,
        perSecond - writes,
        writes,
        config.data().valueBytes() * load.growth(),
        keyClass.isInMemory() ? 0 : perSecond - writes,
        perSecond * window,
        (long) Math.min(86_400_000, 1e3 / Math.max(1e-9, perSecond)));
  }
}
