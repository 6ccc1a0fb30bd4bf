package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

/// The memory engine against plain maps.
class EngineTest {
  private static final Payload NONE = Payload.EMPTY;

  private interface Run {
    void with(RandomGenerator random);
  }

  private static void seeded(int runs, Run run) {
    Long replayed = Long.getLong("seed");
    for (int at = 0; at < (replayed == null ? runs : 1); at++) {
      long seed = replayed == null ? ThreadLocalRandom.current().nextLong() : replayed;
      try {
        run.with(RandomGeneratorFactory.of("L64X128MixRandom").create(seed));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("failed with -Dseed=" + seed + ": " + e, e);
      }
    }
  }

  /// Keeps the sums of all digests by the highest bits of the hash, as [Store.Listener] asks for.
  private static final class Sums implements Store.Listener {
    private static final int BITS = 6;

    private final long[] sums = new long[1 << BITS];
    private final long[] keys = new long[1 << BITS];

    private static int range(long hash) {
      return (int) (hash >>> (Long.SIZE - BITS));
    }

    @Override
    public void added(long keyHash) {
      keys[range(keyHash)]++;
    }

    @Override
    public void replaced(long keyHash, boolean summed, long digest) {
      sums[range(keyHash)] -= summed ? digest : 0;
    }

    @Override
    public void removed(long keyHash, boolean summed, long digest) {
      keys[range(keyHash)]--;
      sums[range(keyHash)] -= summed ? digest : 0;
    }
  }

  /// A store beside a map with the same content.
  private static final class Pair {
    private final RandomGenerator random;
    private final RandomSlots slots;
    private final MemoryStore store;
    private final TreeMap<Payload, Slot> model = new TreeMap<>();
    private final Sums sums = new Sums();
    private long weight;

    Pair(RandomGenerator random, long objectBytesMax) {
      this.random = random;
      this.slots = new RandomSlots(random);
      this.store = new MemoryStore(random.nextLong(), objectBytesMax);
      store.listen(sums);
    }

    void put(Payload key) {
      Slot slot = slots.slot(key);
      store.put(slot);
      Slot before = model.put(key, slot);
      weight += slot.weight() - (before == null ? 0 : before.weight());
    }

    void remove(Payload key) {
      store.remove(key);
      Slot before = model.remove(key);
      weight -= before == null ? 0 : before.weight();
    }

    void compare(Payload asked) {
      assertEquals(Optional.ofNullable(model.get(asked)), store.find(asked));
      assertEquals(model.size(), store.size());
    }

    void compareAll() {
      expectSome();
      model.forEach((key, slot) -> assertEquals(Optional.of(slot), store.find(key)));
      List<Slot> scanned = new ArrayList<>();
      store.scan(NONE, Optional.empty()).forEachRemaining(scanned::add);
      assertEquals(List.copyOf(model.values()), scanned);
      compareRanges();
      compareSweep();
      compareSums();
    }

    /// Keys that are there and such as are not.
    private void expectSome() {
      int count = random.nextInt(200);
      byte[] source = new byte[100 * count];
      int[] places = new int[2 * count];
      for (int at = 0; at < count; at++) {
        Payload key = key(random, 2 * model.size() + 1);
        key.copyTo(source, 100 * at);
        places[2 * at] = 100 * at;
        places[2 * at + 1] = key.size();
      }
      store.expect(source, places, count);
    }

    private void compareRanges() {
      for (int bits : new int[] {0, 1, 6, 14, 20}) {
        long hash = model.isEmpty() ? 0 : KeyHash.of(model.firstKey());
        Set<Payload> expected = new HashSet<>(model.keySet());
        expected.removeIf(
            key -> bits > 0 && KeyHash.of(key) >>> (64 - bits) != hash >>> (64 - bits));
        List<Payload> found = store.keys(hash, bits);
        assertEquals(expected, new HashSet<>(found));
        assertEquals(expected.size(), found.size());
      }
    }

    private void compareSweep() {
      List<Slot> swept = new ArrayList<>();
      int step = 1 + random.nextInt(50);
      for (long cursor = 0; cursor >= 0; ) {
        int[] shown = {0};
        cursor =
            store.sweep(
                cursor,
                1 + random.nextInt(1_000),
                slot -> {
                  swept.add(slot);
                  return ++shown[0] < step;
                });
      }
      Map<Payload, Slot> expected = new HashMap<>(model);
      expected.values().removeIf(EngineTest::isEndless);
      assertEquals(expected.size(), swept.size());
      swept.forEach(slot -> assertEquals(expected.get(slot.key()), slot));
    }

