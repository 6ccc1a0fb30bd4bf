package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// A mutation and its repeat at a replica that must ask others first.
class GatheringTest {
  private static final Mutation INCREMENT = new Mutation.Increment(1);

  private final TestCluster cluster = TestCluster.of("a");
  private final TestCluster.Member joining;

  GatheringTest() {
    cluster.holding(message -> message instanceof PeerMessage.Digests); // so that it lacks all
    cluster.start("b", State.JOINING);
    cluster.tellViews(Set.of(), Set.of());
    joining = cluster.member("b");
  }

  private long count() {
    return joining
        .entryOf("k")
        .value(Kind.COUNTER)
        .map(Counter.class::cast)
        .map(Counter::value)
        .orElse(0L);
  }

  @Test
  void areCarriedOutOnce() {
    cluster.holding(
        message ->
            message instanceof PeerMessage.Digests || message instanceof PeerMessage.Fetched);
    joining.ask(INCREMENT, "k", Acknowledgement.ONE);
    joining.askAgain();
    assertEquals(0, joining.replies());
    cluster.release();
    assertEquals(2, joining.replies());
    joining
        .replied()
        .forEach(reply -> assertInstanceOf(Outcome.Done.class, reply.outcome(), reply.toString()));
    assertEquals(1, count());
  }

  @Test
  void areBothRefusedThoughOneWouldHaveHadMoreTime() {
    cluster.passing((from, to) -> false);
    joining.ask(INCREMENT, "k", Acknowledgement.ONE);
    cluster.pass(1_500);
    joining.askAgain();
    cluster.pass(1_000);
    cluster.passing((from, to) -> true);
    cluster.pass(1_000);
    List<ErrorCode> codes = joining.replied().stream().map(GatheringTest::code).toList();
    assertEquals(
        List.of(ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NOT_ENOUGH_REPLICAS),
        codes,
        "none is carried out after the other was told that nothing was done");
    assertEquals(0, count());
  }

  private static ErrorCode code(Reply reply) {
    return assertInstanceOf(Outcome.Failed.class, reply.outcome(), reply.toString()).code();
  }
}
