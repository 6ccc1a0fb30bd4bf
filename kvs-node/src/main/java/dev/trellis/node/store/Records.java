package dev.trellis.node.store;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.LatticeCodec;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import dev.trellis.wire.WireException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Optional;

/// What stands in the records of slots that are kept encoded, in memory or on disk.
final class Records {
  private Records() {}

  /// Writes what follows the key of a record.
  ///
  /// @param record begun for `form`
  static void fill(RecordView record, Slot slot, Form form) {
    Entry entry = slot.entry();
    if (record.form() == RecordView.PLAIN) {
      LwwRegister value = (LwwRegister) entry.value(Kind.LWW).orElseThrow();
      record.stamp(value.timestamp().packed(), value.writer());
      record.setField(RecordView.GENERATION, entry.generation().packed());
      record.setField(RecordView.EXPIRY, value.expiresAtMillis());
    }
    record.setField(RecordView.BIRTH, slot.birth());
    slot.setting().ifPresent(setting -> fill(record, setting));
  }

  /// As [#fill(RecordView, Slot, Form)], of a record begun for [#flags].
  static void fill(RecordView record, PlainSlot slot) {
    record.stamp(slot.timestamp, slot.writer);
    record.setField(RecordView.GENERATION, slot.generation);
    record.setField(RecordView.EXPIRY, slot.expiresAtMillis);
    record.setField(RecordView.BIRTH, slot.birth);
  }

  /// The flags of the record of a slot.
  static int flags(PlainSlot slot) {
    return Form.plainFlags(slot.generation, slot.expiresAtMillis, slot.isTombstone)
        | (slot.birth == 0 ? 0 : RecordView.BIRTH);
  }

  /// Takes over what a record holds.
  ///
  /// @return whether it is a plain slot; if not, nothing was taken
  static boolean take(RecordView record, PlainSlot into) {
    if (record.form() != RecordView.PLAIN || record.has(RecordView.SETTING)) {
      return false;
    }
    into.generation = record.field(RecordView.GENERATION);
    into.timestamp = record.timestamp();
    into.writer = record.writer();
    into.expiresAtMillis = record.field(RecordView.EXPIRY);
    into.isTombstone = record.has(RecordView.TOMBSTONE);
    into.birth = record.field(RecordView.BIRTH);
    int length = record.bodyLength;
    MemorySegment.copy(
        record.memory, RecordView.BYTE, record.bodyAt(), into.room(length), 0, length);
    return true;
  }

  private static void fill(RecordView record, PlacementSetting setting) {
    MemorySegment memory = record.memory;
    long at = record.settingAt();
    memory.set(RecordView.LONG, at, setting.clock().packed());
    memory.set(RecordView.LONG, at + 8, setting.writer());
    memory.set(RecordView.LONG, at + 16, setting.previous().packed());
    memory.set(RecordView.BYTE, at + 24, (byte) (setting.placement().isPresent() ? 1 : 0));
    int[] counts =
        setting
            .placement()
            .map(p -> new int[] {p.memoryNodes(), p.ssdNodes(), p.shardsPerNode()})
            .orElse(new int[3]);
    for (int i = 0; i < counts.length; i++) {
      memory.set(RecordView.INT, at + 25 + (long) i * Integer.BYTES, counts[i]);
    }
  }

  /// What was decided about the placement of the key.
  static Optional<PlacementSetting> setting(RecordView found) {
    if (!found.has(RecordView.SETTING)) {
      return Optional.empty();
    }
    MemorySegment memory = found.memory;
    long at = found.settingAt();
    Optional<Placement> placement =
        found.isPlaced()
            ? Optional.of(
                new Placement(
                    memory.get(RecordView.INT, at + 25),
                    memory.get(RecordView.INT, at + 29),
                    memory.get(RecordView.INT, at + 33)))
            : Optional.empty();
    return Optional.of(
        new PlacementSetting(
            new HybridTimestamp(memory.get(RecordView.LONG, at)),
            memory.get(RecordView.LONG, at + 8),
            new HybridTimestamp(memory.get(RecordView.LONG, at + 16)),
            placement));
  }

  /// The slot of a record; of a key that is known already.
  ///
  /// @param withValue whether a plain value is wanted; else there is an empty one in its place
  static Slot decode(Payload key, RecordView found, boolean withValue) {
    Entry entry;
    if (found.form() == RecordView.PLAIN) {
      LwwRegister value =
          new LwwRegister(
              new HybridTimestamp(found.timestamp()),
              found.writer(),
              found.field(RecordView.EXPIRY),
              found.has(RecordView.TOMBSTONE)
                  ? Optional.empty()
                  : Optional.of(withValue ? Payload.of(body(found)) : Payload.EMPTY));
      entry = Entry.of(new HybridTimestamp(found.field(RecordView.GENERATION)), value);
    } else {
      try {
        entry = LatticeCodec.decode(body(found));
      } catch (WireException e) {
        throw new IllegalStateException("what is stored under " + key + " is no entry", e);
      }
    }
    return new Slot(key, entry, found.field(RecordView.BIRTH), setting(found));
  }

  private static ByteBuffer body(RecordView found) {
    return found.memory.asSlice(found.bodyAt(), found.bodyLength).asByteBuffer();
  }

  /// The digest of a record's slot.
  static long digest(RecordView found, long keyHash) {
    long state =
        found.form() == RecordView.PLAIN
            ? Digesting.plain(found)
            : Digesting.bytes(found.memory, found.bodyAt(), found.bodyLength);
    return Digesting.of(keyHash, state, setting(found));
  }
}
