package dev.trellis.monitor.policy;

import dev.trellis.monitor.policy.ClusterView.Population;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.KeyLoad.Spread;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Gives a key of the memory tier more replicas while one shard cannot serve it, across nodes
/// first, since each has its own network link, and then across the shards of a node; and takes them
/// away again.
///
/// As in the paper, a key is hot that is asked for more often than the mean and three standard
/// deviations. Unlike there, that is not enough: among many keys that is soon passed by keys that
/// cost a shard nothing. It must also take more of a replica's time than the rest of the load
/// leaves below `occupancy.high`. That same share gives the number of replicas, where the paper
/// goes by latency alone; the latency enters where it says that clients would ask for more if they
/// did not have to wait.
///
/// @see "Wu et al., VLDB 2019, §5.2, Hot-Key Replication"
final class HotKeys implements Situation.Concern {
  /// Clients that wait are taken to hold back so many times what they ask for, at most.
  private static final double HELD_BACK_MAX = 10;

  /// Replicas are taken away if the rest would still be below this share of what brings more.
  private static final double CLEARLY = 0.5;

  /// Of clients, below which no key is hot, whatever an operation seems to cost: where hardly
  /// anything is asked for, all that a shard does besides, as when it starts, counts as the cost of
  /// that.
  private static final double OPERATIONS_PER_SECOND_MIN = 50;

  @Override
  public String name() {
    return "hot-keys";
  }

  @Override
  public List<Decision> decide(Situation situation) {
    TierView memory = situation.memory();
    if (memory.known().isEmpty() || memory.operationsPerSecond() <= 0) {
      return List.of();
    }
    Case now = new Case(situation);
    List<Decision> decisions = new ArrayList<>();
    for (ClusterView.Key key : situation.view().keys()) {
      if (key.placement().memoryNodes() > 0 && !situation.history().isSettling(key.key())) {
        replicate(key, now).or(() -> dereplicate(key, now)).ifPresent(decisions::add);
      }
    }
    return decisions;
  }

  /// What is the same for all keys.
  private record Case(Situation situation) {
    TierView memory() {
      return situation.memory();
    }

    PolicySettings settings() {
      return situation.settings();
    }

    Objectives objectives() {
      return situation.objectives();
    }

    KeyLoad load(ClusterView.Key key) {
      return KeyLoad.of(key, memory().secondsPerOperation(), settings().gossipEpoch());
    }

    Spread spread(ClusterView.Key key) {
      return new Spread(
          Math.min(key.placement().memoryNodes(), memory().known().size()),
          Math.min(key.placement().shardsPerNode(), memory().shardsPerNode()));
    }

    Spread spread(KeyLoad load, double target, Spread now) {
      return load.spread(target, memory().known().size(), memory().shardsPerNode(), now);
    }

    /// What a key may ask of a replica: what the rest leaves of a shard, up to the upper mark, but
    /// half of that in any case.
    double target() {
      double high = settings().occupancy().high();
      return Math.max(high / 2, high - memory().median());
    }

    /// What it may ask of fewer replicas than it has, for these to be enough: less than ever brings
    /// more.
    double calm() {
      return settings().occupancy().high() / 2 * CLEARLY;
    }

    double hotOperationsPerSecond() {
      Population population = situation.view().population();
      return population.mean() + settings().hotDeviations() * population.deviation();
    }

    /// How many times as often clients would ask if they were answered within the objective. Not
    /// while data moves, which is why they wait; nor if all nodes are busy, as then more replicas
    /// would not help.
    double heldBack() {
      boolean isTheRing = memory().isMoving() || situation.history().isGrace();
      return isTheRing || memory().median() > settings().occupancy().high()
          ? 1
          : Math.clamp(objectives().against(settings().latencyFraction().high()), 1, HELD_BACK_MAX);
    }

    /// Whether the key stands out among all. Of very few keys none can be so many deviations above
    /// the mean; there its cost must do.
    boolean isOutstanding(ClusterView.Key key) {
      double keys = situation.view().population().keys();
      return Math.sqrt(Math.max(0, keys - 1)) <= settings().hotDeviations()
          || key.operationsPerSecond() > hotOperationsPerSecond();
    }
  }

  private Optional<Decision> replicate(ClusterView.Key key, Case now) {
    if (key.operationsPerSecond() < OPERATIONS_PER_SECOND_MIN || !now.isOutstanding(key)) {
      return Optional.empty();
    }
    double heldBack = now.heldBack();
    KeyLoad load = now.load(key).times(heldBack);
    Spread from = now.spread(key);
    Spread to =
        load.spread(now.target(), now.memory().known().size(), now.memory().shardsPerNode(), from);
    if (to.replicas() <= from.replicas()) {
      return Optional.empty();
    }
    Reasons reasons =
        describe(key, now, from)
            .input("hotOperationsPerSecond", now.hotOperationsPerSecond())
            .input("heldBackFactor", heldBack)
            .input("otherOccupancy", now.memory().median())
            .threshold("occupancy.high - otherOccupancy", now.target())
            .expect("replicas", to.replicas())
            .expect("busyShare", load.busyShare(to.replicas()));
    now.objectives().describe(reasons);
    return Optional.of(
        place(
            key,
            Move.REPLICATE,
            to,
            false,
            reasons.because(
                "the key asks more of each of its %d replicas than a shard should give it; %d share it"
                    .formatted(from.replicas(), to.replicas()))));
  }

  private Optional<Decision> dereplicate(ClusterView.Key key, Case now) {
    Spread from = now.spread(key);
    boolean isSpread = key.placement().memoryNodes() > 1 || key.placement().shardsPerNode() > 1;
    boolean isNeeded =
        now.objectives().isAbove(now.settings().latencyFraction().high())
            && now.load(key).busyShare(from.replicas()) > now.calm();
    if (!isSpread || isNeeded || now.memory().suspects() > 0) {
      return Optional.empty();
    }
    KeyLoad load = now.load(key);
    Spread to = now.spread(load, now.calm(), from);
    boolean toDefault = to.equals(Spread.SINGLE);
    boolean isMuchLess = to.replicas() * 2 <= from.replicas() || toDefault;
    if (!isMuchLess || load.busyShare(to.replicas()) > now.calm()) {
      return Optional.empty();
    }
    return Optional.of(
        place(
            key,
            Move.DEREPLICATE,
            to,
            toDefault
                && key.placement().ssdNodes()
                    == Placement.ofDefault(now.situation().view().faultTolerance()).ssdNodes(),
            describe(key, now, from)
                .threshold("occupancy.high / 4", now.calm())
                .expect("replicas", to.replicas())
                .expect("busyShare", load.busyShare(to.replicas()))
                .because(
                    "the key is no longer asked for so much: %d of its %d replicas are enough"
                        .formatted(to.replicas(), from.replicas()))));
  }

  private Reasons describe(ClusterView.Key key, Case now, Spread spread) {
    return new Reasons(name())
        .input("operationsPerSecond", Numbers.measured(key.operationsPerSecond()))
        .input("writesPerSecond", Numbers.measured(key.writesPerSecond()))
        .input("replicas", spread.replicas())
        .input("busyShare", now.load(key).busyShare(spread.replicas()));
  }

  private static Decision place(
      ClusterView.Key key, Move move, Spread to, boolean toDefault, Explanation explanation) {
    Placement from = key.placement();
    return new Place(
        key.key(),
        key.count(),
        move,
        from,
        new Placement(to.nodes(), from.ssdNodes(), to.shardsPerNode()),
        toDefault,
        explanation);
  }
}
