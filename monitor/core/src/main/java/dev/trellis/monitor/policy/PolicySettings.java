package dev.trellis.monitor.policy;

import static dev.trellis.process.Ranges.requireWithin;

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
    Counts ssdNodes) {
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
  public record Band(double low, double high) {}

  /// A range of numbers of nodes.
  public record Counts(int min, int max) {}

  /// What the paper runs with.
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
          new Counts(0, 10_000));
}
