package dev.trellis.lattice;

import dev.trellis.causal.HybridTimestamp;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/// `lww`: a register whose last writer wins. Its tombstone stands in the same order as its values,
/// so a put that is later than a delete wins wherever the two meet.
///
/// @param timestamp minted by the writer once per write
/// @param writer breaks ties between equal timestamps
/// @param expiresAtMillis when the value starts to count as missing; [Expiry#NEVER] for never
/// @param payload the value; empty for a tombstone
/// @see "Johnson and Thomas, RFC 677, 1975"
public record LwwRegister(
    HybridTimestamp timestamp, long writer, long expiresAtMillis, Optional<Payload> payload)
    implements Value<LwwRegister>, Comparable<LwwRegister> {
  private static final int FIXED_WEIGHT = 24;

  public LwwRegister {
    Objects.requireNonNull(timestamp);
    Expiry.requireInstant(expiresAtMillis);
    if (payload.isEmpty() && expiresAtMillis != Expiry.NEVER) {
      throw new IllegalArgumentException("a tombstone does not expire");
    }
  }

  /// A written value.
  public static LwwRegister of(
      HybridTimestamp timestamp, long writer, long expiresAtMillis, Payload value) {
    return new LwwRegister(timestamp, writer, expiresAtMillis, Optional.of(value));
  }

  /// A deletion.
  public static LwwRegister tombstone(HybridTimestamp timestamp, long writer) {
    return new LwwRegister(timestamp, writer, Expiry.NEVER, Optional.empty());
  }

  public boolean isTombstone() {
    return payload.isEmpty();
  }

  @Override
  public LwwRegister merge(LwwRegister other) {
    return compareTo(other) >= 0 ? this : other;
  }

  @Override
  public int compareTo(LwwRegister other) {
    int order = timestamp.compareTo(other.timestamp);
    if (order == 0) {
      order = Long.compare(writer, other.writer);
    }
    // Equal stamps mean the same write, unless a writer id was reused. Ordering by content too
    // keeps
    // merge commutative even then; else two replicas would each keep their own value forever.
    if (order == 0) {
      order = Boolean.compare(isTombstone(), other.isTombstone());
    }
    if (order == 0 && payload.isPresent()) {
      order = payload.get().compareTo(other.payload.orElseThrow());
    }
    return order != 0 ? order : Long.compare(expiresAtMillis, other.expiresAtMillis);
  }

  @Override
  public Stream<LwwRegister> split(long weightMax) {
    return Stream.of(this);
  }

  @Override
  public int kindNumber() {
    return Kind.LWW.number();
  }

  @Override
  public long weight() {
    return (long) FIXED_WEIGHT + payload.map(Payload::size).orElse(0);
  }

  @Override
  public int parts() {
    return 1;
  }
}
