package dev.trellis.wire;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import dev.trellis.lattice.Payload;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Writes one Protobuf message into a buffer that grows. A nested message is written in place: its
/// length is filled in when it is closed, and its content moves only if the length takes more bytes
/// than were kept for it. That costs at most one move a level, where computing sizes first would
/// walk every part of a lattice twice, and `CodedOutputStream` alone would need a buffer a level.
///
/// Methods with a field number leave out defaults, as proto3 does, unless their name says `always`.
final class WireWriter {
  private static final int LENGTH_BYTES_MAX = 5;
  private static final int BYTES_MAX = Integer.MAX_VALUE - 8; // the longest array of every JVM

  private byte[] buffer;
  private int size;
  // Per open message: where its tag and its length stand, and how many bytes are kept for the
  // length.
  private int[] open = new int[3 * 8];
  private int depth;

  /// @param expectedBytes about how long the message will be
  WireWriter(int expectedBytes) {
    buffer = new byte[Math.max(expectedBytes, 32)];
  }

  /// The message.
  byte[] toBytes() {
    return size == buffer.length ? buffer : Arrays.copyOf(buffer, size);
  }

  /// The message as a payload.
  Payload toPayload() {
    return Payload.of(buffer, 0, size);
  }

  void uint64(int field, long value) {
    if (value != 0) {
      alwaysUint64(field, value);
    }
  }

  void alwaysUint64(int field, long value) {
    tag(field, WireFormat.WIRETYPE_VARINT);
    varint(value);
  }

  void uint32(int field, int value) {
    uint64(field, Integer.toUnsignedLong(value));
  }

  void sint64(int field, long value) {
    if (value != 0) {
      alwaysSint64(field, value);
    }
  }

  void alwaysSint64(int field, long value) {
    alwaysUint64(field, CodedOutputStream.encodeZigZag64(value));
  }

  void bool(int field, boolean value) {
    uint64(field, value ? 1 : 0);
  }

  void fixed64(int field, long value) {
    if (value != 0) {
      alwaysFixed64(field, value);
    }
  }

  void alwaysFixed64(int field, long value) {
    tag(field, WireFormat.WIRETYPE_FIXED64);
    rawFixed64(value);
  }

  /// Leaves out 0.0, but not -0.0.
  void float64(int field, double value) {
    fixed64(field, Double.doubleToRawLongBits(value));
  }

  void alwaysFloat64(int field, double value) {
    alwaysFixed64(field, Double.doubleToRawLongBits(value));
  }

  void bytes(int field, Payload value) {
    if (!value.isEmpty()) {
      alwaysBytes(field, value);
    }
  }

  void alwaysBytes(int field, Payload value) {
    tag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
    varint(value.size());
    reserve(value.size());
    value.copyTo(buffer, size);
    size += value.size();
  }

  void text(int field, String value) {
    if (!value.isEmpty()) {
      byte[] encoded = value.getBytes(StandardCharsets.UTF_8);
      tag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
      varint(encoded.length);
      reserve(encoded.length);
      System.arraycopy(encoded, 0, buffer, size, encoded.length);
      size += encoded.length;
    }
  }

  /// Begins a nested message, or the numbers of a packed field; [#close] ends it.
  void open(int field) {
    open(field, 0);
  }

  /// Begins a nested message of about `expectedBytes`.
  void open(int field, int expectedBytes) {
    if (depth == open.length) {
      open = Arrays.copyOf(open, 2 * open.length);
    }
    open[depth++] = size;
    tag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
    int kept = CodedOutputStream.computeUInt32SizeNoTag(expectedBytes);
    open[depth++] = size;
    open[depth++] = kept;
    reserve(kept);
    size += kept;
  }

  /// Ends what was begun last.
  void close() {
    int kept = open[--depth];
    int lengthAt = open[--depth];
    depth--;
    int start = lengthAt + kept;
    int length = size - start;
    int needed = CodedOutputStream.computeUInt32SizeNoTag(length);
    if (needed != kept) {
      reserve(LENGTH_BYTES_MAX);
      System.arraycopy(buffer, start, buffer, lengthAt + needed, length);
    }
    size = lengthAt;
    varint(length);
    size += length;
  }

  /// Ends what was begun last, and leaves it out if it is empty: for fields whose default that is.
  void closeUnlessEmpty() {
    if (size > open[depth - 2] + open[depth - 1]) {
      close();
    } else {
      depth -= 3;
      size = open[depth];
    }
  }

  /// A number of a packed field.
  void varint(long value) {
    reserve(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      buffer[size++] = (byte) ((rest & 0x7F) | 0x80);
      rest >>>= 7;
    }
    buffer[size++] = (byte) rest;
  }

  /// A number of a packed field.
  void rawFixed64(long value) {
    reserve(Long.BYTES);
    for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
      buffer[size++] = (byte) (value >>> shift);
    }
  }

  private void tag(int field, int wireType) {
    varint((long) field << 3 | wireType);
  }

  private void reserve(int bytes) {
    if (buffer.length - size < bytes) {
      long needed = (long) size + bytes;
      if (needed > BYTES_MAX) {
        throw new IllegalArgumentException(
            "a message of more than " + BYTES_MAX + " bytes; it must be sent in parts");
      }
      buffer = Arrays.copyOf(buffer, (int) Math.clamp(2L * buffer.length, needed, BYTES_MAX));
    }
  }
}
