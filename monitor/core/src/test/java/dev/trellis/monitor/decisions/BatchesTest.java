package dev.trellis.monitor.decisions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class BatchesTest {
  private static Decision place(String key, Move move, int ssd, double freed) {
    return new Decision.Place(
        Payload.ofText(key),
        1,
        move,
        new Placement(1, 1, 1),
        new Placement(0, ssd, 1),
        false,
        new Explanation(
            "tiering",
            "why",
            Map.of("memoryUse", 0.75, "keys", 1.0),
            "limit",
            Map.of("memoryBytesFreed", freed, "memoryUse", 0.75 - freed / 1_000)));
  }

  private static final Decision GROW =
      new Decision.Resize(
          Tier.SSD,
          1,
          2,
          List.of(),
          new Explanation("storage", "full", Map.of(), "ssd.use.high", Map.of()));

  @Test
  void whatIsTheSameButForTheKeyIsOneDecision() {
    Decision hot = place("c", Move.REPLICATE, 2, 0);
    Decision elsewhere = place("d", Move.DEMOTE, 3, 5);
    List<Decision> put =
        Batches.of(
            List.of(
                place("a", Move.DEMOTE, 2, 10),
                GROW,
                place("b", Move.DEMOTE, 2, 20),
                hot,
                elsewhere));
    assertEquals(4, put.size());
    assertTrue(put.containsAll(List.of(GROW, hot, elsewhere)));
    Decision.Place both =
        put.stream()
            .filter(one -> one instanceof Decision.Place place && place.count() == 2)
            .map(Decision.Place.class::cast)
            .findFirst()
            .orElseThrow();
    assertEquals(List.of(Payload.ofText("a"), Payload.ofText("b")), both.keys());
    assertEquals(2, both.explanation().inputs().get("keys"));
    assertEquals(30, both.explanation().expected().get("memoryBytesFreed"));
    assertEquals(0.72, both.explanation().expected().get("memoryUse"), 1e-9);
    Recorded recorded = new Recorded(1, 2, both, Recorded.Progress.ORDERED, 3, "", Map.of());
    assertEquals(recorded, DecisionCodec.decode(DecisionCodec.encode(recorded)));
  }

  @Test
  void oneDecisionNamesSoManyKeysAndNoMore() {
    List<Decision> many = new ArrayList<>();
    for (int number = 0; number < 2 * Batches.KEYS_MAX + 1; number++) {
      many.add(place("key " + number, Move.DEMOTE, 2, 1));
    }
    List<Integer> sizes =
        Batches.of(many).stream().map(one -> ((Decision.Place) one).keys().size()).toList();
    assertEquals(List.of(Batches.KEYS_MAX, Batches.KEYS_MAX, 1), sizes);
  }
}
