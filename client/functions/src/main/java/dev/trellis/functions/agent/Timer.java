package dev.trellis.functions.agent;

/// When a timer is due.
///
/// @param dueMillis in milliseconds since the epoch
/// @param number of all that the agent ever set, from 1: so no two are the same
record Timer(long dueMillis, long number) implements Comparable<Timer> {
  /// The time so long after another; the last there is, where that is later.
  static long after(long nowMillis, long delayMillis) {
    long due = nowMillis + delayMillis;
    return delayMillis > 0 && due < nowMillis ? Long.MAX_VALUE : due;
  }

  @Override
  public int compareTo(Timer other) {
    int order = Long.compare(dueMillis, other.dueMillis);
    return order != 0 ? order : Long.compare(number, other.number);
  }
}
