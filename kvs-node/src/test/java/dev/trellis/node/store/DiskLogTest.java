package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a log has after a loss of power: all that was synced, whatever stands behind it.
class DiskLogTest {
  static final SsdStore.Meter NO_METER =
      new SsdStore.Meter() {
        @Override
        public void synced(int changes, long nanos, long syncNanos) {}

        @Override
        public void placed(int changes, long nanos) {}
      };

  @TempDir Path folder;
  private Map<String, String> recovered = new HashMap<>();

  private Optional<Payload> noted = Optional.empty(); // of what is in its place

  private DiskLog open() throws IOException {
    return open(Optional.empty());
  }

  private DiskLog open(Optional<Payload> placed) throws IOException {
    recovered = new HashMap<>();
    return DiskLog.open(
        folder,
        batch -> {
          batch
              .changes()
              .forEach(
                  change -> {
                    byte[] record = change.record();
                    Payload key = change.key().key();
                    recovered.put(key.text(), record == null ? "-" : text(key, record));
                  });
          batch.notes().forEach(this::note);
          batch.recounted().forEach(range -> recovered.put("range " + range, ""));
        },
        placed,
        NO_METER);
  }

  private void note(String word, Payload text) {
    if (word.equals(DiskLog.placedWord())) {
      noted = Optional.of(text);
    } else {
      recovered.put("note " + word, text.text());
    }
  }

  private static String text(Payload key, byte[] record) {
    RecordView view = new RecordView();
    DiskRecord.see(record, view);
    return Records.decode(key, view, true).entry().liveValues(0).stream()
        .map(value -> ((LwwRegister) value).payload().orElseThrow().text())
        .findFirst()
        .orElseThrow();
  }

  private static Commits.Batch batch(String key, String value) {
    LwwRegister register = LwwRegister.of(HybridTimestamp.ofMillis(1), 1, 0, Payload.ofText(value));
    Slot slot = new Slot(Payload.ofText(key), Entry.of(HybridTimestamp.ZERO, register), 5);
    return new Commits.Batch(
        1,
        List.of(new DiskChange(DiskChange.Key.of(slot.key()), encoded(slot), null, 1)),
        Map.of(),
        new TreeSet<>());
  }

  private static byte[] encoded(Slot slot) {
    KeyProbe probe = new KeyProbe(0);
    probe.set(slot.key());
    return new DiskRecord(1).encode(probe, slot);
  }

  @Test
  void hasAllThatWasAppended() throws IOException {
    try (DiskLog log = open()) {
      assertEquals(Map.of(), recovered);
      log.append(List.of(batch("a", "1"), batch("b", "x".repeat(1 << 20))));
      log.append(List.of(batch("a", "2")));
      log.append(
          List.of(
              new Commits.Batch(
                  2,
                  List.of(new DiskChange(DiskChange.Key.of(Payload.ofText("gone")), null, null, 1)),
                  Map.of("word", Payload.ofText("text")),
                  new TreeSet<>(List.of(7)))));
    }
    try (DiskLog _ = open()) {
      assertEquals(
          Map.of(
              "a", "2", "b", "x".repeat(1 << 20), "gone", "-", "note word", "text", "range 7", ""),
          recovered);
    }
  }

  @Test
  void whatWasBroughtToItsPlaceIsWrittenOverAndWhatIsLeftOfItNotTakenForWhatCame()
      throws IOException {
    for (int turn = 0; turn < 5; turn++) {
      try (DiskLog log = open()) {
        for (int at = 0; at < 10; at++) {
          log.append(List.of(batch("k" + at, turn + "." + at)));
        }
        var _ = log.beginNext(); // what was before it is in its place
        log.append(List.of(batch("k0", turn + " again")));
        var _ = log.beginNext(); // and so are the ten
        log.append(List.of(batch("k1", turn + " last")));
      }
      try (DiskLog _ = open()) {
        assertEquals(Map.of("k0", turn + " again", "k1", turn + " last"), recovered);
      }
    }
  }

  /// Whatever of it is left: newer things may be in place by then.
  @Test
  void whatIsNotedToBeInItsPlaceIsNotBroughtThereAgain() throws IOException {
    Path second = folder.resolve("log-0");
    byte[] left;
    try (DiskLog log = open()) {
      log.append(List.of(batch("k", "1"))); // in log-1
      var _ = log.beginNext();
      log.append(List.of(batch("k", "2")));
      left = Files.readAllBytes(second);
      Commits.Batch placed = log.beginNext().apply(batch("k", "2"));
      placed.notes().forEach(this::note);
      log.append(List.of(batch("k", "3"))); // over the first
    }
    Files.write(folder.resolve("log-1"), new byte[0]);
    try (DiskLog log = open(noted)) {
      assertEquals(Map.of(), recovered, "the second is in its place, the third is lost");
      // The number of a generation is not used again.
      log.append(List.of(batch("k", "4")));
    }
    Files.write(second, left);
    try (DiskLog log = open(noted)) {
      assertEquals(Map.of("k", "4"), recovered);
      log.clear();
      log.append(List.of(batch("k", "5")));
    }
    try (DiskLog _ = open(noted)) {
      assertEquals(Map.of("k", "5"), recovered);
    }
  }

  /// What was not synced may be there in part, in any state, or not at all.
  @Test
  void aTornEndIsCutOffAndNothingElse() throws IOException {
    List<Long> ends = new ArrayList<>();
    try (DiskLog log = open()) {
      for (int at = 0; at < 4; at++) {
        log.append(List.of(batch("k" + at, "value " + at)));
        ends.add(log.bytes());
      }
    }
    Path file =
        DiskLog.paths(folder).stream().max((a, b) -> size(a) < size(b) ? -1 : 1).orElseThrow();
    byte[] whole = Files.readAllBytes(file);
    Random random = new Random(1);
    for (int length = 0; length <= whole.length; length++) {
      byte[] torn = Arrays.copyOf(whole, whole.length);
      for (int at = length; at < torn.length; at++) {
        torn[at] = (byte) (random.nextBoolean() ? 0 : random.nextInt());
      }
      Files.write(file, random.nextBoolean() ? torn : Arrays.copyOf(whole, length));
      int synced = 0;
      while (synced < ends.size() && ends.get(synced) <= length) {
        synced++;
      }
      try (DiskLog _ = open()) {
        for (int at = 0; at < synced; at++) {
          assertEquals("value " + at, recovered.get("k" + at), "cut at " + length);
        }
        assertTrue(recovered.size() <= synced + 1, "cut at " + length + ": " + recovered);
      }
    }
  }

  private static long size(Path file) {
    return file.toFile().length();
  }
}
