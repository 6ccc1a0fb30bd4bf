package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class MinRegisterTest extends LatticeLaws<MinRegister> {
  @Override
  MinRegister generate(RandomGenerator random) {
    return new MinRegister(Samples.whole(random));
  }

  @Override
  Model<MinRegister> model() {
    return new Models.Min();
  }
}
