package dev.trellis.lattice;

import dev.trellis.causal.HybridTimestamp;

/// When an entry's generation ends by itself, as a last-writer-wins register of its own. Expiry is
/// computed when reading and never written by a timer, so replicas need not agree on who removes.
///
/// @param writtenAt when the expiry was set; the later setting wins
/// @param writer breaks ties between equal times
/// @param atMillis milliseconds since the epoch from which the entry counts as missing; [#NEVER]
///   for none, at most the greatest time that a [HybridTimestamp] can tell
public record Expiry(HybridTimestamp writtenAt, long writer, long atMillis)
    implements Comparable<Expiry> {
  /// The expiry instant of what does not expire.
  public static final long NEVER = 0;

  public Expiry {
    requireInstant(atMillis);
  }

  /// Refuses what is no time: it would fail when the end of the entry is computed, on each replica.
  static void requireInstant(long atMillis) {
    if (atMillis < 0 || atMillis > HybridTimestamp.MAX.millis()) {
      throw new IllegalArgumentException(
          "expiry " + atMillis + " ms is outside 0 to " + HybridTimestamp.MAX.millis());
    }
  }

  Expiry merge(Expiry other) {
    return compareTo(other) >= 0 ? this : other;
  }

  /// Whether something with the expiry instant `atMillis` counts as missing at `nowMillis`.
  public static boolean isPast(long atMillis, long nowMillis) {
    return atMillis != NEVER && atMillis <= nowMillis;
  }

  @Override
  public int compareTo(Expiry other) {
    int order = writtenAt.compareTo(other.writtenAt);
    if (order == 0) {
      order = Long.compare(writer, other.writer);
    }
    // Equal stamps mean the same setting unless a writer id was reused; the instant keeps merge
    // commutative even then.
    return order != 0 ? order : Long.compare(atMillis, other.atMillis);
  }
}
