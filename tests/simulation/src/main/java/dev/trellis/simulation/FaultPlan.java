package dev.trellis.simulation;

import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// One reproducible bad day: the same plan and commit give the same run, event for event.
///
/// @param dropRate share of messages that are lost, 0 to 1
/// @param duplicateRate share of messages that arrive twice, 0 to 1
/// @param delayMaxMillis longest way of a message; messages overtake each other
/// @param pauseRate share of deliveries that find the shard paused for up to a second, 0 to 1
/// @param restartRate share of deliveries that find the shard just restarted, empty, 0 to 1
/// @param clockSkewMaxMillis furthest that a process's clock is from the true time
public record FaultPlan(
    long seed,
    double dropRate,
    double duplicateRate,
    int delayMaxMillis,
    double pauseRate,
    double restartRate,
    int clockSkewMaxMillis) {
  public FaultPlan {
    requireRate("dropRate", dropRate);
    requireRate("duplicateRate", duplicateRate);
    requireRate("pauseRate", pauseRate);
    requireRate("restartRate", restartRate);
    if (delayMaxMillis < 1 || clockSkewMaxMillis < 0) {
      throw new IllegalArgumentException(
          "delayMaxMillis "
              + delayMaxMillis
              + " must be at least 1 and clockSkewMaxMillis "
              + clockSkewMaxMillis
              + " at least 0");
    }
  }

  /// The plan that a seed stands for: calm for some seeds, all faults at once for others.
  public static FaultPlan of(long seed) {
    RandomGenerator random = random(seed);
    return new FaultPlan(
        seed,
        rate(random, 0.2),
        rate(random, 0.3),
        random.nextInt(1, 200),
        rate(random, 0.01),
        rate(random, 0.002),
        random.nextInt(4) == 0 ? 0 : random.nextInt(0, 900));
  }

  /// A generator whose numbers follow from the seed alone, on every machine.
  static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  private static double rate(RandomGenerator random, double max) {
    return random.nextBoolean() ? 0 : random.nextDouble(max);
  }

  private static void requireRate(String name, double rate) {
    if (!(rate >= 0 && rate <= 1)) {
      throw new IllegalArgumentException(name + " " + rate + " is outside 0 to 1");
    }
  }
}
