package dev.trellis.node.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/// Native memory for records of any size, in slabs. New records go to the end of the open slab; a
/// freed record leaves a hole, which the next record of just that size takes. What holes remain
/// when sizes change is won back by compaction: the slab with the most holes is emptied, a few
/// records at each change, by moving what lives elsewhere.
///
/// Records are multiples of [#UNIT] bytes, [#RECORD_BYTES_MIN] at least, and start with an int
/// whose lowest byte is none of the two that mark holes. An address is the slab's number and the
/// place in it. Confined to one thread.
final class Slabs {
  static final int UNIT = 4;
  static final int RECORD_BYTES_MIN = 20; // what the links of a hole take

  /// The lowest byte of a hole that others can take, and of one in no list.
  static final int HOLE = 0;

  static final int GAP = 1;

  private static final int WINDOW_BITS = 19;
  private static final int SLAB_BYTES = 1 << WINDOW_BITS;

  /// What an address of 40 bits, as the index keeps it, can name.
  private static final int SLABS_MAX = 1 << (40 - WINDOW_BITS);

  private static final int FIRST_SLAB_BYTES = 1 << 12;

  /// Records above this have a slab of their own, which comes and goes with them.
  private static final int SHARED_BYTES_MAX = SLAB_BYTES / 8;

  /// Holes above this are in no list: moving what is that large is cheap for each of its bytes.
  private static final int LISTED_BYTES_MAX = 1 << 12;

  /// Compaction begins when holes take more than this part of all, and more than a little.
  private static final int HOLES_SHARE = 8;

  private static final int HOLES_BYTES_MIN = 1 << 16;

  /// Bytes passed over for each byte that is freed, so that compaction keeps up where a slab has no
  /// more holes than it takes to begin.
  private static final int WORK_PER_FREED_BYTE = HOLES_SHARE;

  private static final int WORK_BYTES_MAX = 1 << 15; // a change, if it has freed less
  private static final int MOVES_MAX = 256; // a change

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final Cleaner CLEANER = Cleaner.create();

  /// Knows what is in the records.
  interface Owner {
    /// The size of the record there.
    int sizeAt(long address);

    /// Moves the record elsewhere, by [#allocate]; what it leaves is not to be freed.
    void move(long address);
  }

  /// What must be given back when nobody uses the slabs any more.
  private static final class Arenas implements Runnable {
    private final Map<Integer, Arena> arenas = new HashMap<>(); // by slab

    @SuppressWarnings("MustBeClosedChecker") // here is who closes them
    MemorySegment open(int slab, int bytes) {
      Arena arena = Arena.ofShared();
      arenas.put(slab, arena);
      return NativeMemory.allocate(arena, bytes);
    }

    void close(int slab) {
      Arena arena = arenas.remove(slab);
      if (arena == null) {
        throw new IllegalStateException("slab " + slab + " is not there");
      }
      arena.close();
    }

    @Override
    public void run() {
      arenas.values().forEach(Arena::close);
    }
  }

  private final Owner owner;
  private final int slabsMax;
  private final Arenas arenas = new Arenas();
  private MemorySegment[] memory = new MemorySegment[4];
  private ByteBuffer[] buffers = new ByteBuffer[4]; // the same
  private int[] top = new int[4]; // bytes of records and holes
  private int[] dead = new int[4]; // bytes of holes
  private int[] unused = new int[4]; // numbers of slabs that are not there, a stack
  private int unusedCount;
  private int[] spare = new int[4]; // empty slabs of full size, a stack
  private int spareCount;
  private int slabs; // numbers given out so far
  private int shared; // slabs that hold more than one record, spare ones left out
  private int open = -1;
  private int victim = -1; // being emptied
  private int emptiedTo; // in the victim
  private long debt; // bytes that compaction has yet to pass over
  private long freed; // bytes since it last passed over any
  private final long[] holes = new long[LISTED_BYTES_MAX / UNIT + 1]; // first of each size
  private long reserved;
  private long holeBytes;

  Slabs(Owner owner) {
    this(owner, SLABS_MAX);
  }

  /// @param slabsMax how many slabs there may be at a time
  Slabs(Owner owner, int slabsMax) {
    this.owner = owner;
    this.slabsMax = slabsMax;
    Arrays.fill(holes, -1);
    CLEANER.register(this, arenas);
  }

  /// The slab of a record; valid until the record is freed or moved.
  MemorySegment memory(long address) {
    return memory[(int) (address >>> WINDOW_BITS)];
  }

  /// As [#memory], for what takes buffers; positions are those of the slab.
  ByteBuffer buffer(long address) {
    return buffers[(int) (address >>> WINDOW_BITS)];
  }

  /// Where in its slab a record starts.
  static long offset(long address) {
    return address & (SLAB_BYTES - 1);
  }

  /// Bytes taken from the system.
  long reserved() {
    return reserved;
  }

  /// Bytes of records that were freed and not taken again.
  long holeBytes() {
    return holeBytes;
  }

  /// The size that a record of so many bytes takes.
  static int rounded(int bytes) {
    return Math.max(RECORD_BYTES_MIN, (bytes + UNIT - 1) & -UNIT);
  }

  /// Room for a record.
  ///
  /// @param size as [#rounded] gives it
  long allocate(int size) {
    if (size <= LISTED_BYTES_MAX) {
      long hole = holes[size / UNIT];
      if (hole >= 0) {
        unlink(hole, size);
        filled(hole, size);
        return hole;
      }
    } else if (size > SHARED_BYTES_MAX) {
      int slab = added(size);
      top[slab] = size;
      return (long) slab << WINDOW_BITS;
    }
    if (open < 0 || memory[open].byteSize() - top[open] < size) {
      openSlab(size);
    }
    long address = (long) open << WINDOW_BITS | top[open];
    top[open] += size;
    return address;
  }

