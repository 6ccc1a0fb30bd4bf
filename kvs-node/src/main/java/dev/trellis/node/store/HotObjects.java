package dev.trellis.node.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The slots that are kept as objects, by number. Those not touched since the hand last came by are
/// the first to be encoded when they take more than they may.
final class HotObjects {
  private @Nullable Slot[] slots = new Slot[4];
  private long[] digests = new long[4]; // 0 where not known
  private boolean[] touched = new boolean[4];
  private int[] free = new int[4];
  private int freeCount;
  private int end;
  private int hand;
  private long bytes;

  /// What they take of the heap, about.
  long bytes() {
    return bytes;
  }

  int add(Slot slot) {
    int number = freeCount > 0 ? free[--freeCount] : end++;
    if (number == slots.length) {
      slots = Arrays.copyOf(slots, 2 * number);
      digests = Arrays.copyOf(digests, 2 * number);
      touched = Arrays.copyOf(touched, 2 * number);
    }
    slots[number] = slot;
    digests[number] = 0;
    touched[number] = true;
    bytes += Form.heapWeight(slot);
    return number;
  }

  void remove(int number) {
    bytes -= Form.heapWeight(get(number));
    slots[number] = null;
    free = freeCount == free.length ? Arrays.copyOf(free, 2 * freeCount) : free;
    free[freeCount++] = number;
  }

  Slot get(int number) {
    Slot slot = slots[number];
    if (slot == null) {
      throw new IllegalStateException("no object " + number + " of " + end);
    }
    return slot;
  }

  Slot touch(int number) {
    touched[number] = true;
    return get(number);
  }

  /// What was noted as the digest of the state, 0 if nothing was.
  long digest(int number) {
    return digests[number];
  }

  void setDigest(int number, long digest) {
    digests[number] = digest;
  }

  /// Moves the hand one on.
  ///
  /// @return what it came by, if it is there and was not touched since
  @Nullable Slot nextCold() {
    if (end == 0) {
      return null;
    }
    hand = hand + 1 < end ? hand + 1 : 0;
    Slot slot = slots[hand];
    boolean cold = slot != null && !touched[hand];
    touched[hand] = false;
    return cold ? slot : null;
  }
}
