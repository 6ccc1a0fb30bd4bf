package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.LatticeCodec;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Entries in native memory: a [HashIndex] over records in [Slabs]. Plain `lww` values and small
/// entries are kept encoded; larger ones are objects on the heap, with a record that has their
/// number, and are encoded too when they have not been touched for long and all of them take more
/// than they may. O(1) an access, besides decoding.
///
/// Keys are in no order until somebody scans; then [KeyOrder] is made, in steps, and kept up to
/// date for as long as there are scans.
///
/// All memory is read and written with bounds checks; it is given back when nobody has the store
/// any more.
public final class MemoryStore implements Store {
  private static final long OBJECT_BYTES_MAX = 64 << 20;

  /// Entries above this stay objects, since encoding them would hold up everybody else.
  private static final long COOLED_BYTES_MAX = 64 << 10;

  /// Objects looked at, at most, for each that becomes one.
  private static final int COOL_STEPS = 8;

  /// Keys put in order at a time, at least.
  private static final int ORDER_STEP = 2_048;

  private static final int CACHE_LINE_BYTES = 64;

  /// Where nobody else can choose the keys, as in a test.
  private static final long FIXED_SEED = 0x2545F4914F6CDD1DL;

  private final long objectBytesMax;
  private final Slabs slabs;
  private final HashIndex index;
  private final HotObjects objects = new HotObjects();
  private final KeyProbe probe; // the key that a call is about
  private final KeyProbe otherProbe; // of a record that is come by
  private final RecordView record = new RecordView(); // likewise
  private final RecordView otherRecord = new RecordView();
  private ByteBuffer filling = ByteBuffer.allocate(0); // the slab of the record that was begun
  private long[] expectedHashes = new long[64];
  private long[] expectedSpreads = new long[64];
  private long[] expectedAt = new long[64]; // addresses

  @SuppressWarnings("UnusedVariable") // who reads memory for nothing is not compiled
  private int lastSeen; // of the records expected last

  private Listener listener = Listener.NOBODY;
  private @Nullable KeyOrder order;
  private long orderedTo; // cursor; NONE when all are in order
  private long weight;

  /// A store whose index works the same in every run.
  public MemoryStore() {
    this(FIXED_SEED, OBJECT_BYTES_MAX);
  }

  /// @param seed random, and known to nobody outside: who knows it can choose keys that do not
  ///   spread over the index
  /// @param objectBytesMax what collections may take on the heap before those not in use are
  ///   encoded, about
  public MemoryStore(long seed, long objectBytesMax) {
    this.objectBytesMax = objectBytesMax;
    this.probe = new KeyProbe(seed);
    this.otherProbe = new KeyProbe(seed);
    this.slabs =
        new Slabs(
            new Slabs.Owner() {
              @Override
              public int sizeAt(long address) {
                return seeOther(address).size();
              }

              @Override
              public void move(long address) {
                moveElsewhere(address);
              }
            });
    this.index =
        new HashIndex(
            new HashIndex.Records() {
              @Override
              public boolean isOf(long address, KeyProbe key) {
                return seeOther(address).isKey(key);
              }

              @Override
              public boolean isThere(long address) {
                return MemoryStore.this.isThere(address);
              }

              @Override
              public void load(long address, KeyProbe key) {
                seeOther(address).loadKey(key);
              }
            },
            seed);
  }

  private RecordView see(long address) {
    record.see(slabs.memory(address), Slabs.offset(address));
    return record;
  }

  private RecordView seeOther(long address) {
    otherRecord.see(slabs.memory(address), Slabs.offset(address));
    return otherRecord;
  }

  private void moveElsewhere(long address) {
    RecordView moving = seeOther(address);
    MemorySegment from = moving.memory;
    int size = moving.size();
    moving.loadKey(otherProbe);
    long position = index.find(otherProbe, address);
    long target = slabs.allocate(size);
    MemorySegment.copy(
        from, Slabs.offset(address), slabs.memory(target), Slabs.offset(target), size);
    index.setAddress(position, target);
  }

  // ---- Slots ----

  @Override
  public Optional<Slot> find(Payload key) {
    probe.set(key);
    long position = index.find(probe);
    if (position == HashIndex.NONE) {
      return Optional.empty();
    }
    RecordView found = see(index.address(position));
    if (found.form() == RecordView.OBJECT) {
      return Optional.of(objects.touch(objectNumber(found)));
    }
    Slot slot = Records.decode(key, found, true);
    if (found.form() == RecordView.ENCODED && Form.isObject(slot.entry())) {
      reshape(position, RecordView.OBJECT, Integer.BYTES);
      fillObject(slot);
      coolSome();
      slabs.compact();
    }
    return Optional.of(slot);
  }

