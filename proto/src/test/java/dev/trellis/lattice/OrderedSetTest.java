package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class OrderedSetTest extends LatticeLaws<OrderedSet> {
  @Override
  OrderedSet generate(RandomGenerator random) {
    return Samples.orderedSet(random);
  }

  @Override
  Model<OrderedSet> model() {
    return new Models.GrowingOrderedSet();
  }
}
