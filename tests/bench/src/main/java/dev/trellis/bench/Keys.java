package dev.trellis.bench;

import java.util.Locale;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/// Which keys a load asks for, and how often.
public enum Keys {
  /// All equally often.
  UNIFORM,
  /// The key of rank r with a frequency in proportion to 1 / r^θ.
  ZIPF,
  /// One key only.
  SINGLE;

  /// A source of key numbers from 0 to `count - 1`.
  ///
  /// @param theta exponent of the zipf distribution, above 0
  LongSupplier draw(long count, double theta, RandomGenerator random) {
    return switch (this) {
      case UNIFORM -> () -> random.nextLong(count);
      case ZIPF -> new Zipf(count, theta, random);
      case SINGLE -> () -> 0;
    };
  }

  /// The name people type.
  String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
