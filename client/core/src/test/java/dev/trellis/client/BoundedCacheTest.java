package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.lattice.Payload;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BoundedCacheTest {
  private final BoundedCache<Payload, Integer> cache = new BoundedCache<>(3);

  private static Payload key(int number) {
    return Payload.ofText("key-" + number);
  }

  @Test
  void whatWasNotUsedForLongestIsForgottenFirst() {
    for (int i = 0; i < 3; i++) {
      cache.put(key(i), i);
    }
    assertEquals(Optional.of(0), cache.find(key(0)));
    cache.put(key(3), 3);
    assertEquals(Optional.empty(), cache.find(key(1)));
    assertEquals(Optional.of(0), cache.find(key(0)));
    for (int i = 0; i < 1_000; i++) {
      cache.put(key(i), i);
      assertEquals(3, cache.size());
    }
    assertEquals(Optional.of(999), cache.find(key(999)));
  }

  @Test
  void whatIsThereIsMergedOrReplaced() {
    cache.merge(key(1), 5, Math::max);
    cache.merge(key(1), 3, Math::max);
    assertEquals(Optional.of(5), cache.find(key(1)));
    cache.put(key(1), 2);
    assertEquals(Optional.of(2), cache.find(key(1)));
  }

  @Test
  void whatIsRemovedIsGone() {
    cache.remove(key(1));
    cache.put(key(1), 1);
    cache.put(key(2), 2);
    cache.remove(key(1));
    assertEquals(Optional.empty(), cache.find(key(1)));
    assertEquals(1, cache.size());
    cache.clear();
    assertEquals(Optional.empty(), cache.find(key(2)));
    cache.put(key(2), 2);
    assertEquals(Optional.of(2), cache.find(key(2)));
  }
}
