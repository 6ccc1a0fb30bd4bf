package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.View;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NodeScanTest {
  private static Frame.Scanned page(boolean more, String... keys) {
    return new Frame.Scanned(
        1, Arrays.stream(keys).map(NodeScanTest::key).toList(), more, Optional.empty());
  }

  private static Frame.ScannedKey key(String key) {
    return new Frame.ScannedKey(Payload.ofText(key), List.of(Kind.LWW), new View.Nothing());
  }

  private static Frame.Scanned merged(int limit, Frame.Scanned... pages) {
    NodeScan scan =
        new NodeScan(
            new Frame.Scan(1, Payload.EMPTY, Optional.empty(), limit, false), pages.length);
    for (int i = 0; i < pages.length - 1; i++) {
      assertEquals(Optional.empty(), scan.add(pages[i]));
    }
    return scan.add(pages[pages.length - 1]).orElseThrow();
  }

  @Test
  void pagesAreMergedInOrder() {
    assertEquals(
        page(false, "a", "b", "c", "d"), merged(9, page(false, "b", "d"), page(false, "a", "c")));
    assertEquals(page(false), merged(9, page(false), page(false)));
  }

  @Test
  void theLimitCutsTheWhole() {
    assertEquals(page(true, "a", "b"), merged(2, page(false, "a", "c"), page(false, "b")));
    assertEquals(page(false, "a", "b"), merged(2, page(false, "a"), page(false, "b")));
  }

  @Test
  void nothingBeyondAPageThatHasMoreIsTold() {
    // The shard of the first page may have an x between b and y.
    assertEquals(page(true, "a", "b"), merged(9, page(true, "b"), page(false, "a", "y", "z")));
    assertEquals(page(true, "a"), merged(9, page(true, "b"), page(true, "a")));
  }

  @Test
  void aKeyThatSeveralShardsHoldIsToldOnce() {
    assertEquals(
        page(false, "a", "b", "c"), merged(9, page(false, "a", "b"), page(false, "b", "c")));
    assertEquals(page(true, "a"), merged(1, page(false, "a", "b"), page(false, "a")));
    assertEquals(page(false, "a"), merged(1, page(false, "a"), page(false, "a")));
    assertEquals(page(true, "a", "b"), merged(9, page(true, "a", "b"), page(false, "b", "c")));
  }
}
