package dev.trellis.monitor.command;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WhyCommandTest {
  private static final Explanation WHY = new Explanation("tiering", "idle", Map.of(), "", Map.of());

  @Test
  void aKeyThatMovedTogetherWithOthersIsFound() {
    Decision moved =
        new Decision.Place(
            Payload.ofText("cart:1"),
            List.of(Payload.of(new byte[] {(byte) 0xff}), Payload.ofText("cart:7")),
            3,
            Move.DEMOTE,
            new Placement(1, 1, 1),
            new Placement(0, 2, 1),
            false,
            WHY);
    assertTrue(WhyCommand.isAbout(moved, "cart:1"));
    assertTrue(WhyCommand.isAbout(moved, "cart:7"));
    assertFalse(WhyCommand.isAbout(moved, "cart:2"));
    Decision resize = new Decision.Resize(Tier.MEMORY, 3, 2, List.of("cart:7"), WHY);
    assertFalse(WhyCommand.isAbout(resize, "cart:7"));
  }
}
