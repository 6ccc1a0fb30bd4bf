package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.util.Iterator;
import java.util.Optional;

/// Where one shard keeps its entries. Confined to the shard's thread.
public interface Store {
  /// The slot of a key, dead entries included.
  Optional<Slot> find(Payload key);

  /// Adds or replaces the slot of its key.
  void put(Slot slot);

  /// Forgets a key; nothing happens if it is not there.
  void remove(Payload key);

  /// The slots with keys that start with `prefix`, in byte order, those up to and including `after`
  /// left out. The walk must be done with before the store is changed.
  Iterator<Slot> scan(Payload prefix, Optional<Payload> after);

  /// The number of slots, dead entries included.
  long size();

  /// The weight of all slots, in bytes; see [Slot#weight].
  long weight();
}
