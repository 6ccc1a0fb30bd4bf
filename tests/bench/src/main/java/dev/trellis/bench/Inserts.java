package dev.trellis.bench;

import java.util.BitSet;
import java.util.concurrent.atomic.AtomicLong;

/// Numbers of keys that a load inserts beyond those that were there. A number counts as there once
/// its insert has ended, and those of all lower numbers have: who draws a key asks for none that is
/// still on its way. Any thread may use it.
final class Inserts {
  private static final int SHIFT = 1 << 16;

  private final AtomicLong next;
  private final BitSet ended = new BitSet(); // guarded by this; bit i is number `base` + i
  private long base; // guarded by this
  private volatile long there; // written under this, read by whoever draws

  /// @param count keys that are there at first
  Inserts(long count) {
    this.next = new AtomicLong(count);
    this.base = count;
    this.there = count;
  }

  /// How many keys are there: those with numbers below.
  long count() {
    return there;
  }

  /// The number of a key to insert.
  long next() {
    return next.getAndIncrement();
  }

  /// Tells that the insert of a number has ended, be it well or not. O(1), mostly.
  synchronized void end(long number) {
    ended.set((int) (number - base));
    int run = ended.nextClearBit((int) (there - base));
    there = base + run;
    if (run >= SHIFT) {
      BitSet rest = ended.get(run, ended.length());
      ended.clear();
      ended.or(rest);
      base += run;
    }
  }
}
