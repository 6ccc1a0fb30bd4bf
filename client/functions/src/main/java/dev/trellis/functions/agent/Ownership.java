package dev.trellis.functions.agent;

/// By what right a host acts for an agent. Of two, the greater overtakes the lesser, in the claim
/// and in the entry alike: a higher epoch, or in the same epoch the lesser host id.
///
/// @param epoch 1 for the first claim of an agent; at most 2^53, so that a double holds it
record Ownership(long epoch, HostId host) implements Comparable<Ownership> {
  private static final long EPOCH_MAX = 1L << 53;

  Ownership {
    if (epoch < 1 || epoch > EPOCH_MAX) {
      throw new IllegalArgumentException("epoch " + epoch + " is outside 1 to " + EPOCH_MAX);
    }
  }

  /// As the priority of a `priority` value, of which the lowest stays.
  double priority() {
    return -(double) epoch;
  }

  static Ownership of(double priority, HostId host) {
    return new Ownership((long) -priority, host);
  }

  boolean overtakes(Ownership other) {
    return compareTo(other) > 0;
  }

  @Override
  public int compareTo(Ownership other) {
    int order = Long.compare(epoch, other.epoch);
    return order != 0 ? order : other.host.compareTo(host);
  }
}
