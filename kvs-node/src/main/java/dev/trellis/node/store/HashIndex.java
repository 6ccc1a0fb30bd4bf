package dev.trellis.node.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Cleaner;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Finds records by key. Extendible hashing: a directory leads to segments of a few hundred keys,
/// and a segment that is full is divided, so that growing never costs more than a segment at once.
///
/// A segment has what the highest bits of the key's hash say, those that name its partition, and
/// once a partition has segments of its own, those of a second hash that nobody outside can
/// predict. So the keys of a partition lie together, and nobody can choose keys that do not spread.
///
/// A segment is up to three pages of 1 KiB, a page is 16 buckets of 64 bytes, a bucket has ten
/// places: for each, eight bits of the second hash, by which nearly all other keys are told apart
/// without looking at them, 40 bits of address, whether the key's digest is part of a sum, and
/// whether it was asked for of late. Who finds the bucket full goes on to the next one of the page,
/// and is counted there as passing.
///
/// A position names a place until a key is added or removed. Confined to one thread.
///
/// @see "Fagin et al., Extendible Hashing, TODS 1979"
final class HashIndex {
  static final long NONE = -1;

  /// Bits of the key's hash by which the directory goes, at most.
  private static final int HASH_BITS = 14;

  /// And of the second hash, within one of the ranges that those make.
  private static final int SPREAD_BITS = 28;

  // A cursor has the ranges of both hashes, and where it is within a segment which making of it
  // that was, and the place there.
  private static final int ORDINAL_BITS = 10;
  private static final int ORDINAL_MASK = (1 << ORDINAL_BITS) - 1;
  private static final int MAKING_BITS = 11;
  private static final int MAKING_MASK = (1 << MAKING_BITS) - 1;
  private static final long RANGE_ONE = 1L << (ORDINAL_BITS + MAKING_BITS);

  private static final int PAGES_MAX = 3; // a segment
  private static final int PAGE_BITS = 10;
  private static final int BUCKETS = 16; // a page
  private static final int BUCKET_BYTES = 64;
  private static final int PLACES = 10; // a bucket
  private static final int PAGE_KEYS = BUCKETS * PLACES;

  /// How full the pages of a segment are when they were made for it.
  private static final int KEYS_AT_FIRST = PAGE_KEYS * 7 / 10;

  private static final int JOIN_EVERY = 16; // removals
  private static final int SEGMENT_KEYS_MAX = PAGES_MAX * PAGE_KEYS + 1;
  private static final int CHUNK_PAGES = 256;
  private static final int FREE = -1;

  /// Pages are kept for the next keys up to one for so many, and those of a chunk.
  private static final int KEPT_SHARE = 16;

  private static final int META = 10;
  private static final int PLACES_MASK = (1 << PLACES) - 1;

  // Beside the bits for sums, one for each place: those of keys asked for, and the passing count.
  private static final int ACCESSED = PLACES;
  private static final int PASSING = 2 * PLACES;
  private static final int PASSING_ONE = 1 << PASSING;

  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long ONES = 0x0101_0101_0101_0101L;
  private static final long HIGHS = 0x8080_8080_8080_8080L;
  private static final Cleaner CLEANER = Cleaner.create();

  /// What the index must know of records.
  interface Records {
    /// Whether the record is of the key that is looked for.
    boolean isOf(long address, KeyProbe key);

    /// Whether there is a record.
    boolean isThere(long address);

    /// Loads the key of a record.
    void load(long address, KeyProbe key);
  }

  /// Is shown positions.
  interface Visitor {
    /// Takes a position; returns whether to go on.
    boolean visit(long position);
  }

  /// The part of the directory below one of its entries.
  private static final class Deep {
    private int bits;
    private int[] segments;

    Deep(int segment) {
      this.segments = new int[] {segment};
    }
  }

  /// What must be given back when nobody uses the index any more.
  private static final class Arenas implements Runnable {
    private final ArrayDeque<Arena> arenas = new ArrayDeque<>(); // one for each chunk, in order