    /// What was summed in any order, in parts, and taken out where it has changed, is the sum of
    /// what another store with the same content computes at once.
    private void compareSums() {
      MemoryStore fresh = new MemoryStore();
      model.values().forEach(fresh::put);
      for (int range = 0; range < 1 << Sums.BITS; range++) {
        long hash = (long) range << (64 - Sums.BITS);
        for (int more = 1; more > 0; ) {
          int[] given = {0};
          more =
              store.sum(
                  hash,
                  Sums.BITS,
                  1 + random.nextInt(100),
                  (keyHash, digest) -> {
                    sums.sums[Sums.range(keyHash)] += digest;
                    given[0]++;
                  });
          assertEquals(given[0], more);
        }
        long[] all = {0};
        int count =
            fresh.sum(hash, Sums.BITS, Integer.MAX_VALUE, (keyHash, digest) -> all[0] += digest);
        assertEquals(all[0], sums.sums[range]);
        assertEquals(fresh.keys(hash, Sums.BITS).size(), sums.keys[range]);
        long placed =
            fresh.keys(hash, Sums.BITS).stream()
                .filter(key -> model.get(key).placement().isPresent())
                .count();
        assertEquals(sums.keys[range] - placed, count);
      }
      model.keySet().forEach(key -> assertEquals(fresh.digest(key), store.digest(key)));
    }
  }

  private static boolean isEndless(Slot slot) {
    return slot.setting().isEmpty()
        && slot.entry().expiry().isEmpty()
        && slot.entry().onlyValue() != null
        && slot.entry().value(Kind.LWW).orElse(null) instanceof LwwRegister lww
        && !lww.isTombstone()
        && lww.expiresAtMillis() == Expiry.NEVER;
  }

  private static Payload key(RandomGenerator random, int keys) {
    int number = random.nextInt(keys);
    return Payload.ofText("k".repeat(number % 40) + number);
  }

  private static void grownAndShrunk(RandomGenerator random, long objectBytesMax) {
    Pair pair = new Pair(random, objectBytesMax);
    int keys = 1 + random.nextInt(4_000);
    for (int phase = 0; phase < 4; phase++) {
      int removals = phase % 2 == 0 ? 1 : 8; // of ten
      for (int step = 0; step < 3 * keys; step++) {
        if (random.nextInt(10) < removals) {
          pair.remove(key(random, keys));
        } else {
          pair.put(key(random, keys));
        }
        if (step % 64 == 0) {
          pair.compare(key(random, keys));
        }
        if (random.nextInt(keys) == 0) {
          pair.store.endScans();
        }
      }
      if (objectBytesMax == Long.MAX_VALUE) {
        assertEquals(pair.weight, pair.store.weight());
      }
      pair.compareAll();
    }
    List.copyOf(pair.model.keySet()).forEach(pair.store::remove);
    assertEquals(0, pair.store.size());
    assertEquals(0, pair.store.weight());
    assertEquals(List.of(), pair.store.keys(0, 0));
  }

  @Test
  void behavesAsAMapDoes() {
    seeded(6, random -> grownAndShrunk(random, Long.MAX_VALUE));
  }

  @Test
  void behavesAsAMapDoesWhenObjectsAreEncodedWhileTheyAreNotInUse() {
    seeded(6, random -> grownAndShrunk(random, 10_000));
  }

  @Test
  void manyKeysOfOnePartitionAreSpreadByTheOtherHash() {
    RandomGenerator random = RandomGenerator.getDefault();
    MemoryStore store = new MemoryStore(random.nextLong(), Long.MAX_VALUE);
    List<Payload> keys = new ArrayList<>();
    Entry entry = Entry.of(HybridTimestamp.ZERO, LwwRegister.of(HybridTimestamp.ZERO, 1, 0, NONE));
    for (long number = 0; keys.size() < 3_000; number++) {
      byte[] bytes = ByteBuffer.allocate(Long.BYTES).putLong(number).array();
      if (KeyHash.of(bytes, 0, bytes.length) >>> 54 == 0) {
        Payload key = Payload.of(bytes);
        keys.add(key);
        store.put(new Slot(key, entry, 0));
      }
    }
    keys.forEach(key -> assertEquals(entry, store.find(key).orElseThrow().entry()));
    assertEquals(new HashSet<>(keys), new HashSet<>(store.keys(0, 10)));
    assertEquals(List.of(), store.keys(1L << 63, 1));
    assertTrue(store.reserved() < 200L * keys.size(), store.reserved() + " bytes");
    keys.forEach(store::remove);
    assertEquals(0, store.size());
  }

