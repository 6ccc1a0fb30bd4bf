package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Keys in byte order, packed into blocks. O(log n) to find a place, and a block or the list of
/// blocks is moved to add or remove one: a few microseconds. Takes about 1.4 times the keys' bytes
/// and six bytes more for each.
final class KeyOrder {
  private static final int BLOCK_KEYS_MAX = 128;

  private static final class Block {
    private byte[] bytes = new byte[256];
    private final int[] ends = new int[BLOCK_KEYS_MAX];
    private int count;

    private int start(int at) {
      return at == 0 ? 0 : ends[at - 1];
    }

    private int compare(int at, byte[] key, int length) {
      return Arrays.compareUnsigned(bytes, start(at), ends[at], key, 0, length);
    }

    /// Where the key is, or the complement of where it would be.
    private int search(byte[] key, int length) {
      int low = 0;
      int high = count - 1;
      while (low <= high) {
        int middle = (low + high) >>> 1;
        int order = compare(middle, key, length);
        if (order == 0) {
          return middle;
        } else if (order < 0) {
          low = middle + 1;
        } else {
          high = middle - 1;
        }
      }
      return ~low;
    }

    private void add(int at, byte[] key, int length) {
      int used = start(count);
      if (bytes.length - used < length) {
        bytes = Arrays.copyOf(bytes, (used + length) * 5 / 4);
      }
      int start = start(at);
      System.arraycopy(bytes, start, bytes, start + length, used - start);
      System.arraycopy(key, 0, bytes, start, length);
      for (int later = count; later > at; later--) {
        ends[later] = ends[later - 1] + length;
      }
      ends[at] = start + length;
      count++;
    }

    private void remove(int at) {
      int start = start(at);
      int length = ends[at] - start;
      System.arraycopy(bytes, ends[at], bytes, start, start(count) - ends[at]);
      for (int later = at; later < count - 1; later++) {
        ends[later] = ends[later + 1] - length;
      }
      count--;
    }

    /// Leaves the lower half, and returns the other one.
    private Block split() {
      Block upper = new Block();
      int half = count / 2;
      int from = start(half);
      upper.bytes = Arrays.copyOfRange(bytes, from, start(count));
      for (int at = half; at < count; at++) {
        upper.ends[at - half] = ends[at] - from;
      }
      upper.count = count - half;
      count = half;
      bytes = Arrays.copyOf(bytes, from);
      return upper;
    }

    private Payload key(int at) {
      return Payload.of(bytes, start(at), ends[at] - start(at));
    }
  }

  private final List<Block> blocks = new ArrayList<>();

  /// The last block that begins with the key or one before it; the first one if none does.
  private int blockOf(byte[] key, int length) {
    int low = 1;
    int high = blocks.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (blocks.get(middle).compare(0, key, length) <= 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return low - 1;
  }

  /// Adds a key; nothing happens if it is there.
  void add(byte[] key, int length) {
    if (blocks.isEmpty()) {
      blocks.add(new Block());
    }
    int number = blockOf(key, length);
    Block block = blocks.get(number);
    int at = block.search(key, length);
    if (at >= 0) {
      return;
    }
    if (block.count == BLOCK_KEYS_MAX) {
      blocks.add(number + 1, block.split());
      add(key, length);
      return;
    }
    block.add(~at, key, length);
  }

  /// Removes a key; nothing happens if it is not there.
  void remove(byte[] key, int length) {
    if (blocks.isEmpty()) {
      return;
    }
    int number = blockOf(key, length);
    Block block = blocks.get(number);
    int at = block.search(key, length);
    if (at >= 0) {
      block.remove(at);
      if (block.count == 0) {
        blocks.remove(number);
      }
    }
  }

  /// Goes through the keys from one on.
  final class Walk {
    private int number;
    private int at;

    /// @param from where to start
    /// @param inclusive whether `from` itself is one of them
    Walk(Payload from, boolean inclusive) {
      byte[] key = from.toBytes();
      if (!blocks.isEmpty()) {
        number = blockOf(key, key.length);
        int found = blocks.get(number).search(key, key.length);
        at = found < 0 ? ~found : inclusive ? found : found + 1;
      }
    }

    /// The next key, or null at the end.
    @Nullable Payload next() {
      while (number < blocks.size() && at == blocks.get(number).count) {
        number++;
        at = 0;
      }
      return number < blocks.size() ? blocks.get(number).key(at++) : null;
    }
  }
}
