package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class CausalRegisterTest extends LatticeLaws<CausalRegister> {
  @Override
  CausalRegister generate(RandomGenerator random) {
    return Samples.causal(random, false);
  }

  @Override
  Model<CausalRegister> model() {
    return new Models.Causal();
  }
}
