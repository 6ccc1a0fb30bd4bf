package dev.trellis.monitor.policy;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.wire.NodeDescriptor.Tier;
import java.time.Duration;
import java.util.Optional;

/// By what the policies decide. A user sets the objective or the budget; the rest has the values of
/// the paper.
///
/// @param objective the latency that clients are to see
/// @param budgetPerHour what the nodes may cost at most per hour, in the unit of the prices; empty
///   for no limit
/// @param memoryPrice of a memory node per hour
/// @param ssdPrice of an SSD node per hour
/// @param hotDeviations a key is hot above the mean load of keys by so many standard deviations
/// @param promoteAccesses a key of the SSD tier is promoted that was accessed so often within
///   `promoteWindow`
/// @param memoryUse how full the memory tier is kept, as shares
/// @param ssdUse how full the SSD tier is kept
/// @param latencyFraction below the lower one of these shares of the objective nodes may go, above
///   the upper one there are too few
/// @param occupancy the busy share of the memory tier's shards below which a node may go, and above
///   which there are too few
/// @param stepFactor how many times as many nodes there may be after one step, above 1
/// @param grace how long after a change of nodes came about nothing is decided about nodes
/// @param keyGrace how long after a key was placed nothing more is decided about it
/// @param memoryNodes the fewest and the most that the memory tier may have
/// @param ssdNodes the fewest and the most that the SSD tier may have
/// @param shrinkAfter how long a tier that grew stays as it is before it may shrink
/// @param gossipEpoch writes to a key within it reach each further replica as one merge
/// @see "Wu et al., VLDB 2019, table 2"
public record PolicySettings(
    Objective objective,
    Optional<Double> budgetPerHour,
    double memoryPrice,
    double ssdPrice,
    double hotDeviations,
    int promoteAccesses,
    Duration promoteWindow,
    Band memoryUse,
    Band ssdUse,
    Band latencyFraction,
    Band occupancy,
    double stepFactor,
    Duration grace,
    Duration keyGrace,
    Counts memoryNodes,
    Counts ssdNodes,
    Duration shrinkAfter,
    Duration gossipEpoch) {
  /// The longest that a tier which grew may be told to stay as it is.
  private static final Duration SHRINK_AFTER_MAX = Duration.ofHours(24);

  public PolicySettings {
    budgetPerHour.ifPresent(budget -> requireWithin("budget.per-hour", budget, 0.0, 1e9));
    requireWithin("price.memory", memoryPrice, 0.0, 1e6);
    requireWithin("price.ssd", ssdPrice, 0.0, 1e6);
    requireWithin("hot.deviations", hotDeviations, 0.0, 100.0);
    requireWithin("promote.accesses", promoteAccesses, 1, 1_000_000);
    requireWithin("promote.window", promoteWindow, Duration.ofSeconds(1), Duration.ofHours(24));
    requireShares("memory.use", memoryUse);
    requireShares("ssd.use", ssdUse);
    requireShares("latency.fraction", latencyFraction);
    requireShares("occupancy", occupancy);
    requireWithin("step.factor", stepFactor, 1.01, 10.0);
    requireWithin("grace", grace, Duration.ZERO, Duration.ofHours(24));
    requireWithin("key.grace", keyGrace, Duration.ZERO, Duration.ofHours(24));
    requireCounts("memory.nodes", memoryNodes, 1);
    requireCounts("ssd.nodes", ssdNodes, 0);
    requireWithin("shrink.after", shrinkAfter, Duration.ZERO, SHRINK_AFTER_MAX);
    requireWithin("gossip.epoch", gossipEpoch, Duration.ofMillis(1), Duration.ofMinutes(1));
  }

  private static void requireShares(String key, Band band) {
    requireWithin(key + ".high", band.high(), 0.01, 1.0);
    // Some way apart, or what brings it below the one takes it above the other.
    requireWithin(key + ".low", band.low(), 0.0, band.high() * 0.9);
  }

  private static void requireCounts(String key, Counts counts, int least) {
    requireWithin(key + ".max", counts.max(), least, 1_000_000);
    requireWithin(key + ".min", counts.min(), least, counts.max());
  }

  /// With what follows from the rest: a tier that grew stays so for four grace periods, and gossip
  /// is that of a node's default configuration.
  public PolicySettings(
      Objective objective,
      Optional<Double> budgetPerHour,
      double memoryPrice,
      double ssdPrice,
      double hotDeviations,
      int promoteAccesses,
      Duration promoteWindow,
      Band memoryUse,
      Band ssdUse,
      Band latencyFraction,
      Band occupancy,
      double stepFactor,
      Duration grace,
      Duration keyGrace,
      Counts memoryNodes,
      Counts ssdNodes) {
    this(
        objective,
        budgetPerHour,
        memoryPrice,
        ssdPrice,
        hotDeviations,
        promoteAccesses,
        promoteWindow,
        memoryUse,
        ssdUse,
        latencyFraction,
        occupancy,
        stepFactor,
        grace,
        keyGrace,
        memoryNodes,
        ssdNodes,
        grace.compareTo(SHRINK_AFTER_MAX.dividedBy(4)) > 0
            ? SHRINK_AFTER_MAX
            : grace.multipliedBy(4),
        Duration.ofMillis(10));
  }

  /// What clients are to see.
  ///
  /// @param statistic of the latency
  /// @param latency what it is to be at most, 1 µs to 1 h
  public record Objective(Statistic statistic, Duration latency) {
    public Objective {
      requireWithin("objective.latency", latency, Duration.ofNanos(1_000), Duration.ofHours(1));
    }

    public double micros() {
      return latency.toNanos() / 1_000.0;
    }
  }

  /// What of the latency is looked at.
  public enum Statistic {
    MEAN,
    P95
  }

  /// Two shares between which something is to be.
  public record Band(double low, double high) {
    /// What is aimed at by those who change something.
    public double middle() {
      return (low + high) / 2;
    }
  }

  /// A range of numbers of nodes.
  public record Counts(int min, int max) {}

  /// How full a tier is kept.
  public Band use(Tier tier) {
    return tier == Tier.MEMORY ? memoryUse : ssdUse;
  }

  /// How many nodes a tier may have.
  public Counts nodes(Tier tier) {
    return tier == Tier.MEMORY ? memoryNodes : ssdNodes;
  }

  /// What a node of a tier costs per hour.
  public double price(Tier tier) {
    return tier == Tier.MEMORY ? memoryPrice : ssdPrice;
  }

  /// What the paper runs with; where it says nothing, such as of grace periods, what suits it.
  public static final PolicySettings PAPER =
      new PolicySettings(
          new Objective(Statistic.MEAN, Duration.ofNanos(2_500_000)),
          Optional.empty(),
          1,
          1,
          3,
          2,
          Duration.ofSeconds(60),
          new Band(0.3, 0.6),
          new Band(0.5, 0.75),
          new Band(0.5, 0.75),
          new Band(0.05, 0.2),
          1.5,
          Duration.ofSeconds(120),
          Duration.ofSeconds(60),
          new Counts(1, 10_000),
          new Counts(0, 10_000),
          Duration.ofSeconds(480),
          Duration.ofMillis(100));
}
