package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// States that are longer than a frame.
class LargeStatesTest {
  private static final Payload KEY = Payload.ofText("large");
  private static final Limits SMALL = new Limits(1_024, 32 << 10, 64 << 10, 100);
  private static final List<Payload> ELEMENTS =
      IntStream.range(0, 20_000).mapToObj(at -> Payload.ofText("element " + at)).toList();
  private static final Entry SET = Entry.of(HybridTimestamp.ZERO, GrowSet.of(ELEMENTS));

  private static Store holding(Entry entry) {
    Store store = new MemoryStore();
    store.put(new Slot(KEY, entry, 0));
    return store;
  }

  private static Entry of(Value<?> value) {
    return Entry.of(HybridTimestamp.ZERO, value);
  }

  /// A cluster of which one node has the state, and one shall get it.
  private static TestCluster cluster(Entry entry) {
    TestCluster cluster = TestCluster.of();
    cluster.limits(SMALL);
    cluster.start("a", NodeDescriptor.State.ACTIVE, () -> holding(entry));
    cluster.tellViews(Set.of(), Set.of());
    cluster.member("a").core().found();
    cluster.start("b", NodeDescriptor.State.JOINING);
    return cluster;
  }

  @Test
  void aStateLargerThanAFrameComesInPartsThatFit() {
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY.add(new ReplicaId(1, 1), ELEMENTS);
    set = set.merge(set.remove(ELEMENTS.subList(5_000, 9_000)));
    TestCluster cluster = cluster(of(set));
    cluster.takeLongestBytes();
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(1_000);
    assertEquals(of(set), cluster.member("b").entryOf("large"));
    assertEquals(0, cluster.member("b").core().progress().incomplete());
    long longest = cluster.takeLongestBytes();
    assertTrue(set.weight() > 500_000 && longest < 300_000, longest + " bytes at once");
  }

  @Test
  void aDeltaLargerThanAFrameComesInPartsToo() {
    TestCluster cluster = TestCluster.of();
    cluster.limits(new Limits(1_024, 1 << 20, 2 << 20, 1_000));
    cluster.start("a", NodeDescriptor.State.ACTIVE);
    cluster.start("b", NodeDescriptor.State.ACTIVE);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member a = cluster.member("a");
    a.core().found();
    cluster.member("b").core().found();
    cluster.takeLongestBytes();
    cluster.passing((from, to) -> false); // so that it gathers
    for (int from = 0; from < 20_000; from += 1_000) {
      a.ask(
          new Mutation.Add(Kind.GSET, ELEMENTS.subList(from, from + 1_000)),
          "large",
          Acknowledgement.ONE);
    }
    cluster.passing((from, to) -> true);
    a.ask(
        new Mutation.Add(Kind.GSET, List.of(Payload.ofText("last"))),
        "large",
        Acknowledgement.REPLICATED);
    cluster.pass(1_000);
    assertEquals(2, a.lastReply().receipt().copies());
    long longest = cluster.takeLongestBytes();
    assertTrue(longest < a.entryOf("large").weight(), longest + " bytes at once");
    assertEquals(a.entryOf("large"), cluster.member("b").entryOf("large"));
  }

  /// Who has got all parts but the last must not take that for all there is.
  @Test
  void onlyTheLastPartSaysThatTheWholeHasCome() {
    TestCluster cluster = cluster(SET);
    cluster.tellViews(Set.of(), Set.of(), "a"::equals);
    int[] wholes = new int[1];
    int[] parts = new int[1];
    cluster.doubling(
        message -> {
          if (message instanceof PeerMessage.Changes changes && !changes.changes().isEmpty()) {
            boolean whole = changes.changes().stream().anyMatch(PeerMessage.Change::whole);
            parts[0] += changes.changes().size();
            wholes[0] += whole ? 1 : 0;
            assertEquals(whole, cluster.member("b").entryOf("large").equals(SET));
          }
          return false;
        });
    cluster.tellView("b");
    cluster.pass(1_000);
    assertTrue(parts[0] > 10, parts[0] + " parts");
    assertTrue(wholes[0] > 0);
  }

  @Test
  void aReadByWhoIsNotCompleteWaitsForAllParts() {
    TestCluster cluster = cluster(SET);
    // What b asks for by itself does not come, so that it stays without.
    cluster.holding(message -> message instanceof PeerMessage.DigestsAsked);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member b = cluster.member("b");
    b.ask(new Read.Get(Optional.empty()), "large", Acknowledgement.DEFAULT);
    assertEquals(0, b.replies());
    cluster.pass(200);
    View view = assertInstanceOf(Outcome.Done.class, b.lastReply().outcome()).view();
    assertEquals(20_000, assertInstanceOf(View.Elements.class, view).elements().size());
  }

  @Test
  void partsThatAreLostComeAgain() {
    TestCluster cluster = cluster(SET);
    int[] sent = new int[1];
    cluster.tellViews(Set.of(), Set.of(), "a"::equals);
    cluster.passing((from, to) -> ++sent[0] % 3 != 0);
    cluster.tellView("b");
    cluster.pass(20_000);
    cluster.passing((from, to) -> true);
    cluster.pass(20_000);
    assertEquals(SET, cluster.member("b").entryOf("large"));
  }

  @Test
  void aPlacedKeyIsHandedOverInPartsAndDroppedOnlyThen() {
    TestCluster cluster = TestCluster.of();
    cluster.limits(SMALL);
    cluster.start("a", NodeDescriptor.State.ACTIVE, () -> holding(SET));
    cluster.tellViews(Set.of(), Set.of());
    cluster.member("a").core().found();
    for (String id : List.of("b", "c")) {
      cluster.start(id, NodeDescriptor.State.JOINING);
    }
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(3_000);
    for (String id : List.of("b", "c")) {
      cluster.state(id, NodeDescriptor.State.ACTIVE);
    }
    cluster.tellViews(Set.of(), Set.of());
    String home = cluster.holdersOf("large").getFirst();
    TestCluster.Member first = cluster.member(home);
    first.ask(
        new Mutation.Place(Optional.of(new Placement(3, 0, 1))),
        "large",
        Acknowledgement.REPLICATED);
    cluster.pass(3_000);
    for (String id : List.of("a", "b", "c")) {
      assertEquals(SET, cluster.member(id).entryOf("large"), id);
    }
    assertFalse(SET.weight() < SMALL.frameBytesMax());
    assertNotEquals(Entry.BOTTOM, first.entryOf("large"));
  }
}
