package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What a replica says of a key that others have taken writes to, who do not hold it any more: the
/// two halves of a cluster have taken each other out of their rings, and meet again.
class FormerHolderTest {
  private static final Read GET = new Read.Get(Optional.of(Kind.LWW));
  private static final Mutation PUT = new Mutation.Put(Payload.ofText("value"));
  private static final Demand RECEIPT = new Demand(HybridTimestamp.ZERO, true, false);
  private static final Set<String> HALF = Set.of("a", "b");

  private final TestCluster cluster = TestCluster.of("a", "b", "c", "d");
  private final TestCluster.Member a = cluster.member("a");
  private final TestCluster.Member c = cluster.member("c");
  private final String key =
      IntStream.range(0, 1_000)
          .mapToObj(number -> "k" + number)
          .filter(one -> HALF.equals(Set.copyOf(cluster.holdersOf(one))))
          .filter(this::isHeldByCWithoutB)
          .findFirst()
          .orElseThrow();

  private boolean isHeldByCWithoutB(String one) {
    NodeDescriptor b = cluster.remove("b");
    boolean held = cluster.holdersOf(one).contains("c");
    cluster.add(b);
    return held;
  }

  private static Demand notBefore(HybridTimestamp at) {
    return new Demand(at, false, false);
  }

  private static boolean bringsChanges(PeerMessage message) {
    return message instanceof PeerMessage.Changes batch && !batch.changes().isEmpty();
  }

  private static View view(Reply reply) {
    return assertInstanceOf(Outcome.Done.class, reply.outcome(), reply.toString()).view();
  }

  private static ErrorCode code(Reply reply) {
    return assertInstanceOf(Outcome.Failed.class, reply.outcome(), reply.toString()).code();
  }

  /// Has each half take the other one for gone, and the key written by the one that does not hold
  /// it when both are there: as b was not there first, c has all of it.
  ///
  /// @return when it was written
  private HybridTimestamp writtenByTheOtherHalf() {
    cluster.pass(5_000);
    cluster.passing((from, to) -> from.nodeId().equals("b") == to.nodeId().equals("b"));
    tellWithout("b");
    cluster.pass(5_000);
    cluster.passing((from, to) -> HALF.contains(from.nodeId()) == HALF.contains(to.nodeId()));
    tellWithout("c", "d");
    tellWithout("a", "b");
    cluster.pass(5_000);
    c.ask(PUT, key, Acknowledgement.REPLICATED);
    assertEquals(2, c.lastReply().receipt().copies());
    return c.lastReply().clock();
  }

  private void tellWithout(String... others) {
    Set<Incarnation> absent = new HashSet<>();
    List<NodeDescriptor> removed = List.of(others).stream().map(cluster::remove).toList();
    removed.forEach(node -> absent.add(Incarnation.of(node)));
    cluster.tellViews(Set.of(), absent, id -> !List.of(others).contains(id));
    removed.forEach(cluster::add);
  }

  /// The halves meet again, but what one hands back does not arrive yet.
  private void heal() {
    cluster.passing((from, to) -> true);
    cluster.holding(FormerHolderTest::bringsChanges);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(5_000);
    assertEquals(Entry.BOTTOM, a.entryOf(key), "it has been handed back");
  }

  @Test
  void whoHasYetToHandBackIsAskedForWhatIsDemanded() {
    HybridTimestamp written = writtenByTheOtherHalf();
    heal();
    a.ask(GET, key, Acknowledgement.DEFAULT, notBefore(written));
    assertInstanceOf(View.Bytes.class, view(a.lastReply()));
  }

  @Test
  void aReceiptDoesNotVouchForWhatIsYetToBeHandedBack() {
    HybridTimestamp written = writtenByTheOtherHalf();
    heal();
    a.ask(GET, key, Acknowledgement.DEFAULT, RECEIPT);
    assertInstanceOf(View.Missing.class, view(a.lastReply()), "nobody demanded more");
    assertTrue(written.isAfter(a.lastReply().receipt().asOf()), a.lastReply().toString());
    assertTrue(written.isAfter(a.core().asOf(cluster.nowMillis())), "nor is a watcher told so");
  }

