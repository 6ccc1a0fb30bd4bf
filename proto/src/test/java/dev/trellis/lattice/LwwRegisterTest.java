package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class LwwRegisterTest extends LatticeLaws<LwwRegister> {
  @Override
  LwwRegister generate(RandomGenerator random) {
    return Samples.lww(random);
  }

  @Override
  Model<LwwRegister> model() {
    return new Models.Lww();
  }
}
