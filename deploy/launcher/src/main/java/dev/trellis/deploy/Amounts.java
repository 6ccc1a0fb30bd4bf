package dev.trellis.deploy;

import java.util.Locale;

/// Amounts for people.
final class Amounts {
  private static final String[] UNITS = {"kB", "MB", "GB", "TB", "PB", "EB"};

  private Amounts() {}

  /// A number of keys, such as `1 key` or `1,234 keys`.
  static String keys(long count) {
    return String.format(Locale.ROOT, "%,d %s", count, count == 1 ? "key" : "keys");
  }

  /// A size in the unit that suits it, such as `37 B` or `5.6 MB`, by powers of ten.
  static String bytes(long size) {
    if (size < 1_000) {
      return size + " B";
    }
    int unit = -1;
    double left = size;
    while (left >= 999.95 && unit < UNITS.length - 1) {
      left /= 1_000;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f %s", left, UNITS[Math.max(0, unit)]);
  }
}
