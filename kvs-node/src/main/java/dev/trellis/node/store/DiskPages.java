package dev.trellis.node.store;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.function.Supplier;

/// Looks through the pages of an LMDB file before LMDB does. LMDB believes what it finds in them:
/// one wrong number in a page, and it reads beyond the file, which ends the process. So what is
/// meant to tell whether a file is sound must not begin with it.
///
/// Follows the trees from their roots; checked is that each page is the one that it is meant to be,
/// that it is reached once, that what is in it lies in it, and that as much was found as is
/// counted. What the values hold is no matter here.
///
/// The form is that of LMDB 0.9 with words of 64 bits: `mdb.c`, *Page Structure*.
final class DiskPages {
  private static final ValueLayout.OfShort SHORT = le(ValueLayout.JAVA_SHORT_UNALIGNED);
  private static final ValueLayout.OfInt INT = le(ValueLayout.JAVA_INT_UNALIGNED);
  private static final ValueLayout.OfLong LONG = le(ValueLayout.JAVA_LONG_UNALIGNED);

  private static final int HEADER_BYTES = 16;
  private static final int NODE_BYTES = 8;
  private static final int META_BYTES = HEADER_BYTES + 136;
  private static final int MAGIC = 0xBEEFC0DE;
  private static final int VERSION = 1;

  // What a page is.
  private static final int BRANCH = 0x01;
  private static final int LEAF = 0x02;
  private static final int OVERFLOW = 0x04;
  private static final int META = 0x08;
  private static final int KIND_MASK = 0x2F;

  // What the value of a node is.
  private static final int IS_ELSEWHERE = 0x01;
  private static final int IS_TREE = 0x02;

  // In the description of a tree.
  private static final int TREE_BYTES = 48;
  private static final int NUMBERS_FOR_KEYS = 0x08;
  private static final int FLAGS = 4;
  private static final int DEPTH = 6;
  private static final int ENTRIES = 32;
  private static final int ROOT = 40;
  private static final long NO_PAGE = -1;

  private final Path file;
  private final MemorySegment memory;
  private final BitSet reached = new BitSet();
  private int pageBytes;
  private long lastPage;

  private DiskPages(Path file, MemorySegment memory) {
    this.file = file;
    this.memory = memory;
  }

  private static ValueLayout.OfShort le(ValueLayout.OfShort layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  private static ValueLayout.OfInt le(ValueLayout.OfInt layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  private static ValueLayout.OfLong le(ValueLayout.OfLong layout) {
    return layout.withOrder(ByteOrder.LITTLE_ENDIAN);
  }

  /// Reads every page that is in use, but for the values on pages of their own. O(size of the
  /// file).
  ///
  /// @param file that nobody writes to meanwhile
  /// @throws DamagedFilesException naming the file and what is wrong with it
  static void check(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        Arena arena = Arena.ofConfined()) {
      new DiskPages(file, channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena))
          .check();
    }
  }

  private void check() throws DamagedFilesException {
    require(memory.byteSize() >= 2L * META_BYTES, () -> "has " + memory.byteSize() + " bytes only");
    requireMeta(0, "first");
    pageBytes = memory.get(INT, HEADER_BYTES + 24);
    require(
        pageBytes >= 512 && pageBytes <= 1 << 16 && Integer.bitCount(pageBytes) == 1,
        () -> "has pages of " + pageBytes + " bytes");
    require(memory.byteSize() >= 2L * pageBytes, () -> "ends before its second page does");
    requireMeta(pageBytes, "second");
    boolean second = Long.compareUnsigned(transaction(pageBytes), transaction(0)) > 0;
    long meta = (long) HEADER_BYTES + (second ? pageBytes : 0);
    lastPage = memory.get(LONG, meta + 120);
    require(
        lastPage > 0 && lastPage <= Integer.MAX_VALUE,
        () -> "has " + lastPage + " for its last page");
    tree(meta + 24, "the tree of free pages", NUMBERS_FOR_KEYS, false);
    tree(meta + 24 + TREE_BYTES, "the tree of trees", 0, true);
  }

  private void requireMeta(long at, String which) throws DamagedFilesException {
    require(
        (flags(at) & META) != 0
            && memory.get(INT, at + HEADER_BYTES) == MAGIC
            && memory.get(INT, at + HEADER_BYTES + 4) == VERSION,
        () -> "does not begin as a file of LMDB does: its " + which + " page is another");
  }

  private long transaction(long at) {
    return memory.get(LONG, at + HEADER_BYTES + 128);
  }

  /// @param at where the tree is described
  private void tree(long at, String what, int flags, boolean hasTrees)
      throws DamagedFilesException {
    int found = unsigned(memory.get(SHORT, at + FLAGS));
    require(found == flags, () -> what + " is of an unknown kind " + found);
    long root = memory.get(LONG, at + ROOT);
    int depth = unsigned(memory.get(SHORT, at + DEPTH));
    long entries = root == NO_PAGE ? 0 : page(root, depth, hasTrees);
    long counted = memory.get(LONG, at + ENTRIES);
    require(entries == counted, () -> what + " has " + entries + " entries, and counts " + counted);
  }

