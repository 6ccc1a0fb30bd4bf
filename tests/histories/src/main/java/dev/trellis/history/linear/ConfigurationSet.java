package dev.trellis.history.linear;

import java.util.function.IntConsumer;

/// The configurations that a search has been through, each a fixed number of words: open addressing
/// in one array, since there may be very many.
///
/// The last words of a configuration are the bits of crashed calls that it has made use of. Of two
/// configurations that are equal but for these, the one that has used fewer can do all that the
/// other can. So the other need not be searched: without this rule each crashed call would double
/// the work of a history that turns out to be wrong.
final class ConfigurationSet {
  /// Set in the first word of each configuration that is there, so that an empty place shows.
  private static final long PRESENT = Long.MIN_VALUE;

  private static final int CAPACITY_MIN = 1 << 10;

  private final int keyWords;
  private final int words;
  private final long bytesMax;
  private long[] table;
  private int capacity;
  private int size;

  /// What became of a configuration that was to be added.
  enum Addition {
    ADDED,
    /// It was there, or one that can do all that it can.
    KNOWN,
    /// There is no memory for more.
    FULL
  }

  /// @param keyWords of each configuration; the highest bit of the first is never set
  /// @param crashedWords after those
  /// @param bytesMax memory that the set may take, also while it grows
  ConfigurationSet(int keyWords, int crashedWords, long bytesMax) {
    this.keyWords = keyWords;
    this.words = keyWords + crashedWords;
    this.bytesMax = bytesMax;
    this.capacity = CAPACITY_MIN;
    this.table = new long[capacity * words];
  }

  /// Adds the words that begin at an offset.
  Addition add(long[] source, int offset) {
    // Two thirds full: then a grown table, which is there beside the old one for a while.
    if (3L * size >= 2L * capacity && !grow()) {
      return Addition.FULL;
    }
    int place = first(source, offset);
    while (table[place] != 0) {
      if (hasKey(place, source, offset)) {
        if (usesNoMore(table, place, source, offset)) {
          return Addition.KNOWN;
        }
        if (usesNoMore(source, offset, table, place)) {
          put(source, offset, place);
          return Addition.ADDED;
        }
      }
      place = next(place);
    }
    put(source, offset, place);
    size++;
    return Addition.ADDED;
  }

  int size() {
    return size;
  }

  /// The states of all configurations before the given completion.
  void forEachStateBefore(int completion, IntConsumer consumer) {
    for (int place = 0; place < table.length; place += words) {
      long head = table[place];
      if (head != 0 && (int) ((head & ~PRESENT) >>> Integer.SIZE) == completion) {
        consumer.accept((int) head);
      }
    }
  }

  /// Where the search for a key begins.
  private int first(long[] source, int offset) {
    long hash = Hashes.mixed(source[offset] & ~PRESENT);
    for (int i = 1; i < keyWords; i++) {
      hash = Hashes.mixed(hash + source[offset + i]);
    }
    return ((int) hash & (capacity - 1)) * words;
  }

  private int next(int place) {
    int next = place + words;
    return next == table.length ? 0 : next;
  }

  private boolean hasKey(int place, long[] source, int offset) {
    if ((table[place] | PRESENT) != (source[offset] | PRESENT)) {
      return false;
    }
    for (int i = 1; i < keyWords; i++) {
      if (table[place + i] != source[offset + i]) {
        return false;
      }
    }
    return true;
  }

  /// Whether the one has used only crashed calls that the other has used too.
  private boolean usesNoMore(long[] one, int at, long[] other, int otherAt) {
    for (int i = keyWords; i < words; i++) {
      if ((one[at + i] & ~other[otherAt + i]) != 0) {
        return false;
      }
    }
    return true;
  }

  private void put(long[] source, int offset, int place) {
    System.arraycopy(source, offset, table, place, words);
    table[place] |= PRESENT;
  }

  private boolean grow() {
    long length = 2L * capacity * words;
    if (length > Integer.MAX_VALUE - 8 || (table.length + length) * Long.BYTES > bytesMax) {
      return false;
    }
    long[] old = table;
    table = new long[(int) length];
    capacity *= 2;
    for (int from = 0; from < old.length; from += words) {
      if (old[from] != 0) {
        int place = first(old, from);
        while (table[place] != 0) {
          place = next(place);
        }
        put(old, from, place);
      }
    }
    return true;
  }
}
