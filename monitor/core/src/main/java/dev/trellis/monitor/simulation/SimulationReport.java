package dev.trellis.monitor.simulation;

import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Resize;
import java.util.ArrayList;
import java.util.List;

/// What came of a run.
///
/// @param samples one a second
/// @param decisions in the order in which they were made
public record SimulationReport(
    Scenario scenario, ModelConfig config, List<Sample> samples, List<Made> decisions) {
  /// A step in one direction that is taken back within this time was none worth taking.
  private static final long FLAP_SECONDS = 10 * 60;

  /// A second of it.
  ///
  /// @param memoryNodes that have to be paid for, from their order to their end
  /// @param latencyMicros the statistic that the objective is about
  public record Sample(
      long second,
      int memoryNodes,
      int ssdNodes,
      double operationsPerSecond,
      double latencyMicros,
      boolean isWithinObjective) {}

  /// A decision and when it was made.
  public record Made(long second, Decision decision) {}

  /// A time in which the objective was missed.
  ///
  /// @param worstMicros the highest latency in it
  public record Miss(long fromSecond, long toSecond, double worstMicros) {
    public long seconds() {
      return toSecond - fromSecond;
    }
  }

  public SimulationReport {
    samples = List.copyOf(samples);
    decisions = List.copyOf(decisions);
  }

  /// The share of the time in which the objective was met.
  public double shareWithinObjective() {
    return samples.stream().filter(Sample::isWithinObjective).count() / (double) samples.size();
  }

  /// When the objective was missed, each time from its beginning to its end.
  public List<Miss> misses() {
    List<Miss> misses = new ArrayList<>();
    for (Sample sample : samples) {
      if (sample.isWithinObjective()) {
        continue;
      }
      Miss last = misses.isEmpty() ? null : misses.getLast();
      if (last != null && last.toSecond() == sample.second()) {
        misses.set(
            misses.size() - 1,
            new Miss(
                last.fromSecond(),
                sample.second() + 1,
                Math.max(last.worstMicros(), sample.latencyMicros())));
      } else {
        misses.add(new Miss(sample.second(), sample.second() + 1, sample.latencyMicros()));
      }
    }
    return misses;
  }

  public int mostMemoryNodes() {
    return samples.stream().mapToInt(Sample::memoryNodes).max().orElse(0);
  }

  public int mostSsdNodes() {
    return samples.stream().mapToInt(Sample::ssdNodes).max().orElse(0);
  }

  /// Minutes of nodes of memory, each counted from its order to its end.
  public double memoryNodeMinutes() {
    return samples.stream().mapToDouble(Sample::memoryNodes).sum() / 60;
  }

  /// What it cost, in the unit of the prices.
  public double cost() {
    return samples.stream().mapToDouble(this::costPerHour).sum() / 3_600;
  }

  /// What nodes and all else cost at one moment.
  public double costPerHour(Sample sample) {
    return sample.memoryNodes() * config.policy().memoryPrice()
        + sample.ssdNodes() * config.policy().ssdPrice()
        + config.otherPrice();
  }

  public double meanLatencyMicros() {
    double operations = samples.stream().mapToDouble(Sample::operationsPerSecond).sum();
    return samples.stream()
            .mapToDouble(sample -> sample.operationsPerSecond() * sample.latencyMicros())
            .sum()
        / Math.max(1e-9, operations);
  }

  public double meanOperationsPerSecond() {
    return samples.stream().mapToDouble(Sample::operationsPerSecond).average().orElse(0);
  }

  /// Changes of a number of nodes.
  public List<Made> resizes() {
    return decisions.stream().filter(made -> made.decision() instanceof Resize).toList();
  }

  /// How often a tier was made smaller or larger within ten minutes of the contrary.
  public int flaps() {
    int flaps = 0;
    List<Made> resizes = resizes();
    for (int later = 0; later < resizes.size(); later++) {
      for (int earlier = later - 1; earlier >= 0; earlier--) {
        Made first = resizes.get(earlier);
        Made then = resizes.get(later);
        if (first.decision() instanceof Resize one
            && then.decision() instanceof Resize other
            && one.tier() == other.tier()) {
          boolean isContrary = one.to() > one.from() != other.to() > other.from();
          flaps += isContrary && then.second() - first.second() < FLAP_SECONDS ? 1 : 0;
          break;
        }
      }
    }
    return flaps;
  }
}
