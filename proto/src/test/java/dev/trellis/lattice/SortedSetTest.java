package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class SortedSetTest extends LatticeLaws<SortedSet> {
  @Override
  SortedSet generate(RandomGenerator random) {
    return Samples.sortedSet(random);
  }

  @Override
  Model<SortedSet> model() {
    return new Models.Ranking();
  }
}
