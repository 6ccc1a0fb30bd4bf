package dev.trellis.wire;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;

/// Which keys a commit writes, in four bytes each: a *print*, the low half of its [KeyHash]. So it
/// may take a key for one of them that is none, one in four thousand million, and never misses one.
///
/// @param prints four bytes a key, the least significant first
public record WriteSet(Payload prints) {
  private static final int PRINT_BYTES = Integer.BYTES;

  public WriteSet {
    if (prints.size() % PRINT_BYTES != 0) {
      throw new IllegalArgumentException(
          "the keys of a commit take 4 bytes each, not " + prints.size() + " in all");
    }
  }

  public static WriteSet of(Collection<Payload> keys) {
    ByteBuffer prints =
        ByteBuffer.allocate(keys.size() * PRINT_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    keys.forEach(key -> prints.putInt((int) KeyHash.of(key)));
    return new WriteSet(Payload.of(prints.array()));
  }

  /// How many keys there are.
  public int size() {
    return prints.size() / PRINT_BYTES;
  }

  /// Whether the key is one of them, as far as can be told. O(size).
  public boolean mayHave(Payload key) {
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
