package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class EntryTest extends LatticeLaws<Entry> {
  @Override
  Entry generate(RandomGenerator random) {
    return Samples.entry(random, Samples.DEPTH_MAX);
  }

  @Override
  Model<Entry> model() {
    return new Models.Generations(Samples.DEPTH_MAX);
  }
}
