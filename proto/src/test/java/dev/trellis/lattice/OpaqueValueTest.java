package dev.trellis.lattice;

import java.util.random.RandomGenerator;

class OpaqueValueTest extends LatticeLaws<OpaqueValue> {
  @Override
  OpaqueValue generate(RandomGenerator random) {
    return Samples.opaque(random);
  }

  @Override
  Model<OpaqueValue> model() {
    return new Models.Opaque();
  }
}
