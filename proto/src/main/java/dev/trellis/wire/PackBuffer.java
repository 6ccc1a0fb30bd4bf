package dev.trellis.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// An array that grows, with what it takes to write the Protobuf form into it. Methods leave out
/// defaults, as proto3 does, unless their name says `always`; room must have been reserved.
class PackBuffer {
  static final int FIRST_BYTES = 4 << 10;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  byte[] buffer = new byte[FIRST_BYTES];
  int size;

  final void reserve(int bytes) {
    if (buffer.length - size < bytes) {
      buffer = Arrays.copyOf(buffer, Math.max(2 * buffer.length, size + bytes));
    }
  }

  final void field(byte tag, long value) {
    if (value != 0) {
      buffer[size++] = tag;
      varint(value);
    }
  }

  final void fixed64(byte tag, long value) {
    if (value != 0) {
      alwaysFixed64(tag, value);
    }
  }

  final void alwaysFixed64(byte tag, long value) {
    buffer[size++] = tag;
    LONGS.set(buffer, size, value);
    size += Long.BYTES;
  }

  final void varint(long value) {
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      buffer[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    buffer[size++] = (byte) rest;
  }

  /// How many bytes [#field] takes.
  static int fieldBytes(long value) {
    return value == 0 ? 0 : 1 + lengthOf(value);
  }

  /// How many bytes a varint takes.
  static int lengthOf(long value) {
    return (Long.SIZE - Long.numberOfLeadingZeros(value | 1) + 6) / 7;
  }
}
