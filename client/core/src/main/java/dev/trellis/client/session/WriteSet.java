package dev.trellis.client.session;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;

/// Which keys a commit writes, in four bytes each: a *print*, the low half of its [KeyHash]. So it
/// may take a key for one of them that is none, one in four thousand million, and never misses one.
///
/// @param prints four bytes a key, the least significant first
record WriteSet(Payload prints) {
  private static final int PRINT_BYTES = Integer.BYTES;

  static WriteSet of(Collection<Payload> keys) {
    ByteBuffer prints =
        ByteBuffer.allocate(keys.size() * PRINT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    keys.forEach(key -> prints.putInt((int) KeyHash.of(key)));
    return new WriteSet(Payload.of(prints.array()));
  }

  /// Whether the key is one of them, as far as can be told. O(size).
  boolean mayHave(Payload key) {
    int print = (int) KeyHash.of(key);
    ByteBuffer all = prints.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    while (all.hasRemaining()) {
      if (all.getInt() == print) {
        return true;
      }
    }
    return false;
  }
}
