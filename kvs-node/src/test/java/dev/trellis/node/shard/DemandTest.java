package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// What requests may demand beyond their operation: how new the answer is, a receipt, the delta.
class DemandTest {
  private static final Read GET = new Read.Get(Optional.of(Kind.LWW));
  private static final Mutation PUT = new Mutation.Put(Payload.ofText("value"));

  private final TestCluster cluster = TestCluster.of("a", "b");
  private final TestCluster.Member a = cluster.member("a");
  private final TestCluster.Member b = cluster.member("b");

  private static Demand notBefore(HybridTimestamp at) {
    return new Demand(at, false, false);
  }

  private static View view(Reply reply) {
    return assertInstanceOf(Outcome.Done.class, reply.outcome(), reply.toString()).view();
  }

  /// Puts a value at one node, of which the other does not hear.
  private HybridTimestamp writtenAtOne() {
    cluster.pass(2_000);
    cluster.passing((from, to) -> false);
    a.ask(PUT, "k", Acknowledgement.ONE);
    return a.lastReply().clock();
  }

  @Test
  void aReplicaThatLagsAsksTheOthersForWhatIsDemanded() {
    HybridTimestamp written = writtenAtOne();
    b.ask(GET, "k", Acknowledgement.DEFAULT);
    assertInstanceOf(View.Missing.class, view(b.lastReply()), "it lags");
    cluster.passing((from, to) -> true);
    b.ask(GET, "k", Acknowledgement.DEFAULT, notBefore(written));
    assertInstanceOf(View.Bytes.class, view(b.lastReply()));
    assertEquals(1, b.core().statistics().fetches());
  }

  @Test
  void whereAnotherReplicaIsSilentTheDemandIsRefused() {
    HybridTimestamp written = writtenAtOne();
    b.ask(GET, "k", Acknowledgement.DEFAULT, notBefore(written));
    assertEquals(0, b.replies(), "it waits for the other");
    cluster.pass(3_000);
    Outcome.Failed refused = assertInstanceOf(Outcome.Failed.class, b.lastReply().outcome());
    assertEquals(ErrorCode.SESSION_UNAVAILABLE, refused.code());
    assertEquals(
        "node b may lack what the session has written or seen of key \"k\", and a did not answer;"
            + " try again",
        refused.message());
  }

  @Test
  void aWatermarkThatIsLateEnoughMeetsTheDemand() {
    a.ask(PUT, "k", Acknowledgement.ONE);
    HybridTimestamp written = a.lastReply().clock();
    cluster.pass(2_000); // gossip, and watermarks
    long asked = b.core().statistics().fetches();
    cluster.passing((from, to) -> false);
    b.ask(GET, "k", Acknowledgement.DEFAULT, notBefore(written));
    assertInstanceOf(View.Bytes.class, view(b.lastReply()));
    assertEquals(asked, b.core().statistics().fetches(), "nobody had to be asked");
  }

  @Test
  void aMutationThatGoesByWhatIsThereGoesByWhatIsDemanded() {
    cluster.pass(2_000);
    cluster.passing((from, to) -> false);
    Mutation add = new Mutation.Add(Kind.ORSET, List.of(Payload.ofText("e")));
    a.ask(add, "k", Acknowledgement.ONE);
    HybridTimestamp written = a.lastReply().clock();
    cluster.passing((from, to) -> true);
    Mutation remove = new Mutation.Remove(List.of(Payload.ofText("e")));
    b.ask(remove, "k", Acknowledgement.ONE, notBefore(written));
    assertEquals(1, assertInstanceOf(Outcome.Done.class, b.lastReply().outcome()).changed());
  }

  @Test
  void aReceiptTellsUpToWhenAllIsThereAndWhoServed() {
    cluster.pass(12_000); // until they have compared what they have
    a.ask(GET, "k", Acknowledgement.DEFAULT);
    assertEquals(Receipt.NONE, a.lastReply().receipt(), "nobody asked");
    a.ask(GET, "k", Acknowledgement.DEFAULT, new Demand(HybridTimestamp.ZERO, true, false));
    Receipt idle = a.lastReply().receipt();
    assertEquals(Receipt.Served.MEMORY, idle.served());
    assertTrue(idle.asOf().isAfter(HybridTimestamp.ZERO));
    cluster.passing((from, to) -> false);
    cluster.pass(5_000);
    a.ask(GET, "k", Acknowledgement.DEFAULT, new Demand(HybridTimestamp.ZERO, true, false));
    Receipt cutOff = a.lastReply().receipt();
    long behindMillis = a.lastReply().clock().millis() - cutOff.asOf().millis();
    assertTrue(behindMillis >= 5_000, "it has heard nothing for " + behindMillis + " ms");
  }

  @Test
  void aReplicaThatHasHeardNothingYetDoesNotSayUpToWhenAllIsThere() {
    cluster.crash("b");
    cluster.tellViews(Set.of("b"), Set.of());
    cluster.start("b", NodeDescriptor.State.JOINING);
    cluster.passing((from, to) -> false);
    cluster.tellViews(Set.of(), Set.of());
    a.ask(GET, "k", Acknowledgement.DEFAULT, new Demand(HybridTimestamp.ZERO, true, false));
    assertEquals(HybridTimestamp.ZERO, a.lastReply().receipt().asOf());
  }

  @Test
  void theDeltaIsToldToWhoAsks() {
    Mutation add = new Mutation.Increment(3);
    a.ask(add, "c", Acknowledgement.ONE);
    assertTrue(a.lastReply().delta().isEmpty());
    a.ask(add, "c", Acknowledgement.ONE, new Demand(HybridTimestamp.ZERO, false, true));
    assertEquals(a.entryOf("c"), a.entryOf("c").merge(a.lastReply().delta().orElseThrow()));
    assertFalse(a.lastReply().delta().orElseThrow().values().isEmpty());
    a.ask(
        new Mutation.Remove(List.of(Payload.ofText("not there"))),
        "s",
        Acknowledgement.ONE,
        new Demand(HybridTimestamp.ZERO, false, true));
    assertTrue(a.lastReply().delta().isEmpty(), "it changed nothing");
  }

  @Test
  void theDeltaIsToldAlsoWhereTooFewReplicasHaveIt() {
    cluster.passing((from, to) -> false);
    a.ask(
        new Mutation.Increment(3),
        "c",
        Acknowledgement.REPLICATED,
        new Demand(HybridTimestamp.ZERO, false, true));
    cluster.pass(3_000);
    assertInstanceOf(Outcome.Failed.class, a.lastReply().outcome());
    assertTrue(a.lastReply().delta().isPresent());
  }
}