  @Override
  public void put(Slot slot) {
    probe.set(slot.key());
    long position = index.find(probe);
    Form form = Form.of(slot);
    replacing(position, form.flags(), bodyLength(form));
    if ((form.flags() & RecordView.FORM_MASK) == RecordView.OBJECT) {
      fillObject(slot);
      coolSome();
    } else {
      fill(slot, form);
    }
    slabs.compact();
  }

  @Override
  public void expect(byte[] source, int[] places, int count) {
    if (expectedAt.length < count) {
      expectedHashes = new long[count];
      expectedSpreads = new long[count];
      expectedAt = new long[count];
    }
    for (int at = 0; at < count; at++) {
      otherProbe.set(source, places[2 * at], places[2 * at + 1]);
      expectedHashes[at] = otherProbe.hash();
      expectedSpreads[at] = otherProbe.spread();
    }
    // Short loops, so that the processor is at the next key while it waits for one.
    index.findLikely(expectedHashes, expectedSpreads, count, expectedAt);
    boolean sound = true;
    int seen = 0;
    for (int at = 0; at < count; at++) {
      long address = expectedAt[at];
      if (address != HashIndex.NONE) {
        sound &= isThere(address);
        MemorySegment memory = slabs.memory(address);
        long second = Math.min(Slabs.offset(address) + CACHE_LINE_BYTES, memory.byteSize() - 1);
        seen += memory.get(RecordView.BYTE, second);
      }
    }
    if (!sound) {
      throw new IllegalStateException("the index leads to a record that is not there");
    }
    lastSeen = seen;
  }

  private boolean isThere(long address) {
    int first = slabs.memory(address).get(RecordView.BYTE, Slabs.offset(address));
    return first != Slabs.HOLE && first != Slabs.GAP;
  }

  private static int bodyLength(Form form) {
    boolean object = (form.flags() & RecordView.FORM_MASK) == RecordView.OBJECT;
    return object ? Integer.BYTES : form.body().size();
  }

  /// Makes a record for the key that the call is about, in place of the one it has, and tells the
  /// listener; the record is to be filled in.
  ///
  /// @param position the key's, or [HashIndex#NONE]
  private void replacing(long position, int flags, int bodyLength) {
    if (position == HashIndex.NONE) {
      int size = Form.size(flags, probe.length(), bodyLength);
      long address = slabs.allocate(size);
      begin(address, flags, bodyLength);
      index.add(probe, address);
      weight += size + Form.INDEX_BYTES;
      listener.added(probe.hash());
      if (order != null) {
        order.add(probe.bytes(), probe.length());
      }
    } else {
      boolean summed = index.isSummed(position);
      see(index.address(position));
      listener.replaced(probe.hash(), summed, summed ? digest(record, probe) : 0);
      index.setSummed(position, false);
      reshape(position, flags, bodyLength);
    }
  }

  /// Makes another record for a key that has one. Whether its digest is in a sum stays as it is.
  private void reshape(long position, int flags, int bodyLength) {
    long address = index.address(position);
    see(address);
    forgetObject(record);
    int before = record.size();
    int size = Form.size(flags, probe.length(), bodyLength);
    if (size != before) {
      slabs.free(address, before);
      address = slabs.allocate(size);
      index.setAddress(position, address);
      weight += size - before;
    }
    begin(address, flags, bodyLength);
  }

  private void begin(long address, int flags, int bodyLength) {
    MemorySegment memory = slabs.memory(address);
    record.begin(memory, Slabs.offset(address), flags, probe.length(), bodyLength);
    MemorySegment.copy(probe.bytes(), 0, memory, RecordView.BYTE, record.keyAt, probe.length());
    filling = slabs.buffer(address);
  }

  private void fill(Slot slot, Form form) {
    Records.fill(record, slot, form);
    filling.put((int) record.bodyAt(), form.body().asByteBuffer(), 0, form.body().size());
  }

  /// The slot at a position, without taking it for one in use.
  ///
  /// @param withValue false to have that of a plain record left out
  private Slot slotAt(long position, boolean withValue) {
    RecordView found = see(index.address(position));
    if (found.form() == RecordView.OBJECT) {
      return objects.get(objectNumber(found));
    }
    found.loadKey(otherProbe);
    return Records.decode(otherProbe.toPayload(), found, withValue);
  }

