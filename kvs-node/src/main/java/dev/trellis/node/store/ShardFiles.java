package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.lmdbjava.Cursor;
import org.lmdbjava.Dbi;
import org.lmdbjava.Env;
import org.lmdbjava.EnvFlags;
import org.lmdbjava.LmdbException;
import org.lmdbjava.Txn;

/// The files of a shard that no node uses: of a node that has stopped, or in a backup. They are
/// read and never written, and whoever reads them keeps nodes from using them.
///
/// Confined to one thread.
public final class ShardFiles implements AutoCloseable {
  /// The file that has the data of a shard.
  public static final String DATA = "data.mdb";

  private static final int PROBLEMS_MAX = 20;

  private final Path folder;
  private final ReadLock lock;
  private final Env<ByteBuffer> env;
  private final Txn<ByteBuffer> txn;
  private final Dbi<ByteBuffer> records;
  private final Dbi<ByteBuffer> order;
  private final Dbi<ByteBuffer> ending;
  private final Dbi<ByteBuffer> tallies;
  private final SsdStore.Owner owner;
  private final Optional<Payload> placed; // of the log

  private final DiskKeys keys = new DiskKeys();
  private final ByteBuffer expected = ByteBuffer.allocateDirect(DiskKeys.BYTES_MAX);
  private final RecordView record = new RecordView();
  private final KeyProbe probe = new KeyProbe(0);

  /// What is wrong with the files of a shard.
  ///
  /// @param keys records that were read, broken ones included
  /// @param bytes of all records
  /// @param broken records that are not as they were written, or can't be found by their keys
  /// @param problems what is wrong, in words, the first twenty; empty if nothing is
  public record Findings(long keys, long bytes, long broken, List<String> problems) {
    public Findings {
      problems = List.copyOf(problems);
    }
  }

  private ShardFiles(Path folder, ReadLock lock, Env<ByteBuffer> env) throws IOException {
    this.folder = folder;
    this.lock = lock;
    this.env = env;
    Dbi<ByteBuffer> about = database(folder, "about");
    txn = env.txnRead();
    boolean isOurs = false;
    try {
      placed = DiskFiles.noted(about, txn, DiskLog.placedWord());
      String format = DiskFiles.said(about, txn, "format").orElse("");
      DiskFiles.requireFormat(folder, format);
      owner =
          new SsdStore.Owner(
              text(folder, about, "cluster"),
              text(folder, about, "node"),
              number(folder, about, "shard"),
              number(folder, about, "shards"));
      isOurs = true;
    } finally {
      if (!isOurs) {
        txn.close();
      }
    }
    txn.reset(); // opening a database takes a transaction of its own
    records = database(folder, "records");
    order = database(folder, "order");
    ending = database(folder, "ending");
    tallies = database(folder, "tally");
    txn.renew();
  }

  /// Opens the folder of a shard, without writing anything there.
  ///
  /// @throws DamagedFilesException if the file is not there, or its pages are damaged, so that
  ///   nothing can be read
  /// @throws IOException if the files are used by a node, of another format, or of something else;
  ///   the message names the folder and what to do
  public static ShardFiles open(Path folder) throws IOException {
    try {
      return openChecked(folder);
    } catch (LmdbException e) {
      throw new DamagedFilesException(folder.resolve(DATA) + " can't be read: " + e.getMessage());
    }
  }

  private static ShardFiles openChecked(Path folder) throws IOException {
    Path data = folder.resolve(DATA);
    if (!Files.isRegularFile(data)) {
      throw new DamagedFilesException(folder + " has no " + DATA + ", in which a shard's data are");
    }
    ReadLock lock = ReadLock.take(folder);
    boolean opened = false;
    try {
      DiskPages.check(data);
      Env<ByteBuffer> env =
          Env.create()
              .setMapSize(Files.size(data))
              .setMaxDbs(DiskFiles.DATABASES)
              .open(folder.toFile(), 0640, EnvFlags.MDB_RDONLY_ENV, EnvFlags.MDB_NOLOCK);
      try {
        ShardFiles files = new ShardFiles(folder, lock, env);
        opened = true;
        return files;
      } finally {
        if (!opened) {
          env.close();
        }
      }
    } finally {
      if (!opened) {
        lock.close();
      }
    }
  }

  private Dbi<ByteBuffer> database(Path folder, String name) throws IOException {
    boolean isThere =
        env.getDbiNames().stream()
            .anyMatch(one -> new String(one, StandardCharsets.UTF_8).equals(name));
    if (!isThere) {
      throw new DiskFiles.Unusable(
          "folder "
              + folder
              + " has no '"
              + name
              + "' in its "
              + DATA
              + ": it is none of Trellis; name the data folder of an SSD node or a backup");
    }
    return env.openDbi(name);
  }

  private String text(Path folder, Dbi<ByteBuffer> about, String word) throws IOException {
    return DiskFiles.said(about, txn, word)
        .orElseThrow(() -> new DamagedFilesException(folder + " does not say its " + word));
  }