  @Test
  void readingAllAsksThemToo() {
    writtenByTheOtherHalf();
    heal();
    a.ask(GET, key, ReadMode.ALL);
    assertInstanceOf(View.Bytes.class, view(a.lastReply()));
  }

  @Test
  void onceAllIsHandedBackNobodyIsAsked() {
    HybridTimestamp written = writtenByTheOtherHalf();
    heal();
    cluster.release();
    cluster.pass(5_000);
    assertEquals(Entry.BOTTOM, c.entryOf(key), "it has it still");
    long asked = a.core().statistics().fetches();
    a.ask(GET, key, Acknowledgement.DEFAULT, notBefore(written));
    assertInstanceOf(View.Bytes.class, view(a.lastReply()));
    assertEquals(asked, a.core().statistics().fetches());
  }

  @Test
  void whileOneOfThemIsSilentTheDemandIsRefused() {
    HybridTimestamp written = writtenByTheOtherHalf();
    heal();
    cluster.passing((from, to) -> !from.nodeId().equals("d"));
    a.ask(GET, key, Acknowledgement.DEFAULT, notBefore(written));
    cluster.pass(3_000);
    assertEquals(ErrorCode.SESSION_UNAVAILABLE, code(a.lastReply()));
    a.ask(GET, key, ReadMode.ALL);
    cluster.pass(3_000);
    assertInstanceOf(View.Bytes.class, view(a.lastReply()), "those that hold it have answered");
  }

  @Test
  void whoIsDeadAndRemovedIsNotWaitedFor() {
    HybridTimestamp written = writtenByTheOtherHalf();
    heal();
    cluster.crash("d");
    a.ask(GET, key, Acknowledgement.DEFAULT, notBefore(written));
    assertEquals(0, a.replies(), "d may come back");
    NodeDescriptor dead = cluster.remove("d");
    cluster.tellViews(Set.of(), Set.of(Incarnation.of(dead)));
    assertInstanceOf(View.Bytes.class, view(a.lastReply()), "c had the other copy");
    cluster.release();
    cluster.pass(5_000);
    long asked = a.core().statistics().fetches();
    a.ask(GET, key, Acknowledgement.DEFAULT, notBefore(written));
    assertInstanceOf(View.Bytes.class, view(a.lastReply()));
    assertEquals(asked, a.core().statistics().fetches());
  }

  @Test
  void aSettledClusterAnswersDemandsWithoutAMessage() {
    for (String node : List.of("a", "b", "c", "d")) {
      cluster.member(node).ask(PUT, node, Acknowledgement.ONE);
    }
    cluster.pass(12_000);
    HybridTimestamp demanded = HybridTimestamp.ofMillis(cluster.nowMillis() - 1_500);
    cluster.takeMessages();
    for (int number = 0; number < 100; number++) {
      String one = "k" + number;
      TestCluster.Member holder = cluster.member(cluster.holdersOf(one).getFirst());
      holder.ask(GET, one, Acknowledgement.DEFAULT, notBefore(demanded));
      assertInstanceOf(View.Missing.class, view(holder.lastReply()));
      holder.ask(GET, one, Acknowledgement.DEFAULT, RECEIPT);
      assertTrue(holder.lastReply().receipt().asOf().isAfter(demanded));
    }
    assertEquals(0, cluster.takeMessages());
  }

  @Test
  void shardsThatShareNothingAskEachOtherNoMoreThanTheyCompare() {
    TestCluster wide = new TestCluster(new Partitions(6), 2);
    List.of("a", "b", "c").forEach(id -> wide.start(id, NodeDescriptor.State.ACTIVE));
    wide.tellViews(Set.of(), Set.of());
    for (String id : List.of("a", "b", "c")) {
      wide.member(id, 0).core().found();
      wide.member(id, 1).core().found();
    }
    wide.pass(12_000);
    AtomicInteger questions = new AtomicInteger();
    wide.holding(
        message -> {
          questions.addAndGet(message instanceof PeerMessage.DigestsAsked ? 1 : 0);
          return false;
        });
    wide.pass(10_000);
    assertTrue(questions.get() <= 6 * 5 / 2, questions + " questions among 6 shards in 10 s");
  }
}
