package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class PlacementTest {
  @Test
  void theDefaultIsOnceInMemoryAndAsOftenOnSsdAsNodesMayBeLost() {
    assertEquals(new Placement(1, 2, 1), Placement.ofDefault(2));
    assertEquals(new Placement(1, 0, 1), Placement.ofDefault(0));
  }

  @Test
  void aPlacementThatHoldsNothingIsRefused() {
    assertRefused("a key placed on no node is lost; name at least one", 0, 0, 1);
    assertRefused("placement on 0 shards per node: at least one must hold the key", 1, 0, 0);
    assertRefused(
        "placement of -1 memory and 1 SSD nodes: a number of nodes is at least 0", -1, 1, 1);
    assertRefused(
        "placement of 1 memory and -1 SSD nodes: a number of nodes is at least 0", 1, -1, 1);
  }

  private static void assertRefused(String why, int memoryNodes, int ssdNodes, int shards) {
    assertEquals(
        why,
        assertThrows(
                IllegalArgumentException.class, () -> new Placement(memoryNodes, ssdNodes, shards))
            .getMessage());
  }
}