  @Test
  void keysThatComeAndGoWhileOthersArePutInOrderAreInTheirPlace() {
    seeded(
        5,
        random -> {
          Pair pair = new Pair(random, Long.MAX_VALUE);
          for (int step = 0; step < 10_000; step++) {
            pair.put(key(random, 100_000));
          }
          int steps = 1;
          for (; !pair.store.prepareScan(); steps++) {
            for (int change = 0; change < 1_000; change++) {
              pair.put(key(random, 100_000));
              pair.remove(key(random, 100_000));
            }
          }
          assertTrue(steps > 3, "put in order in " + steps + " steps");
          pair.compareAll();
        });
  }

  /// A segment got a page more and gave it back, so it looked as before, but keys had changed
  /// places.
  @Test
  void aSweepMissesNothingWhereASegmentWasMadeAnewTwice() {
    seeded(
        200,
        random -> {
          MemoryStore store = new MemoryStore(random.nextLong(), Long.MAX_VALUE);
          Set<Payload> there = new HashSet<>();
          for (int number = 0; number < 40; number++) {
            there.add(Payload.ofText("key" + number));
          }
          there.forEach(key -> store.put(new Slot(key, Entry.BOTTOM, 0)));
          int changesAfter = random.nextInt(40);
          Set<Payload> seen = new HashSet<>();
          int steps = 0;
          for (long cursor = 0; cursor >= 0; steps++) {
            cursor = store.sweep(cursor, 1, slot -> seen.add(slot.key()));
            if (steps == changesAfter) {
              comeAndGo(store, 150);
            }
          }
          assertTrue(seen.containsAll(there), () -> seen.size() + " of 40");
        });
  }

  private static void comeAndGo(MemoryStore store, int keys) {
    for (int number = 0; number < keys; number++) {
      store.put(new Slot(Payload.ofText("other" + number), Entry.BOTTOM, 0));
    }
    for (int number = 0; number < keys; number++) {
      store.remove(Payload.ofText("other" + number));
    }
  }

  @Test
  void aSumHasAsManyDigestsAsItMay() {
    MemoryStore store = new MemoryStore();
    for (int number = 0; number < 5_000; number++) {
      store.put(new Slot(Payload.ofText("key" + number), Entry.BOTTOM, 0));
    }
    assertEquals(700, store.sum(0, 0, 700, (keyHash, digest) -> {}));
    assertEquals(4_300, store.sum(0, 0, 5_000, (keyHash, digest) -> {}));
    assertEquals(0, store.sum(0, 0, 5_000, (keyHash, digest) -> {}));
  }

  @Test
  void rewritingValuesOfChangingSizesDoesNotGrow() {
    seeded(
        1,
        random -> {
          MemoryStore store = new MemoryStore(random.nextLong(), Long.MAX_VALUE);
          int keys = 20_000;
          byte[][] model = new byte[keys][];
          long greatest = 0;
          for (int step = 0; step < 2_000_000; step++) {
            // What is usual moves from small to large and back, so holes do not fit for long.
            int usual = 20 + (int) (400 * (1 + Math.sin(step / 150_000.0)));
            int number = random.nextInt(keys);
            byte[] value = new byte[usual / 2 + random.nextInt(usual)];
            value[0] = (byte) step;
            value[value.length - 1] = (byte) (step >> 8);
            model[number] = value;
            LwwRegister lww =
                LwwRegister.of(new HybridTimestamp(step), 1, Expiry.NEVER, Payload.of(value));
            Payload key = Payload.ofText("key" + number);
            store.put(new Slot(key, Entry.of(HybridTimestamp.ZERO, lww), 0));
            greatest = Math.max(greatest, store.weight());
            // An eighth may be holes; and there is the slab that is filled, the one that is
            // emptied, one in reserve, and what compaction lags behind.
            long most = (greatest - greatest / 8) * 8 / 7 * 8 / 7 + (4 << 20);
            assertTrue(
                store.reserved() <= most,
                () -> store.reserved() + " bytes taken for " + store.weight());
          }
          for (int number = 0; number < keys; number++) {
            Entry entry = store.find(Payload.ofText("key" + number)).orElseThrow().entry();
            LwwRegister lww = (LwwRegister) entry.value(Kind.LWW).orElseThrow();
            assertEquals(Payload.of(model[number]), lww.payload().orElseThrow());
          }
        });
  }

  /// One such record is as large as all that a change passes over where records are small.
  @Test
  void rewritingLargeValuesOfChangingSizesDoesNotGrow() {
    seeded(
        1,
        random -> {
          MemoryStore store = new MemoryStore(random.nextLong(), Long.MAX_VALUE);
          for (int step = 0; step < 20_000; step++) {
            byte[] value = new byte[(32 << 10) + random.nextInt(28 << 10)];
            LwwRegister lww =
                LwwRegister.of(new HybridTimestamp(step), 1, Expiry.NEVER, Payload.of(value));
            Payload key = Payload.ofText("key" + random.nextInt(1_000));
            store.put(new Slot(key, Entry.of(HybridTimestamp.ZERO, lww), 0));
            assertTrue(
                store.reserved() <= store.weight() / 7 * 8 / 7 * 8 + (4 << 20),
                () -> store.reserved() + " bytes taken for " + store.weight());
          }
        });
  }

