package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class FlagTest extends LatticeLaws<Flag> {
  @Override
  Flag generate(RandomGenerator random) {
    return new Flag(random.nextBoolean());
  }

  @Override
  Model<Flag> model() {
    return new Models.Enabled();
  }
}
