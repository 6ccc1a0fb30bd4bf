package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class CounterTest extends LatticeLaws<Counter> {
  @Override
  Counter generate(RandomGenerator random) {
    return Samples.counter(random);
  }

  @Override
  Model<Counter> model() {
    return new Models.Count();
  }
}