    @SuppressWarnings("MustBeClosedChecker") // here is who closes them
    MemorySegment open(long bytes) {
      Arena arena = Arena.ofShared();
      arenas.addLast(arena);
      return NativeMemory.allocate(arena, bytes);
    }

    void closeLast() {
      arenas.removeLast().close();
    }

    @Override
    public void run() {
      arenas.forEach(Arena::close);
    }
  }

  private final Records records;
  private final KeyProbe other; // whoever is moved
  private final Arenas arenas = new Arenas();
  private MemorySegment[] chunks = new MemorySegment[4];
  private int chunkCount;
  private int pages; // handed out so far
  private int pagesEnd; // of those in the last chunk
  private int[] owners = new int[CHUNK_PAGES]; // of each page, its place in `pagesOf`; or FREE
  private int[] freePages = new int[8];
  private int freePageCount;
  private long reserved;

  private int bits; // of the hash, by which the directory goes
  private int[] directory = new int[1]; // a segment, or the complement of a deep one
  private final List<Deep> deeps = new ArrayList<>();
  private int[] freeDeeps = new int[4];
  private int freeDeepCount;

  private int segments;
  private int[] freeSegments = new int[4];
  private int freeSegmentCount;
  private int[] pagesOf = new int[4 * PAGES_MAX];
  private byte[] pageCounts = new byte[4];
  private byte[] depths = new byte[4];
  private int[] keyCounts = new int[4];
  private int[] makings =
      new int[4]; // how often any segment with a part of the range was made anew

  // The keys of a segment that is being made anew.
  private final long[] movedAddresses = new long[SEGMENT_KEYS_MAX];
  private final long[] movedHashes = new long[SEGMENT_KEYS_MAX];
  private final long[] movedSpreads = new long[SEGMENT_KEYS_MAX];
  private final boolean[] movedSummed = new boolean[SEGMENT_KEYS_MAX];
  private final boolean[] movedAccessed = new boolean[SEGMENT_KEYS_MAX];
  private int moved;

  private long size;

  HashIndex(Records records, long seed) {
    this.records = records;
    this.other = new KeyProbe(seed);
    CLEANER.register(this, arenas);
    newSegment(0);
  }

  long size() {
    return size;
  }

  /// Bytes taken from the system.
  long reserved() {
    return reserved;
  }

  // ---- Places ----

  /// The position of a key, or [#NONE].
  long find(KeyProbe key) {
    return find(key, NONE);
  }

  /// The position of the key at an address, or [#NONE].
  ///
  /// @param address that of the record, or [#NONE] to compare keys
  long find(KeyProbe key, long address) {
    return find(key, address, false);
  }

  /// As [#find(KeyProbe)], of a key that is asked for, which is marked.
  long access(KeyProbe key) {
    return find(key, NONE, true);
  }

  private long find(KeyProbe key, long address, boolean marks) {
    int segment = segmentOf(key.hash(), key.spread());
    int count = pageCounts[segment];
    if (count == 0) {
      return NONE;
    }
    int page = pagesOf[segment * PAGES_MAX + pageOf(key.spread(), count)];
    MemorySegment chunk = chunks[page / CHUNK_PAGES];
    long start = (long) (page % CHUNK_PAGES) << PAGE_BITS;
    int bucket = bucketOf(key.spread());
    int tag = tagOf(key.spread());
    for (int probes = 0; probes < BUCKETS; probes++) {
      long base = start + (long) bucket * BUCKET_BYTES;
      for (int match = matches(chunk, base, tag); match != 0; match &= match - 1) {
        int place = Integer.numberOfTrailingZeros(match);
        long found = address(chunk, base, place);
        if (address == NONE ? records.isOf(found, key) : found == address) {
          if (marks) {
            mark(chunk, base + META, 1 << (ACCESSED + place));
          }
          return position(page, bucket, place);
        }
      }
      if (chunk.get(INT, base + META) >>> PASSING == 0) {
        return NONE;
      }
      bucket = (bucket + 1) & (BUCKETS - 1);
    }
    return NONE;
  }

