package dev.trellis.node.shard;

/// Chooses the accesses that are looked at. Each has the same chance, whatever pattern they come
/// in, since the gaps between those that are chosen are drawn. The first ones of a period are all
/// chosen; the more there are, the fewer of them: so a quiet shard misses nothing, and what a busy
/// one spends on it is bounded.
final class AccessSampler {
  /// Accesses chosen before only every second one of those chosen so far is.
  private static final int CHOSEN_AT_RATE = 4_096;

  private final int everyMax; // 0 to choose none
  private long random; // never 0
  private int every = 1;
  private int standsFor = 1; // of the access that is chosen next
  private int left = 1; // accesses up to that
  private int chosen; // at the present rate
  private long total; // in the period

  /// @param everyMax one of so many is chosen at least; 0 for none
  AccessSampler(int everyMax, long seed) {
    this.everyMax = everyMax;
    this.random = seed | 1;
    if (everyMax == 0) {
      left = Integer.MAX_VALUE;
    }
  }

  /// Takes note of an access.
  ///
  /// @return whether it is chosen
  boolean choosesNext() {
    return --left <= 0 && isChosen();
  }

  private boolean isChosen() {
    if (everyMax == 0) {
      left = Integer.MAX_VALUE;
      return false;
    }
    standsFor = every;
    total += every;
    chosen++;
    if (chosen == CHOSEN_AT_RATE && every < everyMax) {
      every = Math.min(2 * every, everyMax);
      chosen = 0;
    }
    left = gap();
    return true;
  }

  /// From 1 up, and the present rate in the mean.
  private int gap() {
    random ^= random << 13;
    random ^= random >>> 7;
    random ^= random << 17;
    return 1 + (int) (((random >>> 33) * (2L * every - 1)) >>> 31);
  }

  /// How many accesses the one stands for that was chosen last.
  int standsFor() {
    return standsFor;
  }

  /// Begins a period that is expected to have about as many accesses as the one that ends.
  void nextPeriod() {
    int expected = Long.SIZE - Long.numberOfLeadingZeros(total / (2 * CHOSEN_AT_RATE));
    every = Math.max(1, Math.min(everyMax, 1 << Math.min(expected, 30)));
    chosen = 0;
    total = 0;
  }
}
