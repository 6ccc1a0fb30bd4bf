package dev.trellis.lattice;

import java.util.stream.Stream;

/// `flag`: false until somebody enables it, true for good.
///
/// @param value whether it was enabled
public record Flag(boolean value) implements Value<Flag> {
  @Override
  public Flag merge(Flag other) {
    return value || !other.value ? this : other;
  }

  @Override
  public Stream<Flag> split(long weightMax) {
    return Stream.of(this);
  }

  @Override
  public int kindNumber() {
    return Kind.FLAG.number();
  }

  @Override
  public long weight() {
    return 1;
  }

  @Override
  public int parts() {
    return 0;
  }
}
