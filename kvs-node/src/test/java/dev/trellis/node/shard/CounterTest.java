package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CounterTest {
  private final TestShard shard = new TestShard();

  private Reply add(String key, long by) {
    return shard.mutate(key, new Mutation.Increment(by));
  }

  @Test
  void additionsOfEitherSignAddUp() {
    assertEquals(whole(5), viewOf(add("k", 5)));
    assertEquals(whole(-2), viewOf(add("k", -7)));
    assertEquals(whole(-2), viewOf(add("k", 0)));
    assertEquals(whole(-2), shard.get("k"));
  }

  @Test
  void addingNothingCreatesTheCounterAndChangesItNoMore() {
    assertEquals(1, changed(add("k", 0)));
    assertEquals(whole(0), shard.get("k"));
    assertEquals(0, changed(add("k", 0)));
  }

  @Test
  void aSumBeyondTheRangeIsRefusedAndLeavesNoTrace() {
    add("k", Long.MAX_VALUE);
    Reply refused = add("k", 1);
    assertTrue(failed(ErrorCode.BAD_REQUEST, refused).message().contains("64 bits"));
    assertEquals(whole(Long.MAX_VALUE), shard.get("k"));
    add("k", -Long.MAX_VALUE);
    add("k", -Long.MAX_VALUE);
    assertEquals(whole(Long.MIN_VALUE), viewOf(add("k", -1)));
    failed(ErrorCode.BAD_REQUEST, add("k", -1));
    assertEquals(whole(Long.MIN_VALUE), shard.get("k"));
  }

  @Test
  void aCounterGoesOnWhenAllThatWasEverAddedExceedsTheRange() {
    for (int i = 0; i < 5; i++) {
      assertEquals(whole(Long.MAX_VALUE), viewOf(add("k", Long.MAX_VALUE)));
      assertEquals(whole(0), viewOf(add("k", -Long.MAX_VALUE)));
    }
    assertEquals(whole(7), viewOf(add("k", 7)));
    assertEquals(whole(7), shard.get("k"));
  }

  @Test
  void theOneStepWhoseOppositeIsNoNumberIsRefused() {
    Reply refused = add("k", Long.MIN_VALUE);
    String message = failed(ErrorCode.BAD_REQUEST, refused).message();
    assertTrue(message.contains("-9223372036854775808"), message);
    assertEquals(missing(), shard.get("k"));
  }

  @Test
  void aCounterThatReplicasBroughtBeyondTheRangeCanComeBack() {
    shard.merge(
        "k",
        Entry.of(
            HybridTimestamp.ZERO,
            Counter.of(
                Map.of(
                    new ReplicaId(1, 0),
                    new Counter.Sums(Long.MAX_VALUE, 0),
                    new ReplicaId(2, 0),
                    new Counter.Sums(3, 0)))));
    assertEquals(whole(Long.MAX_VALUE), shard.get("k"));
    failed(ErrorCode.BAD_REQUEST, add("k", 1));
    assertEquals(whole(Long.MAX_VALUE), viewOf(add("k", -1)));
    assertEquals(whole(Long.MAX_VALUE), viewOf(add("k", -2)));
    assertEquals(whole(Long.MAX_VALUE - 1), viewOf(add("k", -1)));
  }
}
