package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class GrowSetTest extends LatticeLaws<GrowSet> {
  @Override
  GrowSet generate(RandomGenerator random) {
    return Samples.growSet(random);
  }

  @Override
  Model<GrowSet> model() {
    return new Models.GrowingSet();
  }
}
