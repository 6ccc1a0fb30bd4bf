package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BiConsumer;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.lmdbjava.Dbi;
import org.lmdbjava.Env;
import org.lmdbjava.Txn;

class ShardFilesTest {
  private static final SsdStore.Owner OWNER = new SsdStore.Owner("test", "n0", 0, 1);
  private static final SsdStore.Meter NO_METER = DiskLogTest.NO_METER;
  private static final long MAP_BYTES = 1L << 30;
  private static final int META_BYTES = 152;

  @TempDir Path folder;

  private static SsdStore store(Path where) throws IOException {
    return SsdStore.open(
        where, OWNER, new SsdStore.Settings(MAP_BYTES, Duration.ZERO, 1 << 20, NO_METER));
  }

  private static Slot slot(String key, String value) {
    LwwRegister register = LwwRegister.of(HybridTimestamp.ofMillis(1), 1, 0, Payload.ofText(value));
    return new Slot(Payload.ofText(key), Entry.of(HybridTimestamp.ZERO, register), 0);
  }

  private void writeHundred() throws IOException {
    try (SsdStore store = store(folder)) {
      for (int at = 0; at < 100; at++) {
        store.put(slot("key-" + at, "value-of-" + at + "."));
      }
    }
  }

  /// Slots of every form, in several transactions, some of them replaced and some removed; among
  /// the keys such that are longer than the disk takes.
  private static Map<Payload, Slot> writeAnything(Path where, RandomGenerator random)
      throws IOException {
    RandomSlots slots = new RandomSlots(random);
    Map<Payload, Slot> all = new HashMap<>();
    try (SsdStore store = store(where)) {
      for (int at = 0; at < 600; at++) {
        int number = random.nextInt(300);
        Payload key =
            Payload.ofText(number % 7 == 0 ? "long-" + "x".repeat(510) + number : "key-" + number);
        if (random.nextInt(5) == 0) {
          store.remove(key);
          all.remove(key);
        } else {
          Slot slot = slots.slot(key);
          store.put(slot);
          all.put(key, slot);
        }
        if (random.nextInt(20) == 0) {
          store.flush();
          store.settle();
        }
      }
    }
    return all;
  }

  private static ShardFiles.Findings verify(Path where) throws IOException {
    try (ShardFiles files = ShardFiles.open(where)) {
      return files.verify(seen -> {});
    }
  }

  private static Map<Payload, Slot> read(Path where, List<String> problems) throws IOException {
    Map<Payload, Slot> found = new HashMap<>();
    try (ShardFiles files = ShardFiles.open(where)) {
      files.slots(problems::add).forEachRemaining(slot -> found.put(slot.key(), slot));
    }
    return found;
  }

  private static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  private interface Check {
    void run(long seed) throws IOException;
  }

  private static void forSeeds(int count, Check check) throws IOException {
    Long replayed = Long.getLong("seed");
    for (int run = 0; run < (replayed == null ? count : 1); run++) {
      long seed = replayed == null ? ThreadLocalRandom.current().nextLong() : replayed;
      try {
        check.run(seed);
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("failed with -Dseed=" + seed + ": " + e.getMessage(), e);
      }
    }
  }

  @Test
  void whatWasWrittenIsSoundAndReadAsItWas() throws IOException {
    forSeeds(
        5,
        seed -> {
          Path where = folder.resolve(Long.toHexString(seed));
          Map<Payload, Slot> written = writeAnything(where, random(seed));
          ShardFiles.Findings findings = verify(where);
          assertEquals(List.of(), findings.problems());
          assertEquals(written.size(), findings.keys());
          assertEquals(0, findings.broken());
          List<String> problems = new ArrayList<>();
          assertEquals(written, read(where, problems));
          assertEquals(List.of(), problems);
        });
  }