  @Override
  public void remove(Payload key) {
    probe.set(key);
    long position = index.find(probe);
    if (position == HashIndex.NONE) {
      return;
    }
    long address = index.address(position);
    boolean summed = index.isSummed(position);
    see(address);
    listener.removed(probe.hash(), summed, summed ? digest(record, probe) : 0);
    forgetObject(record);
    int size = record.size();
    index.remove(probe, position);
    slabs.free(address, size);
    weight -= size + Form.INDEX_BYTES;
    if (order != null) {
      order.remove(probe.bytes(), probe.length());
    }
    slabs.compact();
  }

  @Override
  public long size() {
    return index.size();
  }

  @Override
  public long weight() {
    return weight;
  }

  /// The native memory that the store has taken from the system, in bytes.
  public long reserved() {
    return slabs.reserved() + index.reserved();
  }

  /// The part of the weight that is on the heap.
  long objectBytes() {
    return objects.bytes();
  }

  // ---- Objects ----

  private static int objectNumber(RecordView found) {
    return found.memory.get(RecordView.INT, found.bodyAt());
  }

  private void forgetObject(RecordView found) {
    if (found.form() == RecordView.OBJECT) {
      long before = objects.bytes();
      objects.remove(objectNumber(found));
      weight += objects.bytes() - before;
    }
  }

  private void fillObject(Slot slot) {
    long before = objects.bytes();
    record.memory.set(RecordView.INT, record.bodyAt(), objects.add(slot));
    weight += objects.bytes() - before;
  }

  /// Encodes objects that are not in use, if all take more than they may.
  private void coolSome() {
    for (int step = 0; step < COOL_STEPS && objects.bytes() > objectBytesMax; step++) {
      Slot cold = objects.nextCold();
      if (cold != null && cold.entry().weight() <= COOLED_BYTES_MAX) {
        Form form = Form.encoded(cold);
        probe.set(cold.key());
        long position = index.find(probe);
        reshape(position, form.flags(), form.body().size());
        fill(cold, form);
      }
    }
  }

  // ---- Order ----

  @Override
  public Iterator<Slot> scan(Payload prefix, Optional<Payload> after, boolean withValues) {
    boolean ready = prepareScan();
    while (!ready) {
      ready = prepareScan();
    }
    KeyOrder keys = Objects.requireNonNull(order);
    boolean resumed = after.isPresent() && after.get().compareTo(prefix) >= 0;
    KeyOrder.Walk walk = keys.new Walk(resumed ? after.get() : prefix, !resumed);
    return new Iterator<>() {
      private @Nullable Payload next = advance();

      private @Nullable Payload advance() {
        Payload candidate = walk.next();
        return candidate != null && candidate.startsWith(prefix) ? candidate : null;
      }

      @Override
      public boolean hasNext() {
        return next != null;
      }

      @Override
      public Slot next() {
        Payload current = next;
        if (current == null) {
          throw new NoSuchElementException("scanned past the last key with prefix " + prefix);
        }
        next = advance();
        probe.set(current);
        return slotAt(index.find(probe), withValues);
      }
    };
  }

  @Override
  public boolean prepareScan() {
    KeyOrder keys = order;
    if (keys == null) {
      keys = new KeyOrder();
      order = keys;
      orderedTo = 0;
    }
    if (orderedTo != HashIndex.NONE) {
      KeyOrder growing = keys;
      orderedTo =
          index.wholeSegments(
              orderedTo,
              ORDER_STEP,
              position -> {
                see(index.address(position)).loadKey(otherProbe);
                growing.add(otherProbe.bytes(), otherProbe.length());
                return true;
              });
    }
    return orderedTo == HashIndex.NONE;
  }

  @Override
  public void endScans() {
    order = null;
  }

  // ---- By hash ----

  @Override
  public void listen(Listener told) {
    listener = told;
    index.range(
        0,
        0,
        position -> {
          index.setSummed(position, false);
          see(index.address(position)).loadKey(otherProbe);
          told.added(otherProbe.hash());
          return true;
        });
  }

  private static boolean begins(long keyHash, long hash, int bits) {
    return bits == 0 || (keyHash ^ hash) >>> (Long.SIZE - bits) == 0;
  }

  @Override
  public List<Payload> keys(long hash, int bits) {
    List<Payload> found = new ArrayList<>();
    index.range(
        hash,
        bits,
        position -> {
          see(index.address(position)).loadKey(otherProbe);
          if (begins(otherProbe.hash(), hash, bits)) {
            found.add(otherProbe.toPayload());
          }
          return true;
        });
    return found;
  }

