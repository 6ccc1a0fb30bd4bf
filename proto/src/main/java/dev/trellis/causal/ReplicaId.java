package dev.trellis.causal;

/// The name under which one shard writes into one entry: it appears in dots and in counter
/// components.
///
/// A shard takes a fresh incarnation each time its process starts and a fresh birth each time it
/// creates an entry from nothing, so a shard that lost or handed away an entry never speaks under
/// its former id, and no maximum or causal context can swallow one of its later writes.
///
/// @param incarnation identifies one run of one shard; random, never reused
/// @param birth shard-wide number, at least 0, taken when the entry was created from nothing
public record ReplicaId(long incarnation, long birth) implements Comparable<ReplicaId> {
  public ReplicaId {
    if (birth < 0) {
      throw new IllegalArgumentException("birth " + birth + " is negative; births count up from 0");
    }
  }

  /// Orders by incarnation, then birth, both compared as signed numbers.
  @Override
  public int compareTo(ReplicaId other) {
    int order = Long.compare(incarnation, other.incarnation);
    return order != 0 ? order : Long.compare(birth, other.birth);
  }

  @Override
  public String toString() {
    return Long.toHexString(incarnation) + "." + birth;
  }
}
