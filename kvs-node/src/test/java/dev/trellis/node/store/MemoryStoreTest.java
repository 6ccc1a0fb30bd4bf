package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

class MemoryStoreTest {
  private static Slot slot(Payload key, int number) {
    LwwRegister value =
        LwwRegister.of(HybridTimestamp.ZERO, 1, 0, Payload.of(new byte[number % 50]));
    Entry entry =
        number % 3 == 0
            ? Entry.empty(HybridTimestamp.ofMillis(number))
            : Entry.of(HybridTimestamp.ofMillis(number), value);
    return new Slot(key, entry, number);
  }

  private static List<Slot> all(Store store, Payload prefix, Optional<Payload> after) {
    List<Slot> found = new ArrayList<>();
    store.scan(prefix, after).forEachRemaining(found::add);
    return found;
  }

  @Test
  void anEmptyStoreHasNothing() {
    MemoryStore store = new MemoryStore();
    assertEquals(Optional.empty(), store.find(Payload.ofText("k")));
    assertEquals(0, store.size());
    assertEquals(0, store.weight());
    store.remove(Payload.ofText("k"));
    Iterator<Slot> walk = store.scan(Payload.EMPTY, Optional.empty());
    assertFalse(walk.hasNext());
    assertThrows(NoSuchElementException.class, walk::next);
  }

  @Test
  void aScanForKeysAloneReadsNoPlainValues() {
    MemoryStore store = new MemoryStore();
    HybridTimestamp time = HybridTimestamp.ofMillis(5);
    LwwRegister large = LwwRegister.of(time, 7, 9, Payload.of(new byte[1 << 20]));
    Entry set = Entry.of(time, GrowSet.of(List.of(Payload.ofText("element"))));
    store.put(new Slot(Payload.ofText("a"), Entry.of(time, large), 3));
    store.put(new Slot(Payload.ofText("b"), set, 4));
    List<Slot> found = new ArrayList<>();
    store.scan(Payload.EMPTY, Optional.empty(), false).forEachRemaining(found::add);
    Entry left = Entry.of(time, LwwRegister.of(time, 7, 9, Payload.EMPTY));
    assertEquals(new Slot(Payload.ofText("a"), left, 3), found.getFirst());
    assertEquals(new Slot(Payload.ofText("b"), set, 4), found.getLast());
  }

  @Test
  void behavesAsASortedMapDoes() {
    Long replayed = Long.getLong("seed");
    for (int run = 0; run < (replayed == null ? 200 : 1); run++) {
      long seed = replayed == null ? ThreadLocalRandom.current().nextLong() : replayed;
      try {
        compareWithSortedMap(RandomGeneratorFactory.of("L64X128MixRandom").create(seed));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("failed with -Dseed=" + seed + ": " + e.getMessage(), e);
      }
    }
  }

  /// Few and short keys of extreme bytes, so that prefixes and neighbours are common.
  private static Payload key(RandomGenerator random) {
    byte[] bytes = new byte[random.nextInt(4)];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = new byte[] {0, 1, 'a', (byte) 0x80, (byte) 0xff}[random.nextInt(5)];
    }
    return Payload.of(bytes);
  }

  private static void compareWithSortedMap(RandomGenerator random) {
    MemoryStore store = new MemoryStore();
    TreeMap<Payload, Slot> model = new TreeMap<>();
    for (int step = 0; step < 300; step++) {
      Payload key = key(random);
      if (random.nextInt(3) == 0) {
        store.remove(key);
        model.remove(key);
      } else {
        Slot slot = slot(key, random.nextInt(1_000));
        store.put(slot);
        model.put(key, slot);
      }
      assertEquals(model.size(), store.size());
      assertEquals(model.values().stream().mapToLong(Slot::weight).sum(), store.weight());
      Payload asked = key(random);
      assertEquals(Optional.ofNullable(model.get(asked)), store.find(asked));
      Payload prefix = key(random);
      Optional<Payload> after = random.nextBoolean() ? Optional.of(asked) : Optional.empty();
      List<Slot> expected =
          model.values().stream()
              .filter(one -> one.key().startsWith(prefix))
              .filter(one -> after.isEmpty() || one.key().compareTo(after.get()) > 0)
              .toList();
      assertEquals(expected, all(store, prefix, after));
    }
  }

  @Test
  void aSlotWeighsMoreThanItsKeyAndEntry() {
    Payload key = Payload.ofText("key");
    Entry entry = Entry.of(HybridTimestamp.ZERO, new MaxRegister(1));
    Slot slot = new Slot(key, entry, 0);
    assertTrue(slot.weight() > key.size() + entry.weight());
    Entry larger = entry.with(LwwRegister.of(HybridTimestamp.ZERO, 1, 0, key));
    assertTrue(slot.withEntry(larger).weight() > slot.weight());
    assertEquals(larger.value(Kind.LWW), slot.withEntry(larger).entry().value(Kind.LWW));
  }
}
