package dev.trellis.lattice;

import dev.trellis.causal.HybridTimestamp;

/// Names a commit: who made it, and when. Ordered by time.
///
/// @param timestamp of all that it writes
/// @param writer the client's id
public record CommitId(HybridTimestamp timestamp, long writer) implements Comparable<CommitId> {
  @Override
  public int compareTo(CommitId other) {
    int order = timestamp.compareTo(other.timestamp);
    return order != 0 ? order : Long.compare(writer, other.writer);
  }
}
