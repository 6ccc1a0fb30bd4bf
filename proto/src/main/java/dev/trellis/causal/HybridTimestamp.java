package dev.trellis.causal;

/// A reading of a hybrid logical clock: 48 bits of milliseconds since the epoch and a 16-bit
/// counter that orders events within one millisecond and carries into the milliseconds when it
/// overflows.
///
/// @param packed `millis << 16 | counter`, never negative, so that comparing `packed` compares time
/// @see "Kulkarni et al., Logical Physical Clocks, OPODIS 2014"
public record HybridTimestamp(long packed) implements Comparable<HybridTimestamp> {
  /// Before every event; also the generation of an entry that was never deleted.
  public static final HybridTimestamp ZERO = new HybridTimestamp(0);

  /// The greatest representable time, in the year 6429.
  public static final HybridTimestamp MAX = new HybridTimestamp(Long.MAX_VALUE);

  static final int COUNTER_BITS = 16;
  private static final long COUNTER_MASK = (1L << COUNTER_BITS) - 1;
  private static final long MILLIS_MAX = Long.MAX_VALUE >>> COUNTER_BITS;

  public HybridTimestamp {
    if (packed < 0) {
      throw new IllegalArgumentException("hybrid timestamp " + packed + " is negative");
    }
  }

  /// The first timestamp of a millisecond.
  ///
  /// @param millis milliseconds since the epoch, 0 to 2^47 - 1
  /// @throws IllegalArgumentException if `millis` is out of range
  public static HybridTimestamp ofMillis(long millis) {
    return of(millis, 0);
  }

  /// The timestamp at a position within a millisecond.
  ///
  /// @param millis milliseconds since the epoch, 0 to 2^47 - 1
  /// @param counter 0 to 65,535
  /// @throws IllegalArgumentException if either is out of range
  public static HybridTimestamp of(long millis, int counter) {
    long packed = packedMillis(millis);
    if (counter < 0 || counter > COUNTER_MASK) {
      throw new IllegalArgumentException("counter " + counter + " is outside 0 to 65535");
    }
    return new HybridTimestamp(packed | counter);
  }

  /// As [#ofMillis], packed.
  static long packedMillis(long millis) {
    if (millis < 0 || millis > MILLIS_MAX) {
      throw new IllegalArgumentException(
          "milliseconds " + millis + " are outside 0 to " + MILLIS_MAX);
    }
    return millis << COUNTER_BITS;
  }

  /// Milliseconds since the epoch of a packed timestamp.
  public static long millis(long packed) {
    return packed >>> COUNTER_BITS;
  }

  /// Milliseconds since the epoch.
  public long millis() {
    return millis(packed);
  }

  /// The position within the millisecond, 0 to 65,535.
  public int counter() {
    return (int) (packed & COUNTER_MASK);
  }

  /// The next later timestamp; a full counter carries into the milliseconds.
  ///
  /// @throws IllegalStateException at [#MAX]
  public HybridTimestamp next() {
    return new HybridTimestamp(next(packed));
  }

  /// As [#next()], packed.
  static long next(long packed) {
    if (packed == Long.MAX_VALUE) {
      throw new IllegalStateException("no timestamp follows the year 6429");
    }
    return packed + 1;
  }

  /// The later of the two.
  public HybridTimestamp max(HybridTimestamp other) {
    return packed >= other.packed ? this : other;
  }

  public boolean isAfter(HybridTimestamp other) {
    return packed > other.packed;
  }

  @Override
  public int compareTo(HybridTimestamp other) {
    return Long.compare(packed, other.packed);
  }

  @Override
  public String toString() {
    return millis() + "." + counter();
  }
}
