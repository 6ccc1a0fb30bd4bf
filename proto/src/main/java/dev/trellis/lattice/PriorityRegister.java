package dev.trellis.lattice;

import java.util.stream.Stream;

/// `priority`: keeps the value with the lowest priority; of equal ones, the lowest bytes.
///
/// @param priority any double but NaN, ordered as `Double.compare` does: -0.0 below 0.0
public record PriorityRegister(double priority, Payload payload)
    implements Value<PriorityRegister>, Comparable<PriorityRegister> {
  public PriorityRegister {
    if (Double.isNaN(priority)) {
      throw new IllegalArgumentException("priority NaN has no order; give a number");
    }
  }

  @Override
  public PriorityRegister merge(PriorityRegister other) {
    return compareTo(other) <= 0 ? this : other;
  }

  @Override
  public int compareTo(PriorityRegister other) {
    int order = Double.compare(priority, other.priority);
    return order != 0 ? order : payload.compareTo(other.payload);
  }

  @Override
  public Stream<PriorityRegister> split(long weightMax) {
    return Stream.of(this);
  }

  @Override
  public int kindNumber() {
    return Kind.PRIORITY.number();
  }

  @Override
  public long weight() {
    return (long) Double.BYTES + payload.size();
  }

  @Override
  public int parts() {
    return 1;
  }
}
