package dev.trellis.monitor.policy;

import java.math.BigDecimal;
import java.math.MathContext;

/// Numbers that came from elsewhere, and numbers that people read.
final class Numbers {
  private Numbers() {}

  /// The number, or 0 for what nobody can have measured: below 0, infinite, not a number.
  static double measured(double value) {
    return Double.isFinite(value) && value > 0 ? value : 0;
  }

  /// The quotient, or 0 if there is nothing to divide by.
  static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
  }

  /// The least whole number that is not below it, but for errors of rounding; at most ten million,
  /// which no number of nodes or replicas reaches.
  static int ceiling(double value) {
    return (int) Math.clamp(Math.ceil(value - 1e-9), 0, 1e7);
  }

  /// So many things, or as many whole ones as fit; none if the limit is below 0.
  static long atMost(long count, double limit) {
    return Math.clamp((long) limit, 0, count);
  }

  /// With three digits that count, and without an exponent.
  static String text(double value) {
    return BigDecimal.valueOf(value).round(new MathContext(3)).stripTrailingZeros().toPlainString();
  }
}
