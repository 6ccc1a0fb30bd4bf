package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/// How keys are written on disk, where one may have 511 bytes at most: what is longer is cut, and
/// ends with a hash of all of it. The key itself stands in the value.
final class DiskKeys {
  /// The most that LMDB takes, as it is built.
  static final int BYTES_MAX = 511;

  private static final int HASH_BYTES = 16;

  private final MessageDigest sha256;

  DiskKeys() {
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }

  /// Whether a key is cut where keys stand in byte order.
  static boolean isCut(int length) {
    return length > BYTES_MAX;
  }

  /// How many bytes of a key that is cut stand where keys are in byte order.
  static int cutLength() {
    return BYTES_MAX - HASH_BYTES;
  }

  /// Where a record stands: by the hash of its key, so that the keys of a partition lie together.
  ///
  /// @param into is cleared, and flipped when done
  void position(ByteBuffer into, long keyHash, byte[] key, int length) {
    into.clear();
    into.putLong(keyHash); // big-endian: in the order of the ring
    append(into, key, length, BYTES_MAX - Long.BYTES);
    into.flip();
  }

  /// Where a key stands among all in byte order; among those that begin with the same [#cutLength]
  /// bytes and are longer, in the order of their hashes.
  void order(ByteBuffer into, byte[] key, int length) {
    into.clear();
    append(into, key, length, BYTES_MAX);
    into.flip();
  }

  private void append(ByteBuffer into, byte[] key, int length, int max) {
    if (length <= max) {
      into.put(key, 0, length);
      return;
    }
    into.put(key, 0, max - HASH_BYTES);
    sha256.reset();
    sha256.update(key, 0, length);
    into.put(sha256.digest(), 0, HASH_BYTES);
  }

  /// The key as bytes in an array of their own.
  static byte[] bytes(Payload key) {
    return key.toBytes();
  }
}