  private static Map<String, Integer> contents(Path where) throws IOException {
    Map<String, Integer> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(where)) {
      for (Path file : files.toList()) {
        contents.put(
            file.getFileName().toString(), ByteBuffer.wrap(Files.readAllBytes(file)).hashCode());
      }
    }
    return contents;
  }

  @Test
  void nothingIsWrittenAndNoLifeBegins() throws IOException {
    writeHundred();
    Files.delete(folder.resolve("lock.mdb"));
    Map<String, Integer> before = contents(folder);
    assertEquals(100, verify(folder).keys());
    try (ShardFiles files = ShardFiles.open(folder)) {
      assertEquals(OWNER, files.owner());
      assertEquals(100, files.keys());
    }
    assertEquals(before, contents(folder));
    try (DiskFiles files = DiskFiles.open(folder, OWNER, MAP_BYTES, NO_METER)) {
      assertEquals(2, files.life());
    }
  }

  @Test
  void aCopyIsSoundAndNeedsNoLock() throws IOException, InterruptedException {
    Path copy = Files.createDirectory(folder.resolve("copy"));
    Path original = folder.resolve("original");
    try (SsdStore store = store(original)) {
      store.put(slot("a", "1"));
      store.flush();
      store.awaitWritten(Duration.ofMinutes(1));
      store.copyTo(copy);
      store.put(slot("b", "2"));
    }
    assertEquals(new ShardFiles.Findings(1, verify(copy).bytes(), 0, List.of()), verify(copy));
    assertEquals(2, verify(original).keys());
    assertEquals(Set.of(ShardFiles.DATA), contents(copy).keySet());
  }

  private void flip(String text, String what) throws IOException {
    Path data = folder.resolve(ShardFiles.DATA);
    byte[] bytes = Files.readAllBytes(data);
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    int times = 0;
    for (int at = 0; at + wanted.length <= bytes.length; at++) {
      if (java.util.Arrays.equals(bytes, at, at + wanted.length, wanted, 0, wanted.length)) {
        bytes[at] ^= 1;
        times++;
      }
    }
    assertTrue(times > 0, what + " is in the file");
    Files.write(data, bytes);
  }

  @Test
  void aFlippedBitInAValueIsFoundAndTheRestRead() throws IOException {
    writeHundred();
    flip("value-of-42.", "the value");
    ShardFiles.Findings findings = verify(folder);
    assertEquals(100, findings.keys());
    assertEquals(1, findings.broken());
    String hash = Long.toHexString(KeyHash.of(Payload.ofText("key-42")));
    assertEquals(
        List.of("the record of the key with the hash " + hash + " is not as it was written"),
        findings.problems());
    List<String> problems = new ArrayList<>();
    Map<Payload, Slot> found = read(folder, problems);
    assertEquals(99, found.size());
    assertTrue(!found.containsKey(Payload.ofText("key-42")));
    assertEquals(findings.problems(), problems);
  }

  @Test
  void aFlippedBitInAKeyIsFoundWhereverTheKeyStands() throws IOException {
    writeHundred();
    flip("key-42", "the key"); // in the record, where it stands, and where keys are in order
    ShardFiles.Findings findings = verify(folder);
    assertEquals(1, findings.broken());
    assertTrue(
        findings.problems().getFirst().endsWith("is not as it was written"),
        findings.problems()::toString);
  }

  private void edit(String database, BiConsumer<Dbi<ByteBuffer>, Txn<ByteBuffer>> change) {
    try (Env<ByteBuffer> env =
        Env.create().setMapSize(MAP_BYTES).setMaxDbs(5).open(folder.toFile())) {
      Dbi<ByteBuffer> edited = env.openDbi(database);
      try (Txn<ByteBuffer> txn = env.txnWrite()) {
        change.accept(edited, txn);
        txn.commit();
      }
    }
  }

  private static ByteBuffer bytes(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
  }

  @Test
  void whatIsSaidTwiceMustBeSaidAlike() throws IOException {
    writeHundred();
    edit("order", (order, txn) -> assertTrue(order.delete(txn, bytes("key-7"))));
    assertEquals(
        List.of("key \"key-7\" is missing where keys are in order"), verify(folder).problems());
    edit("order", (order, txn) -> order.put(txn, bytes("key-7"), bytes("")));
    assertEquals(List.of(), verify(folder).problems());
    edit("order", (order, txn) -> order.put(txn, bytes("key-777"), bytes("")));
    assertEquals(
        List.of("key \"key-777\" is where keys are in order, and has no record"),
        verify(folder).problems());
    edit("order", (order, txn) -> assertTrue(order.delete(txn, bytes("key-777"))));
    edit("ending", (ending, txn) -> ending.put(txn, bytes("12345678x"), bytes("")));
    assertEquals(
        List.of("1 keys are among those that may end, of which 0 are there"),
        verify(folder).problems());
    edit("ending", (ending, txn) -> assertTrue(ending.delete(txn, bytes("12345678x"))));
    assertEquals(List.of(), verify(folder).problems());
  }

  @Test
  void aTallyThatCountsOtherwiseIsFound() throws IOException {
    writeHundred();
    edit(
        "records",
        (records, txn) -> {
          ByteBuffer position = ByteBuffer.allocateDirect(DiskKeys.BYTES_MAX);
          byte[] key = "key-3".getBytes(StandardCharsets.UTF_8);
          new DiskKeys().position(position, KeyHash.of(Payload.ofText("key-3")), key, key.length);
          assertTrue(records.delete(txn, position));
        });
    List<String> problems = verify(folder).problems();
    int range = DiskTally.rangeOf(KeyHash.of(Payload.ofText("key-3")));
    assertTrue(
        problems.getFirst().startsWith("the tally has 1 keys with the sum "), problems::toString);
    assertTrue(
        problems.getFirst().contains(" in range " + range + ", where 0 "), problems::toString);
    assertEquals("the tally has 100 keys, and there are 99", problems.get(1));
    assertEquals("key \"key-3\" is where keys are in order, and has no record", problems.get(2));
  }

  @Test
  void aLongKeyThatWasTakenOutMayLeaveItsPlaceInTheOrder() throws IOException {
    Payload key = Payload.ofText("k".repeat(600));
    try (SsdStore store = store(folder)) {
      store.put(slot("k".repeat(600), "value-of-42."));
    }
    flip("value-of-42.", "the value");
    assertEquals(1, verify(folder).broken());
    try (SsdStore store = store(folder)) {
      store.listen(new Indifferent());
      assertThrows(BrokenRecordException.class, () -> store.find(key));
      store.mend(KeyHash.of(key), DiskTally.BITS);
    }
    assertEquals(new ShardFiles.Findings(0, 0, 0, List.of()), verify(folder));
  }

  private record Indifferent() implements Store.Listener {
    @Override
    public void added(long keyHash) {}

    @Override
    public void replaced(long keyHash, boolean summed, long digest) {}

    @Override
    public void removed(long keyHash, boolean summed, long digest) {}

    @Override
    public void found(long hash, int bits, int keys, int placed, long sum) {}

    @Override
    public void recounted(long hash, int bits, int keys) {}
  }

  private String refusal() {
    return String.valueOf(
        assertThrows(IOException.class, () -> ShardFiles.open(folder)).getMessage());
  }

  @Test
  void filesInUseAreRefused() throws IOException {
    try (SsdStore _ = store(folder)) {
      assertEquals(
          "data folder " + folder + " is in use by a node that runs; stop that first", refusal());
    }
    verify(folder);
  }

  @Test
  void anotherFormatIsRefused() throws IOException {
    writeHundred();
    edit("about", (about, txn) -> about.put(txn, bytes("format"), bytes("2")));
    assertEquals(
        "data folder "
            + folder
            + " is in format 2, this version reads format 1; use the version that wrote it, or"
            + " another folder",
        refusal());
  }

  @Test
  void filesOfSomethingElseAreRefused() throws IOException {
    assertEquals(
        folder + " has no data.mdb, in which a shard's data are",
        assertThrows(DamagedFilesException.class, () -> ShardFiles.open(folder)).getMessage());
    try (Env<ByteBuffer> env = Env.create().setMapSize(MAP_BYTES).open(folder.toFile())) {
      env.sync(true);
    }
    assertTrue(refusal().contains(" it is none of Trellis; name the data folder"), refusal());
    Files.writeString(folder.resolve(ShardFiles.DATA), "x".repeat(10_000));
    assertTrue(
        refusal().endsWith("does not begin as a file of LMDB does: its first page is another"),
        refusal());
    Files.writeString(folder.resolve(ShardFiles.DATA), "");
    assertTrue(refusal().endsWith("is damaged: has 0 bytes only"), refusal());
  }

  @Test
  void aFileThatIsCutOffIsFoundWhereverItEnds() throws IOException {
    writeAnything(folder, random(1));
    Path data = folder.resolve(ShardFiles.DATA);
    byte[] whole = Files.readAllBytes(data);
    for (int length = 0; length < whole.length * 9L / 10; length += 10_007) {
      Files.write(data, java.util.Arrays.copyOf(whole, length));
      assertThrows(DamagedFilesException.class, () -> verify(folder), "at " + length);
    }
  }

  /// Where LMDB is led astray by a page, the process ends; that it does not is what this is about.
  @Test
  void whateverBitFlipsEitherItIsFoundOrNothingReadsOtherwise() throws IOException {
    forSeeds(
        3,
        seed -> {
          RandomGenerator random = random(seed);
          Path where = folder.resolve(Long.toHexString(seed));
          Map<Payload, Slot> written = writeAnything(where, random);
          Path data = where.resolve(ShardFiles.DATA);
          byte[] whole = Files.readAllBytes(data);
          int pages = whole.length / 4096;
          for (int time = 0; time < 300; time++) {
            byte[] flipped = whole.clone();
            // Beyond the first two pages, of which the later counts: that is told by one number.
            // Heads of pages, and of what is in them, matter most.
            int page = random.nextInt(2, pages);
            int at = random.nextInt(random.nextBoolean() ? 64 : 4096);
            int bit = random.nextInt(Byte.SIZE);
            flipped[page * 4096 + at] ^= (byte) (1 << bit);
            Files.write(data, flipped);
            requireFoundOrHarmless(where, written, "bit " + bit + " at " + at + " of page " + page);
          }
        });
  }

  private static void requireFoundOrHarmless(Path where, Map<Payload, Slot> written, String flip)
      throws IOException {
    List<String> problems = new ArrayList<>();
    try {
      problems.addAll(verify(where).problems());
      Map<Payload, Slot> found = read(where, new ArrayList<>());
      assertTrue(written.entrySet().containsAll(found.entrySet()), flip + " makes up values");
      assertTrue(!problems.isEmpty() || found.equals(written), flip + " is not found");
    } catch (DamagedFilesException | DiskFiles.Unusable e) {
      // found
    }
  }

  /// Of the first two pages, either is the later one.
  @Test
  void aFlippedBitInTheFirstPagesEndsNothing() throws IOException, InterruptedException {
    writeHundred();
    flipInFirstPages();
    try (SsdStore store = store(folder)) {
      store.put(slot("a", "1"));
      store.flush();
      store.awaitWritten(Duration.ofMinutes(1));
      store.put(slot("b", "2"));
    }
    flipInFirstPages();
  }

  private void flipInFirstPages() throws IOException {
    Path data = folder.resolve(ShardFiles.DATA);
    byte[] whole = Files.readAllBytes(data);
    for (int bit = 0; bit < 2 * META_BYTES * Byte.SIZE; bit++) {
      int page = bit / Byte.SIZE / META_BYTES;
      byte[] flipped = whole.clone();
      flipped[page * 4096 + bit / Byte.SIZE % META_BYTES] ^= (byte) (1 << bit % Byte.SIZE);
      Files.write(data, flipped);
      try {
        var _ = verify(folder);
      } catch (DamagedFilesException | DiskFiles.Unusable e) {
        // found
      }
    }
    Files.write(data, whole);
  }
}