  private void openSlab(int size) {
    if (spareCount > 0) {
      open = spare[--spareCount];
    } else {
      // A store of a few keys takes little; eight records at least, so that little is left over.
      int wanted =
          Math.max(FIRST_SLAB_BYTES << Math.min(shared, 7), 16 * Integer.highestOneBit(size));
      open = added(Math.min(wanted, SLAB_BYTES));
    }
    shared++;
  }

  private int added(int bytes) {
    if (unusedCount == 0 && slabs == slabsMax) {
      throw new IllegalStateException(
          "a shard has no addresses left: it has " + slabs + " slabs for entries, the most");
    }
    int slab = unusedCount > 0 ? unused[--unusedCount] : slabs++;
    if (slab == memory.length) {
      memory = Arrays.copyOf(memory, 2 * slab);
      buffers = Arrays.copyOf(buffers, 2 * slab);
      top = Arrays.copyOf(top, 2 * slab);
      dead = Arrays.copyOf(dead, 2 * slab);
    }
    memory[slab] = arenas.open(slab, bytes);
    buffers[slab] = memory[slab].asByteBuffer();
    top[slab] = 0;
    dead[slab] = 0;
    reserved += bytes;
    return slab;
  }

  private void dropped(int slab) {
    reserved -= memory[slab].byteSize();
    arenas.close(slab);
    memory[slab] = MemorySegment.NULL;
    buffers[slab] = NOTHING;
    top[slab] = 0;
    unused = pushed(unused, unusedCount++, slab);
  }

  private static int[] pushed(int[] stack, int count, int value) {
    int[] grown = count == stack.length ? Arrays.copyOf(stack, 2 * count) : stack;
    grown[count] = value;
    return grown;
  }

  /// Takes back the room of a record.
  void free(long address, int size) {
    int slab = (int) (address >>> WINDOW_BITS);
    if (size > SHARED_BYTES_MAX) {
      dropped(slab);
      return;
    }
    dead[slab] += size;
    holeBytes += size;
    debt += (long) size * WORK_PER_FREED_BYTE;
    freed += size;
    if (size <= LISTED_BYTES_MAX && slab != victim) {
      link(address, size);
    } else {
      mark(address, size, GAP);
    }
  }

  private void filled(long hole, int size) {
    dead[(int) (hole >>> WINDOW_BITS)] -= size;
    holeBytes -= size;
  }

  private void mark(long address, int size, int form) {
    memory(address).set(INT, offset(address), size << 8 | form);
  }

  private void link(long hole, int size) {
    long next = holes[size / UNIT];
    mark(hole, size, HOLE);
    setNext(hole, next);
    setBefore(hole, -1);
    if (next >= 0) {
      setBefore(next, hole);
    }
    holes[size / UNIT] = hole;
  }

  private void unlink(long hole, int size) {
    long next = memory(hole).get(LONG, offset(hole) + 4);
    long before = memory(hole).get(LONG, offset(hole) + 12);
    if (before >= 0) {
      setNext(before, next);
    } else {
      holes[size / UNIT] = next;
    }
    if (next >= 0) {
      setBefore(next, before);
    }
  }

  private void setNext(long hole, long next) {
    memory(hole).set(LONG, offset(hole) + 4, next);
  }

  private void setBefore(long hole, long before) {
    memory(hole).set(LONG, offset(hole) + 12, before);
  }

  /// Does a share of the compaction that is due. May move any record, so nobody must hold an
  /// address across it. To be called after each change.
  void compact() {
    if (debt <= 0) {
      return;
    }
    if (victim < 0 && !chooseVictim()) {
      debt = 0;
      freed = 0;
      return;
    }
    long from = debt;
    long slice = Math.min(debt, Math.max(WORK_BYTES_MAX, freed * WORK_PER_FREED_BYTE));
    freed = 0;
    int moves = 0;
    while (emptiedTo < top[victim] && from - debt < slice && moves < MOVES_MAX) {
      long address = (long) victim << WINDOW_BITS | emptiedTo;
      int word = memory(address).get(INT, offset(address));
      int size;
      switch (word & 0xFF) {
        case HOLE -> {
          size = word >>> 8;
          unlink(address, size);
          mark(address, size, GAP);
        }
        case GAP -> size = word >>> 8;
        default -> {
          size = owner.sizeAt(address);
          owner.move(address);
          dead[victim] += size;
          holeBytes += size;
          moves++;
        }
      }
      emptiedTo += size;
      debt -= size;
    }
    if (emptiedTo >= top[victim]) {
      emptied();
    }
  }

  private boolean chooseVictim() {
    if (holeBytes <= Math.max(HOLES_BYTES_MIN, reserved / HOLES_SHARE)) {
      return false;
    }
    int worst = -1;
    for (int slab = 0; slab < slabs; slab++) {
      // The open slab too has an end to which one can get only by filling it.
      if (slab != open && dead[slab] > (worst < 0 ? 0 : dead[worst])) {
        worst = slab;
      }
    }
    victim = worst;
    emptiedTo = 0;
    return worst >= 0;
  }

  private void emptied() {
    int slab = victim;
    victim = -1;
    holeBytes -= dead[slab];
    dead[slab] = 0;
    top[slab] = 0;
    shared--;
    if (memory[slab].byteSize() == SLAB_BYTES) {
      spare = pushed(spare, spareCount++, slab);
    } else {
      dropped(slab);
    }
    while (spareCount > shared / 16 + 1) { // fewer are kept as the store gets smaller
      dropped(spare[--spareCount]);
    }
  }
}
