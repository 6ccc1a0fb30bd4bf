package dev.trellis.cache;

import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/// Runs a check on many random inputs, each from a seed of its own. A failure names the seed, and
/// `-Dseed=` runs the check on that input alone.
final class Seeds {
  private Seeds() {}

  /// Runs `check` with `count` generators; other ones each time, unless `-Dseed=` names one.
  static void forAll(int count, Consumer<RandomGenerator> check) {
    Long replayed = Long.getLong("seed");
    if (replayed != null) {
      check(replayed, check);
      return;
    }
    for (int done = 0; done < count; done++) {
      check(ThreadLocalRandom.current().nextLong(), check);
    }
  }

  private static void check(long seed, Consumer<RandomGenerator> check) {
    try {
      check.accept(new SplittableRandom(seed));
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError("failed with -Dseed=" + seed + ": " + e.getMessage(), e);
    }
  }
}
