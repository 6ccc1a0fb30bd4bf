package dev.trellis.node.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// A record in native memory, as seen at one address. Reused from one record to the next.
///
/// | what | bytes |
/// |---|---|
/// | form and flags | 1 |
/// | lengths of key and body | 1 to 5 each, seven bits a byte, lowest first |
/// | key | |
/// | of a plain `lww`: timestamp, writer | 8, 8 |
/// | where flagged: generation; expiry; birth | 8 each |
/// | where flagged: three stamps of the placement, whether there is one, its three counts | 8 each, 1, 12 |
/// | body | |
///
/// The body is the value of a plain `lww`, the canonical bytes of any other entry, or the number of
/// an object on the heap.
final class RecordView {
  /// An entry that is one `lww` value without an expiry of the entry's own.
  static final int PLAIN = 2;

  static final int ENCODED = 3;
  static final int OBJECT = 4;
  static final int FORM_MASK = 7;

  static final int GENERATION = 1 << 3;
  static final int EXPIRY = 1 << 4;
  static final int TOMBSTONE = 1 << 5;
  static final int BIRTH = 1 << 6;
  static final int SETTING = 1 << 7;
  static final int SETTING_BYTES = 37;

  static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  MemorySegment memory = MemorySegment.NULL;
  int flags; // with the form
  long keyAt;
  int keyLength;
  int bodyLength;

  /// Looks at the record that starts at `offset`.
  void see(MemorySegment slab, long offset) {
    memory = slab;
    flags = slab.get(BYTE, offset) & 0xFF;
    long at = offset + 1;
    int first = slab.get(BYTE, at++);
    int length = first & 0x7F;
    for (int shift = 7; first < 0; shift += 7) {
      first = slab.get(BYTE, at++);
      length |= (first & 0x7F) << shift;
    }
    keyLength = length;
    first = slab.get(BYTE, at++);
    length = first & 0x7F;
    for (int shift = 7; first < 0; shift += 7) {
      first = slab.get(BYTE, at++);
      length |= (first & 0x7F) << shift;
    }
    bodyLength = length;
    keyAt = at;
  }

  /// Writes the start of a record, up to its key, and looks at it.
  void begin(MemorySegment slab, long offset, int flags, int keyLength, int bodyLength) {
    slab.set(BYTE, offset, (byte) flags);
    long at = putLength(slab, putLength(slab, offset + 1, keyLength), bodyLength);
    memory = slab;
    this.flags = flags;
    this.keyAt = at;
    this.keyLength = keyLength;
    this.bodyLength = bodyLength;
  }

  private static long putLength(MemorySegment slab, long offset, int length) {
    long at = offset;
    int rest = length;
    while (rest > 0x7F) {
      slab.set(BYTE, at++, (byte) (rest | 0x80));
      rest >>>= 7;
    }
    slab.set(BYTE, at++, (byte) rest);
    return at;
  }

  /// How many bytes a record takes, before rounding.
  static long bytes(int flags, int keyLength, int bodyLength) {
    return 1L
        + lengthBytes(keyLength)
        + lengthBytes(bodyLength)
        + keyLength
        + fieldBytes(flags)
        + bodyLength;
  }

  private static int lengthBytes(int length) {
    return 1 + (31 - Integer.numberOfLeadingZeros(length | 1)) / 7;
  }

  private static int fieldBytes(int flags) {
    int bytes = (flags & FORM_MASK) == PLAIN ? 2 * Long.BYTES : 0;
    bytes += Integer.bitCount(flags & (GENERATION | EXPIRY | BIRTH)) * Long.BYTES;
    return (flags & SETTING) == 0 ? bytes : bytes + SETTING_BYTES;
  }

  int form() {
    return flags & FORM_MASK;
  }

  boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /// The size of the record, as it was allocated.
  int size() {
    return Slabs.rounded((int) bytes(flags, keyLength, bodyLength));
  }

  private long fieldsAt() {
    return keyAt + keyLength;
  }

  long bodyAt() {
    return fieldsAt() + fieldBytes(flags);
  }

  private long fieldAt(int flag) {
    // What is flagged with lower bits stands before it.
    return fieldsAt() + fieldBytes(flags & (flag - 1));
  }

  long timestamp() {
    return memory.get(LONG, fieldsAt());
  }

  long writer() {
    return memory.get(LONG, fieldsAt() + Long.BYTES);
  }

  void stamp(long timestamp, long writer) {
    memory.set(LONG, fieldsAt(), timestamp);
    memory.set(LONG, fieldsAt() + Long.BYTES, writer);
  }

  /// A field of eight bytes; zero if it is not flagged.
  long field(int flag) {
    return has(flag) ? memory.get(LONG, fieldAt(flag)) : 0;
  }

  void setField(int flag, long value) {
    if (has(flag)) {
      memory.set(LONG, fieldAt(flag), value);
    }
  }

  /// Where what was decided about the placement stands.
  long settingAt() {
    return fieldAt(SETTING);
  }

  /// Whether the key has a placement of its own; not for objects, which know themselves.
  boolean isPlaced() {
    return has(SETTING) && memory.get(BYTE, settingAt() + 3 * Long.BYTES) != 0;
  }

  boolean isKey(KeyProbe key) {
    if (keyLength != key.length()) {
      return false;
    }
    int at = 0;
    for (; at + Long.BYTES <= keyLength; at += Long.BYTES) {
      if (memory.get(LONG, keyAt + at) != key.word(at)) {
        return false;
      }
    }
    for (byte[] bytes = key.bytes(); at < keyLength; at++) {
      if (memory.get(BYTE, keyAt + at) != bytes[at]) {
        return false;
      }
    }
    return true;
  }

  void loadKey(KeyProbe key) {
    MemorySegment.copy(memory, BYTE, keyAt, key.room(keyLength), 0, keyLength);
    key.hashed();
  }
}
