package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.missing;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.RequestContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RefusalTest {
  private final TestShard shard = new TestShard();

  @ParameterizedTest
  @ValueSource(longs = {-1, -63, -65, -4_097, Long.MIN_VALUE})
  void aSequenceBelowZeroIsRefusedBeforeAnythingIsChanged(long sequence) {
    assertEquals(1, changed(shard.mutate("other", new Mutation.Increment(1))));
    HybridTimestamp stamp = HybridTimestamp.ofMillis(shard.nowMillis());
    RequestContext context = RequestContext.mutation(sequence, stamp);
    String message =
        failed(ErrorCode.BAD_REQUEST, shard.send("k", new Mutation.Increment(1), context))
            .message();
    assertTrue(message.contains("sequence " + sequence), message);
    assertEquals(missing(), shard.get("k"));
  }
}
