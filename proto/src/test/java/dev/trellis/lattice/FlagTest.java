package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class FlagTest extends LatticeLaws<Flag> {
  @Override
  Flag generate(RandomGenerator random) {
    return new Flag(random.nextBoolean());
  }

  @Override
  Model<Flag> model() {
    return new Models.Enabled();
  }

  @Test
  void onceEnabledItStaysSo() {
    Flag enabled = new Flag(true);
    assertEquals(enabled, enabled.merge(new Flag(false)));
    assertEquals(enabled, new Flag(false).merge(enabled));
  }
}
