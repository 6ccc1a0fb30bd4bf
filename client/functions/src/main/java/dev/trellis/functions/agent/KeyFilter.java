package dev.trellis.functions.agent;

import dev.trellis.lattice.Payload;
import java.util.Collection;
import java.util.List;

/// A set of keys in few bytes, which says of all of them that they are in it, and of about one in a
/// hundred others too.
///
/// @param bits a power of two of them, in bytes; none for the empty set
/// @see "Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13 (7), 1970"
/// @see "Kirsch, Mitzenmacher, Less hashing, same performance, ESA 2006, for two hashes as seven"
record KeyFilter(Payload bits) {
  static final KeyFilter EMPTY = new KeyFilter(Payload.EMPTY);

  /// Of more keys than that the rest is left out, so that it has 2 KiB at most.
  static final int KEYS_MAX = 1_600;

  private static final int BITS_A_KEY = 10;
  private static final int BITS_MIN = 64;
  private static final int PROBES = 7;

  KeyFilter {
    if (Integer.bitCount(bits.size()) > 1) {
      throw new IllegalArgumentException(
          "a filter of keys has a power of two of bytes or none, and not " + bits.size());
    }
  }

  static KeyFilter of(Collection<Payload> keys) {
    if (keys.isEmpty()) {
      return EMPTY;
    }
    List<Payload> kept = keys.stream().limit(KEYS_MAX).toList();
    int least = Math.max(BITS_MIN, kept.size() * BITS_A_KEY);
    byte[] bytes = new byte[(Integer.highestOneBit(least - 1) << 1) / Byte.SIZE];
    for (Payload key : kept) {
      long hash = hash(key);
      for (int probe = 0; probe < PROBES; probe++) {
        int bit = bit(hash, probe, bytes.length);
        bytes[bit / Byte.SIZE] |= (byte) (1 << bit % Byte.SIZE);
      }
    }
    return new KeyFilter(Payload.of(bytes));
  }

  /// The same for all hosts and versions: FNV-1a, mixed so that all bits depend on all of the key.
  ///
  /// @see "Fowler, Noll, Vo, FNV-1a for 64 bits"
  static long hash(Payload key) {
    long hash = 0xcbf29ce484222325L;
    for (byte each : key.toBytes()) {
      hash = (hash ^ (each & 0xff)) * 0x100000001b3L;
    }
    return HostNotice.mix(hash);
  }

  private static int bit(long hash, int probe, int bytes) {
    int step = (int) (hash >>> Integer.SIZE) | 1; // odd, so that the probes are as many bits
    return ((int) hash + probe * step) & (bytes * Byte.SIZE - 1);
  }

  /// How many keys with these hashes are in it, or seem to be.
  ///
  /// @param hashes as of [#hash]
  int held(long[] hashes) {
    if (bits.isEmpty()) {
      return 0;
    }
    byte[] bytes = bits.toBytes();
    int held = 0;
    for (long hash : hashes) {
      held += holds(bytes, hash) ? 1 : 0;
    }
    return held;
  }

  private static boolean holds(byte[] bytes, long hash) {
    for (int probe = 0; probe < PROBES; probe++) {
      int bit = bit(hash, probe, bytes.length);
      if ((bytes[bit / Byte.SIZE] & 1 << bit % Byte.SIZE) == 0) {
        return false;
      }
    }
    return true;
  }
}
