package dev.trellis.node.store;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;

/// What a shard keeps under a key: the entry that all replicas share, and what only this replica
/// knows.
///
/// @param birth the shard's birth number when it created this slot; replica ids of the shard with a
///   lower birth were minted in an earlier life of the key and are never used again
public record Slot(Payload key, Entry entry, long birth) {
  private static final int FIXED_WEIGHT = 96; // of the store's index, the slot and the key's object

  /// The same slot with another state of its entry.
  public Slot withEntry(Entry other) {
    return new Slot(key, other, birth);
  }

  /// About how many bytes of memory the slot takes: key, entry and a fixed share.
  public long weight() {
    return FIXED_WEIGHT + key.size() + entry.memoryBytes();
  }
}
