package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import org.jspecify.annotations.Nullable;

/// What a key has become that is not on disk yet.
///
/// @param slot null if it is forgotten
/// @param batch the number of the transaction that it will be part of
record DiskChange(@Nullable Slot slot, long batch) {
  /// A key in the order of the ring.
  record Key(long hash, Payload key) implements Comparable<Key> {
    static Key of(Payload key) {
      return new Key(KeyHash.of(key), key);
    }

    @Override
    public int hashCode() {
      return Long.hashCode(hash);
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Key that && hash == that.hash && key.equals(that.key);
    }

    @Override
    public int compareTo(Key other) {
      int order = Long.compareUnsigned(hash, other.hash);
      return order == 0 ? key.compareTo(other.key) : order;
    }
  }
}
