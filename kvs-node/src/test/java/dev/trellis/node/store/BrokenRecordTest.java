package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.*;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Records that break while the store is open.
class BrokenRecordTest {
  private static final SsdStore.Owner OWNER = new SsdStore.Owner("test", "n0", 0, 2);
  @TempDir Path folder;

  private SsdStore store() throws Exception {
    return SsdStore.open(
        folder,
        OWNER,
        new SsdStore.Settings(1L << 30, Duration.ZERO, 1 << 20, DiskLogTest.NO_METER));
  }

  private static Slot slot(String key, String value) {
    LwwRegister register = LwwRegister.of(HybridTimestamp.ofMillis(1), 1, 0, Payload.ofText(value));
    return new Slot(Payload.ofText(key), Entry.of(HybridTimestamp.ZERO, register), 0);
  }

  private static void settle(SsdStore store) {
    var _ = store.flush();
    while (!store.isInPlace() && store.obstacle().isEmpty()) {
      var _ = store.settle();
      Thread.onSpinWait();
    }
  }

  /// Flips in place, as the file is mapped.
  private int flip(String text, int before, int mask) throws Exception {
    Path data = folder.resolve("data.mdb");
    String all = new String(Files.readAllBytes(data), StandardCharsets.ISO_8859_1);
    int found = 0;
    try (FileChannel file =
        FileChannel.open(data, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      for (int at = all.indexOf(text); at >= 0; at = all.indexOf(text, at + 1)) {
        ByteBuffer one = ByteBuffer.allocate(1);
        file.read(one, at - before);
        one.put(0, (byte) (one.get(0) ^ mask)).flip();
        file.write(one, at - before);
        found++;
      }
    }
    return found;
  }

  @Test
  void whatBreaksASecondTimeIsToldASecondTime() throws Exception {
    try (SsdStore store = store()) {
      store.listen(Store.Listener.NOBODY);
      store.put(slot("key-42", "value-of-42."));
      settle(store);
      assertTrue(flip("value-of-42.", 0, 1) > 0);
      Payload key = Payload.ofText("key-42");
      assertThrows(BrokenRecordException.class, () -> store.find(key));
      store.mend(KeyHash.of(key), DiskTally.BITS);
      settle(store);
      store.put(slot("key-42", "value-of-42.")); // from another replica
      settle(store);
      assertTrue(store.find(key).isPresent());
      assertTrue(flip("value-of-42.", 0, 1) > 0);
      assertThrows(BrokenRecordException.class, () -> store.find(key), "and not missing");
    }
  }

  @Test
  void whatIsBrokenDoesNotStopTheWriter() throws Exception {
    try (SsdStore store = store()) {
      store.listen(Store.Listener.NOBODY);
      for (int i = 0; i < 10; i++) {
        store.put(slot("key-4" + i, "value-of-4" + i + "."));
      }
      settle(store);
      store.onCorruption(hash -> {});
      // The flags: as if there were a placement, beyond the end of the record.
      int n =
          flip(new String(new byte[] {2, 6, 12}, StandardCharsets.ISO_8859_1) + "key-42", 0, 0x80);
      assertTrue(n > 0);
      store.release();
      store.keys(
          0,
          0); // in passing, as where two replicas compare; the shard mends at the end of its turn
      store.put(slot("key-42", "value-of-42.")); // of another message in the same turn
      store.mend(KeyHash.of(Payload.ofText("key-42")), DiskTally.BITS);
      settle(store);
      assertEquals(Optional.empty(), store.obstacle());
    }
  }
}
