package dev.trellis.node.store;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The keys of a shard of which something is left to be done: what they have become is not in its
/// place on disk yet, or their digest is in no sum. Found by key, like in a hash map; and by ranges
/// of hashes, of which each has a table of its own, as large as it has to be.
///
/// Where in its table a key stands goes by a hash that only this store can compute: whoever chooses
/// keys could have them all stand in one place otherwise.
final class OpenKeys {
  /// A key of which something is left to be done.
  static final class OpenKey {
    private final DiskChange.Key key;
    private final long spread;
    private @Nullable DiskChange change;
    private int openAt; // the place of the change in the batch that it is part of
    private boolean isUnsummed;
    private boolean isListed; // whether it stands in the list of those that may be unsummed
    private @Nullable OpenKey next; // of those at its place in the table

    private OpenKey(DiskChange.Key key, long spread) {
      this.key = key;
      this.spread = spread;
    }

    DiskChange.Key key() {
      return key;
    }

    /// What waits to be brought to its place; null if nothing does.
    @Nullable DiskChange change() {
      return change;
    }

    /// Where in its batch that stands.
    int openAt() {
      return openAt;
    }

    /// Whether its digest is in no sum though it is to be.
    boolean isUnsummed() {
      return isUnsummed;
    }
  }

  private static final int PLACES_MIN = 4;

  private final @Nullable OpenKey[] @Nullable [] tables = new OpenKey[DiskTally.RANGES][];
  private final int[] counts = new int[DiskTally.RANGES]; // of keys by range
  private final @Nullable List<OpenKey>[] unsummed = newLists(); // by range, and others
  private final KeyProbe scratch;

  /// @param seed what others must not know
  OpenKeys(long seed) {
    scratch = new KeyProbe(seed);
  }

  @SuppressWarnings({"unchecked", "rawtypes"}) // Java has no arrays of generic types
  private static @Nullable List<OpenKey>[] newLists() {
    return new List[DiskTally.RANGES];
  }

  private static int placeOf(long spread, int places) {
    return (int) spread & (places - 1);
  }

  /// The key that is looked for; null if nothing is left to be done with it.
  ///
  /// @param probe of this store's seed
  @Nullable OpenKey find(KeyProbe probe) {
    long hash = probe.hash();
    OpenKey at = first(hash, probe.spread());
    while (at != null
        && (at.key.hash() != hash || !at.key.key().equals(probe.bytes(), 0, probe.length()))) {
      at = at.next;
    }
    return at;
  }

  @Nullable OpenKey find(DiskChange.Key key) {
    scratch.set(key.key());
    OpenKey at = first(key.hash(), scratch.spread());
    while (at != null && !at.key.equals(key)) {
      at = at.next;
    }
    return at;
  }

  private @Nullable OpenKey first(long hash, long spread) {
    @Nullable OpenKey[] table = tables[DiskTally.rangeOf(hash)];
    return table == null ? null : table[placeOf(spread, table.length)];
  }

  /// Takes in a key that is not here.
  OpenKey add(DiskChange.Key key) {
    scratch.set(key.key());
    OpenKey added = new OpenKey(key, scratch.spread());
    int range = DiskTally.rangeOf(key.hash());
    @Nullable OpenKey[] table = tables[range];
    if (table == null) {
      table = new OpenKey[PLACES_MIN];
      tables[range] = table;
    } else if (counts[range] >= table.length) {
      table = grown(table);
      tables[range] = table;
    }
    counts[range]++;
    link(table, added);
    return added;
  }

  private static @Nullable OpenKey[] grown(@Nullable OpenKey[] table) {
    @Nullable OpenKey[] larger = new OpenKey[2 * table.length];
    for (OpenKey first : table) {
      OpenKey at = first;
      while (at != null) {
        OpenKey next = at.next;
        link(larger, at);
        at = next;
      }
    }
    return larger;
  }

  private static void link(@Nullable OpenKey[] table, OpenKey key) {
    int place = placeOf(key.spread, table.length);
    key.next = table[place];
    table[place] = key;
  }

  /// @param at the place of the change in its batch
  void waits(OpenKey key, DiskChange change, int at) {
    key.change = change;
    key.openAt = at;
  }

