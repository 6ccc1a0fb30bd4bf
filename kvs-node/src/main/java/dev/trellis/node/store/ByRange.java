package dev.trellis.node.store;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/// Values by key, looked up like in a hash map, that can also be gone through by ranges of the
/// keys' hashes: in the order of the ranges that [DiskTally] counts by, within each in any.
///
/// @param <V> of the values
final class ByRange<V> {
  private final @Nullable Map<DiskChange.Key, V>[] ranges = newMaps();
  private int size;

  @SuppressWarnings({"unchecked", "rawtypes"}) // Java has no arrays of generic types
  private static <V> @Nullable Map<DiskChange.Key, V>[] newMaps() {
    return new Map[DiskTally.RANGES];
  }

  @Nullable V get(DiskChange.Key key) {
    Map<DiskChange.Key, V> range = ranges[DiskTally.rangeOf(key.hash())];
    return range == null ? null : range.get(key);
  }

  /// Whether there is any key in the range of a hash.
  boolean mayHave(long keyHash) {
    return ranges[DiskTally.rangeOf(keyHash)] != null;
  }

  boolean containsKey(DiskChange.Key key) {
    return get(key) != null;
  }

  void put(DiskChange.Key key, V value) {
    int at = DiskTally.rangeOf(key.hash());
    Map<DiskChange.Key, V> range = ranges[at];
    if (range == null) {
      range = new HashMap<>(4);
      ranges[at] = range;
    }
    if (range.put(key, value) == null) {
      size++;
    }
  }

  void remove(DiskChange.Key key) {
    int at = DiskTally.rangeOf(key.hash());
    Map<DiskChange.Key, V> range = ranges[at];
    if (range != null && range.remove(key) != null) {
      size--;
      if (range.isEmpty()) {
        ranges[at] = null;
      }
    }
  }

  /// Removes a key if it has this very value.
  boolean remove(DiskChange.Key key, V value) {
    boolean isHere = get(key) == value;
    if (isHere) {
      remove(key);
    }
    return isHere;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /// Goes through all.
  void forEach(BiConsumer<DiskChange.Key, V> visitor) {
    if (size > 0) {
      for (Map<DiskChange.Key, V> range : ranges) {
        if (range != null) {
          range.forEach(visitor);
        }
      }
    }
  }

  /// The keys whose hashes begin with the highest `bits` bits of `hash`, at most so many.
  ///
  /// @param bits no more than the ranges have, or those of one range are looked through
  List<DiskChange.Key> keys(long hash, int bits, int max) {
    List<DiskChange.Key> found = new ArrayList<>();
    int rangeBits = Math.min(bits, DiskTally.BITS);
    int first =
        rangeBits == 0
            ? 0
            : DiskTally.rangeOf(hash)
                >>> (DiskTally.BITS - rangeBits)
                << (DiskTally.BITS - rangeBits);
    int last = first + (1 << (DiskTally.BITS - rangeBits));
    for (int at = first; at < last && found.size() < max && size > 0; at++) {
      Map<DiskChange.Key, V> range = ranges[at];
      if (range != null) {
        add(range.keySet(), hash, bits, max, found);
      }
    }
    return found;
  }

  private static void add(
      Collection<DiskChange.Key> keys, long hash, int bits, int max, List<DiskChange.Key> found) {
    for (DiskChange.Key key : keys) {
      boolean begins = bits == 0 || (key.hash() ^ hash) >>> (Long.SIZE - bits) == 0;
      if (begins && found.size() < max) {
        found.add(key);
      }
    }
  }

  /// The keys of a range, in their order.
  List<DiskChange.Key> sorted(int range) {
    Map<DiskChange.Key, V> keys = ranges[range];
    if (keys == null) {
      return List.of();
    }
    List<DiskChange.Key> sorted = new ArrayList<>(keys.keySet());
    sorted.sort(null);
    return sorted;
  }
}