  /// Writes only where there is no mark, as the same keys are asked for again and again.
  private static void mark(MemorySegment chunk, long metaAt, int bit) {
    int meta = chunk.get(INT, metaAt);
    if ((meta & bit) == 0) {
      chunk.set(INT, metaAt, meta | bit);
    }
  }

  /// Where the records of keys are, as far as one look at each key's first bucket tells: that of
  /// another key now and then, or [#NONE] for one that is elsewhere.
  ///
  /// @param hashes of each key
  /// @param spreads likewise
  /// @param addresses is filled in
  void findLikely(long[] hashes, long[] spreads, int count, long[] addresses) {
    for (int at = 0; at < count; at++) {
      long spread = spreads[at];
      int segment = segmentOf(hashes[at], spread);
      int pageCount = pageCounts[segment];
      addresses[at] = NONE;
      if (pageCount > 0) {
        int page = pagesOf[segment * PAGES_MAX + pageOf(spread, pageCount)];
        MemorySegment chunk = chunks[page / CHUNK_PAGES];
        long base =
            ((long) (page % CHUNK_PAGES) << PAGE_BITS) + (long) bucketOf(spread) * BUCKET_BYTES;
        int match = matches(chunk, base, tagOf(spread));
        if (match != 0) {
          addresses[at] = address(chunk, base, Integer.numberOfTrailingZeros(match));
        }
      }
    }
  }

  private static long position(int page, int bucket, int place) {
    return (long) page << 8 | bucket << 4 | place;
  }

  private static int pageOf(long spread, int count) {
    return (((int) (spread >>> 16) & 0xFFFF) * count) >>> 16;
  }

  private static int bucketOf(long spread) {
    return (int) (spread >>> 12) & (BUCKETS - 1);
  }

  /// Never zero, which marks a place that is free.
  private static int tagOf(long spread) {
    int tag = (int) spread & 0xFF;
    return tag == 0 ? 1 : tag;
  }

  /// The places of a bucket with a tag, as bits.
  private static int matches(MemorySegment chunk, long base, int tag) {
    long wanted = ONES * tag;
    int low = zeroBytes(chunk.get(LONG, base) ^ wanted);
    int high = zeroBytes(chunk.get(LONG, base + 2) ^ wanted) >>> 6; // of the last two
    return low | high << 8;
  }

  /// Which bytes of a word are zero, exactly, as bits.
  private static int zeroBytes(long word) {
    long zero = ~(((word & ~HIGHS) + ~HIGHS) | word | ~HIGHS);
    return (int) (((zero >>> 7) * 0x0102_0408_1020_4080L) >>> 56);
  }

  private static long address(MemorySegment chunk, long base, int place) {
    // The five bytes of the address are the highest of the eight that end with them.
    return chunk.get(LONG, base + META + 1 + 5L * place) >>> 24;
  }

  private static void setAddress(MemorySegment chunk, long base, int place, long address) {
    long at = base + META + 4 + 5L * place;
    chunk.set(INT, at, (int) address);
    chunk.set(BYTE, at + 4, (byte) (address >>> 32));
  }

  private static MemorySegment chunkOf(MemorySegment[] chunks, long position) {
    return chunks[(int) (position >>> 8) / CHUNK_PAGES];
  }

  private static long baseOf(long position) {
    return (position >>> 8) % CHUNK_PAGES << PAGE_BITS | (position >>> 4 & 0xF) * BUCKET_BYTES;
  }

  private static int placeOf(long position) {
    return (int) position & 0xF;
  }

  /// The address of the record at a position.
  long address(long position) {
    return address(chunkOf(chunks, position), baseOf(position), placeOf(position));
  }

  void setAddress(long position, long address) {
    setAddress(chunkOf(chunks, position), baseOf(position), placeOf(position), address);
  }

  /// Whether the key's digest is part of a sum.
  boolean isSummed(long position) {
    int meta = chunkOf(chunks, position).get(INT, baseOf(position) + META);
    return (meta >>> placeOf(position) & 1) != 0;
  }

  void setSummed(long position, boolean summed) {
    MemorySegment chunk = chunkOf(chunks, position);
    long at = baseOf(position) + META;
    int bit = 1 << placeOf(position);
    int meta = chunk.get(INT, at);
    chunk.set(INT, at, summed ? meta | bit : meta & ~bit);
  }

