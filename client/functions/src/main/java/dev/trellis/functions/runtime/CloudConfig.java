package dev.trellis.functions.runtime;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;

/// What the cloud does to functions, and how often. What befalls the n-th invocation follows from
/// the seed and n alone; how threads take turns does not follow from it.
///
/// @param seed of all that happens by chance
/// @param probabilities of each mischief, 0 to 1, drawn anew for each run; 0 where it is missing
/// @param coldStart how long a new instance takes to start, 0 to 1 min
/// @param backoff the pause before the second attempt, doubled for each further one, up to 5 min; 0
///   to 1 min
/// @param callsMax a run that is to end in the middle does so at one of its first calls to the
///   store, drawn from 1 to this, 1 to 1,000; if it makes fewer, it goes unharmed
public record CloudConfig(
    long seed,
    Map<Mischief, Double> probabilities,
    Duration coldStart,
    Duration backoff,
    int callsMax) {
  private static final Duration WAIT_MAX = Duration.ofMinutes(1);
  private static final int CALLS_MAX = 1_000;

  /// A cloud that does nothing but what it is asked for, and does not keep anybody waiting.
  public static final CloudConfig CALM =
      new CloudConfig(0, Map.of(), Duration.ZERO, Duration.ZERO, 8);

  public CloudConfig {
    probabilities = Map.copyOf(probabilities);
    probabilities.forEach(
        (mischief, probability) -> {
          if (!(probability >= 0 && probability <= 1)) {
            throw new IllegalArgumentException(
                "probability " + probability + " of " + mischief + " is outside 0 to 1");
          }
        });
    requireWithin("coldStart", coldStart);
    requireWithin("backoff", backoff);
    if (callsMax < 1 || callsMax > CALLS_MAX) {
      throw new IllegalArgumentException("callsMax " + callsMax + " is outside 1 to " + CALLS_MAX);
    }
  }

  private static void requireWithin(String what, Duration value) {
    if (value.isNegative() || value.compareTo(WAIT_MAX) > 0) {
      throw new IllegalArgumentException(
          what + " " + value + " is outside " + Duration.ZERO + " to " + WAIT_MAX);
    }
  }

  /// A cloud that does all kinds of mischief, each with this probability.
  public static CloudConfig mischievous(long seed, double probability) {
    Map<Mischief, Double> all = new EnumMap<>(Mischief.class);
    for (Mischief each : Mischief.values()) {
      all.put(each, probability);
    }
    return new CloudConfig(seed, all, Duration.ZERO, Duration.ZERO, 8);
  }

  /// The same with another probability of one mischief.
  public CloudConfig with(Mischief mischief, double probability) {
    Map<Mischief, Double> changed = new EnumMap<>(Mischief.class);
    changed.putAll(probabilities);
    changed.put(mischief, probability);
    return new CloudConfig(seed, changed, coldStart, backoff, callsMax);
  }

  public CloudConfig withColdStart(Duration time) {
    return new CloudConfig(seed, probabilities, time, backoff, callsMax);
  }

  public CloudConfig withBackoff(Duration time) {
    return new CloudConfig(seed, probabilities, coldStart, time, callsMax);
  }

  public CloudConfig withCallsMax(int calls) {
    return new CloudConfig(seed, probabilities, coldStart, backoff, calls);
  }

  double probabilityOf(Mischief mischief) {
    return probabilities.getOrDefault(mischief, 0.0);
  }
}
