package dev.trellis.integration.broken.lattice;

/// A pure package that reads a clock.
public final class ReadsTheClock {
  private ReadsTheClock() {}

  /// Never called.
  public static long now() {
    return System.currentTimeMillis();
  }
}
