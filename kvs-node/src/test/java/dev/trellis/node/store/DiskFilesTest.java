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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskFilesTest {
  private static final DiskFiles.Owner OWNER = new DiskFiles.Owner("test", "n0", 0, 2);
  private static final long MAP_BYTES = 1L << 30;

  @TempDir Path folder;

  private DiskFiles open(DiskFiles.Owner owner) throws IOException {
    return DiskFiles.open(folder, owner, MAP_BYTES);
  }

  private static SsdStore store(DiskFiles files) {
    Commits commits = new Commits("commits", files, () -> {});
    commits.start();
    return new SsdStore(files, commits);
  }

  private static Slot slot(String key, String value) {
    LwwRegister register = LwwRegister.of(HybridTimestamp.ofMillis(1), 1, 0, Payload.ofText(value));
    return new Slot(Payload.ofText(key), Entry.of(HybridTimestamp.ZERO, register), 0);
  }

  private String refusal(DiskFiles.Owner owner) {
    return assertThrows(DiskFiles.Unusable.class, () -> open(owner)).getMessage();
  }

  @Test
  void dataOfSomebodyElseAreRefusedWithWhatToDo() throws IOException {
    open(OWNER).close();
    String cluster = refusal(new DiskFiles.Owner("other", "n0", 0, 2));
    assertTrue(cluster.contains("belongs to cluster 'test', not 'other'"), cluster);
    assertTrue(cluster.contains("set cluster.name to that"), cluster);
    assertTrue(cluster.contains(folder.toString()), cluster);
    String node = refusal(new DiskFiles.Owner("test", "n1", 0, 2));
    assertTrue(node.contains("belongs to node 'n0', not 'n1'"), node);
    String shards = refusal(new DiskFiles.Owner("test", "n0", 0, 3));
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
    try (SsdStore store = store(open(OWNER))) {
      for (int at = 0; at < 100; at++) {
        store.put(slot("key-" + at, "value-of-" + at + "."));
      }
    }
    Path data = folder.resolve("data.mdb");
    byte[] bytes = Files.readAllBytes(data);
    flip(bytes, "value-of-42.");
    Files.write(data, bytes);
    List<Long> corrupt = new ArrayList<>();
    try (SsdStore store = store(open(OWNER))) {
      store.onCorruption(corrupt::add);
      assertEquals(
          Optional.of(slot("key-41", "value-of-41.")), store.find(Payload.ofText("key-41")));
      assertEquals(Optional.empty(), store.find(Payload.ofText("key-42")));
      assertEquals(List.of(KeyHash.of(Payload.ofText("key-42"))), corrupt);
      int[] scanned = {0};
      store.scan(Payload.EMPTY, Optional.empty()).forEachRemaining(slot -> scanned[0]++);
      assertEquals(99, scanned[0]);
      assertEquals(1, corrupt.size(), "once is enough");
      // Another replica's state mends it.
      store.put(slot("key-42", "value-of-42."));
      assertTrue(store.find(Payload.ofText("key-42")).isPresent());
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
    DiskFiles files = DiskFiles.open(folder, OWNER, 256 << 10);
    SsdStore store = store(files);
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
    try (SsdStore again = store(DiskFiles.open(folder, OWNER, MAP_BYTES))) {
      assertTrue(again.size() < 1_000);
      assertTrue(again.size() >= settled, "each batch was one key");
      for (int at = 0; at < again.size(); at++) {
        assertTrue(again.find(Payload.ofText("key-" + at)).isPresent(), "in their order");
      }
      assertFalse(again.find(Payload.ofText("key-" + again.size())).isPresent());
    }
  }
}