  /// Whether the key was asked for since [#takeAccessed].
  boolean isAccessed(long position) {
    int meta = chunkOf(chunks, position).get(INT, baseOf(position) + META);
    return (meta >>> (ACCESSED + placeOf(position)) & 1) != 0;
  }

  /// Takes the mark of a key off; returns whether there was one.
  boolean takeAccessed(long position) {
    MemorySegment chunk = chunkOf(chunks, position);
    long at = baseOf(position) + META;
    int bit = 1 << (ACCESSED + placeOf(position));
    int meta = chunk.get(INT, at);
    chunk.set(INT, at, meta & ~bit);
    return (meta & bit) != 0;
  }

  // ---- Adding and removing ----

  /// Adds a key that is not there, as one that was asked for.
  void add(KeyProbe key, long address) {
    int segment = segmentOf(key.hash(), key.spread());
    size++;
    keyCounts[segment]++;
    if (placed(segment, key.spread(), address, false, true)) {
      return;
    }
    gather(segment);
    keep(address, key.hash(), key.spread(), false, true);
    place(segment, 0, moved, pageCounts[segment] + 1);
  }

  /// Removes the key at a position.
  void remove(KeyProbe key, long position) {
    int segment = segmentOf(key.hash(), key.spread());
    MemorySegment chunk = chunkOf(chunks, position);
    int page = (int) (position >>> 8);
    long start = (long) (page % CHUNK_PAGES) << PAGE_BITS;
    int end = (int) (position >>> 4) & 0xF;
    for (int bucket = bucketOf(key.spread());
        bucket != end;
        bucket = (bucket + 1) & (BUCKETS - 1)) {
      long meta = start + (long) bucket * BUCKET_BYTES + META;
      chunk.set(INT, meta, chunk.get(INT, meta) - PASSING_ONE);
    }
    setSummed(position, false);
    takeAccessed(position);
    chunk.set(BYTE, baseOf(position) + placeOf(position), (byte) 0);
    size--;
    keyCounts[segment]--;
    shrink(segment, key.hash(), key.spread());
    giveBack();
  }

  /// Puts a key into a page with room for it.
  ///
  /// @return whether there was room
  private boolean placed(int segment, long spread, long address, boolean summed, boolean accessed) {
    int count = pageCounts[segment];
    if (count == 0) {
      return false;
    }
    int page = pagesOf[segment * PAGES_MAX + pageOf(spread, count)];
    MemorySegment chunk = chunks[page / CHUNK_PAGES];
    long start = (long) (page % CHUNK_PAGES) << PAGE_BITS;
    int home = bucketOf(spread);
    for (int probes = 0; probes < BUCKETS; probes++) {
      long base = start + (long) ((home + probes) & (BUCKETS - 1)) * BUCKET_BYTES;
      int free = matches(chunk, base, 0);
      if (free != 0) {
        int place = Integer.numberOfTrailingZeros(free);
        chunk.set(BYTE, base + place, (byte) tagOf(spread));
        setAddress(chunk, base, place, address);
        int meta = chunk.get(INT, base + META);
        int bits = (summed ? 1 << place : 0) | (accessed ? 1 << (ACCESSED + place) : 0);
        chunk.set(INT, base + META, meta | bits);
        for (int passed = 0; passed < probes; passed++) {
          long at = start + (long) ((home + passed) & (BUCKETS - 1)) * BUCKET_BYTES + META;
          chunk.set(INT, at, chunk.get(INT, at) + PASSING_ONE);
        }
        return true;
      }
    }
    return false;
  }

  private void keep(long address, long hash, long spread, boolean summed, boolean accessed) {
    movedAddresses[moved] = address;
    movedHashes[moved] = hash;
    movedSpreads[moved] = spread;
    movedSummed[moved] = summed;
    movedAccessed[moved] = accessed;
    moved++;
  }

  /// Takes the keys of a segment out of it, and begins with what was kept before.
  private void gather(int segment) {
    moved = 0;
    gatherMore(segment);
  }

