package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class LogTest extends LatticeLaws<Log> {
  @Override
  Log generate(RandomGenerator random) {
    return Samples.log(random);
  }

  @Override
  Model<Log> model() {
    return new Models.Records();
  }
}
