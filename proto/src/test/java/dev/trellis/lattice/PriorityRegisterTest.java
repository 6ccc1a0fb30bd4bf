package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class PriorityRegisterTest extends LatticeLaws<PriorityRegister> {
  @Override
  PriorityRegister generate(RandomGenerator random) {
    return Samples.priority(random);
  }

  @Override
  Model<PriorityRegister> model() {
    return new Models.LowestPriority();
  }
}