  private void gatherMore(int segment) {
    int first = moved;
    for (int at = 0; at < pageCounts[segment]; at++) {
      int page = pagesOf[segment * PAGES_MAX + at];
      MemorySegment chunk = chunks[page / CHUNK_PAGES];
      long start = (long) (page % CHUNK_PAGES) << PAGE_BITS;
      for (long base = start; base < start + (1L << PAGE_BITS); base += BUCKET_BYTES) {
        int meta = chunk.get(INT, base + META);
        int taken = ~matches(chunk, base, 0) & PLACES_MASK;
        for (; taken != 0; taken &= taken - 1) {
          int place = Integer.numberOfTrailingZeros(taken);
          keep(
              address(chunk, base, place),
              0,
              0,
              (meta >>> place & 1) != 0,
              (meta >>> (ACCESSED + place) & 1) != 0);
        }
      }
    }
    // The records are anywhere in memory. Waiting for all of them at once takes a tenth of waiting
    // for one after the other, as the hashing would have it.
    boolean sound = true;
    for (int at = first; at < moved; at++) {
      sound &= records.isThere(movedAddresses[at]);
    }
    if (!sound) {
      throw new IllegalStateException("the index leads to a record that is not there");
    }
    for (int at = first; at < moved; at++) {
      records.load(movedAddresses[at], other);
      movedHashes[at] = other.hash();
      movedSpreads[at] = other.spread();
    }
  }

  private boolean isFree(long position) {
    return chunkOf(chunks, position).get(BYTE, baseOf(position) + placeOf(position)) == 0;
  }

  /// Makes a segment of some of the gathered keys, and more than one if they are too many.
  ///
  /// @param pagesMin below this it is known not to work
  private void place(int segment, int from, int to, int pagesMin) {
    int count = to - from;
    int first = Math.max(pagesMin, (count + KEYS_AT_FIRST - 1) / KEYS_AT_FIRST);
    for (int pageCount = first; pageCount <= PAGES_MAX; pageCount++) {
      if (filled(segment, from, to, pageCount)) {
        return;
      }
    }
    int depth = depths[segment];
    int sibling = divide(segment, movedHashes[from], movedSpreads[from]);
    int middle = from;
    for (int at = from; at < to; at++) {
      long bit =
          depth < HASH_BITS
              ? movedHashes[at] >>> (Long.SIZE - 1 - depth)
              : movedSpreads[at] >>> (Long.SIZE - 1 - (depth - HASH_BITS));
      if ((bit & 1) == 0) {
        swap(at, middle++);
      }
    }
    place(segment, from, middle, 0);
    place(sibling, middle, to, 0);
  }

  private void swap(int a, int b) {
    long address = movedAddresses[a];
    long hash = movedHashes[a];
    long spread = movedSpreads[a];
    boolean summed = movedSummed[a];
    boolean accessed = movedAccessed[a];
    movedAddresses[a] = movedAddresses[b];
    movedHashes[a] = movedHashes[b];
    movedSpreads[a] = movedSpreads[b];
    movedSummed[a] = movedSummed[b];
    movedAccessed[a] = movedAccessed[b];
    movedAddresses[b] = address;
    movedHashes[b] = hash;
    movedSpreads[b] = spread;
    movedSummed[b] = summed;
    movedAccessed[b] = accessed;
  }

  private boolean filled(int segment, int from, int to, int pageCount) {
    resize(segment, pageCount);
    keyCounts[segment] = to - from;
    for (int at = from; at < to; at++) {
      if (!placed(
          segment, movedSpreads[at], movedAddresses[at], movedSummed[at], movedAccessed[at])) {
        return false;
      }
    }
    return true;
  }

