package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KeyFilterTest {
  private static List<Payload> keys(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(each -> Payload.ofText(prefix + each)).toList();
  }

  private static int held(KeyFilter filter, List<Payload> keys) {
    return filter.held(keys.stream().mapToLong(KeyFilter::hash).toArray());
  }

  @Test
  void holdsAllOfItsKeysAndHardlyAnyOther() {
    for (int count : new int[] {1, 2, 7, 50, 333, KeyFilter.KEYS_MAX}) {
      List<Payload> keys = keys("in/", count);
      KeyFilter filter = KeyFilter.of(keys);
      assertEquals(count, held(filter, keys));
      int others = held(filter, keys("out/", 10_000));
      assertTrue(others < 250, others + " others of 10,000 beside " + count);
      assertEquals(count, held(new KeyFilter(Payload.of(filter.bits().toBytes())), keys));
    }
  }

  @Test
  void isBoundedAndLeavesOutWhatIsBeyond() {
    List<Payload> keys = keys("in/", 100_000);
    KeyFilter filter = KeyFilter.of(keys);
    assertEquals(2 << 10, filter.bits().size());
    assertEquals(KeyFilter.KEYS_MAX, held(filter, keys.subList(0, KeyFilter.KEYS_MAX)));
    assertEquals(8, KeyFilter.of(keys.subList(0, 3)).bits().size());
  }

  @Test
  void nothingIsInTheEmptyOne() {
    assertEquals(KeyFilter.EMPTY, KeyFilter.of(List.of()));
    assertEquals(0, held(KeyFilter.EMPTY, keys("out/", 1_000)));
  }

  @Test
  void aLengthThatNoneHasIsRefused() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> new KeyFilter(Payload.of(new byte[9])));
    assertEquals(
        "a filter of keys has a power of two of bytes or none, and not 9", refused.getMessage());
  }
}
