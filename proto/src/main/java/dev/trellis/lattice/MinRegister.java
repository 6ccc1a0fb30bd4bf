package dev.trellis.lattice;

import java.util.stream.Stream;

/// `min`: the least number that it was lowered to, never raised.
///
/// @param value any 64-bit signed number, compared and kept as such
public record MinRegister(long value) implements Value<MinRegister> {
  @Override
  public MinRegister merge(MinRegister other) {
    return Math.min(value, other.value) == value ? this : other;
  }

  @Override
  public Stream<MinRegister> split(long weightMax) {
    return Stream.of(this);
  }

  @Override
  public int kindNumber() {
    return Kind.MIN.number();
  }

  @Override
  public long weight() {
    return Long.BYTES;
  }

  @Override
  public int parts() {
    return 0;
  }
}
