package dev.trellis.placement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PartitionsTest {
  private final Partitions partitions = Partitions.STANDARD;

  @Test
  void aHashLiesBetweenItsPartitionsPositionAndTheNext() {
    SplittableRandom random = new SplittableRandom(1);
    for (int run = 0; run < 10_000; run++) {
      long hash = random.nextLong();
      int partition = partitions.of(hash);
      assertTrue(Long.compareUnsigned(partitions.position(partition), hash) <= 0);
      assertTrue(
          partition == partitions.count() - 1
              || Long.compareUnsigned(hash, partitions.position(partition + 1)) < 0);
    }
    assertEquals(0, partitions.of(0));
    assertEquals(partitions.count() - 1, partitions.of(-1));
  }

  @Test
  void everyShardOfANodeGetsItsShareEvenOfThePartitionsOfOneArc() {
    for (int shards : new int[] {2, 3, 7, 16}) {
      for (int start = 0; start < partitions.count(); start += partitions.count() / 8) {
        int[] owned = new int[shards];
        int length = partitions.count() / 8;
        for (int partition = start; partition < start + length; partition++) {
          owned[partitions.shardOf(partition, shards)]++;
        }
        double expected = (double) length / shards;
        double chiSquare = 0;
        for (int count : owned) {
          chiSquare += (count - expected) * (count - expected) / expected;
        }
        int freedom = shards - 1;
        assertTrue(chiSquare < freedom + 5 * Math.sqrt(2.0 * freedom), shards + ": " + chiSquare);
      }
    }
  }

  @Test
  void oneShardHoldsEverything() {
    assertEquals(0, partitions.shardOfKey(Long.MIN_VALUE, 1));
    assertEquals(0, partitions.shardOfKey(Long.MAX_VALUE, 1));
  }

  @Test
  void aNodeWithoutShardsIsRefused() {
    assertEquals(
        "a node with 0 shards holds no key",
        assertThrows(IllegalArgumentException.class, () -> partitions.shardOf(1, 0)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> partitions.shardOf(1, -1));
  }

  @Test
  void aDivisionOutsideItsRangeIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Partitions(0));
    assertThrows(IllegalArgumentException.class, () -> new Partitions(21));
  }
}
