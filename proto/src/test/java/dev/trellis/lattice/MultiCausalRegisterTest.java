package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class MultiCausalRegisterTest extends LatticeLaws<MultiCausalRegister> {
  @Override
  MultiCausalRegister generate(RandomGenerator random) {
    return new MultiCausalRegister(Samples.causal(random, true));
  }

  @Override
  Model<MultiCausalRegister> model() {
    return new Models.MultiCausal();
  }
}
