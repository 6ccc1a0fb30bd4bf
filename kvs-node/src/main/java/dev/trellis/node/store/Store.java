package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.util.Iterator;
import java.util.Optional;

/// Where one shard keeps its entries. Confined to the shard's thread.
public interface Store {
  /// The slot of a key, dead entries included.
  Optional<Slot> find(Payload key);

  /// What a look-up in place comes to.
  enum Found {
    /// There is no slot.
    NOTHING,
    /// There is a plain one.
    PLAIN,
    /// There is one that [#find(Payload)] shows.
    OTHER
  }

  /// Looks up a key that is part of an array, without making an object where the store can do so.
  ///
  /// @param into takes over the slot if it is plain
  default Found find(byte[] source, int offset, int length, PlainSlot into) {
    Slot slot = find(Payload.of(source, offset, length)).orElse(null);
    return slot == null ? Found.NOTHING : into.set(slot) ? Found.PLAIN : Found.OTHER;
  }

  /// Adds or replaces the slot of its key.
  void put(Slot slot);

  /// Adds or replaces the slot of a key that is part of an array; what is given is copied.
  default void put(byte[] source, int offset, int length, PlainSlot slot) {
    put(new Slot(Payload.of(source, offset, length), slot.toEntry(), slot.birth));
  }

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
