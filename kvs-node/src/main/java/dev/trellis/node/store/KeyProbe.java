package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// A key that is looked for: its bytes and two hashes of them. Reused from one look-up to the next.
final class KeyProbe {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long STEP = 0x9E3779B97F4A7C15L;

  private final long seed;
  private byte[] bytes = new byte[64];
  private int length;
  private long hash;
  private long spread;

  /// @param seed what others must not know, so that nobody can make keys that fall into one place
  KeyProbe(long seed) {
    this.seed = seed;
  }

  void set(Payload key) {
    key.copyTo(room(key.size()), 0);
    hashed();
  }

  void set(byte[] source, int offset, int size) {
    System.arraycopy(source, offset, room(size), 0, size);
    hashed();
  }

  /// Room for the bytes of a key; [#hashed] is to be called once they are there.
  byte[] room(int size) {
    if (bytes.length < size + Long.BYTES) {
      bytes = new byte[2 * size + Long.BYTES];
    }
    length = size;
    return bytes;
  }

  void hashed() {
    hash = KeyHash.of(bytes, 0, length);
    // So that whole words can be read.
    LONGS.set(bytes, length, 0L);
    long mixed = fold(seed ^ length, STEP);
    for (int at = 0; at < length; at += Long.BYTES) {
      mixed = fold(mixed ^ (long) LONGS.get(bytes, at), seed ^ STEP);
    }
    spread = fold(mixed, seed | 1);
  }

  /// Where all 128 bits of a product count.
  private static long fold(long a, long b) {
    return Math.multiplyHigh(a, b) ^ a * b;
  }

  byte[] bytes() {
    return bytes;
  }

  int length() {
    return length;
  }

  /// What everybody computes of the key; its highest bits name its partition.
  long hash() {
    return hash;
  }

  /// What only this store computes of it.
  long spread() {
    return spread;
  }

  Payload toPayload() {
    return Payload.of(bytes, 0, length);
  }

  /// Eight bytes of the key, zeros beyond its end; at most up to the next multiple of eight.
  long word(int at) {
    return (long) LONGS.get(bytes, at);
  }
}
