package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class MaxRegisterTest extends LatticeLaws<MaxRegister> {
  @Override
  MaxRegister generate(RandomGenerator random) {
    return new MaxRegister(Samples.whole(random));
  }

  @Override
  Model<MaxRegister> model() {
    return new Models.Max();
  }
}
