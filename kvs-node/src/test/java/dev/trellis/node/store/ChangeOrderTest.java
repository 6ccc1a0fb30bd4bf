package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ChangeOrderTest {
  /// Hashes that differ in their first, middle or last bits only, and keys that share them.
  @Test
  void keepsTheLastChangeOfEachKeyInTheOrderOfTheKeys() {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      List<DiskChange> changes = new ArrayList<>();
      TreeMap<DiskChange.Key, DiskChange> expected = new TreeMap<>();
      for (int count = random.nextInt(300); count > 0; count--) {
        long hash = (long) random.nextInt(4) << 62 | random.nextInt(2) << 24 | random.nextInt(2);
        DiskChange.Key key = new DiskChange.Key(hash, Payload.ofText("k" + random.nextInt(3)));
        DiskChange change = new DiskChange(key, null, null, count);
        changes.add(change);
        expected.put(key, change);
      }
      assertEquals(List.copyOf(expected.values()), ChangeOrder.lastOfEach(changes), "seed " + seed);
    }
  }
}