  private int number(Path folder, Dbi<ByteBuffer> about, String word) throws IOException {
    String text = text(folder, about, word);
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new DamagedFilesException(folder + " says '" + text + "' for its " + word);
    }
  }

  /// Whose data these are.
  public SsdStore.Owner owner() {
    return owner;
  }

  /// The number of records.
  public long keys() {
    return records.stat(txn).entries;
  }

  // ---- Reading ----

  /// All slots whose records are intact, in the order of the ring, with the births that they had;
  /// then those in the log, which a node that was killed had not brought to their place, and which
  /// are newer states of keys that came before, perhaps. One iterator at a time, which ends with
  /// these files.
  ///
  /// @param told what is wrong with each record that is passed over
  /// @throws IOException if the log can't be read
  public Iterator<Slot> slots(Consumer<String> told) throws IOException {
    Cursor<ByteBuffer> cursor = records.openCursor(txn);
    Iterator<byte[]> logged =
        DiskLog.changes(folder, placed).stream()
            .map(DiskChange::record)
            .filter(Objects::nonNull)
            .iterator();
    return new Iterator<>() {
      private boolean isPastRecords;
      private @Nullable Slot next = seek(cursor.first());

      private @Nullable Slot seek(boolean found) {
        for (boolean more = found; more; more = cursor.next()) {
          Optional<String> problem = inspect(cursor.key(), cursor.val());
          if (problem.isEmpty()) {
            return Records.decode(probe.toPayload(), record, true);
          }
          told.accept(problem.get());
        }
        isPastRecords = true;
        cursor.close();
        return nextLogged();
      }

      private @Nullable Slot nextLogged() {
        if (!logged.hasNext()) {
          return null;
        }
        DiskRecord.see(logged.next(), record);
        record.loadKey(probe);
        return Records.decode(probe.toPayload(), record, true);
      }

      @Override
      public boolean hasNext() {
        return next != null;
      }

      @Override
      public Slot next() {
        Slot current = next;
        if (current == null) {
          throw new NoSuchElementException("read past the last record");
        }
        next = isPastRecords ? nextLogged() : seek(cursor.next());
        return current;
      }
    };
  }

  /// Looks at a record, and leaves it and its key where they can be asked for.
  ///
  /// @return what is wrong with it
  private Optional<String> inspect(ByteBuffer at, ByteBuffer value) {
    if (at.remaining() <= Long.BYTES) {
      return Optional.of("a record stands under " + at.remaining() + " bytes, which are no key");
    }
    long keyHash = at.getLong(at.position());
    String which = "the record of the key with the hash " + Long.toHexString(keyHash);
    if (!DiskRecord.isIntact(value, keyHash)) {
      return Optional.of(which + " is not as it was written");
    }
    try {
      DiskRecord.see(value, record);
      record.loadKey(probe);
    } catch (IndexOutOfBoundsException e) {
      return Optional.of(which + " ends too early");
    }
    long bytes =
        DiskRecord.HEADER_BYTES
            + RecordView.bytes(record.flags, record.keyLength, record.bodyLength);
    if (bytes != value.remaining()) {
      return Optional.of(which + " has " + value.remaining() + " bytes, and tells of " + bytes);
    }
    String named = "the record of key " + probe.toPayload();
    keys.position(expected, probe.hash(), probe.bytes(), probe.length());
    if (!expected.equals(at)) {
      return Optional.of(named + " does not stand where that belongs");
    }
    if (Records.digest(record, keyHash) != DiskRecord.digest(value)) {
      return Optional.of(named + " has the digest of another state");
    }
    return Optional.empty();
  }

  // ---- Verifying ----

  /// Reads everything, and finds out whether what is said twice is said alike: the records, the
  /// order of the keys, which of them may end, and the tally.
  ///
  /// @param seen is told now and then how many records were read
  ///
  /// @throws DamagedFilesException if it can't be read to the end
  public Findings verify(LongConsumer seen) throws DamagedFilesException {
    try {
      return new Verification(seen).run();
    } catch (LmdbException e) {
      throw new DamagedFilesException("the files can't be read on: " + e.getMessage());
    }
  }

  private final class Verification {
    private static final int TELL_AFTER = 1_000;

    private final LongConsumer seen;
    private final List<String> problems = new ArrayList<>();
    private final DiskTally counted = new DiskTally();
    private final Set<Integer> inDoubt = new TreeSet<>(); // ranges in which something is broken
    private long found;
    private long bytes;
    private long broken;
    private long ordered;
    private long endings;

    Verification(LongConsumer seen) {
      this.seen = seen;
    }

    Findings run() {
      ByteBuffer before = ByteBuffer.allocateDirect(DiskKeys.BYTES_MAX).flip();
      try (Cursor<ByteBuffer> cursor = records.openCursor(txn)) {
        for (boolean more = cursor.first(); more; more = cursor.next()) {
          ByteBuffer at = cursor.key();
          if (compare(before, at) >= 0) {
            breaks(at, "a record stands behind one that it belongs before");
          } else {
            look(at, cursor.val());
          }
          before.clear().put(at.duplicate()).flip();
          found++;
          bytes += cursor.val().remaining();
          if (found % TELL_AFTER == 0) {
            seen.accept(found);
          }
        }
      }
      compareTallies();
      if (broken == 0) {
        compareOrder();
        compareEndings();
      }
      return new Findings(found, bytes, broken, problems);
    }

    private int compare(ByteBuffer before, ByteBuffer at) {
      int mismatch = before.mismatch(at);
      if (mismatch < 0 || mismatch == before.remaining() || mismatch == at.remaining()) {
        return Integer.compare(before.remaining(), at.remaining());
      }
      return Byte.compareUnsigned(
          before.get(before.position() + mismatch), at.get(at.position() + mismatch));
    }

    private void look(ByteBuffer at, ByteBuffer value) {
      Optional<String> problem = inspect(at, value).or(this::undecodable);
      if (problem.isPresent()) {
        breaks(at, problem.get());
        return;
      }
      counted.count(
          1, probe.hash(), DiskRecord.digest(value), record.isPlaced(), value.remaining());
      if (isInOrder()) {
        ordered++;
      } else {
        breaks(at, "key " + probe.toPayload() + " is missing where keys are in order");
      }
      if (records.get(txn, at) == null) {
        breaks(at, "the record of key " + probe.toPayload() + " is there, and not found by it");
      }
      boolean isListed = ending.get(txn, at) != null;
      if (isListed) {
        endings++;
      } else if (DiskFiles.isEnding(record.flags)) {
        breaks(at, "key " + probe.toPayload() + " may end, and is not among those that may");
      }
    }

    private Optional<String> undecodable() {
      try {
        var _ = Records.decode(probe.toPayload(), record, true);
        return Optional.empty();
      } catch (IllegalStateException | IllegalArgumentException e) {
        return Optional.of(String.valueOf(e.getMessage()));
      }
    }

    private boolean isInOrder() {
      keys.order(expected, probe.bytes(), probe.length());
      ByteBuffer whole = order.get(txn, expected);
      if (whole == null) {
        return false;
      }
      int wanted = DiskKeys.isCut(probe.length()) ? probe.length() : 0;
      return whole.remaining() == wanted
          && (wanted == 0 || Payload.of(whole).equals(probe.toPayload()));
    }

    private void breaks(ByteBuffer at, String problem) {
      broken++;
      if (at.remaining() >= Long.BYTES) {
        inDoubt.add(DiskTally.rangeOf(at.getLong(at.position())));
      }
      tell(problem);
    }

    private void tell(String problem) {
      if (problems.size() < PROBLEMS_MAX) {
        problems.add(problem);
      }
    }

    /// Where nothing is broken, what was counted with each write is what is there.
    private void compareTallies() {
      DiskTally written = new DiskTally();
      try {
        var _ = DiskFiles.readTally(tallies, txn, written);
      } catch (RuntimeException e) {
        tell("the tally can't be read: " + e);
        return;
      }
      for (int range = 0; range < DiskTally.RANGES; range++) {
        boolean isEqual =
            written.keys(range) == counted.keys(range)
                && written.placed(range) == counted.placed(range)
                && written.sum(range) == counted.sum(range);
        if (!isEqual && !inDoubt.contains(range)) {
          tell(
              "the tally has "
                  + written.keys(range)
                  + " keys with the sum "
                  + Long.toHexString(written.sum(range))
                  + " in range "
                  + range
                  + ", where "
                  + counted.keys(range)
                  + " with the sum "
                  + Long.toHexString(counted.sum(range))
                  + " are");
        }
      }
      if (written.size() != found) {
        tell("the tally has " + written.size() + " keys, and there are " + found);
      }
    }

    private void compareOrder() {
      long listed = order.stat(txn).entries;
      if (listed != ordered) {
        countStrays();
      }
    }

    /// Keys in order that have no record. One that was cut may be: nothing told where it stood when
    /// its record was taken out.
    private void countStrays() {
      try (Cursor<ByteBuffer> cursor = order.openCursor(txn)) {
        for (boolean more = cursor.first(); more; more = cursor.next()) {
          ByteBuffer whole = cursor.val();
          if (!whole.hasRemaining()) {
            Payload key = Payload.of(cursor.key());
            probe.set(key);
            keys.position(expected, probe.hash(), probe.bytes(), probe.length());
            if (records.get(txn, expected) == null) {
              tell("key " + key + " is where keys are in order, and has no record");
            }
          }
        }
      }
    }

    private void compareEndings() {
      long listed = ending.stat(txn).entries;
      if (listed != endings) {
        tell(listed + " keys are among those that may end, of which " + endings + " are there");
      }
    }
  }

  /// Lets go of the files.
  @Override
  public void close() {
    txn.close();
    env.close();
    lock.close();
  }
}
