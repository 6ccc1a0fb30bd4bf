package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.lmdbjava.CopyFlags;
import org.lmdbjava.Cursor;
import org.lmdbjava.Dbi;
import org.lmdbjava.DbiFlags;
import org.lmdbjava.Env;
import org.lmdbjava.EnvFlags;
import org.lmdbjava.GetOp;
import org.lmdbjava.LmdbException;
import org.lmdbjava.Stat;
import org.lmdbjava.Txn;

/// The LMDB environment of one shard.
///
/// | database | key | value |
/// |---|---|---|
/// | `records` | hash of the key, then the key ([DiskKeys#position]) | checksum, life, digest, record |
/// | `order` | the key ([DiskKeys#order]) | the key if it had to be cut |
/// | `ending` | as in `records` | nothing; for what must be looked at from time to time |
/// | `tally` | 0; or the number of a transaction since | [DiskTally] |
/// | `about` | a word | whose data this is |
///
/// One thread writes ([#commit]), others read in transactions of their own.
final class DiskFiles implements Commits.Target, AutoCloseable {
  /// What this version writes, and the only one that it reads.
  static final int FORMAT = 1;

  private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(0);
  static final int DATABASES = 5;
  private static final int READERS_MAX = 16;

  /// Room for a record that is to be written; more is not kept.
  private static final int LENT_BYTES = 64 << 10;

  /// Changes of the tally, at most, before it is written whole.
  private static final int TALLY_CHANGES_MAX = 64;

  /// Begins the names of what the shard notes.
  private static final String NOTE = "note ";

  /// A folder that can't be used, with what to do about it.
  static final class Unusable extends IOException {
    private static final long serialVersionUID = 1;

    Unusable(String message) {
      super(message);
    }
  }

  private final Path folder;
  private final FileChannel lock;
  private final SsdStore.Meter meter;
  private final Env<ByteBuffer> env;
  private final Dbi<ByteBuffer> records;
  private final Dbi<ByteBuffer> order;
  private final Dbi<ByteBuffer> ending;
  private final Dbi<ByteBuffer> tallies;
  private final Dbi<ByteBuffer> about;
  private final int life; // counts how often the folder was opened

  // Of the thread that writes.
  private final DiskKeys keys = new DiskKeys();
  private final ByteBuffer position = ByteBuffer.allocateDirect(DiskKeys.BYTES_MAX);
  private final ByteBuffer ordered = ByteBuffer.allocateDirect(DiskKeys.BYTES_MAX);
  private final RecordView view = new RecordView();
  private final DiskTally tally = new DiskTally();
  private boolean isTallyRight = true; // whether it is that on disk
  private long lastTally; // the number of the last change of it on disk
  private ByteBuffer lent = ByteBuffer.allocateDirect(LENT_BYTES);

  private DiskFiles(
      Path folder,
      FileChannel lock,
      Env<ByteBuffer> env,
      SsdStore.Owner owner,
      SsdStore.Meter meter)
      throws Unusable {
    this.meter = meter;
    this.folder = folder;
    this.lock = lock;
    this.env = env;
    about = env.openDbi("about", DbiFlags.MDB_CREATE);
    requireOurs(owner);
    records = env.openDbi("records", DbiFlags.MDB_CREATE);
    order = env.openDbi("order", DbiFlags.MDB_CREATE);
    ending = env.openDbi("ending", DbiFlags.MDB_CREATE);
    tallies = env.openDbi("tally", DbiFlags.MDB_CREATE);
    life = beginLife(owner);
    try (Txn<ByteBuffer> txn = env.txnRead()) {
      lastTally = readTally(tallies, txn, tally);
    }
  }

