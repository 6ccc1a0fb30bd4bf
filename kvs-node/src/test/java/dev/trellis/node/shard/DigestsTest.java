package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Slot;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DigestsTest {
  private static final Payload KEY = Payload.ofText("k");

  private final Entries entries =
      new Entries(0, new MemoryStore(), new Partitions(1), new Watches(), Set.of());
  private final int partition = entries.digests().partitionOf(KEY);

  private void put(long value, Optional<Placement> placement) {
    Entry entry = Entry.of(HybridTimestamp.ZERO, new MaxRegister(value));
    HybridTimestamp stamp = HybridTimestamp.ofMillis(value);
    PlacementSetting setting = new PlacementSetting(stamp, 1, HybridTimestamp.ZERO, placement);
    entries.put(new Slot(KEY, entry, 0, Optional.of(setting)));
  }

  private long changes() {
    return entries.digests().changesOf(partition);
  }

  /// Else a node that shall not hold the partition any more never gets rid of it while somebody
  /// writes to a key that was placed there by hand.
  @Test
  void aKeyPlacedByHandDoesNotChangeItsPartition() {
    Optional<Placement> place = Optional.of(new Placement(2, 0, 1));
    put(1, Optional.empty());
    long plain = changes();
    put(2, place);
    long placed = changes();
    assertTrue(placed > plain, "the partition has a key less");
    put(3, place);
    assertEquals(placed, changes());
    put(4, Optional.empty());
    assertTrue(changes() > placed, "and has it back");
    put(5, Optional.empty());
    assertTrue(changes() > placed + 1);
  }
}
