package dev.trellis.node.store;

import dev.trellis.wire.PlacementSetting;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/// The digests by which replicas find out what they differ in: functions of a key's state alone, so
/// equal on all who have the same. A plain `lww` is digested field by field, anything else by its
/// canonical bytes.
public final class Digesting {
  private static final long STEP = 0x9E3779B97F4A7C15L;
  private static final long OTHER_STEP = 0xBF58476D1CE4E5B9L;

  private Digesting() {}

  /// The digest of a slot.
  ///
  /// @param keyHash see [dev.trellis.placement.KeyHash#of]
  /// @param state that of the entry
  static long of(long keyHash, long state, Optional<PlacementSetting> setting) {
    return keyHash * 31 + state * STEP + ofSetting(setting);
  }

  /// The digest of what was decided about a key's placement.
  public static long ofSetting(Optional<PlacementSetting> setting) {
    return setting
        .map(
            s ->
                (s.clock().packed() * 31 + s.writer()) * OTHER_STEP
                    + s.placement()
                        .map(
                            p ->
                                1L
                                    + (p.memoryNodes() * 1009L + p.ssdNodes()) * 1009
                                    + p.shardsPerNode())
                        .orElse(0L))
        .orElse(0L);
  }

  /// The state of a plain `lww`.
  static long plain(RecordView record) {
    long mixed = mixed(record.field(RecordView.GENERATION), record.timestamp());
    mixed = mixed(mixed, record.writer());
    mixed = mixed(mixed, record.field(RecordView.EXPIRY));
    mixed = mixed(mixed, record.has(RecordView.TOMBSTONE) ? 1 : 0);
    return mixed(mixed, bytes(record.memory, record.bodyAt(), record.bodyLength));
  }

  /// The state of bytes. O(length).
  static long bytes(MemorySegment memory, long offset, int length) {
    long mixed = length;
    int at = 0;
    for (; at + Long.BYTES <= length; at += Long.BYTES) {
      mixed = mixed(mixed, memory.get(RecordView.LONG, offset + at));
    }
    long rest = 0;
    for (; at < length; at++) {
      rest = rest << Byte.SIZE | (memory.get(RecordView.BYTE, offset + at) & 0xFF);
    }
    return mixed(mixed, rest);
  }

  /// A bijection of each of the two while the other stands still, so that states which differ in
  /// one word never have one digest.
  private static long mixed(long before, long next) {
    long mixed = (before ^ next) * STEP;
    mixed = (mixed ^ mixed >>> 32) * OTHER_STEP;
    return mixed ^ mixed >>> 29;
  }
}
