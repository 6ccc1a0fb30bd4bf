package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/// What a reply says of how its operation was carried out.
///
/// @param copies of a write, distinct nodes known to have merged it, at least 1 when it was
///   accepted; 0 of a read
/// @param durableCopies how many of them have synced it to disk
/// @param generation of the key as the operation left it; zero if it was never deleted
/// @param asOf all that was first written to the key up to then, wherever that was, is in what the
///   operation found; zero where that was not asked, or is not known
/// @param served where the answer comes from; unknown where that was not asked
public record Receipt(
    int copies,
    int durableCopies,
    HybridTimestamp generation,
    HybridTimestamp asOf,
    Served served) {
  /// Where an answer comes from.
  public enum Served {
    UNKNOWN,
    /// The client's own cache.
    CACHE,
    /// A node of the memory tier.
    MEMORY,
    /// A node of the SSD tier.
    SSD;

    /// The number on the wire, that of the tier. A cache is no node, so it has none.
    public int number() {
      return switch (this) {
        case UNKNOWN, CACHE -> 0;
        case MEMORY -> NodeDescriptor.Tier.MEMORY.number();
        case SSD -> NodeDescriptor.Tier.SSD.number();
      };
    }
  }

  /// Of a read, or of a write that was refused.
  public static final Receipt NONE = new Receipt(0, 0);

  public Receipt {
    if (copies < 0 || durableCopies < 0 || durableCopies > copies) {
      throw new IllegalArgumentException(
          "receipt of " + copies + " copies, " + durableCopies + " of them durable");
    }
  }

  /// A receipt that does not tell more, of a key that was never deleted.
  public Receipt(int copies, int durableCopies) {
    this(copies, durableCopies, HybridTimestamp.ZERO, HybridTimestamp.ZERO, Served.UNKNOWN);
  }

  /// The same of a key in that generation.
  public Receipt in(HybridTimestamp other) {
    return generation.equals(other)
        ? this
        : new Receipt(copies, durableCopies, other, asOf, served);
  }

  /// The same, told by who answers.
  public Receipt told(HybridTimestamp upTo, Served by) {
    return new Receipt(copies, durableCopies, generation, upTo, by);
  }

  /// By how much the answer may be behind what others have written: none if that is not known. As
  /// good as the clocks of the nodes agree.
  public Optional<Duration> staleness(Instant now) {
    return asOf.equals(HybridTimestamp.ZERO)
        ? Optional.empty()
        : Optional.of(Duration.ofMillis(Math.max(0, now.toEpochMilli() - asOf.millis())));
  }
}