  /// Opens the folder of a shard, which is made if it is not there.
  ///
  /// @param mapBytes the most that it may grow to; costs address space only
  /// @throws Unusable if the data are somebody else's, or in use, or of another format
  static DiskFiles open(Path folder, SsdStore.Owner owner, long mapBytes, SsdStore.Meter meter)
      throws IOException {
    FileChannel lock;
    try {
      Files.createDirectories(folder);
      lock =
          FileChannel.open(
              folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (AccessDeniedException e) {
      throw new Unusable(
          "data folder "
              + folder
              + " can't be written: permission denied; give this user the right");
    }
    boolean opened = false;
    try {
      lockOrSay(lock, folder);
      Env<ByteBuffer> env =
          Env.create()
              .setMapSize(mapBytes)
              .setMaxDbs(DATABASES)
              .setMaxReaders(READERS_MAX)
              .open(folder.toFile(), 0640, EnvFlags.MDB_NOTLS, EnvFlags.MDB_NORDAHEAD);
      try {
        DiskFiles files = new DiskFiles(folder, lock, env, owner, meter);
        opened = true;
        return files;
      } finally {
        if (!opened) {
          env.close();
        }
      }
    } catch (LmdbException e) {
      throw new Unusable(
          "data folder "
              + folder
              + " can't be used: "
              + e.getMessage()
              + "; free space on its disk, or restore it from a backup");
    } finally {
      if (!opened) {
        lock.close();
      }
    }
  }

  private static void lockOrSay(FileChannel lock, Path folder) throws IOException {
    boolean taken;
    try {
      taken = lock.tryLock() == null;
    } catch (OverlappingFileLockException inThisProcess) {
      taken = true;
    }
    if (taken) {
      throw new Unusable(
          "data folder "
              + folder
              + " is in use by another process; end that, or use another folder");
    }
  }

  // ---- Whose it is ----

  private void requireOurs(SsdStore.Owner owner) throws Unusable {
    try (Txn<ByteBuffer> txn = env.txnRead()) {
      Optional<String> format = said(about, txn, "format");
      if (format.isEmpty()) {
        return;
      }
      requireFormat(folder, format.get());
      requireSaid(txn, "cluster", owner.cluster(), "cluster.name");
      requireSaid(txn, "node", owner.node(), "node.id");
      requireSaid(txn, "shards", Integer.toString(owner.shards()), "shards");
      requireSaid(txn, "shard", Integer.toString(owner.shard()), "the place of the folder");
    }
  }

  private void requireSaid(Txn<ByteBuffer> txn, String what, String wanted, String setting)
      throws Unusable {
    String found = said(about, txn, what).orElse("");
    require(
        folder,
        found.equals(wanted),
        "belongs to "
            + what
            + " '"
            + found
            + "', not '"
            + wanted
            + "'; set "
            + setting
            + " to that, or use another data.folder");
  }

  static void requireFormat(Path folder, String format) throws Unusable {
    require(
        folder,
        format.equals(Integer.toString(FORMAT)),
        "is in format "
            + format
            + ", this version reads format "
            + FORMAT
            + "; use the version that wrote it, or another folder");
  }

  private static void require(Path folder, boolean holds, String otherwise) throws Unusable {
    if (!holds) {
      throw new Unusable("data folder " + folder + " " + otherwise);
    }
  }

  /// What is said about the data under a word.
  static Optional<String> said(Dbi<ByteBuffer> about, Txn<ByteBuffer> txn, String what) {
    return Optional.ofNullable(about.get(txn, direct(what)))
        .map(found -> StandardCharsets.UTF_8.decode(found).toString());
  }

  private static ByteBuffer direct(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
  }

  private int beginLife(SsdStore.Owner owner) {
    try (Txn<ByteBuffer> txn = env.txnWrite()) {
      int next = said(about, txn, "life").map(Integer::parseInt).orElse(0) + 1;
      Map<String, String> all =
          Map.of(
              "format", Integer.toString(FORMAT),
              "cluster", owner.cluster(),
              "node", owner.node(),
              "shard", Integer.toString(owner.shard()),
              "shards", Integer.toString(owner.shards()),
              "life", Integer.toString(next));
      all.forEach((word, text) -> about.put(txn, direct(word), direct(text)));
      txn.commit();
      return next;
    }
  }

  int life() {
    return life;
  }

  // ---- The tally ----

  /// Reads what is on disk.
  ///
  /// @return the number of the last change
  static long readTally(Dbi<ByteBuffer> tallies, Txn<ByteBuffer> txn, DiskTally into) {
    long last = 0;
    try (Cursor<ByteBuffer> cursor = tallies.openCursor(txn)) {
      for (boolean found = cursor.first(); found; found = cursor.next()) {
        long number = cursor.key().getLong(0);
        if (number == 0) {
          into.readAll(cursor.val());
        } else {
          into.readChanged(cursor.val());
          last = number;
        }
      }
    }
    return last;
  }

  /// What is on disk, as of the start of the process.
  DiskTally tallyAtStart() {
    DiskTally copy = new DiskTally();
    copy.copyFrom(tally);
    return copy;
  }

  private void writeTally(Txn<ByteBuffer> txn) {
    ByteBuffer number = ByteBuffer.allocateDirect(Long.BYTES);
    if (lastTally < TALLY_CHANGES_MAX) {
      lastTally++;
      number.putLong(0, lastTally);
      tally.writeChanged(tallies.reserve(txn, number, tally.changedBytes()));
      return;
    }
    for (; lastTally > 0; lastTally--) {
      number.putLong(0, lastTally);
      tallies.delete(txn, number);
    }
    number.putLong(0, 0);
    tally.writeAll(tallies.reserve(txn, number, DiskTally.allBytes()));
  }

  // ---- Writing ----

  @Override
  public void commit(Commits.Batch batch) {
    long began = System.nanoTime();
    if (!isTallyRight) {
      DiskTally onDisk = new DiskTally();
      try (Txn<ByteBuffer> txn = env.txnRead()) {
        lastTally = readTally(tallies, txn, onDisk);
      }
      tally.copyFrom(onDisk);
    }
    isTallyRight = false; // until it is written
    try (Txn<ByteBuffer> txn = env.txnWrite()) {
      batch.changes().forEach(change -> apply(txn, change));
      batch.notes().forEach((word, text) -> about.put(txn, direct(NOTE + word), direct(text)));
      batch.recounted().forEach(range -> recount(txn, range));
      writeTally(txn);
      txn.commit();
    }
    isTallyRight = true;
    meter.placed(batch.changes().size(), System.nanoTime() - began);
  }

  private void apply(Txn<ByteBuffer> txn, DiskChange change) {
    DiskChange.Key key = change.key();
    byte[] bytes = key.key().toBytes();
    keys.position(position, key.hash(), bytes, bytes.length);
    ByteBuffer before = records.get(txn, position);
    boolean isThere = before != null;
    boolean wasEnding = false;
    if (before != null && !DiskRecord.isIntact(before, key.hash())) {
      // Nothing in it can be relied on, so what is counted is not right until it is counted anew.
      ending.delete(txn, position);
    } else if (before != null) {
      DiskRecord.see(before, view);
      wasEnding = isEnding(view.flags);
      tally.count(-1, key.hash(), DiskRecord.digest(before), view.isPlaced(), before.remaining());
    }
    byte[] record = change.record();
    boolean isEnding = false;
    if (record != null) {
      ByteBuffer value = lend(record);
      DiskRecord.see(value, view);
      isEnding = isEnding(view.flags);
      records.put(txn, position, value);
      tally.count(1, key.hash(), DiskRecord.digest(value), view.isPlaced(), record.length);
    } else if (isThere) {
      records.delete(txn, position);
    }
    if (isThere == (record == null)) {
      keys.order(ordered, bytes, bytes.length);
      if (record == null) {
        order.delete(txn, ordered);
      } else {
        order.put(txn, ordered, DiskKeys.isCut(bytes.length) ? direct(bytes) : NOTHING);
      }
    }
    if (isEnding && !wasEnding) {
      ending.put(txn, position, NOTHING);
    } else if (wasEnding && !isEnding) {
      ending.delete(txn, position);
    }
  }

  /// A copy that LMDB can read, good until the next call.
  private ByteBuffer lend(byte[] record) {
    if (lent.capacity() < record.length || lent.capacity() > LENT_BYTES) {
      lent = ByteBuffer.allocateDirect(Math.max(LENT_BYTES, record.length));
    }
    return lent.clear().put(record).flip();
  }

  private static ByteBuffer direct(byte[] bytes) {
    return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
  }

  private static ByteBuffer direct(Payload bytes) {
    return direct(bytes.toBytes());
  }

  /// Deletes what is broken in a range, and counts the rest.
  private void recount(Txn<ByteBuffer> txn, int range) {
    tally.clear(range);
    ByteBuffer start = ByteBuffer.allocateDirect(Long.BYTES).putLong(0, DiskTally.hashOf(range));
    List<byte[]> broken = new ArrayList<>();
    try (Cursor<ByteBuffer> cursor = records.openCursor(txn)) {
      for (boolean more = cursor.get(start, GetOp.MDB_SET_RANGE); more; more = cursor.next()) {
        long keyHash = cursor.key().getLong(0);
        if (DiskTally.rangeOf(keyHash) != range) {
          break;
        }
        ByteBuffer record = cursor.val();
        if (DiskRecord.isIntact(record, keyHash)) {
          DiskRecord.see(record, view);
          tally.count(1, keyHash, DiskRecord.digest(record), view.isPlaced(), record.remaining());
        } else {
          byte[] at = new byte[cursor.key().remaining()];
          cursor.key().get(cursor.key().position(), at);
          broken.add(at);
        }
      }
    }
    for (byte[] at : broken) {
      records.delete(txn, direct(at));
      ending.delete(txn, direct(at));
      // Of a key that was cut nothing tells where it stands among the others; that it is not there
      // is seen by who comes by.
      order.delete(txn, direct(Arrays.copyOfRange(at, Long.BYTES, at.length)));
    }
  }

  /// What was noted under a word.
  Optional<Payload> noted(String word) {
    try (Txn<ByteBuffer> txn = env.txnRead()) {
      return noted(about, txn, word);
    }
  }

  /// What was noted under a word in files that somebody else has opened.
  static Optional<Payload> noted(Dbi<ByteBuffer> about, Txn<ByteBuffer> txn, String word) {
    return Optional.ofNullable(about.get(txn, direct(NOTE + word))).map(Payload::of);
  }

  /// Whether a record is to be looked at from time to time: it may end, or was placed.
  ///
  /// @param flags of the record
  static boolean isEnding(int flags) {
    int endings = RecordView.SETTING | RecordView.TOMBSTONE | RecordView.EXPIRY;
    return (flags & RecordView.FORM_MASK) != RecordView.PLAIN || (flags & endings) != 0;
  }

  // ---- Reading ----

  /// A transaction that sees what is committed now.
  Txn<ByteBuffer> read() {
    return env.txnRead();
  }

  /// The value at a position, good until the transaction is reset; null if there is none.
  @Nullable ByteBuffer find(Txn<ByteBuffer> txn, ByteBuffer at) {
    return records.get(txn, at);
  }

  Cursor<ByteBuffer> recordsFrom(Txn<ByteBuffer> txn) {
    return records.openCursor(txn);
  }

  Cursor<ByteBuffer> orderFrom(Txn<ByteBuffer> txn) {
    return order.openCursor(txn);
  }

  Cursor<ByteBuffer> endingFrom(Txn<ByteBuffer> txn) {
    return ending.openCursor(txn);
  }

  long fileBytes() {
    return folder.resolve("data.mdb").toFile().length();
  }

  /// About how large a copy is: the pages that are in use.
  long copyBytes() {
    try (Txn<ByteBuffer> txn = env.txnRead()) {
      long bytes = 0;
      for (Dbi<ByteBuffer> database : List.of(records, order, ending, tallies, about)) {
        Stat stat = database.stat(txn);
        bytes += (stat.branchPages + stat.leafPages + stat.overflowPages) * stat.pageSize;
      }
      return bytes;
    }
  }

  /// Copies all that is committed into a folder, without what is free in the files.
  void copyTo(Path folder) {
    env.copy(folder.toFile(), CopyFlags.MDB_CP_COMPACT);
  }

  @Override
  public void close() {
    env.close();
    try {
      lock.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
