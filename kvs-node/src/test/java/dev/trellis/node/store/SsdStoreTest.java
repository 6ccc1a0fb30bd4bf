package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SsdStoreTest {
  private static final SsdStore.Owner OWNER = new SsdStore.Owner("test", "n0", 0, 1);
  private static final SsdStore.Meter NO_METER = DiskLogTest.NO_METER;
  private static final long MAP_BYTES = 1L << 30;

  @TempDir Path folder;

  private static SsdStore open(Path folder) throws IOException {
    return SsdStore.open(
        folder, OWNER, new SsdStore.Settings(MAP_BYTES, Duration.ZERO, 1 << 20, NO_METER));
  }

  /// What a shard adds up from what the store tells it.
  private static final class Sums implements Store.Listener {
    private final Map<Integer, Long> sums = new HashMap<>();
    private long keys;
    private long unsummed;

    private void add(long keyHash, long digest) {
      sums.merge(DiskTally.rangeOf(keyHash), digest, Long::sum);
    }

    @Override
    public void found(long hash, int bits, int found, int placed, long sum) {
      keys += found;
      unsummed += placed;
      add(hash, sum);
    }

    @Override
    public void added(long keyHash) {
      keys++;
      unsummed++;
    }

    @Override
    public void replaced(long keyHash, boolean summed, long digest) {
      if (summed) {
        add(keyHash, -digest);
        unsummed++;
      }
    }

    @Override
    public void removed(long keyHash, boolean summed, long digest) {
      keys--;
      if (summed) {
        add(keyHash, -digest);
      } else {
        unsummed--;
      }
    }

    void sumUp(Store store) {
      unsummed -= store.sum(0, 0, Integer.MAX_VALUE, this::add);
    }
  }

  /// Few and short keys of extreme bytes, so that prefixes and neighbours are common, and a few
  /// that are longer than the disk takes and begin alike.
  private static Payload key(RandomGenerator random) {
    byte[] tail = new byte[random.nextInt(4)];
    for (int i = 0; i < tail.length; i++) {
      tail[i] = new byte[] {0, 1, 'a', (byte) 0x80, (byte) 0xff}[random.nextInt(5)];
    }
    int before =
        random.nextInt(4) > 0 ? 1 : new int[] {490, 494, 495, 503, 511, 700}[random.nextInt(6)];
    byte[] bytes = new byte[before + tail.length];
    java.util.Arrays.fill(bytes, 0, before, (byte) 'b');
    System.arraycopy(tail, 0, bytes, before, tail.length);
    return Payload.of(bytes);
  }

  private static Slot slot(Payload key, RandomGenerator random) {
    HybridTimestamp stamp = HybridTimestamp.ofMillis(random.nextInt(1, 1_000));
    Payload value = Payload.of(new byte[random.nextInt(random.nextInt(20) == 0 ? 20_000 : 60)]);
    Entry entry =
        switch (random.nextInt(5)) {
          case 0 -> Entry.of(stamp, GrowSet.of(List.of(value, Payload.ofText("x"))));
          case 1 -> Entry.of(HybridTimestamp.ZERO, LwwRegister.of(stamp, 1, 77, value));
          case 2 -> Entry.of(HybridTimestamp.ZERO, LwwRegister.tombstone(stamp, 1));
          default -> Entry.of(HybridTimestamp.ZERO, LwwRegister.of(stamp, 1, 0, value));
        };
    Optional<PlacementSetting> setting =
        random.nextInt(8) > 0
            ? Optional.empty()
            : Optional.of(
                new PlacementSetting(
                    stamp,
                    2,
                    HybridTimestamp.ZERO,
                    random.nextBoolean() ? Optional.empty() : Optional.of(new Placement(1, 2, 1))));
    return new Slot(key, entry, random.nextInt(3), setting);
  }

  @Test
  void behavesAsASortedMapDoesAndRemembers() throws IOException {
    Long replayed = Long.getLong("seed");
    for (int run = 0; run < (replayed == null ? 30 : 1); run++) {
      long seed = replayed == null ? ThreadLocalRandom.current().nextLong() : replayed;
      try {
        compareWithSortedMap(
            RandomGeneratorFactory.of("L64X128MixRandom").create(seed),
            folder.resolve(Integer.toString(run)));
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("failed with -Dseed=" + seed + ": " + e.getMessage(), e);
      }
    }
  }

  private static void compareWithSortedMap(RandomGenerator random, Path folder) throws IOException {
    SsdStore store = open(folder);
    Sums sums = new Sums();
    store.listen(sums);
    NavigableMap<Payload, Slot> model = new TreeMap<>();
    for (int step = 0; step < 400; step++) {
      Payload key = key(random);
      switch (random.nextInt(12)) {
        case 0, 1, 2 -> {
          store.remove(key);
          model.remove(key);
        }
        case 3 -> store.flush();
        case 4 -> store.settle();
        case 5 -> store.release();
        case 6 -> {
          if (random.nextInt(6) == 0) {
            store.close();
            store = open(folder);
            sums = new Sums();
            store.listen(sums);
            model.replaceAll((k, s) -> new Slot(k, s.entry(), 0, s.setting()));
          }
        }
        default -> {
          Slot slot = slot(key, random);
          store.put(slot);
          model.put(key, slot);
        }
      }
      compare(store, model, random);
      if (random.nextInt(20) == 0) {
        compareByHash(store, model, sums, random);
      }
    }
    store.close();
  }

  private static void compare(
      SsdStore store, NavigableMap<Payload, Slot> model, RandomGenerator random) {
    assertEquals(model.size(), store.size());
    Payload asked = key(random);
    assertEquals(Optional.ofNullable(model.get(asked)), store.find(asked));
    Payload whole = key(random);
    Payload prefix = Payload.of(whole.toBytes(), 0, random.nextInt(whole.size() + 1));
    Optional<Payload> after = random.nextBoolean() ? Optional.of(asked) : Optional.empty();
    List<Slot> expected =
        model.values().stream()
            .filter(one -> one.key().startsWith(prefix))
            .filter(one -> after.isEmpty() || one.key().compareTo(after.get()) > 0)
            .toList();
    List<Slot> found = new ArrayList<>();
    store.scan(prefix, after).forEachRemaining(found::add);
    assertEquals(expected, found);
  }

  private static void compareByHash(
      SsdStore store, NavigableMap<Payload, Slot> model, Sums sums, RandomGenerator random) {
    int bits = random.nextInt(3);
    long hash = random.nextLong();
    Set<Payload> expected = new HashSet<>();
    for (Payload key : model.keySet()) {
      if (bits == 0 || (KeyHash.of(key) ^ hash) >>> (64 - bits) == 0) {
        expected.add(key);
      }
    }
    List<Payload> keys = store.keys(hash, bits);
    assertEquals(expected, new HashSet<>(keys));
    assertEquals(expected.size(), keys.size());

    sums.sumUp(store);
    assertEquals(model.size(), sums.keys);
    Map<Integer, Long> digests = new HashMap<>();
    long placed = 0;
    MemoryStore peer = new MemoryStore();
    for (Slot slot : model.values()) {
      peer.put(slot);
      long digest = peer.digest(slot.key());
      assertEquals(digest, store.digest(slot.key()));
      if (slot.placement().isEmpty()) {
        digests.merge(DiskTally.rangeOf(KeyHash.of(slot.key())), digest, Long::sum);
      } else {
        placed++;
      }
    }
    assertEquals(placed, sums.unsummed);
    digests.values().removeIf(sum -> sum == 0);
    Map<Integer, Long> told = new HashMap<>(sums.sums);
    told.values().removeIf(sum -> sum == 0);
    assertEquals(digests, told);

    Set<Slot> shown = new HashSet<>();
    for (long cursor = 0; cursor >= 0; ) {
      cursor = store.sweep(cursor, random.nextInt(1, 5), shown::add);
    }
    Set<Slot> wanted = new HashSet<>();
    for (long cursor = 0; cursor >= 0; ) {
      cursor = peer.sweep(cursor, Integer.MAX_VALUE, wanted::add);
    }
    assertEquals(wanted, shown);
  }

  private static Slot text(String key, long millis, String value) {
    LwwRegister register =
        LwwRegister.of(HybridTimestamp.ofMillis(millis), 1, 0, Payload.ofText(value));
    return new Slot(Payload.ofText(key), Entry.of(HybridTimestamp.ZERO, register), 0);
  }

  private static void place(SsdStore store) throws Exception {
    store.flush();
    store.awaitWritten(Duration.ofSeconds(30));
    store.settle();
  }

  /// Where the log of an earlier time is still there, by whatever was cut short.
  @Test
  void anEarlierLogBringsNothingOldBack(@TempDir Path other) throws Exception {
    Path log = other.resolve("log-1");
    byte[] left;
    try (SsdStore store = open(other)) {
      store.put(text("k", 1, "old"));
      place(store); // in log-1
      store.put(text("k", 2, "new"));
      place(store); // in log-0
      left = Files.readAllBytes(log);
    }
    Files.write(log, left);
    try (SsdStore store = open(other)) {
      LwwRegister found =
          (LwwRegister)
              store.find(Payload.ofText("k")).orElseThrow().entry().liveValues(0).getFirst();
      assertEquals("new", found.payload().orElseThrow().text());
    }
  }

  /// What `ssd.buffer` is compared with is what is held.
  @Test
  void allThatWaitsIsCountedAndAKeyIsWrittenOnceATurn(@TempDir Path other) throws Exception {
    try (SsdStore store = open(other)) {
      Payload key = Payload.ofText("k");
      Entry set =
          Entry.of(HybridTimestamp.ZERO, GrowSet.of(List.of(Payload.of(new byte[1 << 16]))));
      for (int at = 0; at < 40; at++) {
        Payload member = Payload.ofText("m" + at);
        set = set.merge(Entry.of(HybridTimestamp.ZERO, GrowSet.of(List.of(member))));
        store.put(new Slot(key, set, 0));
      }
      long counted = store.waitingBytes();
      store.flush();
      store.put(new Slot(key, set, 0)); // in a turn of its own, while the other waits
      assertEquals(2 * counted, store.waitingBytes());
      place(store);
      assertEquals(0, store.waitingBytes());
      long logged =
          Math.max(Files.size(other.resolve("log-0")), Files.size(other.resolve("log-1")));
      assertTrue(logged < 4 << 16, () -> "logged " + logged);
    }
  }
}
