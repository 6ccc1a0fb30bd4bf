package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.testing.Seeds;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class GrowSetTest extends LatticeLaws<GrowSet> {
  @Override
  GrowSet generate(RandomGenerator random) {
    return Samples.growSet(random);
  }

  @Override
  Model<GrowSet> model() {
    return new Models.GrowingSet();
  }

  @Test
  void rangesAreThoseOfASortedSet() {
    Seeds.forAll(
        3_000,
        random -> {
          GrowSet set = generate(random);
          TreeSet<Payload> model = new TreeSet<>(Models.BYTES);
          set.elements().forEach(model::add);
          assertEquals(model.size(), set.size());
          Payload asked = Samples.payload(random);
          assertEquals(model.contains(asked), set.contains(asked));
          Ranges.assertAsIn(model, set::range, random);
        });
  }
}
