package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.testing.Seeds;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class OrderedSetTest extends LatticeLaws<OrderedSet> {
  @Override
  OrderedSet generate(RandomGenerator random) {
    return Samples.orderedSet(random);
  }

  @Override
  Model<OrderedSet> model() {
    return new Models.GrowingOrderedSet();
  }

  @Test
  void rangesAreThoseOfASortedSet() {
    Seeds.forAll(
        3_000,
        random -> {
          OrderedSet set = generate(random);
          TreeSet<Payload> model = new TreeSet<>(Models.BYTES);
          set.elements().forEach(model::add);
          assertEquals(model.size(), set.size());
          Payload asked = Samples.payload(random);
          assertEquals(model.contains(asked), set.contains(asked));
          Ranges.assertAsIn(model, set::range, random);
        });
  }
}
