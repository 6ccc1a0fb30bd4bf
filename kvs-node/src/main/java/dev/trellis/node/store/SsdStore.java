package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.OpenKeys.OpenKey;
import dev.trellis.wire.PlacementSetting;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.lmdbjava.Cursor;
import org.lmdbjava.GetOp;
import org.lmdbjava.LmdbException;
import org.lmdbjava.Txn;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Entries on disk, in LMDB. What changes is written to a log first, by a thread of its own,
/// together with what else came meanwhile, and to its place later; until then it waits in memory
/// too. Reads see what waits first, and below it the disk as of one transaction, which is renewed
/// with [#settle]. So the shard never waits for the disk, except for reads of pages that are not in
/// memory.
///
/// Each record has a checksum, which is verified whenever it is read.
public final class SsdStore implements Store, Disk, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SsdStore.class);

  /// After how many changes that are in their place a turn lets others have theirs: what is brought
  /// there at once would take tens of milliseconds.
  private static final int SETTLED_CHANGES_MAX = 4_096;

  private static final SecureRandom SEEDS = new SecureRandom();
  private static final VarHandle WAITING_BYTES;

  static {
    try {
      WAITING_BYTES =
          MethodHandles.lookup().findVarHandle(SsdStore.class, "waitingBytes", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final DiskFiles files;
  private final DiskLog log;
  private final Object copying = new Object(); // who copies keeps the files open
  private boolean isClosed; // guarded by copying
  private final Commits commits;
  private final DiskKeys keys = new DiskKeys();
  private final ByteBuffer position = ByteBuffer.allocateDirect(DiskKeys.BYTES_MAX);
  private final RecordView record = new RecordView();
  private final KeyProbe probe;
  private final DiskRecord encoder;

  /// What is not in its place on disk yet, and keys in their default place whose digests are in no
  /// sum.
  private final OpenKeys openKeys;

  // What was not handed over for writing yet.
  private List<DiskChange> open = new ArrayList<>();
  private Map<String, Payload> openNotes = new TreeMap<>();
  private SortedSet<Integer> openRecounts = new TreeSet<>();
  private final Map<String, Payload> notes = new HashMap<>(); // of this life
  private final Deque<Commits.Batch> underWay = new ArrayDeque<>();
  private long batch = 1; // the number of the open one
  private long settled; // batches up to this one are in their place, and seen by `txn`
  private long waitingBytes; // of all changes in batches that are not in their place

  private Listener listener = Listener.NOBODY;
  private Corruption corruption = keyHash -> {};
  private final Set<Long> broken = new HashSet<>(); // hashes of keys of which that is known
  private final long waitingBytesGoal;
  private final int[] counts = new int[DiskTally.RANGES]; // keys by range
  private long size;
  private long weight;

  private @Nullable Txn<ByteBuffer> txn;
  private boolean isReading; // whether `txn` is not reset
  private @Nullable Walk walk; // the scan under way

  /// @param files closed with the store
  /// @param log closed with the store
  /// @param commits writes to both; closed with the store
  /// @param waitingBytesGoal above which what waits is written at once
  SsdStore(DiskFiles files, DiskLog log, Commits commits, long waitingBytesGoal) {
    this.files = files;
    this.log = log;
    this.commits = commits;
    this.waitingBytesGoal = waitingBytesGoal;
    this.encoder = new DiskRecord(files.life());
    long seed = SEEDS.nextLong();
    this.probe = new KeyProbe(seed);
    this.openKeys = new OpenKeys(seed);
    DiskTally tally = files.tallyAtStart();
    size = tally.size();
    weight = tally.bytes();
    for (int range = 0; range < DiskTally.RANGES; range++) {
      counts[range] = tally.keys(range);
    }
  }

  /// Opens the folder of a shard, and begins to write what is put.
  ///
  /// @param settings of the tier
  /// @throws IOException naming the folder, what is wrong with it and what to do
  public static SsdStore open(Path folder, Owner owner, Settings settings) throws IOException {
    DiskFiles files = DiskFiles.open(folder, owner, settings.mapBytes(), settings.meter());
    DiskLog log;
    try {
      log = DiskLog.open(folder, files, files.noted(DiskLog.placedWord()), settings.meter());
    } catch (IOException | RuntimeException e) {
      files.close();
      throw new IOException("data folder " + folder + " can't be used: " + e.getMessage(), e);
    }
    Commits commits = new Commits("commits-" + owner.shard(), log, files, settings.interval());
    commits.start();
    return new SsdStore(files, log, commits, settings.waitingBytesGoal());
  }

  /// Whose data a folder has.
  ///
  /// @param shards of the node
  public record Owner(String cluster, String node, int shard, int shards) {}

  /// How a shard keeps its entries on disk.
  ///
  /// @param mapBytes the most that the folder may grow to; costs address space only
  /// @param interval the least time from one transaction to the next; zero to write at once
  /// @param waitingBytesGoal above which what waits is written whatever the interval is
  /// @param meter is told of what is written
  public record Settings(long mapBytes, Duration interval, long waitingBytesGoal, Meter meter) {}

  /// Is told of what was written, by the threads that write.
  public interface Meter {
    /// Changes are on disk, in the log.
    ///
    /// @param changes keys that were written
    /// @param nanos that it took
    /// @param syncNanos of these, those of the sync
    void synced(int changes, long nanos, long syncNanos);

    /// What was synced is in its place.
    ///
    /// @param changes keys that were written there
    /// @param nanos that it took
    void placed(int changes, long nanos);
  }

  @Override
  public Optional<Disk> disk() {
    return Optional.of(this);
  }

  @Override
  public void onProgress(Runnable wake) {
    commits.onProgress(wake);
  }

  @Override
  public void onCorruption(Corruption told) {
    corruption = told;
  }

  // ---- Transactions ----

  private Txn<ByteBuffer> reading() {
    Txn<ByteBuffer> reader = txn;
    if (reader == null) {
      reader = files.read();
      txn = reader;
    } else if (!isReading) {
      reader.renew();
    }
    isReading = true;
    return reader;
  }

  /// Lets go of what reads have held on to, so that the space of what was replaced meanwhile can be
  /// used again; to be called whenever there is a pause.
  public void release() {
    endWalk();
    if (isReading && txn != null) {
      txn.reset();
      isReading = false;
    }
  }

  private void endWalk() {
    if (walk != null) {
      walk.close();
      walk = null;
    }
  }

  private boolean isOpenEmpty() {
    return open.isEmpty() && openNotes.isEmpty() && openRecounts.isEmpty();
  }

  @Override
  public long batch() {
    return isOpenEmpty() ? batch - 1 : batch;
  }

  @Override
  public long flush() {
    if (!isOpenEmpty()) {
      Commits.Batch handed = new Commits.Batch(batch, open, openNotes, openRecounts);
      underWay.add(handed);
      open = new ArrayList<>();
      openNotes = new TreeMap<>();
      openRecounts = new TreeSet<>();
      batch++;
      commits.write(handed, waitingBytes > waitingBytesGoal);
    }
    return batch - 1;
  }

  @Override
  public boolean isWritten(Payload key) {
    probe.set(key);
    OpenKey found = openKeys.find(probe);
    DiskChange last = found == null ? null : found.change();
    return last == null || last.batch() <= commits.written();
  }

  @Override
  public void note(String word, Payload what) {
    notes.put(word, what);
    openNotes.put(word, what);
  }

  @Override
  public Optional<Payload> noted(String word) {
    Payload ours = notes.get(word);
    return ours == null ? files.noted(word) : Optional.of(ours);
  }

  @Override
  public long settle() {
    long written = commits.written();
    long placed = commits.placed();
    if (placed > settled) {
      release(); // so that the next read sees it
      settled = placed;
    }
    int changes = 0;
    while (!underWay.isEmpty()
        && underWay.peek().number() <= settled
        && changes < SETTLED_CHANGES_MAX) {
      Commits.Batch done = underWay.remove();
      if (!done.recounted().isEmpty()) {
        broken.removeIf(hash -> done.recounted().contains(DiskTally.rangeOf(hash)));
      }
      for (DiskChange change : done.changes()) {
        OpenKey key = openKeys.find(change.key());
        if (key != null && key.change() == change) {
          openKeys.placed(key);
        }
        waitingBytes -= change.bytes();
      }
      changes += done.changes().size();
    }
    return written;
  }

  /// Whether all that was put is in its place on disk, and seen there; for tests.
  public boolean isInPlace() {
    return isOpenEmpty() && settle() == batch - 1 && underWay.isEmpty();
  }

  @Override
  public long waitingBytes() {
    return waitingBytes;
  }

  /// As [#waitingBytes], about, for any thread.
  public long waitingBytesNow() {
    return (long) WAITING_BYTES.getOpaque(this);
  }

  /// The size of the files, for any thread.
  public long fileBytes() {
    return files.fileBytes();
  }

  /// Waits until what the shard has handed over by now is on disk, in its place. Any thread but the
  /// shard's.
  ///
  /// @throws IOException naming what is in the way, if it does not get there in time
  public void awaitWritten(Duration patience) throws IOException, InterruptedException {
    if (!commits.awaitPlaced(patience)) {
      throw new IOException(
          commits
              .obstacle()
              .map(obstacle -> "nothing can be written to disk: " + obstacle)
              .orElse("the disk takes longer than " + patience.toSeconds() + " s to write"));
    }
  }

  /// About how large a copy is, in bytes. Any thread.
  public long copyBytes() {
    return files.copyBytes();
  }

  /// Copies all that is in its place on disk as of now into a folder. Any thread.
  ///
  /// @param folder empty
  /// @throws IOException if the disk that it is on does not take it, or the node stops
  public void copyTo(Path folder) throws IOException {
    synchronized (copying) {
      if (isClosed) {
        throw new IOException("the node stops");
      }
      try {
        files.copyTo(folder);
      } catch (LmdbException e) {
        throw new IOException(e.getMessage(), e);
      }
    }
  }

  @Override
  public Optional<String> obstacle() {
    return commits.obstacle();
  }

  // ---- Slots ----

  private int seenLife;
  private long seenDigest;
  private int seenBytes;
  private @Nullable Slot seenSlot; // if there is an object

  /// Looks at the record of the key that the call is about, as it is now.
  ///
  /// @return whether there is one
  private boolean see() {
    return see(openKeys.find(probe));
  }

  /// @param key that the call is about; null if nothing is left to be done with it
  private boolean see(@Nullable OpenKey key) {
    DiskChange change = key == null ? null : key.change();
    return change == null ? seeStored() : see(change);
  }

  private boolean see(DiskChange change) {
    byte[] waits = change.record();
    if (waits == null) {
      return false;
    }
    DiskRecord.see(waits, record);
    ByteBuffer value = ByteBuffer.wrap(waits);
    seenLife = DiskRecord.life(value);
    seenDigest = DiskRecord.digest(value);
    seenBytes = waits.length;
    seenSlot = change.slot();
    return true;
  }

  private boolean seeStored() {
    keys.position(position, probe.hash(), probe.bytes(), probe.length());
    ByteBuffer value = files.find(reading(), position);
    if (value == null) {
      return false;
    }
    if (!DiskRecord.isIntact(value, probe.hash())) {
      if (broken.add(probe.hash())) {
        throw new BrokenRecordException(probe.hash());
      }
      return false;
    }
    see(value);
    return record.isKey(probe);
  }

  private void see(ByteBuffer value) {
    DiskRecord.see(value, record);
    seenLife = DiskRecord.life(value);
    seenDigest = DiskRecord.digest(value);
    seenBytes = value.remaining();
    seenSlot = null;
  }

  private void tellOf(long keyHash) {
    if (broken.add(keyHash)) {
      corruption.found(keyHash);
    }
  }

  /// The slot that was seen, as this life of the shard must see it: births of former ones mean
  /// nothing.
  private Slot seen(Payload key, boolean withValue) {
    Slot object = seenSlot;
    if (object != null) {
      return object;
    }
    Slot slot = Records.decode(key, record, withValue);
    return seenLife == files.life() || slot.birth() == 0
        ? slot
        : new Slot(slot.key(), slot.entry(), 0, slot.setting());
  }

  @Override
  public Optional<Slot> find(Payload key) {
    probe.set(key);
    return see() ? Optional.of(seen(key, true)) : Optional.empty();
  }

  @Override
  public Optional<Outline> outline(Payload key) {
    probe.set(key);
    return see()
        ? Optional.of(
            new Outline(seenBytes, Records.setting(record).flatMap(PlacementSetting::placement)))
        : Optional.empty();
  }

  @Override
  public Found find(byte[] source, int offset, int length, PlainSlot into) {
    probe.set(source, offset, length);
    if (!see()) {
      return Found.NOTHING;
    }
    if (!Records.take(record, into)) {
      return Found.OTHER;
    }
    if (seenLife != files.life()) {
      into.birth = 0;
    }
    return Found.PLAIN;
  }

  @Override
  public void put(Slot slot) {
    endWalk();
    probe.set(slot.key());
    byte[] encoded = encoder.encode(probe, slot);
    boolean isPlain = (DiskRecord.flags(encoded) & RecordView.FORM_MASK) == RecordView.PLAIN;
    put(encoded, isPlain ? null : slot);
  }

  @Override
  public void put(byte[] source, int offset, int length, PlainSlot slot) {
    endWalk();
    probe.set(source, offset, length);
    put(encoder.encode(probe, slot), null);
  }

  /// Puts the record of the key that the call is about.
  private void put(byte[] encoded, @Nullable Slot slot) {
    OpenKey known = openKeys.find(probe);
    long keyHash = probe.hash();
    if (see(known)) {
      boolean summed = isSummed(known);
      listener.replaced(keyHash, summed, summed ? seenDigest : 0);
      weight -= seenBytes;
    } else {
      listener.added(keyHash);
      size++;
      counts[DiskTally.rangeOf(keyHash)]++;
    }
    OpenKey key = change(known, encoded, slot);
    DiskRecord.see(encoded, record);
    if (record.isPlaced()) {
      openKeys.unmark(key);
    } else {
      openKeys.mark(key);
    }
    weight += encoded.length;
  }

  /// @param known the key that the call is about, if something was left to be done with it
  private OpenKey change(@Nullable OpenKey known, byte @Nullable [] encoded, @Nullable Slot slot) {
    OpenKey key =
        known == null ? openKeys.add(new DiskChange.Key(probe.hash(), probe.toPayload())) : known;
    DiskChange before = key.change();
    DiskChange after = new DiskChange(key.key(), encoded, slot, batch);
    waitingBytes += after.bytes();
    if (before != null && before.batch() == batch) {
      open.set(key.openAt(), after); // what a turn writes again and again is written once
      waitingBytes -= before.bytes();
      openKeys.waits(key, after, key.openAt());
    } else {
      open.add(after);
      openKeys.waits(key, after, open.size() - 1);
    }
    return key;
  }

  /// Whether the digest of the key that was seen is part of a sum; those with a place of their own
  /// never are.
  private boolean isSummed(@Nullable OpenKey key) {
    return !record.isPlaced() && (key == null || !key.isUnsummed());
  }

  @Override
  public void remove(Payload key) {
    endWalk();
    probe.set(key);
    OpenKey known = openKeys.find(probe);
    if (!see(known)) {
      return;
    }
    long keyHash = probe.hash();
    boolean summed = isSummed(known);
    listener.removed(keyHash, summed, summed ? seenDigest : 0);
    size--;
    counts[DiskTally.rangeOf(keyHash)]--;
    weight -= seenBytes;
    openKeys.unmark(change(known, null, null));
  }

  @Override
  public long size() {
    return size;
  }

  /// The bytes of all records on disk, without the free space between them.
  @Override
  public long weight() {
    return weight;
  }

  // ---- Order ----

  @Override
  public boolean prepareScan() {
    return true;
  }

  @Override
  public void endScans() {
    endWalk();
  }

  @Override
  public Iterator<Slot> scan(Payload prefix, Optional<Payload> after, boolean withValues) {
    endWalk();
    Walk started = new Walk(prefix, after, withValues);
    walk = started;
    return started;
  }

  /// Goes through keys in byte order, those that wait and those on disk.
  private final class Walk implements Iterator<Slot>, AutoCloseable {
    private final boolean withValues;
    private final Payload prefix;
    private final @Nullable Payload after;
    private final Cursor<ByteBuffer> cursor;
    private final TreeMap<Payload, DiskChange> changed = new TreeMap<>();
    private final Deque<Payload> group = new ArrayDeque<>(); // on disk, next ones in order
    private boolean more; // whether the cursor is at a key that was not taken yet
    private @Nullable Slot next;

    Walk(Payload prefix, Optional<Payload> after, boolean withValues) {
      this.withValues = withValues;
      this.prefix = prefix;
      this.after = after.orElse(null);
      openKeys.forEach(
          key -> {
            DiskChange change = key.change();
            if (change != null && isWanted(change.key().key())) {
              changed.put(change.key().key(), change);
            }
          });
      cursor = files.orderFrom(reading());
      Payload from = after.isPresent() && after.get().compareTo(prefix) > 0 ? after.get() : prefix;
      more = seek(from);
      advance();
    }

    private boolean isWanted(Payload key) {
      return key.startsWith(prefix) && (after == null || key.compareTo(after) > 0);
    }

    private boolean seek(Payload from) {
      // Where keys begin so much alike that some were cut, they are not in order among themselves.
      byte[] bytes = from.toBytes();
      int length = Math.min(bytes.length, DiskKeys.cutLength());
      if (length == 0) {
        return cursor.first();
      }
      ByteBuffer start = ByteBuffer.allocateDirect(length).put(bytes, 0, length).flip();
      return cursor.get(start, GetOp.MDB_SET_RANGE);
    }

    /// The next key on disk that is wanted; null at the end.
    private @Nullable Payload stored() {
      while (group.isEmpty()) {
        if (!more) {
          return null;
        }
        fillGroup();
      }
      return group.peek();
    }

    /// Takes the next key, or all that were cut and begin alike, which lie together.
    private void fillGroup() {
      List<Payload> found = new ArrayList<>();
      ByteBuffer first = copy(cursor.key());
      do {
        ByteBuffer whole = cursor.val();
        found.add(Payload.of(copy(whole.hasRemaining() ? whole : cursor.key())));
        more = cursor.next();
      } while (more && beginAlike(first, cursor.key()));
      found.sort(null);
      Payload least = found.getFirst();
      // All that follow are greater, so none of them begins with the prefix either.
      more &= least.startsWith(prefix) || least.compareTo(prefix) <= 0;
      found.removeIf(key -> !isWanted(key));
      group.addAll(found);
    }

    private boolean beginAlike(ByteBuffer first, ByteBuffer other) {
      int length = DiskKeys.cutLength();
      return first.remaining() >= length
          && other.remaining() >= length
          && first.slice(0, length).equals(other.slice(0, length));
    }

    private static ByteBuffer copy(ByteBuffer lent) {
      return ByteBuffer.allocate(lent.remaining()).put(lent.duplicate()).flip();
    }

    private void advance() {
      next = null;
      while (next == null) {
        Payload stored = stored();
        Payload waits = changed.isEmpty() ? null : changed.firstKey();
        if (stored != null && (waits == null || stored.compareTo(waits) < 0)) {
          group.remove();
          probe.set(stored);
          next = seeStored() ? seen(stored, withValues) : null;
        } else if (waits != null) {
          if (stored != null && stored.equals(waits)) {
            group.remove();
          }
          next = see(changed.pollFirstEntry().getValue()) ? seen(waits, withValues) : null;
        } else {
          return;
        }
      }
    }

    @Override
    public boolean hasNext() {
      return next != null;
    }

    @Override
    public Slot next() {
      Slot current = next;
      if (current == null) {
        throw new NoSuchElementException("scanned past the last key with prefix " + prefix);
      }
      if (walk != this) {
        throw new IllegalStateException("the store was changed while it was scanned");
      }
      advance();
      return current;
    }

    @Override
    public void close() {
      cursor.close();
    }
  }

  // ---- By hash ----

  @Override
  public void listen(Listener told) {
    listener = told;
    DiskTally tally = files.tallyAtStart();
    for (int range = 0; range < DiskTally.RANGES; range++) {
      if (tally.keys(range) > 0) {
        told.found(
            DiskTally.hashOf(range),
            DiskTally.BITS,
            tally.keys(range),
            tally.placed(range),
            tally.sum(range));
      }
    }
  }

  @Override
  public void mend(long hash, int bits) {
    endWalk();
    List<Payload> intact = keys(hash, bits);
    openKeys.keys(hash, bits).forEach(openKeys::unmark);
    int first = DiskTally.rangeOf(hash);
    int ranges = 1 << (DiskTally.BITS - bits);
    for (int range = first; range < first + ranges; range++) {
      openRecounts.add(range);
      size -= counts[range];
      counts[range] = 0;
    }
    for (Payload key : intact) {
      DiskChange.Key where = DiskChange.Key.of(key);
      counts[DiskTally.rangeOf(where.hash())]++;
      if (find(key).flatMap(Slot::placement).isEmpty()) {
        OpenKey known = openKeys.find(where);
        openKeys.mark(known == null ? openKeys.add(where) : known);
      }
    }
    size += intact.size();
    listener.recounted(hash, bits, intact.size());
  }

  private static boolean begins(long keyHash, long hash, int bits) {
    return bits == 0 || (keyHash ^ hash) >>> (Long.SIZE - bits) == 0;
  }

  @Override
  public List<Payload> keys(long hash, int bits) {
    List<Payload> found = new ArrayList<>();
    for (OpenKey key : openKeys.keys(hash, bits)) {
      DiskChange change = key.change();
      if (change != null && change.record() != null) {
        found.add(key.key().key());
      }
    }
    long lowest = bits == 0 ? 0 : hash >>> (Long.SIZE - bits) << (Long.SIZE - bits);
    ByteBuffer start = ByteBuffer.allocateDirect(Long.BYTES).putLong(0, lowest);
    try (Cursor<ByteBuffer> cursor = files.recordsFrom(reading())) {
      for (boolean more = cursor.get(start, GetOp.MDB_SET_RANGE); more; more = cursor.next()) {
        long keyHash = cursor.key().getLong(0);
        if (!begins(keyHash, hash, bits)) {
          break;
        }
        Payload key = storedKey(cursor.val(), keyHash);
        if (key != null && !waits()) {
          found.add(key);
        }
      }
    }
    return found;
  }

  /// Whether what the key that the call is about has become is not in its place yet.
  private boolean waits() {
    OpenKey known = openKeys.find(probe);
    return known != null && known.change() != null;
  }

  /// The key of a record, which the call is about then; null if it can't be read.
  private @Nullable Payload storedKey(ByteBuffer value, long keyHash) {
    if (!DiskRecord.isIntact(value, keyHash)) {
      tellOf(keyHash);
      return null;
    }
    see(value);
    record.loadKey(probe);
    return probe.toPayload();
  }

  @Override
  public int sum(long hash, int bits, int max, Summing sums) {
    int count = 0;
    int ranges = 1 << (DiskTally.BITS - bits);
    int first = DiskTally.rangeOf(hash) & -ranges;
    for (int range = first; range < first + ranges; range++) {
      OpenKey key = openKeys.unsummed(range);
      while (key != null && count < max) {
        probe.set(key.key().key());
        if (see(key)) {
          sums.add(probe.hash(), seenDigest);
          count++;
        }
        openKeys.unmark(key);
        key = openKeys.unsummed(range);
      }
    }
    return count;
  }

  @Override
  public long digest(Payload key) {
    probe.set(key);
    return see() ? seenDigest : 0;
  }

  @Override
  public long sweep(long cursor, int keysMax, Predicate<Slot> visitor) {
    // In the order of the ring, by all bits of the hash but the lowest, so that it never is -1.
    long from = cursor << 1;
    Iterator<DiskChange> changes = new WaitingFrom(from);
    DiskChange change = changes.hasNext() ? changes.next() : null;
    ByteBuffer start = ByteBuffer.allocateDirect(Long.BYTES).putLong(0, from);
    int passed = 0;
    boolean goesOn = true;
    long reached = cursor;
    try (Cursor<ByteBuffer> ending = files.endingFrom(reading())) {
      boolean more = ending.get(start, GetOp.MDB_SET_RANGE);
      while (more || change != null) {
        long stored = more ? ending.key().getLong(0) : 0;
        long changed = change == null ? 0 : change.key().hash();
        boolean fromDisk = change == null || (more && Long.compareUnsigned(stored, changed) < 0);
        long next = (fromDisk ? stored : changed) >>> 1;
        if (next != reached && (!goesOn || passed >= keysMax)) {
          return next;
        }
        reached = next;
        Slot slot;
        if (fromDisk || change == null) {
          slot = endingSlot(ending.key(), stored);
          more = ending.next();
        } else {
          slot = shown(change);
          change = changes.hasNext() ? changes.next() : null;
        }
        passed++;
        goesOn &= slot == null || visitor.test(slot);
      }
    }
    return -1;
  }

  /// The changes that wait, in the order of the ring.
  private final class WaitingFrom implements Iterator<DiskChange> {
    private final long from;
    private int range;
    private Iterator<DiskChange> changes;
    private @Nullable DiskChange next;

    WaitingFrom(long from) {
      this.from = from;
      this.range = DiskTally.rangeOf(from);
      this.changes = openKeys.waiting(range).iterator();
      advance();
    }

    private void advance() {
      next = null;
      while (next == null) {
        while (!changes.hasNext()) {
          range++;
          if (range == DiskTally.RANGES) {
            return;
          }
          changes = openKeys.waiting(range).iterator();
        }
        DiskChange change = changes.next();
        next = Long.compareUnsigned(change.key().hash(), from) < 0 ? null : change;
      }
    }

    @Override
    public boolean hasNext() {
      return next != null;
    }

    @Override
    public DiskChange next() {
      DiskChange current = next;
      if (current == null) {
        throw new NoSuchElementException("no key waits after " + Long.toHexString(from));
      }
      if (range < DiskTally.RANGES) {
        advance();
      } else {
        next = null;
      }
      return current;
    }
  }

  /// The slot of what waits, if a sweep shows it.
  private @Nullable Slot shown(DiskChange change) {
    byte[] waits = change.record();
    if (waits == null || !DiskFiles.isEnding(DiskRecord.flags(waits))) {
      return null;
    }
    see(change);
    return seen(change.key().key(), true);
  }

  /// The slot of a record at a position that was listed; null if it can't be read, or what waits
  /// has replaced it.
  private @Nullable Slot endingSlot(ByteBuffer at, long keyHash) {
    ByteBuffer value = files.find(reading(), at);
    Payload key = value == null ? null : storedKey(value, keyHash);
    return key == null || waits() ? null : seen(key, true);
  }

  /// Writes what waits, and lets go of the files.
  @Override
  public void close() {
    flush();
    commits.close();
    release();
    if (txn != null) {
      txn.close();
    }
    try {
      if (commits.placed() == commits.written()) {
        log.clear();
      }
    } catch (IOException e) {
      LOG.debug("the log keeps its space, though all of it is in its place", e);
    }
    synchronized (copying) {
      isClosed = true;
      log.close();
      files.close();
    }
  }
}
