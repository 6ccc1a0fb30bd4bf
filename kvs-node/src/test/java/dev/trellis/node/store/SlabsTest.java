package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class SlabsTest {
  private static final int LARGE = 1 << 17; // a slab of its own

  /// Records that know nothing but their size.
  private static final class Sizes implements Slabs.Owner {
    private final Map<Long, Integer> sizes = new HashMap<>();
    private final List<Long> addresses = new ArrayList<>();
    private final Slabs slabs;

    Sizes(int slabsMax) {
      this.slabs = new Slabs(this, slabsMax);
    }

    void add(int size) {
      long address = slabs.allocate(size);
      slabs.memory(address).set(RecordView.INT, Slabs.offset(address), RecordView.PLAIN);
      sizes.put(address, size);
      addresses.add(address);
      slabs.compact();
    }

    void remove(RandomGenerator random) {
      int at = random.nextInt(addresses.size());
      long address = addresses.get(at);
      addresses.set(at, addresses.getLast());
      addresses.removeLast();
      slabs.free(address, sizes.remove(address));
      slabs.compact();
    }

    @Override
    public int sizeAt(long address) {
      return sizes.get(address);
    }

    @Override
    public void move(long address) {
      int size = sizes.remove(address);
      long target = slabs.allocate(size);
      slabs.memory(target).set(RecordView.INT, Slabs.offset(target), RecordView.PLAIN);
      sizes.put(target, size);
      addresses.set(addresses.indexOf(address), target);
    }
  }

  /// As many slabs were kept in reserve as there had been reason for when there was most.
  @Test
  void whatIsInReserveIsGivenBackAsAStoreGetsSmaller() {
    RandomGenerator random = RandomGenerator.getDefault();
    Sizes records = new Sizes(1 << 20);
    for (int record = 0; record < 16_000; record++) {
      records.add(4_000);
    }
    long most = records.slabs.reserved();
    while (records.addresses.size() > 160) {
      records.remove(random);
    }
    long left = 160 * 4_000;
    long kept = records.slabs.reserved();
    assertTrue(most > 64_000_000 && kept < left + (3 << 19), kept + " bytes kept of " + most);
  }

  @Test
  void whoHasNoAddressesLeftSaysSo() {
    Sizes records = new Sizes(3);
    for (int record = 0; record < 3; record++) {
      records.add(LARGE);
    }
    String message =
        assertThrows(IllegalStateException.class, () -> records.add(LARGE)).getMessage();
    assertEquals("a shard has no addresses left: it has 3 slabs for entries, the most", message);
    records.remove(RandomGenerator.getDefault());
    records.add(LARGE);
  }
}
