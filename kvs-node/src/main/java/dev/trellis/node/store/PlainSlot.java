package dev.trellis.node.store;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;

/// A slot in its default place that holds nothing but one `lww`, in fields and without its key:
/// what most slots are. Used again for the next one that is looked up or put.
public final class PlainSlot {
  private static final byte[] NONE = {};

  private byte[] room = new byte[64];

  /// The entry's, packed.
  public long generation;

  /// The `lww`'s, packed.
  public long timestamp;

  public long writer;

  /// 0 for never.
  public long expiresAtMillis;

  public boolean isTombstone;

  /// See [Slot#birth].
  public long birth;

  /// Holds the value: `valueLength` bytes from `valueAt`, as they are until the store is used
  /// again.
  public byte[] value = NONE;

  public int valueAt;
  public int valueLength;

  /// Where a value of so many bytes is to be written, which is the slot's then.
  byte[] room(int length) {
    if (room.length < length) {
      room = new byte[length];
    }
    value = room;
    valueAt = 0;
    valueLength = length;
    return room;
  }

  /// Takes over what a slot holds, if that is plain.
  boolean set(Slot slot) {
    if (slot.setting().isPresent() || !(slot.entry().onlyValue() instanceof LwwRegister register)) {
      return false;
    }
    generation = slot.entry().generation().packed();
    timestamp = register.timestamp().packed();
    writer = register.writer();
    expiresAtMillis = register.expiresAtMillis();
    isTombstone = register.isTombstone();
    birth = slot.birth();
    value = register.payload().map(Payload::toBytes).orElse(NONE);
    valueAt = 0;
    valueLength = value.length;
    return true;
  }

  /// The entry, as an object of its own.
  public Entry toEntry() {
    HybridTimestamp stamp = new HybridTimestamp(timestamp);
    return Entry.of(
        new HybridTimestamp(generation),
        isTombstone
            ? LwwRegister.tombstone(stamp, writer)
            : LwwRegister.of(
                stamp, writer, expiresAtMillis, Payload.of(value, valueAt, valueLength)));
  }
}
