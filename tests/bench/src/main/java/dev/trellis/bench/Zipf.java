package dev.trellis.bench;

import java.util.random.RandomGenerator;

/// Draws ranks with a frequency in proportion to 1 / rank^θ, in constant time and without a table,
/// by rejection-inversion: a point under the curve's integral is inverted, and kept if it lies
/// under the histogram too, which it mostly does. Exact for every θ above 0, and for any number of
/// ranks, which may differ from draw to draw. For one thread.
///
/// @see "Hörmann and Derflinger, Rejection-Inversion to Generate Variates from Monotone Discrete
///   Distributions, ACM TOMACS 1996"
public final class Zipf {
  private final double theta;
  private final RandomGenerator random;
  private final double integralOfFirst;
  private final double sureWithin; // a point this close below its rank needs no test
  private long count; // of the draw before
  private double integralOfAll; // likewise

  /// @param theta exponent, above 0; 1 is allowed
  public Zipf(double theta, RandomGenerator random) {
    if (!(theta > 0)) {
      throw new IllegalArgumentException("zipf needs a theta above 0, but has " + theta);
    }
    this.theta = theta;
    this.random = random;
    this.integralOfFirst = integral(1.5) - 1;
    this.sureWithin = 2 - inverse(integral(2.5) - height(2));
  }

  /// A rank less one: 0 is the most frequent.
  ///
  /// @param ranks how many there are, 1 or more
  public long draw(long ranks) {
    if (ranks < 1) {
      throw new IllegalArgumentException("zipf needs at least 1 key, but has " + ranks);
    }
    if (ranks != count) {
      count = ranks;
      integralOfAll = integral(ranks + 0.5);
    }
    while (true) {
      double area = integralOfAll + random.nextDouble() * (integralOfFirst - integralOfAll);
      double point = inverse(area);
      long rank = Math.clamp(Math.round(point), 1, count);
      if (rank - point <= sureWithin || area >= integral(rank + 0.5) - height((double) rank)) {
        return rank - 1;
      }
    }
  }

  private double height(double at) {
    return Math.exp(-theta * Math.log(at));
  }

  /// The integral of [#height] from 1, written so that it is right for θ close to 1 too.
  private double integral(double to) {
    double log = Math.log(to);
    return expm1Over((1 - theta) * log) * log;
  }

  private double inverse(double area) {
    double scaled = Math.max(-1, area * (1 - theta));
    return Math.exp(log1pOver(scaled) * area);
  }

  private static double expm1Over(double x) {
    return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2;
  }

  private static double log1pOver(double x) {
    return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x / 2;
  }
}