  @Override
  public int sum(long hash, int bits, int max, Summing sums) {
    int[] count = {0};
    index.range(
        hash,
        bits,
        position -> {
          if (index.isSummed(position)) {
            return true;
          }
          RecordView found = see(index.address(position));
          found.loadKey(otherProbe);
          if (begins(otherProbe.hash(), hash, bits) && !isPlaced(found)) {
            sums.add(otherProbe.hash(), digest(found, otherProbe));
            count[0]++;
            index.setSummed(position, true);
          }
          return count[0] < max;
        });
    return count[0];
  }

  private boolean isPlaced(RecordView found) {
    return found.form() == RecordView.OBJECT
        ? objects.get(objectNumber(found)).placement().isPresent()
        : found.isPlaced();
  }

  @Override
  public long digest(Payload key) {
    probe.set(key);
    long position = index.find(probe);
    return position == HashIndex.NONE ? 0 : digest(see(index.address(position)), probe);
  }

  private long digest(RecordView found, KeyProbe key) {
    if (found.form() == RecordView.OBJECT) {
      int number = objectNumber(found);
      long known = objects.digest(number);
      if (known == 0) {
        Slot slot = objects.get(number);
        Payload bytes = LatticeCodec.encode(slot.entry());
        MemorySegment memory = MemorySegment.ofBuffer(bytes.asByteBuffer());
        long state = Digesting.bytes(memory, 0, bytes.size());
        known = Digesting.of(key.hash(), state, slot.setting());
        objects.setDigest(number, known);
      }
      return known;
    }
    return Records.digest(found, key.hash());
  }

  @Override
  public long sweep(long cursor, int keysMax, Predicate<Slot> visitor) {
    int[] passed = {0};
    return index.sweep(
        cursor,
        position -> {
          passed[0]++;
          RecordView found = see(index.address(position));
          boolean endless =
              found.form() == RecordView.PLAIN
                  && !found.has(RecordView.SETTING)
                  && !found.has(RecordView.TOMBSTONE)
                  && !found.has(RecordView.EXPIRY);
          return (endless || visitor.test(slotAt(position, true))) && passed[0] < keysMax;
        });
  }

  // ---- Who is asked for ----

  @Override
  public Optional<Outline> outline(Payload key) {
    probe.set(key);
    long position = index.find(probe);
    if (position == HashIndex.NONE) {
      return Optional.empty();
    }
    RecordView found = see(index.address(position));
    Optional<Placement> placement =
        found.form() == RecordView.OBJECT
            ? objects.get(objectNumber(found)).placement()
            : Records.setting(found).flatMap(PlacementSetting::placement);
    return Optional.of(new Outline(bytes(found), placement));
  }

  /// What the slot of a record takes.
  private long bytes(RecordView found) {
    long bytes = (long) found.size() + Form.INDEX_BYTES;
    return found.form() == RecordView.OBJECT
        ? bytes + Form.heapWeight(objects.get(objectNumber(found)))
        : bytes;
  }

  @Override
  public void accessed(Payload key) {
    probe.set(key);
    index.access(probe);
  }

  @Override
  public boolean isIdle(Payload key) {
    probe.set(key);
    long position = index.find(probe);
    return position != HashIndex.NONE && !index.isAccessed(position);
  }

  @Override
  public long sweepIdle(long cursor, int keysMin, IdleVisitor visitor) {
    return index.segmentsOnce(
        cursor,
        keysMin,
        position -> {
          if (!index.takeAccessed(position)) {
            showIdle(see(index.address(position)), visitor);
          }
          return true;
        });
  }

  private void showIdle(RecordView found, IdleVisitor visitor) {
    long bytes = bytes(found);
    if (bytes >= visitor.bytesMin() && !found.has(RecordView.TOMBSTONE) && !isPlaced(found)) {
      found.loadKey(otherProbe);
      visitor.visit(otherProbe.toPayload(), bytes);
    }
  }

  // ---- Plain slots ----

  @Override
  public Found find(byte[] source, int offset, int length, PlainSlot into) {
    probe.set(source, offset, length);
    long position = index.access(probe);
    if (position == HashIndex.NONE) {
      return Found.NOTHING;
    }
    return Records.take(see(index.address(position)), into) ? Found.PLAIN : Found.OTHER;
  }

  @Override
  public void put(byte[] source, int offset, int length, PlainSlot slot) {
    probe.set(source, offset, length);
    replacing(index.find(probe), Records.flags(slot), slot.valueLength);
    Records.fill(record, slot);
    filling.put((int) record.bodyAt(), slot.value, slot.valueAt, slot.valueLength);
    slabs.compact();
  }
}
