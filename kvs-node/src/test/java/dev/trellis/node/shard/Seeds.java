package dev.trellis.node.shard;

import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// Runs a check on many random inputs, each from a seed of its own. A failure names the seed, and
/// `-Dseed=` runs the check on that input alone.
final class Seeds {
  private Seeds() {}

  static void forAll(int count, Consumer<RandomGenerator> check) {
    Long replayed = Long.getLong("seed");
    for (int done = 0; done < (replayed == null ? count : 1); done++) {
      long seed = replayed == null ? ThreadLocalRandom.current().nextLong() : replayed;
      try {
        check.accept(RandomGeneratorFactory.of("L64X128MixRandom").create(seed));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("failed with -Dseed=" + seed + ": " + e.getMessage(), e);
      }
    }
  }
}
