package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class ObservedRemoveSetTest extends LatticeLaws<ObservedRemoveSet> {
  @Override
  ObservedRemoveSet generate(RandomGenerator random) {
    return Samples.observedRemoveSet(random);
  }

  @Override
  Model<ObservedRemoveSet> model() {
    return new Models.AddWinsSet();
  }
}
