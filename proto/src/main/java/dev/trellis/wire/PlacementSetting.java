package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import java.util.Arrays;
import java.util.Optional;

/// What was decided about where a key belongs: a lattice in which the later decision wins. Travels
/// and is kept with the key's entry; the key's home and its successors keep it even where the entry
/// itself is elsewhere.
///
/// @param clock when it was decided, minted by whoever did
/// @param writer who decided, breaks ties
/// @param previous the clock of the decision that this one took the place of, zero for none: who
///   held the key under that one, and holds it under this one, has missed none in between
/// @param placement empty to go back to the default
public record PlacementSetting(
    HybridTimestamp clock, long writer, HybridTimestamp previous, Optional<Placement> placement) {
  /// Whether nothing was known to be decided before.
  public boolean isFirst() {
    return previous.equals(HybridTimestamp.ZERO);
  }

  /// The later of the two; `this` if they are equal.
  public PlacementSetting merge(PlacementSetting other) {
    return compare(this, other) >= 0 ? this : other;
  }

  /// The later of two that may be missing; empty if both are.
  public static Optional<PlacementSetting> later(
      Optional<PlacementSetting> a, Optional<PlacementSetting> b) {
    return a.isEmpty() || b.isEmpty() ? a.or(() -> b) : Optional.of(a.get().merge(b.get()));
  }

  private static int compare(PlacementSetting a, PlacementSetting b) {
    int order = a.clock.compareTo(b.clock);
    if (order == 0) {
      order = Long.compare(a.writer, b.writer);
    }
    // Equal stamps mean the same decision, unless a writer's id was reused. Ordering by content too
    // keeps the merge commutative even then.
    if (order == 0) {
      order = a.previous.compareTo(b.previous);
    }
    return order != 0 ? order : Arrays.compare(content(a), content(b));
  }

  /// In the order in which it decides; nothing comes first.
  private static int[] content(PlacementSetting setting) {
    return setting
        .placement
        .map(p -> new int[] {p.memoryNodes(), p.ssdNodes(), p.shardsPerNode()})
        .orElse(new int[0]);
  }
}
