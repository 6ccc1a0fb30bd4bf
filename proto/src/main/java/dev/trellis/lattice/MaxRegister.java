package dev.trellis.lattice;

import java.util.stream.Stream;

/// `max`: the greatest number that it was raised to, never lowered.
///
/// @param value any 64-bit signed number, compared and kept as such
public record MaxRegister(long value) implements Value<MaxRegister> {
  @Override
  public MaxRegister merge(MaxRegister other) {
    return Math.max(value, other.value) == value ? this : other;
  }

  @Override
  public Stream<MaxRegister> split(long weightMax) {
    return Stream.of(this);
  }

  @Override
  public int kindNumber() {
    return Kind.MAX.number();
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
