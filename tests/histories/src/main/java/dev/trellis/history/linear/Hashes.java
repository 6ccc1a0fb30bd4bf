package dev.trellis.history.linear;

/// Spreads numbers over hash tables.
final class Hashes {
  private Hashes() {}

  /// A bijection in which each bit depends on all bits.
  static long mixed(long number) {
    long mixed = number * 0x9e3779b97f4a7c15L;
    mixed ^= mixed >>> 32;
    mixed *= 0xd6e8feb86659fd93L;
    return mixed ^ mixed >>> 32;
  }
}
