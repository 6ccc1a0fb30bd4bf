package dev.trellis.functions.agent;

/// When a timer is due.
///
/// @param dueMillis in milliseconds since the epoch
/// @param number of all that the agent ever set, from 1: so no two are the same
record Timer(long dueMillis, long number) implements Comparable<Timer> {
  @Override
  public int compareTo(Timer other) {
    int order = Long.compare(dueMillis, other.dueMillis);
    return order != 0 ? order : Long.compare(number, other.number);
  }
}
