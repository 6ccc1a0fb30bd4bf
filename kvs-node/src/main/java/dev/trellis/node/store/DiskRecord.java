package dev.trellis.node.store;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/// How the slot of a key is written on disk: checksum of all that follows and of where it stands,
/// the life in which it was written, its digest, its record.
final class DiskRecord {
  /// Before the record.
  static final int HEADER_BYTES = Integer.BYTES + Integer.BYTES + Long.BYTES;

  private final RecordView view = new RecordView();
  private final int life;

  /// @param life that records are written in
  DiskRecord(int life) {
    this.life = life;
  }

  /// @param key the slot's
  byte[] encode(KeyProbe key, Slot slot) {
    Form form = Form.encoding(slot);
    byte[] value = begin(key, form.flags(), form.body().size());
    Records.fill(view, slot, form);
    form.body().copyTo(value, (int) view.bodyAt());
    return end(value, key);
  }

  byte[] encode(KeyProbe key, PlainSlot slot) {
    byte[] value = begin(key, Records.flags(slot), slot.valueLength);
    Records.fill(view, slot);
    System.arraycopy(slot.value, slot.valueAt, value, (int) view.bodyAt(), slot.valueLength);
    return end(value, key);
  }

  private byte[] begin(KeyProbe key, int flags, int bodyLength) {
    long size = HEADER_BYTES + RecordView.bytes(flags, key.length(), bodyLength);
    byte[] value = new byte[Math.toIntExact(size)];
    view.begin(MemorySegment.ofArray(value), HEADER_BYTES, flags, key.length(), bodyLength);
    System.arraycopy(key.bytes(), 0, value, (int) view.keyAt, key.length());
    return value;
  }

  private byte[] end(byte[] value, KeyProbe key) {
    ByteBuffer header = ByteBuffer.wrap(value);
    header.putInt(Integer.BYTES, life);
    header.putLong(2 * Integer.BYTES, Records.digest(view, key.hash()));
    CRC32C crc = new CRC32C();
    crc.update(value, Integer.BYTES, value.length - Integer.BYTES);
    header.putInt(0, checksum(crc, key.hash()));
    return value;
  }

  /// Over all but itself, and over the hash of the key by which the record stands where it does.
  private static int checksum(CRC32C rest, long keyHash) {
    return (int) rest.getValue() ^ Long.hashCode(keyHash);
  }

  static boolean isIntact(ByteBuffer value, long keyHash) {
    if (value.remaining() <= HEADER_BYTES) {
      return false;
    }
    CRC32C crc = new CRC32C();
    crc.update(value.slice(Integer.BYTES, value.limit() - Integer.BYTES));
    return value.getInt(0) == checksum(crc, keyHash);
  }

  /// Looks at the record in a value.
  static void see(ByteBuffer value, RecordView into) {
    into.see(MemorySegment.ofBuffer(value), HEADER_BYTES);
  }

  static void see(byte[] value, RecordView into) {
    into.see(MemorySegment.ofArray(value), HEADER_BYTES);
  }

  /// The flags of the record in a value, with its form.
  static int flags(byte[] value) {
    return value[HEADER_BYTES] & 0xFF;
  }

  static long digest(ByteBuffer value) {
    return value.getLong(2 * Integer.BYTES);
  }

  /// The life in which the value was written.
  static int life(ByteBuffer value) {
    return value.getInt(Integer.BYTES);
  }
}