  /// Gives a segment so many pages, all empty.
  private void resize(int segment, int pageCount) {
    makings[segment]++;
    int start = segment * PAGES_MAX;
    for (int at = pageCount; at < pageCounts[segment]; at++) {
      owners[pagesOf[start + at]] = FREE;
      freePages = pushed(freePages, freePageCount++, pagesOf[start + at]);
    }
    for (int at = 0; at < pageCount; at++) {
      if (at >= pageCounts[segment]) {
        pagesOf[start + at] = freePageCount > 0 ? freePages[--freePageCount] : newPage();
        owners[pagesOf[start + at]] = start + at;
      }
      int page = pagesOf[start + at];
      chunks[page / CHUNK_PAGES]
          .asSlice((long) (page % CHUNK_PAGES) << PAGE_BITS, 1L << PAGE_BITS)
          .fill((byte) 0);
    }
    pageCounts[segment] = (byte) pageCount;
  }

  private static int[] pushed(int[] stack, int count, int value) {
    int[] grown = count == stack.length ? Arrays.copyOf(stack, 2 * count) : stack;
    grown[count] = value;
    return grown;
  }

  private int newPage() {
    if (pages == pagesEnd) {
      int count = Math.min(2 << Math.min(chunkCount, 8), CHUNK_PAGES);
      if (chunkCount == chunks.length) {
        chunks = Arrays.copyOf(chunks, 2 * chunkCount);
      }
      pages = chunkCount * CHUNK_PAGES;
      pagesEnd = pages + count;
      if (owners.length < pages + CHUNK_PAGES) {
        owners = Arrays.copyOf(owners, 2 * (pages + CHUNK_PAGES));
      }
      chunks[chunkCount++] = arenas.open((long) count << PAGE_BITS);
      reserved += (long) count << PAGE_BITS;
    }
    return pages++;
  }

  /// Gives the last chunk back to the system if more pages are free than it has and some are left
  /// over. Its own that are not free are moved: a quarter of a mebibyte at most.
  private void giveBack() {
    if (freePageCount <= CHUNK_PAGES + chunkCount * CHUNK_PAGES / KEPT_SHARE) {
      return;
    }
    MemorySegment last = chunks[chunkCount - 1];
    int first = (chunkCount - 1) * CHUNK_PAGES;
    int elsewhere = 0;
    for (int at = 0; at < freePageCount; at++) {
      if (freePages[at] < first) {
        freePages[elsewhere++] = freePages[at];
      }
    }
    freePageCount = elsewhere;
    for (int page = first; page < pages; page++) {
      int owner = owners[page];
      if (owner != FREE) {
        int target = freePages[--freePageCount];
        MemorySegment.copy(
            last,
            (long) (page - first) << PAGE_BITS,
            chunks[target / CHUNK_PAGES],
            (long) (target % CHUNK_PAGES) << PAGE_BITS,
            1L << PAGE_BITS);
        pagesOf[owner] = target;
        owners[target] = owner;
      }
    }
    reserved -= last.byteSize();
    chunks[--chunkCount] = MemorySegment.NULL;
    pages = first; // all of those before are handed out
    pagesEnd = first;
    arenas.closeLast();
  }

  // ---- The directory ----

  private int segmentOf(long hash, long spread) {
    int at = directory[index(hash, bits)];
    if (at >= 0) {
      return at;
    }
    Deep deep = deeps.get(~at);
    return deep.segments[index(spread, deep.bits)];
  }

  private static int index(long hash, int bits) {
    return (int) (hash >>> 1 >>> (Long.SIZE - 1 - bits));
  }

  private int newSegment(int depth) {
    int segment = freeSegmentCount > 0 ? freeSegments[--freeSegmentCount] : segments++;
    if (segment == depths.length) {
      pagesOf = Arrays.copyOf(pagesOf, 2 * pagesOf.length);
      pageCounts = Arrays.copyOf(pageCounts, 2 * segment);
      depths = Arrays.copyOf(depths, 2 * segment);
      keyCounts = Arrays.copyOf(keyCounts, 2 * segment);
      makings = Arrays.copyOf(makings, 2 * segment);
    }
    depths[segment] = (byte) depth;
    pageCounts[segment] = 0;
    keyCounts[segment] = 0;
    return segment;
  }

