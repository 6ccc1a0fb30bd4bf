package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import org.jspecify.annotations.Nullable;

/// What a key has become that is not in its place on disk yet. Nothing of it is changed any more,
/// so any thread may read it.
final class DiskChange {
  /// About what a change takes of memory beside the bytes of key and record.
  private static final long OBJECTS_BYTES = 200;

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

  private final Key key;
  private final byte @Nullable [] record;
  private final @Nullable Slot slot;
  private final long batch;

  /// @param record as it is to stand on disk, see [DiskRecord]; null if the key is forgotten
  /// @param slot what is in the record, where decoding it for each request would be dear
  /// @param batch the number of the batch that the change is part of
  DiskChange(Key key, byte @Nullable [] record, @Nullable Slot slot, long batch) {
    this.key = key;
    this.record = record;
    this.slot = slot;
    this.batch = batch;
  }

  Key key() {
    return key;
  }

  byte @Nullable [] record() {
    return record;
  }

  @Nullable Slot slot() {
    return slot;
  }

  long batch() {
    return batch;
  }

  /// About what it takes of memory.
  long bytes() {
    return OBJECTS_BYTES
        + key.key().size()
        + (record == null ? 0 : record.length)
        + (slot == null ? 0 : slot.entry().weight());
  }
}
