package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class LatticeMapTest extends LatticeLaws<LatticeMap> {
  @Override
  LatticeMap generate(RandomGenerator random) {
    return Samples.map(random, Samples.DEPTH_MAX);
  }

  @Override
  Model<LatticeMap> model() {
    return new Models.Fields(Samples.DEPTH_MAX);
  }
}
