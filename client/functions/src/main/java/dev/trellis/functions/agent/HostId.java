package dev.trellis.functions.agent;

import java.util.HexFormat;
import java.util.random.RandomGenerator;

/// One run of a host: random, never used again. Ordered as its 16 bytes are.
record HostId(long high, long low) implements Comparable<HostId> {
  static HostId draw(RandomGenerator random) {
    return new HostId(random.nextLong(), random.nextLong());
  }

  @Override
  public int compareTo(HostId other) {
    int order = Long.compareUnsigned(high, other.high);
    return order != 0 ? order : Long.compareUnsigned(low, other.low);
  }

  @Override
  public String toString() {
    HexFormat digits = HexFormat.of();
    return digits.toHexDigits(high) + digits.toHexDigits(low);
  }

  /// The host of a text form.
  ///
  /// @throws IllegalArgumentException if it is none
  static HostId ofText(String text) {
    if (text.length() != 32) {
      throw new IllegalArgumentException("host id '" + text + "' is not 32 hexadecimal digits");
    }
    return new HostId(
        HexFormat.fromHexDigitsToLong(text, 0, 16), HexFormat.fromHexDigitsToLong(text, 16, 32));
  }
}
