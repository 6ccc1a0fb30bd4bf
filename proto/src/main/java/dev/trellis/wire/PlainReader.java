package dev.trellis.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Reads numbers of the Protobuf form in place. What is cut off or out of range is *odd*: found by
/// those who ask afterwards, since it is nothing to read on for.
class PlainReader {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  byte[] source = {};
  int at; // where reading has come to
  boolean odd; // something was found that is not plain

  /// The length of what follows, all of which is there.
  final int length(int end) {
    long length = varint(end);
    if (length < 0 || length > end - at) {
      odd = true;
      return 0;
    }
    return (int) length;
  }

  final long varint(int end) {
    long value = 0;
    for (int shift = 0; at < end && shift < Long.SIZE; shift += 7) {
      byte next = source[at++];
      value |= (long) (next & 0x7F) << shift;
      if (next >= 0) {
        return value;
      }
    }
    odd = true;
    return 0;
  }

  final long fixed64(int end) {
    if (end - at < Long.BYTES) {
      odd = true;
      return 0;
    }
    long value = (long) LONGS.get(source, at);
    at += Long.BYTES;
    return value;
  }
}
