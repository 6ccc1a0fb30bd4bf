package dev.trellis.bench;

import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/// Which keys a load asks for, and how often.
enum Keys {
  /// All equally often.
  UNIFORM,
  /// The key of rank r with a frequency in proportion to 1 / r^θ; ranks are key numbers.
  ZIPF,
  /// The same, with the frequent keys scattered by a hash, as YCSB does it: drawn from ten thousand
  /// million ranks, so that some keys get the share of several.
  SCRAMBLED,
  /// The same by age: the key inserted last is the most frequent.
  LATEST,
  /// One key only.
  SINGLE;

  /// Ranks of YCSB's scrambled distribution, however many keys there are.
  static final long SCRAMBLED_RANKS = 10_000_000_000L;

  /// A source of key numbers, from 0 to one less than `count` tells at the time. For one thread.
  ///
  /// @param count how many keys there are now; the same for ever unless some are inserted
  /// @param theta exponent of the zipf distributions, above 0
  LongSupplier draw(LongSupplier count, double theta, RandomGenerator random) {
    return switch (this) {
      case UNIFORM -> () -> random.nextLong(count.getAsLong());
      case ZIPF -> {
        Zipf zipf = new Zipf(theta, random);
        yield () -> zipf.draw(count.getAsLong());
      }
      case SCRAMBLED -> {
        Zipf zipf = new Zipf(theta, random);
        yield () -> scramble(zipf.draw(SCRAMBLED_RANKS)) % count.getAsLong();
      }
      case LATEST -> {
        Zipf zipf = new Zipf(theta, random);
        yield () -> {
          long now = count.getAsLong();
          return now - 1 - zipf.draw(now);
        };
      }
      case SINGLE -> () -> 0;
    };
  }

  /// The 64-bit hash FNV-1a of the eight bytes of a number, the lowest first, made non-negative by
  /// its absolute value.
  static long scramble(long number) {
    long hash = 0xCBF29CE484222325L;
    for (int octet = 0; octet < Long.BYTES; octet++) {
      hash = (hash ^ (number >>> (octet * Byte.SIZE) & 0xff)) * 0x100000001B3L;
    }
    return Math.abs(hash) & Long.MAX_VALUE; // the absolute value of the least number is itself
  }

  /// The name people type.
  String word() {
    return Words.of(this);
  }
}