  /// @param depth of what is below, with the page
  /// @return entries below
  private long page(long number, int depth, boolean hasTrees) throws DamagedFilesException {
    long at = reach(number, 1);
    int kind = depth > 1 ? BRANCH : LEAF;
    require(
        memory.get(LONG, at) == number && (flags(at) & KIND_MASK) == kind,
        () ->
            "page "
                + number
                + " is not the "
                + (depth > 1 ? "branch" : "leaf")
                + " that is to be there");
    int lower = unsigned(memory.get(SHORT, at + 12));
    int upper = unsigned(memory.get(SHORT, at + 14));
    require(
        lower > HEADER_BYTES && lower % 2 == 0 && lower <= upper && upper <= pageBytes,
        () -> "page " + number + " has room from " + lower + " to " + upper);
    int nodes = (lower - HEADER_BYTES) / Short.BYTES;
    long entries = 0;
    for (int node = 0; node < nodes; node++) {
      int start = unsigned(memory.get(SHORT, at + HEADER_BYTES + (long) node * Short.BYTES));
      requireWithin(number, node, start, upper, start + NODE_BYTES);
      entries +=
          depth > 1
              ? page(child(number, node, at + start, start), depth - 1, hasTrees)
              : value(number, node, at + start, start, hasTrees);
    }
    return entries;
  }

  private long child(long number, int node, long at, int start) throws DamagedFilesException {
    requireWithin(number, node, start, start, start + NODE_BYTES + keyBytes(at));
    return size(at) | (long) unsigned(memory.get(SHORT, at + 4)) << Integer.SIZE;
  }

  /// @return 1, for the entry
  private int value(long number, int node, long at, int start, boolean hasTrees)
      throws DamagedFilesException {
    int flags = unsigned(memory.get(SHORT, at + 4));
    long bytes = size(at);
    long inPage = (flags & IS_ELSEWHERE) != 0 ? Long.BYTES : bytes;
    long data = (long) start + NODE_BYTES + keyBytes(at);
    requireWithin(number, node, start, start, data + inPage);
    long valueAt = at + data - start;
    switch (flags) {
      case 0 -> {}
      case IS_ELSEWHERE -> {
        long first = memory.get(LONG, valueAt);
        long page = reach(first, 1);
        long pages = Integer.toUnsignedLong(memory.get(INT, page + 12));
        require(
            memory.get(LONG, page) == first
                && (flags(page) & KIND_MASK) == OVERFLOW
                && HEADER_BYTES + bytes <= pages * pageBytes,
            () ->
                "page "
                    + first
                    + " does not begin the value of "
                    + bytes
                    + " bytes that is to be there");
        if (pages > 1) {
          var _ = reach(first + 1, pages - 1);
        }
      }
      case IS_TREE -> {
        require(
            hasTrees && bytes == TREE_BYTES,
            () -> "page " + number + " has a tree where there is none");
        tree(valueAt, "a tree that page " + number + " tells of", 0, false);
      }
      default ->
          throw damaged("node " + node + " of page " + number + " is of an unknown kind " + flags);
    }
    return 1;
  }

  /// Takes note that pages are in use.
  ///
  /// @return where the first of them begins
  private long reach(long first, long count) throws DamagedFilesException {
    require(
        first > 1 && first <= lastPage && count <= lastPage - first + 1,
        () -> "page " + first + " is to be there, and the last one is page " + lastPage);
    require(
        (first + count) * pageBytes <= memory.byteSize(),
        () ->
            "ends after "
                + memory.byteSize()
                + " bytes, before page "
                + (first + count - 1)
                + ": it is cut off");
    int from = Math.toIntExact(first);
    int to = Math.toIntExact(first + count);
    int before = reached.nextSetBit(from);
    require(before < 0 || before >= to, () -> "page " + before + " is in use twice");
    reached.set(from, to);
    return first * pageBytes;
  }

  private void requireWithin(long number, int node, int start, int least, long end)
      throws DamagedFilesException {
    require(
        start >= least && end <= pageBytes,
        () -> "node " + node + " of page " + number + " does not lie in it");
  }

  private int keyBytes(long node) throws DamagedFilesException {
    int bytes = unsigned(memory.get(SHORT, node + 6));
    require(bytes <= DiskKeys.BYTES_MAX, () -> "has a key of " + bytes + " bytes");
    return bytes;
  }

  /// Of the value of a node, in bytes; or the lower bits of a page's number.
  private long size(long node) {
    return unsigned(memory.get(SHORT, node))
        | (long) unsigned(memory.get(SHORT, node + 2)) << Short.SIZE;
  }

  private int flags(long page) {
    return unsigned(memory.get(SHORT, page + 10));
  }

  private static int unsigned(short number) {
    return Short.toUnsignedInt(number);
  }

  private void require(boolean holds, Supplier<String> otherwise) throws DamagedFilesException {
    if (!holds) {
      throw damaged(otherwise.get());
    }
  }

  private DamagedFilesException damaged(String how) {
    return new DamagedFilesException(file + " is damaged: " + how);
  }
}
