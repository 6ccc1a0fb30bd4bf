package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Digesting;
import dev.trellis.node.store.Slot;
import dev.trellis.placement.KeyHash;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// Sums that are kept up to date, against those of all keys anew.
class PlacedGroupTest {
  private static final Placement ON_SSD = new Placement(0, 2, 1);

  @Test
  void sumsAreThoseOfTheKeysThatAreThere() {
    Random random = new Random(7);
    PlacedGroup group = new PlacedGroup(ON_SSD);
    Map<String, Slot> model = new TreeMap<>();
    Map<Payload, Long> digests = new HashMap<>();
    int[] asked = {0};
    for (int round = 0; round < 5_000; round++) {
      String name = "key " + random.nextInt(50);
      Payload key = Payload.ofText(name);
      if (random.nextInt(3) > 0) {
        Entry entry =
            random.nextBoolean()
                ? Entry.BOTTOM
                : Entry.of(
                    HybridTimestamp.ZERO,
                    LwwRegister.of(HybridTimestamp.ZERO, 1, 0, Payload.ofText("v")));
        PlacementSetting setting =
            new PlacementSetting(
                HybridTimestamp.of(random.nextInt(1_000) + 1, 0),
                1,
                HybridTimestamp.ZERO,
                Optional.of(ON_SSD));
        Slot slot = new Slot(key, entry, 0, Optional.of(setting));
        assertEquals(model.put(name, slot) == null, group.put(slot));
        digests.put(key, random.nextLong());
      } else {
        assertEquals(model.remove(name) == null ? 0 : 1, group.remove(key));
      }
      if (random.nextInt(10) == 0) {
        compare(model, group, digests, asked);
        int before = asked[0];
        long again = group.states(one -> asked[0]++);
        assertEquals(before, asked[0], "what has not changed is not digested again");
        assertEquals(sum(model, digests), again);
      }
    }
  }

  private static void compare(
      Map<String, Slot> model, PlacedGroup group, Map<Payload, Long> digests, int[] asked) {
    assertEquals(model.size(), group.size());
    long settings = 0;
    Set<Payload> withEntry = new HashSet<>();
    for (Slot slot : model.values()) {
      long one = KeyHash.of(slot.key()) * 31 + Digesting.ofSetting(slot.setting());
      assertEquals(one, group.settingOf(slot.key()));
      settings += one;
      if (!slot.entry().equals(Entry.BOTTOM)) {
        withEntry.add(slot.key());
      }
    }
    assertEquals(settings, group.settings());
    assertEquals(withEntry, Set.copyOf(group.withEntry()));
    assertEquals(
        sum(model, digests),
        group.states(
            key -> {
              asked[0]++;
              return digests.get(key);
            }));
  }

  private static long sum(Map<String, Slot> model, Map<Payload, Long> digests) {
    return model.values().stream().mapToLong(slot -> digests.get(slot.key())).sum();
  }
}
