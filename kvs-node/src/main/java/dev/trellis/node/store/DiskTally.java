package dev.trellis.node.store;

import java.nio.ByteBuffer;
import java.util.BitSet;

/// What is on disk, by ranges of hashes: how many keys, how many of them with a placement of their
/// own, and the sum of the digests of the others. Kept with the records and changed in the same
/// transactions, so that a node that starts need not read what it has to compare it with others.
///
/// On disk it is a base with all ranges, and after it what later transactions changed, each only
/// the ranges that it changed.
final class DiskTally {
  /// Highest bits of the hash that name a range.
  static final int BITS = 14;

  static final int RANGES = 1 << BITS;

  private static final int HEADER_BYTES = 2 * Long.BYTES;
  private static final int RANGE_BYTES = 2 * Integer.BYTES + Long.BYTES;

  private final int[] keys = new int[RANGES];
  private final int[] placed = new int[RANGES];
  private final long[] sums = new long[RANGES];
  private long size;
  private long bytes;
  private final BitSet changed = new BitSet(RANGES);

  static int rangeOf(long keyHash) {
    return (int) (keyHash >>> (Long.SIZE - BITS));
  }

  /// The lowest hash of a range.
  static long hashOf(int range) {
    return (long) range << (Long.SIZE - BITS);
  }

  int keys(int range) {
    return keys[range];
  }

  int placed(int range) {
    return placed[range];
  }

  long sum(int range) {
    return sums[range];
  }

  /// The number of keys.
  long size() {
    return size;
  }

  /// The bytes of all records, as they were counted.
  long bytes() {
    return bytes;
  }

  /// Counts a record.
  ///
  /// @param sign 1 for one that is there now, -1 for one that is not any more
  void count(int sign, long keyHash, long digest, boolean isPlaced, long recordBytes) {
    int range = rangeOf(keyHash);
    keys[range] += sign;
    if (isPlaced) {
      placed[range] += sign;
    } else {
      sums[range] += sign * digest;
    }
    size += sign;
    bytes += sign * recordBytes;
    changed.set(range);
  }

  /// Has nothing in a range, as before everything of it is counted again. The bytes stay as they
  /// are counted, but for those of the range on average.
  void clear(int range) {
    if (size > 0) {
      bytes -= (long) ((double) bytes / size * keys[range]);
    }
    size -= keys[range];
    keys[range] = 0;
    placed[range] = 0;
    sums[range] = 0;
    changed.set(range);
  }

  /// The bytes of [#write].
  int changedBytes() {
    return HEADER_BYTES + changed.cardinality() * (Short.BYTES + RANGE_BYTES);
  }

  /// Writes what has changed since the last time.
  void writeChanged(ByteBuffer into) {
    into.putLong(size).putLong(bytes);
    for (int range = changed.nextSetBit(0); range >= 0; range = changed.nextSetBit(range + 1)) {
      into.putShort((short) range);
      write(range, into);
    }
    changed.clear();
  }

  static int allBytes() {
    return HEADER_BYTES + RANGES * RANGE_BYTES;
  }

  void writeAll(ByteBuffer into) {
    into.putLong(size).putLong(bytes);
    for (int range = 0; range < RANGES; range++) {
      write(range, into);
    }
    changed.clear();
  }

  private void write(int range, ByteBuffer into) {
    into.putInt(keys[range]).putInt(placed[range]).putLong(sums[range]);
  }

  void readAll(ByteBuffer from) {
    size = from.getLong();
    bytes = from.getLong();
    for (int range = 0; range < RANGES; range++) {
      read(range, from);
    }
  }

  /// Reads what was written by [#writeChanged], on top of what was read so far.
  void readChanged(ByteBuffer from) {
    size = from.getLong();
    bytes = from.getLong();
    while (from.hasRemaining()) {
      read(from.getShort() & (RANGES - 1), from);
    }
  }

  private void read(int range, ByteBuffer from) {
    keys[range] = from.getInt();
    placed[range] = from.getInt();
    sums[range] = from.getLong();
  }

  /// Takes over what another one says.
  void copyFrom(DiskTally other) {
    System.arraycopy(other.keys, 0, keys, 0, RANGES);
    System.arraycopy(other.placed, 0, placed, 0, RANGES);
    System.arraycopy(other.sums, 0, sums, 0, RANGES);
    size = other.size;
    bytes = other.bytes;
    changed.clear();
  }
}