  /// Has a segment keep the lower half of its range.
  ///
  /// @param hash that of any key in the range
  /// @param spread likewise
  /// @return the new segment, which has the upper half
  private int divide(int segment, long hash, long spread) {
    int depth = depths[segment];
    int sibling = newSegment(depth + 1);
    depths[segment] = (byte) (depth + 1);
    makings[sibling] = makings[segment];
    if (depth < HASH_BITS) {
      if (depth == bits) {
        directory = doubled(directory);
        bits++;
      }
      setUpperHalf(directory, bits, index(hash, depth), depth, sibling);
      return sibling;
    }
    int entry = index(hash, bits);
    if (directory[entry] >= 0) {
      directory[entry] = ~newDeep(segment);
    }
    Deep deep = deeps.get(~directory[entry]);
    int deepDepth = depth - HASH_BITS;
    if (deepDepth == deep.bits) {
      if (deep.bits == SPREAD_BITS) {
        throw new IllegalStateException("the keys of a segment have one hash: the seed is known");
      }
      deep.segments = doubled(deep.segments);
      deep.bits++;
    }
    setUpperHalf(deep.segments, deep.bits, index(spread, deepDepth), deepDepth, sibling);
    return sibling;
  }

  private int newDeep(int segment) {
    Deep deep = new Deep(segment);
    if (freeDeepCount > 0) {
      int at = freeDeeps[--freeDeepCount];
      deeps.set(at, deep);
      return at;
    }
    deeps.add(deep);
    return deeps.size() - 1;
  }

  private static int[] doubled(int[] entries) {
    int[] twice = new int[2 * entries.length];
    for (int at = 0; at < twice.length; at++) {
      twice[at] = entries[at >> 1];
    }
    return twice;
  }

  /// @param prefix the bits that the entries of the range share, `depth` of them
  private static void setUpperHalf(int[] entries, int bits, int prefix, int depth, int segment) {
    int half = 1 << (bits - depth - 1);
    int start = (prefix << (bits - depth)) + half;
    Arrays.fill(entries, start, start + half, segment);
  }

  /// After a key was removed: gives back pages, and joins the segment with its other half if both
  /// have few keys.
  private void shrink(int segment, long hash, long spread) {
    int count = keyCounts[segment];
    int pageCount = pageCounts[segment];
    if (count == 0 ? pageCount > 0 : 2 * count < (pageCount - 1) * KEYS_AT_FIRST) {
      gather(segment);
      place(segment, 0, moved, 0);
    }
    if (count % JOIN_EVERY == 0) {
      join(segment, hash, spread);
    }
  }

  private void join(int segment, long hash, long spread) {
    int depth = depths[segment];
    boolean isDeep = depth > HASH_BITS;
    if (depth == 0) {
      return;
    }
    Deep deep = isDeep ? deeps.get(~directory[index(hash, bits)]) : null;
    int[] entries = deep == null ? directory : deep.segments;
    int entryBits = deep == null ? bits : deep.bits;
    int own = deep == null ? depth : depth - HASH_BITS;
    int prefix = index(deep == null ? hash : spread, own);
    int half = 1 << (entryBits - own);
    int buddy = entries[(prefix ^ 1) * half];
    if (buddy < 0
        || depths[buddy] != depth
        || keyCounts[buddy] + keyCounts[segment] > KEYS_AT_FIRST / 2) {
      return;
    }
    gather(segment);
    gatherMore(buddy);
    resize(buddy, 0);
    makings[segment] = Math.max(makings[segment], makings[buddy]);
    freeSegments = pushed(freeSegments, freeSegmentCount++, buddy);
    int start = (prefix & ~1) * half;
    Arrays.fill(entries, start, start + 2 * half, segment);
    depths[segment] = (byte) (depth - 1);
    if (deep != null && own == 1) {
      int entry = index(hash, bits);
      int at = ~directory[entry];
      freeDeeps = pushed(freeDeeps, freeDeepCount++, at);
      directory[entry] = segment;
    }
    place(segment, 0, moved, 0);
  }

  // ---- Walks ----

