package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.PeerMessage;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// A node that stood still is taken for dead by the others, and goes on without knowing of it. What
/// was written meanwhile it lacks, though it has all that it knows of: so the others may not say
/// that all is whole.
class ReturnedNodeTest {
  private final TestCluster cluster = TestCluster.of("a", "b");
  private final TestCluster.Member a = cluster.member("a");
  private final TestCluster.Member b = cluster.member("b");

  private boolean isWhole() {
    return Stream.of("a", "b")
        .map(id -> cluster.member(id).core().progress())
        .allMatch(progress -> progress.isComplete() && progress.surplus() == 0);
  }

  private static boolean bringsChanges(PeerMessage message) {
    return message instanceof PeerMessage.Changes batch && !batch.changes().isEmpty();
  }

  @Test
  void untilItWasComparedWithTheOthersDoNotSayThatAllIsWhole() {
    cluster.pass(5_000);
    assertTrue(isWhole());
    ShardProgress before = a.core().progress();
    cluster.passing((from, to) -> !from.nodeId().equals("a") && !to.nodeId().equals("a"));
    NodeDescriptor removed = cluster.remove("a");
    cluster.tellViews(Set.of(), Set.of(Incarnation.of(removed)), id -> !id.equals("a"));
    cluster.pass(5_000);
    b.ask(new Mutation.Put(Payload.ofText("v")), "k", Acknowledgement.ONE);

    cluster.add(removed);
    cluster.holding(ReturnedNodeTest::bringsChanges);
    cluster.passing((from, to) -> true);
    cluster.tellViews(Set.of(), Set.of(), id -> !id.equals("a"));
    cluster.pass(3_000);
    assertEquals(before, a.core().progress(), "it knows that something happened");
    assertEquals(Entry.BOTTOM, a.entryOf("k"));
    assertTrue(!isWhole(), "of two copies that it shall have, one is missing");
    assertTrue(!b.core().progress().isComplete(), "which is what status goes by");

    cluster.release();
    cluster.pass(5_000);
    assertNotEquals(Entry.BOTTOM, a.entryOf("k"));
    assertTrue(isWhole());
  }
}
