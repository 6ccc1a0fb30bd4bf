package dev.trellis.causal;

/// A hybrid logical clock: its readings never repeat, never go back, follow every reading observed
/// from elsewhere, and stay close to physical time. Reads no clock itself: the physical time is an
/// argument, so that a simulator decides it. Confined to one thread.
///
/// @see "Kulkarni et al., Logical Physical Clocks, OPODIS 2014, §3"
public final class HybridLogicalClock {
  private final long skewMaxMillis;
  private long last; // packed; never decreases

  /// @param skewMaxMillis how far a foreign reading may differ from physical time before
  ///   [#withinSkew] refuses it, at least 0
  /// @throws IllegalArgumentException if negative
  public HybridLogicalClock(long skewMaxMillis) {
    if (skewMaxMillis < 0) {
      throw new IllegalArgumentException("clock.skew.max " + skewMaxMillis + " ms is negative");
    }
    this.skewMaxMillis = skewMaxMillis;
  }

  /// Returns a reading later than all before it. Physical time that went back is ridden out: the
  /// counter goes on from the last reading.
  ///
  /// @param physicalMillis milliseconds since the epoch
  public HybridTimestamp tick(long physicalMillis) {
    return new HybridTimestamp(tickPacked(physicalMillis));
  }

  /// As [#tick], packed.
  public long tickPacked(long physicalMillis) {
    long physical = HybridTimestamp.packedMillis(physicalMillis);
    last = physical > last ? physical : HybridTimestamp.next(last);
    return last;
  }

  /// The time as of now, without taking a new reading: at least physical time and all that was
  /// seen.
  public HybridTimestamp current(long physicalMillis) {
    return new HybridTimestamp(currentPacked(physicalMillis));
  }

  /// As [#current], packed.
  public long currentPacked(long physicalMillis) {
    last = Math.max(last, HybridTimestamp.packedMillis(physicalMillis));
    return last;
  }

  /// Ratchets this clock so that later readings follow `foreign`. A reading too far ahead of
  /// physical time is ignored, else one bad clock would drag every other with it.
  ///
  /// @return whether the reading was taken into account
  public boolean observe(HybridTimestamp foreign, long physicalMillis) {
    return observePacked(foreign.packed(), physicalMillis);
  }

  /// As [#observe], of a packed reading.
  public boolean observePacked(long foreign, long physicalMillis) {
    if (HybridTimestamp.millis(foreign) - physicalMillis > skewMaxMillis) {
      return false;
    }
    last = Math.max(last, foreign);
    return true;
  }

  /// Whether a stamp from elsewhere is neither too far ahead of nor too far behind physical time.
  public boolean withinSkew(HybridTimestamp foreign, long physicalMillis) {
    return withinSkewPacked(foreign.packed(), physicalMillis);
  }

  /// As [#withinSkew], of a packed stamp.
  public boolean withinSkewPacked(long foreign, long physicalMillis) {
    return Math.abs(HybridTimestamp.millis(foreign) - physicalMillis) <= skewMaxMillis;
  }

  /// The greatest difference from physical time that is accepted, in milliseconds.
  public long skewMaxMillis() {
    return skewMaxMillis;
  }
}
