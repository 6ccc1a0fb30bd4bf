package dev.trellis.placement;

import dev.trellis.lattice.Payload;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;

/// Hashes keys: everybody who looks for a key must come to the same number, in any language and
/// version, so this is xxHash64 with seed 0 to the letter.
///
/// @see "Collet, xxHash fast digest algorithm, specification 0.2.0, XXH64"
public final class KeyHash {
  private static final long PRIME_1 = 0x9E3779B185EBCA87L;
  private static final long PRIME_2 = 0xC2B2AE3D27D4EB4FL;
  private static final long PRIME_3 = 0x165667B19E3779F9L;
  private static final long PRIME_4 = 0x85EBCA77C2B2AE63L;
  private static final long PRIME_5 = 0x27D4EB2F165667C5L;

  private static final int STRIPE_BYTES = 32;
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private KeyHash() {}

  /// The hash that places a key on the ring. O(size).
  public static long of(Payload key) {
    return key.hashedBy(KeyHash::of);
  }

  /// The hash of a key that is part of an array.
  ///
  /// @throws IndexOutOfBoundsException if `length` bytes from `offset` are not all in `bytes`
  public static long of(byte[] bytes, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    int end = offset + length;
    int at = offset;
    long hash = PRIME_5;
    if (length >= STRIPE_BYTES) {
      hash = stripes(bytes, offset, length);
      at += length & -STRIPE_BYTES;
    }
    hash += length;
    for (; at <= end - Long.BYTES; at += Long.BYTES) {
      hash = Long.rotateLeft(hash ^ round(0, (long) LONGS.get(bytes, at)), 27) * PRIME_1 + PRIME_4;
    }
    if (at <= end - Integer.BYTES) {
      long lane = Integer.toUnsignedLong((int) INTS.get(bytes, at));
      hash = Long.rotateLeft(hash ^ lane * PRIME_1, 23) * PRIME_2 + PRIME_3;
      at += Integer.BYTES;
    }
    for (; at < end; at++) {
      long lane = Byte.toUnsignedLong(bytes[at]);
      hash = Long.rotateLeft(hash ^ lane * PRIME_5, 11) * PRIME_1;
    }
    hash = (hash ^ hash >>> 33) * PRIME_2;
    hash = (hash ^ hash >>> 29) * PRIME_3;
    return hash ^ hash >>> 32;
  }

  /// A bijection of 64-bit numbers in which every bit of the input moves about half of the output.
  ///
  /// @see "Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, §3"
  static long mix(long bits) {
    long mixed = (bits ^ bits >>> 30) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ mixed >>> 27) * 0x94D049BB133111EBL;
    return mixed ^ mixed >>> 31;
  }

  /// The hash of all whole stripes, on four accumulators that do not wait for each other.
  private static long stripes(byte[] bytes, int offset, int length) {
    long first = 0x60EA27EEADC0B5D6L; // PRIME_1 + PRIME_2, which overflows
    long second = PRIME_2;
    long third = 0;
    long fourth = -PRIME_1;
    int end = offset + (length & -STRIPE_BYTES);
    for (int at = offset; at < end; at += STRIPE_BYTES) {
      first = round(first, (long) LONGS.get(bytes, at));
      second = round(second, (long) LONGS.get(bytes, at + Long.BYTES));
      third = round(third, (long) LONGS.get(bytes, at + 2 * Long.BYTES));
      fourth = round(fourth, (long) LONGS.get(bytes, at + 3 * Long.BYTES));
    }
    long hash =
        Long.rotateLeft(first, 1)
            + Long.rotateLeft(second, 7)
            + Long.rotateLeft(third, 12)
            + Long.rotateLeft(fourth, 18);
    hash = (hash ^ round(0, first)) * PRIME_1 + PRIME_4;
    hash = (hash ^ round(0, second)) * PRIME_1 + PRIME_4;
    hash = (hash ^ round(0, third)) * PRIME_1 + PRIME_4;
    return (hash ^ round(0, fourth)) * PRIME_1 + PRIME_4;
  }

  private static long round(long accumulator, long lane) {
    return Long.rotateLeft(accumulator + lane * PRIME_2, 31) * PRIME_1;
  }
}
