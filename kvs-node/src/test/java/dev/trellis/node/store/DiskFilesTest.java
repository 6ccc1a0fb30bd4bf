package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskFilesTest {
  private static final SsdStore.Owner OWNER = new SsdStore.Owner("test", "n0", 0, 2);
  private static final SsdStore.Meter NO_METER = DiskLogTest.NO_METER;
  private static final long MAP_BYTES = 1L << 30;

  @TempDir Path folder;

  private DiskFiles open(SsdStore.Owner owner) throws IOException {
    return DiskFiles.open(folder, owner, MAP_BYTES, NO_METER);
  }

  private SsdStore store() throws IOException {
    return store(MAP_BYTES);
  }

  private SsdStore store(long mapBytes) throws IOException {
    return SsdStore.open(
        folder, OWNER, new SsdStore.Settings(mapBytes, Duration.ZERO, 1 << 20, NO_METER));
  }

  private static Slot slot(String key, String value) {
    LwwRegister register = LwwRegister.of(HybridTimestamp.ofMillis(1), 1, 0, Payload.ofText(value));
    return new Slot(Payload.ofText(key), Entry.of(HybridTimestamp.ZERO, register), 0);
  }

  private String refusal(SsdStore.Owner owner) {
    return assertThrows(DiskFiles.Unusable.class, () -> open(owner)).getMessage();
  }

  @Test
  void dataOfSomebodyElseAreRefusedWithWhatToDo() throws IOException {
    open(OWNER).close();
    String cluster = refusal(new SsdStore.Owner("other", "n0", 0, 2));
    assertTrue(cluster.contains("belongs to cluster 'test', not 'other'"), cluster);
    assertTrue(cluster.contains("set cluster.name to that"), cluster);
    assertTrue(cluster.contains(folder.toString()), cluster);
    String node = refusal(new SsdStore.Owner("test", "n1", 0, 2));
    assertTrue(node.contains("belongs to node 'n0', not 'n1'"), node);
    String shards = refusal(new SsdStore.Owner("test", "n0", 0, 3));
    assertTrue(shards.contains("shards"), shards);
    open(OWNER).close();
  }

  @Test
  void aFolderIsForOneProcess() throws IOException {
    try (DiskFiles _ = open(OWNER)) {
      String message = refusal(OWNER);
      assertTrue(message.contains("is in use by another process"), message);
    }
    open(OWNER).close();
  }

  @Test
  void whatIsNoSuchFileIsRefused() throws IOException {
    Files.writeString(folder.resolve("data.mdb"), "x".repeat(8_192));
    String message = refusal(OWNER);
    assertTrue(message.contains("data folder " + folder + " can't be used: "), message);
    assertTrue(message.contains("restore it from a backup"), message);
  }

  @Test
  void eachOpeningIsALifeOfItsOwn() throws IOException {
    List<Integer> lives = new ArrayList<>();
    for (int time = 0; time < 3; time++) {
      try (DiskFiles files = open(OWNER)) {
        lives.add(files.life());
      }
    }
    assertEquals(List.of(1, 2, 3), lives);
  }

  @Test
  void aFlippedBitIsFoundToldAndNotServed() throws IOException {
    try (SsdStore store = store()) {
      for (int at = 0; at < 100; at++) {
        store.put(slot("key-" + at, "value-of-" + at + "."));
      }
    }
    Path data = folder.resolve("data.mdb");
    byte[] bytes = Files.readAllBytes(data);
    flip(bytes, "value-of-42.");
    Files.write(data, bytes);
    List<Long> corrupt = new ArrayList<>();
    try (SsdStore store = store()) {
      store.onCorruption(corrupt::add);
      assertEquals(
          Optional.of(slot("key-41", "value-of-41.")), store.find(Payload.ofText("key-41")));
      Payload broken = Payload.ofText("key-42");
      long hash = KeyHash.of(broken);
      assertEquals(
          hash, assertThrows(BrokenRecordException.class, () -> store.find(broken)).keyHash());
      assertEquals(Optional.empty(), store.find(broken), "told once, it counts as not there");
      int[] scanned = {0};
      store.scan(Payload.EMPTY, Optional.empty()).forEachRemaining(slot -> scanned[0]++);
      assertEquals(99, scanned[0]);
      assertEquals(List.of(), corrupt, "once is enough");
    }
    try (SsdStore store = store()) {
      store.onCorruption(corrupt::add);
      assertEquals(99, store.keys(0, 0).size());
      assertEquals(List.of(KeyHash.of(Payload.ofText("key-42"))), corrupt, "found in passing");
    }
  }

  @Test
  void whatIsBrokenIsTakenOutAndTheRestCountedAnew() throws IOException {
    try (SsdStore store = store()) {
      for (int at = 0; at < 100; at++) {
        store.put(slot("key-" + at, "value-of-" + at + "."));
      }
    }
    Path data = folder.resolve("data.mdb");
    byte[] bytes = Files.readAllBytes(data);
    flip(bytes, "value-of-42.");
    Files.write(data, bytes);
    Payload broken = Payload.ofText("key-42");
    List<Integer> recounted = new ArrayList<>();
    try (SsdStore store = store()) {
      store.listen(new Counting(recounted));
      assertThrows(BrokenRecordException.class, () -> store.find(broken));
      store.mend(KeyHash.of(broken), DiskTally.BITS);
      assertEquals(List.of(0), recounted);
      assertEquals(99, store.size());
    }
    try (SsdStore store = store()) {
      assertEquals(99, store.size(), "for good");
      assertEquals(Optional.empty(), store.find(broken), "it is not there, and not broken");
      int[] scanned = {0};
      store.scan(Payload.EMPTY, Optional.empty()).forEachRemaining(slot -> scanned[0]++);
      assertEquals(99, scanned[0]);
      store.put(slot("key-42", "value-of-42."));
      assertTrue(store.find(broken).isPresent());
      assertEquals(100, store.size());
    }
  }

  /// Takes note of what is counted anew.
  private record Counting(List<Integer> recounted) implements Store.Listener {
    @Override
    public void found(long hash, int bits, int keys, int placed, long sum) {}

    @Override
    public void recounted(long hash, int bits, int keys) {
      recounted.add(keys);
    }

    @Override
    public void added(long keyHash) {}

    @Override
    public void replaced(long keyHash, boolean summed, long digest) {}

    @Override
    public void removed(long keyHash, boolean summed, long digest) {}
  }

  @Test
  void whatIsNotedIsThereAgainWithTheBatchThatItWasPartOf() throws IOException {
    Payload first = Payload.ofText("first");
    Payload second = Payload.ofText("second");
    try (SsdStore store = store()) {
      assertEquals(Optional.empty(), store.noted("word"));
      store.note("word", first);
      store.note("word", second);
      assertEquals(Optional.of(second), store.noted("word"));
    }
    try (SsdStore store = store()) {
      assertEquals(Optional.of(second), store.noted("word"));
    }
  }

  private static void flip(byte[] bytes, String text) {
    byte[] wanted = text.getBytes(StandardCharsets.US_ASCII);
    int found = 0;
    for (int at = 0; at + wanted.length <= bytes.length; at++) {
      boolean is = true;
      for (int i = 0; is && i < wanted.length; i++) {
        is = bytes[at + i] == wanted[i];
      }
      if (is) {
        bytes[at] ^= 1;
        found++;
      }
    }
    assertTrue(found > 0, "nowhere: " + text);
  }

  @Test
  void whatDoesNotFitWaitsAndIsReadAllTheSame() throws IOException {
    SsdStore store = store(256 << 10);
    String value = "x".repeat(1 << 10);
    for (int at = 0; at < 1_000; at++) {
      store.put(slot("key-" + at, value));
      store.flush();
    }
    while (store.obstacle().isEmpty()) {
      Thread.onSpinWait();
    }
    long settled = store.settle();
    for (int at = 0; at < 1_000; at++) {
      assertTrue(store.find(Payload.ofText("key-" + at)).isPresent());
    }
    assertTrue(store.waitingBytes() > 0);
    store.close();
    // It is in the log, from where it gets to its place once there is room.
    try (SsdStore again = store()) {
      assertTrue(again.size() >= settled, "each batch was one key");
      for (int at = 0; at < again.size(); at++) {
        assertTrue(again.find(Payload.ofText("key-" + at)).isPresent(), "in their order");
      }
      assertFalse(again.find(Payload.ofText("key-" + again.size())).isPresent());
    }
  }
}