  /// Shows the positions of all keys whose hash begins with the bits of `hash`, and of those beside
  /// them in the same segment, whose hashes may begin otherwise: a few hundred, if the range has
  /// less. The visitor must not change the index, but for what is in the places.
  ///
  /// @param hashBits how many of its bits, 0 to 64
  void range(long hash, int hashBits, Visitor visitor) {
    int shared = Math.min(hashBits, bits);
    int from = index(hash, shared) << (bits - shared);
    int to = from + (1 << (bits - shared));
    boolean goesOn = true;
    for (int entry = from; entry < to && goesOn; entry++) {
      int segment = directory[entry];
      if (segment < 0) {
        goesOn = visitAll(deeps.get(~segment).segments, visitor);
      } else if (entry == from || segment != directory[entry - 1]) {
        goesOn = visit(segment, 0, visitor) < 0;
      }
    }
  }

  private boolean visitAll(int[] entries, Visitor visitor) {
    for (int at = 0; at < entries.length; at++) {
      boolean another = at == 0 || entries[at] != entries[at - 1];
      if (another && visit(entries[at], 0, visitor) >= 0) {
        return false;
      }
    }
    return true;
  }

  /// @return where it stopped, or -1 if it went to the end
  private int visit(int segment, int from, Visitor visitor) {
    for (int at = from >> 8; at < pageCounts[segment]; at++) {
      int page = pagesOf[segment * PAGES_MAX + at];
      for (int inner = at == from >> 8 ? from & 0xFF : 0; inner < BUCKETS << 4; inner++) {
        long position = (long) page << 8 | inner;
        if ((inner & 0xF) < PLACES && !isFree(position) && !visitor.visit(position)) {
          return at << 8 | (inner + 1);
        }
      }
    }
    return -1;
  }

  /// Shows positions from a cursor on, until the visitor has enough. Keys that are there all the
  /// time from cursor 0 to the end are shown at least once: if a segment is made anew meanwhile,
  /// all of it is shown again.
  ///
  /// @param cursor 0, or what the last call returned
  /// @return where to go on, or [#NONE] at the end
  long sweep(long cursor, Visitor visitor) {
    long at = cursor;
    while (at != NONE) {
      int segment = segmentAt(at);
      int making = makings[segment] & MAKING_MASK;
      boolean same = (at & (RANGE_ONE - 1)) >>> ORDINAL_BITS == making;
      int stopped = visit(segment, same ? (int) at & ORDINAL_MASK : 0, visitor);
      if (stopped >= 0) {
        return (at & -RANGE_ONE) | (long) making << ORDINAL_BITS | stopped;
      }
      at = after(at, depths[segment]);
    }
    return NONE;
  }

  /// As [#sweep], but stops only between segments, once so many keys were shown.
  long wholeSegments(long cursor, int keysMin, Visitor visitor) {
    long at = cursor;
    int shown = 0;
    while (at != NONE && shown < keysMin) {
      int segment = segmentAt(at);
      shown += keyCounts[segment];
      visit(segment, 0, visitor);
      at = after(at, depths[segment]);
    }
    return at;
  }

  /// As [#wholeSegments], but shows nothing twice: a segment that was joined with one which was
  /// shown before is left out.
  long segmentsOnce(long cursor, int keysMin, Visitor visitor) {
    long at = cursor;
    int shown = 0;
    while (at != NONE && shown < keysMin) {
      int segment = segmentAt(at);
      long step = 1L << (HASH_BITS + SPREAD_BITS - depths[segment]);
      if ((at / RANGE_ONE & (step - 1)) == 0) {
        shown += keyCounts[segment];
        visit(segment, 0, visitor);
      }
      at = after(at, depths[segment]);
    }
    return at;
  }

  private int segmentAt(long cursor) {
    long hash = (cursor / RANGE_ONE) >>> SPREAD_BITS << (Long.SIZE - HASH_BITS);
    return segmentOf(hash, (cursor / RANGE_ONE) << (Long.SIZE - SPREAD_BITS));
  }

  private static long after(long cursor, int depth) {
    // The ranges of both hashes follow each other as if they were one of as many bits.
    long range = cursor / RANGE_ONE;
    long step = 1L << (HASH_BITS + SPREAD_BITS - depth);
    long next = (range & -step) + step;
    return next >>> (HASH_BITS + SPREAD_BITS) == 0 ? next * RANGE_ONE : NONE;
  }
}