  @Test
  void whatIsRemovedIsGivenBack() {
    MemoryStore store = new MemoryStore();
    for (int number = 0; number < 200_000; number++) {
      LwwRegister lww =
          LwwRegister.of(new HybridTimestamp(number), 1, Expiry.NEVER, Payload.of(new byte[100]));
      Entry entry = Entry.of(HybridTimestamp.ZERO, lww);
      store.put(new Slot(Payload.ofText("key" + number), entry, 0));
    }
    long full = store.reserved();
    for (int number = 0; number < 200_000; number++) {
      store.remove(Payload.ofText("key" + number));
    }
    assertEquals(0, store.weight());
    assertTrue(store.reserved() < full / 4, store.reserved() + " of " + full + " bytes are left");
  }

  /// The index kept whatever it had ever taken.
  @Test
  void whatTheIndexTakesIsGivenBackWhenKeysGo() {
    seeded(
        3,
        random -> {
          MemoryStore store = new MemoryStore(random.nextLong(), Long.MAX_VALUE);
          Entry entry =
              Entry.of(
                  HybridTimestamp.ZERO,
                  LwwRegister.of(HybridTimestamp.ZERO, 1, Expiry.NEVER, Payload.EMPTY));
          int keys = 300_000;
          for (int number = 0; number < keys; number++) {
            store.put(new Slot(Payload.ofText("k" + number), entry, 0));
          }
          long full = store.reserved();
          List<Integer> left = new ArrayList<>();
          for (int number = 0; number < keys; number++) {
            if (random.nextInt(10) == 0) {
              left.add(number);
            } else {
              store.remove(Payload.ofText("k" + number));
            }
          }
          assertTrue(
              store.reserved() < full * 3 / 10, store.reserved() + " of " + full + " are left");
          assertEquals(left.size(), store.size());
          left.forEach(number -> assertTrue(store.find(Payload.ofText("k" + number)).isPresent()));
          int[] swept = {0};
          store.listen(
              new Store.Listener() {
                @Override
                public void added(long keyHash) {
                  swept[0]++;
                }

                @Override
                public void replaced(long keyHash, boolean summed, long digest) {}

                @Override
                public void removed(long keyHash, boolean summed, long digest) {}
              });
          assertEquals(left.size(), swept[0]);
          for (int number = 0; number < keys; number++) {
            store.put(new Slot(Payload.ofText("k" + number), entry, 0));
          }
          assertEquals(keys, store.size());
          assertTrue(store.reserved() < full * 5 / 4, store.reserved() + " after " + full);
        });
  }

  @Test
  void aPlainSlotIsFoundAndPutAsAnyOtherIs() {
    seeded(
        200,
        random -> {
          MemoryStore direct = new MemoryStore(random.nextLong(), Long.MAX_VALUE);
          MemoryStore bySlot = new MemoryStore(random.nextLong(), Long.MAX_VALUE);
          RandomSlots slots = new RandomSlots(random);
          PlainSlot plain = new PlainSlot();
          for (int step = 0; step < 200; step++) {
            byte[] source = new byte[20];
            int offset = random.nextInt(10);
            source[offset] = (byte) random.nextInt(8);
            Payload key = Payload.of(source, offset, 5);
            Slot slot = slots.slot(key);
            if (plain.set(slot)) {
              direct.put(source, offset, 5, plain);
            } else {
              direct.put(slot);
            }
            bySlot.put(slot);
            assertEquals(bySlot.find(key), direct.find(key));
            assertEquals(bySlot.weight(), direct.weight());
            assertEquals(bySlot.digest(key), direct.digest(key));
            source[offset] = (byte) random.nextInt(8);
            compareInPlace(source, offset, direct);
          }
        });
  }

  /// That the look-up in place shows what the one by the key does.
  private static void compareInPlace(byte[] source, int offset, MemoryStore store) {
    PlainSlot found = new PlainSlot();
    Slot slot = store.find(Payload.of(source, offset, 5)).orElse(null);
    switch (store.find(source, offset, 5, found)) {
      case NOTHING -> assertNull(slot);
      case OTHER -> assertFalse(new PlainSlot().set(Objects.requireNonNull(slot)));
      case PLAIN -> {
        assertEquals(Objects.requireNonNull(slot).entry(), found.toEntry());
        assertEquals(slot.birth(), found.birth);
        assertEquals(Optional.empty(), slot.setting());
      }
    }
  }
}
