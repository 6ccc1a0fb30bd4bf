package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.CLIENT;
import static dev.trellis.node.shard.TestShard.OTHER;
import static dev.trellis.node.shard.TestShard.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.RequestContext;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ShardStatisticsTest {
  private final TestShard shard = new TestShard();
  private final ShardStatistics statistics = shard.core().statistics();

  @Test
  void requestsAreCountedByWhatTheyAreAndHowTheyEnd() {
    RequestContext context = shard.next();
    shard.send("k", new Mutation.Increment(1), context);
    shard.send("k", new Mutation.Increment(1), context.repeated());
    shard.mutate("k", new Mutation.Enable());
    shard.read("k", Read.Get.ANY);
    shard.read("none", Read.Get.ANY);
    shard.scan("", Optional.empty(), 10, false);
    shard.scan("", Optional.empty(), 0, false);
    assertEquals(3, statistics.mutations());
    assertEquals(2, statistics.reads());
    assertEquals(2, statistics.scans());
    assertEquals(1, statistics.repeats());
    assertEquals(1, statistics.refusals(ErrorCode.KIND_MISMATCH));
    for (ErrorCode code : ErrorCode.values()) {
      assertEquals(code == ErrorCode.KIND_MISMATCH ? 1 : 0, statistics.refusals(code));
    }
  }

  @Test
  void levelsFollowWhatIsThere() {
    assertEquals(0, statistics.entries());
    shard.mutate("a", new Mutation.Put(bytes("v")));
    shard.mutate("b", new Mutation.Increment(1));
    assertEquals(2, statistics.entries());
    assertEquals(shard.store().weight(), statistics.bytes());
    assertEquals(1, statistics.clients());
    shard.send(OTHER, bytes("b"), new Mutation.Increment(1), shard.next());
    assertEquals(2, statistics.clients());
    shard.mutate("b", new Mutation.Delete());
    assertEquals(2, statistics.entries(), "a deleted key is remembered");
    assertEquals(0, statistics.collected());
    shard.passAndSweep(Duration.ofMinutes(12));
    assertEquals(1, statistics.entries());
    assertEquals(1, statistics.collected());
    assertEquals(shard.store().weight(), statistics.bytes());
  }

  @Test
  void watchesAndTheirChangesAreCounted() {
    shard.watch(CLIENT, 1, "k");
    shard.watch(OTHER, 1, "k");
    assertEquals(2, statistics.watches());
    assertEquals(0, statistics.changes());
    shard.drain(CLIENT);
    shard.mutate("k", new Mutation.Increment(1));
    shard.mutate("k", new Mutation.Increment(1));
    shard.drain(CLIENT);
    assertEquals(2, statistics.changes());
    shard.core().disconnected(CLIENT);
    assertEquals(1, statistics.watches());
  }

  @Test
  void twoKindsInOneKeyAreNoticed() {
    shard.mutate("k", new Mutation.Increment(1));
    assertEquals(0, statistics.kindConflicts());
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, new Flag(true)));
    assertTrue(statistics.kindConflicts() > 0);
  }
}
