package dev.trellis.node.store;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.Optional;

/// What a shard keeps under a key: the entry and the placement that all replicas share, and what
/// only this replica knows.
///
/// @param birth the shard's birth number when it created this slot; replica ids of the shard with a
///   lower birth were minted in an earlier life of the key and are never used again
/// @param setting what was decided about the key's placement, if anything
public record Slot(Payload key, Entry entry, long birth, Optional<PlacementSetting> setting) {
  /// A key in its default place.
  public Slot(Payload key, Entry entry, long birth) {
    this(key, entry, birth, Optional.empty());
  }

  /// The same slot with another state of its entry.
  public Slot withEntry(Entry other) {
    return new Slot(key, other, birth, setting);
  }

  /// Where the key belongs, if it has a place of its own.
  public Optional<Placement> placement() {
    return setting.flatMap(PlacementSetting::placement);
  }

  /// How many bytes of memory the slot takes when it has just been put: exact for what is kept
  /// encoded, about right for what is kept as an object. O(1) for plain `lww` values and large
  /// entries, O(size) for others, which are small.
  public long weight() {
    return Form.of(this).weight();
  }
}
