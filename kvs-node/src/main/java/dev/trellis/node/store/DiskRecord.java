package dev.trellis.node.store;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/// How the slot of a key is written on disk: checksum of all that follows and of where it stands,
/// the life in which it was written, its digest, its record. Each writer has one of its own.
final class DiskRecord {
  /// Before the record.
  static final int HEADER_BYTES = Integer.BYTES + Integer.BYTES + Long.BYTES;

  private static final int VALUE_BYTES = 4 << 10;

  /// The record that was encoded last.
  final RecordView view = new RecordView();

  private final int life;
  private ByteBuffer value = ByteBuffer.allocateDirect(VALUE_BYTES);

  /// @param life that records are written in
  DiskRecord(int life) {
    this.life = life;
  }

  /// Good until the next call.
  ByteBuffer encode(DiskChange.Key key, Slot slot) {
    Form form = Form.encoding(slot);
    byte[] bytes = key.key().toBytes();
    long size = HEADER_BYTES + RecordView.bytes(form.flags(), bytes.length, form.body().size());
    int length = Math.toIntExact(size);
    if (value.capacity() < length || value.capacity() > Math.max(VALUE_BYTES, 4 * length)) {
      value = ByteBuffer.allocateDirect(Math.max(length, VALUE_BYTES));
    }
    value.clear().limit(length);
    MemorySegment memory = MemorySegment.ofBuffer(value);
    view.begin(memory, HEADER_BYTES, form.flags(), bytes.length, form.body().size());
    MemorySegment.copy(bytes, 0, memory, RecordView.BYTE, view.keyAt, bytes.length);
    Records.fill(view, slot, form);
    value.put((int) view.bodyAt(), form.body().asByteBuffer(), 0, form.body().size());
    value.putInt(Integer.BYTES, life);
    value.putLong(2 * Integer.BYTES, Records.digest(view, key.hash()));
    value.putInt(0, checksum(value, key.hash()));
    return value;
  }

  /// Over all but itself, and over the hash of the key by which the record stands where it does.
  private static int checksum(ByteBuffer value, long keyHash) {
    CRC32C crc = new CRC32C();
    crc.update(value.slice(Integer.BYTES, value.limit() - Integer.BYTES));
    return (int) crc.getValue() ^ Long.hashCode(keyHash);
  }

  /// Looks at the record in a value.
  static void see(ByteBuffer value, RecordView into) {
    into.see(MemorySegment.ofBuffer(value), HEADER_BYTES);
  }

  static long digest(ByteBuffer value) {
    return value.getLong(2 * Integer.BYTES);
  }

  /// The life in which the value was written.
  static int life(ByteBuffer value) {
    return value.getInt(Integer.BYTES);
  }

  static boolean isIntact(ByteBuffer value, long keyHash) {
    return value.remaining() > HEADER_BYTES && value.getInt(0) == checksum(value, keyHash);
  }
}
