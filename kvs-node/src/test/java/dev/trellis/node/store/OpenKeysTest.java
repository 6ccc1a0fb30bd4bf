package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.OpenKeys.OpenKey;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class OpenKeysTest {
  private final OpenKeys keys = new OpenKeys(7);

  private static DiskChange.Key key(long hash, int number) {
    return new DiskChange.Key(hash, Payload.ofText("k" + number));
  }

  private static DiskChange change(DiskChange.Key key) {
    return new DiskChange(key, null, null, 1);
  }

  /// What everybody can compute of a key must not decide where it stands: whoever chooses keys
  /// would choose that.
  @Test
  void keysWhoseHashesAreAlikeDoNotStandInOnePlace() {
    for (int at = 0; at < 40_000; at++) {
      keys.add(key(at, at));
    }
    assertTrue(keys.longest() < 16, () -> "longest " + keys.longest());
  }

  @Test
  void behavesAsAMapThatForgetsWhatIsDone() {
    Random random = new Random(1);
    Map<DiskChange.Key, OpenKey> expected = new HashMap<>();
    for (int step = 0; step < 20_000; step++) {
      int number = random.nextInt(300);
      DiskChange.Key key = key((long) (number % 5) << 60 | number / 5 % 7, number);
      OpenKey known = keys.find(key);
      assertSame(expected.get(key), known);
      switch (random.nextInt(3)) {
        case 0 -> {
          OpenKey added = known == null ? keys.add(key) : known;
          keys.waits(added, change(key), 0);
          expected.put(key, added);
        }
        case 1 -> {
          if (known != null && known.change() != null) {
            keys.placed(known);
            if (!known.isUnsummed()) {
              expected.remove(key);
            }
          }
        }
        default -> {
          if (known != null && known.isUnsummed()) {
            keys.unmark(known);
            if (known.change() == null) {
              expected.remove(key);
            }
          } else if (known != null) {
            keys.mark(known);
          }
        }
      }
    }
    List<DiskChange.Key> all = new ArrayList<>();
    keys.forEach(each -> all.add(each.key()));
    assertEquals(expected.size(), all.size());
    assertEquals(expected.keySet(), new java.util.HashSet<>(all));
    for (int high = 0; high < 5; high++) {
      long hash = (long) high << 60;
      long wanted =
          expected.keySet().stream().filter(key -> key.hash() >>> 60 == hash >>> 60).count();
      assertEquals(wanted, keys.keys(hash, 4).size());
      List<DiskChange> waiting = keys.waiting(DiskTally.rangeOf(hash));
      assertEquals(waiting.stream().sorted((a, b) -> a.key().compareTo(b.key())).toList(), waiting);
    }
    for (OpenKey each : List.copyOf(expected.values())) {
      keys.unmark(each);
      if (keys.find(each.key()) != null) {
        keys.placed(each);
      }
      assertNull(keys.find(each.key()));
    }
    assertEquals(0, keys.longest());
  }
}