  /// What waited is in its place.
  void placed(OpenKey key) {
    key.change = null;
    removeIfDone(key);
  }

  void mark(OpenKey key) {
    key.isUnsummed = true;
    if (!key.isListed) {
      key.isListed = true;
      int range = DiskTally.rangeOf(key.key.hash());
      List<OpenKey> list = unsummed[range];
      if (list == null) {
        list = new ArrayList<>(4);
        unsummed[range] = list;
      }
      list.add(key);
    }
  }

  /// Its digest is in a sum, or shall not be in one.
  void unmark(OpenKey key) {
    key.isUnsummed = false;
    removeIfDone(key);
  }

  private void removeIfDone(OpenKey key) {
    if (key.change != null || key.isUnsummed) {
      return;
    }
    int range = DiskTally.rangeOf(key.key.hash());
    @Nullable OpenKey[] table = tables[range];
    if (table == null) {
      throw new IllegalStateException(key.key.key() + " is not among the open keys");
    }
    int place = placeOf(key.spread, table.length);
    OpenKey before = table[place];
    if (before == key) {
      table[place] = key.next;
    } else {
      while (before != null && before.next != key) {
        before = before.next;
      }
      if (before == null) {
        throw new IllegalStateException(key.key.key() + " is not among the open keys");
      }
      before.next = key.next;
    }
    key.next = null;
    counts[range]--;
    if (counts[range] == 0) {
      tables[range] = null; // a shard with nothing to do keeps nothing
    }
  }

  /// The most keys that stand at one place, for tests. O(keys).
  int longest() {
    int longest = 0;
    for (@Nullable OpenKey @Nullable [] table : tables) {
      for (int place = 0; table != null && place < table.length; place++) {
        int length = 0;
        for (OpenKey at = table[place]; at != null; at = at.next) {
          length++;
        }
        longest = Math.max(longest, length);
      }
    }
    return longest;
  }

  /// Goes through all; nothing may change meanwhile.
  void forEach(Consumer<OpenKey> visitor) {
    for (int range = 0; range < DiskTally.RANGES; range++) {
      forEach(range, visitor);
    }
  }

  private void forEach(int range, Consumer<OpenKey> visitor) {
    @Nullable OpenKey[] table = tables[range];
    if (table != null) {
      for (OpenKey first : table) {
        for (OpenKey at = first; at != null; at = at.next) {
          visitor.accept(at);
        }
      }
    }
  }

  /// Those whose hashes begin with the highest `bits` bits of `hash`.
  List<OpenKey> keys(long hash, int bits) {
    List<OpenKey> found = new ArrayList<>();
    int first =
        bits == 0 ? 0 : DiskTally.rangeOf(hash >>> (Long.SIZE - bits) << (Long.SIZE - bits));
    int count = bits >= DiskTally.BITS ? 1 : 1 << (DiskTally.BITS - bits);
    for (int range = first; range < first + count; range++) {
      forEach(
          range,
          key -> {
            if (begins(key, hash, bits)) {
              found.add(key);
            }
          });
    }
    return found;
  }

  private static boolean begins(OpenKey key, long hash, int bits) {
    return bits == 0 || (key.key.hash() ^ hash) >>> (Long.SIZE - bits) == 0;
  }

  /// A key of a range whose digest is in no sum though it is to be; null if there is none.
  @Nullable OpenKey unsummed(int range) {
    List<OpenKey> list = unsummed[range];
    if (list == null) {
      return null;
    }
    while (!list.isEmpty()) {
      OpenKey last = list.getLast();
      if (last.isUnsummed) {
        return last;
      }
      list.removeLast().isListed = false;
    }
    unsummed[range] = null;
    return null;
  }

  /// The changes of keys in a range that wait, in the order of the keys.
  List<DiskChange> waiting(int range) {
    if (counts[range] == 0) {
      return List.of();
    }
    List<DiskChange> found = new ArrayList<>();
    forEach(
        range,
        key -> {
          if (key.change != null) {
            found.add(key.change);
          }
        });
    found.sort((a, b) -> a.key().compareTo(b.key()));
    return found;
  }
}
