package dev.trellis.node.store;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.LatticeCodec;
import org.jspecify.annotations.Nullable;

/// How a slot is kept.
///
/// @param flags of its record, with the form
/// @param body the value of a plain `lww`, the canonical bytes of a small entry, nothing of others
/// @param weight the bytes that the slot takes
record Form(int flags, Payload body, long weight) {
  /// What a key takes of the index, about: pages are between 60% and 90% full.
  static final int INDEX_BYTES = 9;

  /// Entries above either are kept as objects: reading them would cost more each time than they
  /// take.
  private static final int ENCODED_BYTES_MAX = 512;

  private static final int ENCODED_PARTS_MAX = 8;

  /// What an object takes besides its key's bytes and what its entry says of itself.
  private static final int OBJECT_BYTES = 120;

  static Form of(Slot slot) {
    if (!isObject(slot.entry())) {
      return encoding(slot);
    }
    long record = weight(RecordView.OBJECT, slot.key().size(), Integer.BYTES);
    return new Form(RecordView.OBJECT, Payload.EMPTY, record + heapWeight(slot));
  }

  /// How a slot is kept where all are encoded, however large.
  static Form encoding(Slot slot) {
    Entry entry = slot.entry();
    LwwRegister plain = plain(entry);
    if (plain == null) {
      return encoded(slot);
    }
    int flags =
        slotFlags(slot)
            | plainFlags(entry.generation().packed(), plain.expiresAtMillis(), plain.isTombstone());
    Payload body = plain.payload().orElse(Payload.EMPTY);
    return new Form(flags, body, weight(flags, slot.key().size(), body.size()));
  }

  /// How a slot is kept of whose entry only the bytes are.
  static Form encoded(Slot slot) {
    int flags = slotFlags(slot) | RecordView.ENCODED;
    Payload body = LatticeCodec.encode(slot.entry());
    return new Form(flags, body, weight(flags, slot.key().size(), body.size()));
  }

  private static int slotFlags(Slot slot) {
    return (slot.birth() == 0 ? 0 : RecordView.BIRTH)
        | (slot.setting().isEmpty() ? 0 : RecordView.SETTING);
  }

  static int plainFlags(long generation, long expiresAtMillis, boolean tombstone) {
    return RecordView.PLAIN
        | (generation == 0 ? 0 : RecordView.GENERATION)
        | (expiresAtMillis == 0 ? 0 : RecordView.EXPIRY)
        | (tombstone ? RecordView.TOMBSTONE : 0);
  }

  /// What a slot takes without what is on the heap.
  static long weight(int flags, int keyLength, int bodyLength) {
    return (long) size(flags, keyLength, bodyLength) + INDEX_BYTES;
  }

  /// The size of a record.
  static int size(int flags, int keyLength, int bodyLength) {
    return Slabs.rounded(Math.toIntExact(RecordView.bytes(flags, keyLength, bodyLength)));
  }

  /// What a slot that is kept as an object takes of the heap, about.
  static long heapWeight(Slot slot) {
    return OBJECT_BYTES + slot.key().size() + slot.entry().memoryBytes();
  }

  /// Whether an entry is kept as an object while it is in use.
  static boolean isObject(Entry entry) {
    return plain(entry) == null
        && (entry.weight() > ENCODED_BYTES_MAX || entry.parts() > ENCODED_PARTS_MAX);
  }

  /// The one value of a plain `lww`, else null.
  private static @Nullable LwwRegister plain(Entry entry) {
    return entry.onlyValue() instanceof LwwRegister lww ? lww : null;
  }
}
