package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What a node that is about to leave counts for, and when it may go.
class LeavingTest {
  private static final Mutation.Put PUT = new Mutation.Put(Payload.ofText("value"));

  private final TestCluster cluster = TestCluster.of("a", "b", "c");
  private final List<String> holders = cluster.holdersOf("k");
  private final TestCluster.Member stays = cluster.member(holders.get(0));
  private final String leaver = holders.get(1);
  private final String heir =
      Set.of("a", "b", "c").stream().filter(id -> !holders.contains(id)).findFirst().orElseThrow();

  @Test
  void theCopyOfWhoLeavesDoesNotCount() {
    cluster.state(leaver, State.LEAVING);
    cluster.tellViews(Set.of(), Set.of());
    cluster.passing((from, to) -> !to.nodeId().equals(heir));
    stays.ask(PUT, "k", Acknowledgement.REPLICATED);
    assertEquals(0, stays.replies(), "two copies, one of which is about to go");
    cluster.passing((from, to) -> true);
    cluster.pass(1_000);
    assertEquals(2, stays.lastReply().receipt().copies());
    assertEquals(stays.entryOf("k"), cluster.member(heir).entryOf("k"));
  }

  @Test
  void norDoesItWhereTheWriterHasNotHeardOfTheLeaveYet() {
    cluster.state(leaver, State.LEAVING);
    cluster.tellViews(Set.of(), Set.of(), id -> id.equals(leaver) || id.equals(heir));
    cluster.passing((from, to) -> !to.nodeId().equals(heir));
    stays.ask(PUT, "k", Acknowledgement.REPLICATED);
    assertEquals(0, stays.replies(), () -> stays.lastReply().toString());
    cluster.pass(2_100);
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, stays.lastReply().outcome());
    assertEquals(ErrorCode.NOT_ENOUGH_REPLICAS, failed.code());
    assertEquals(1, stays.lastReply().receipt().copies());
  }

  @Test
  void norDoesItsOwnWhereItIsTheOneThatIsAsked() {
    stays.ask(PUT, "k", Acknowledgement.REPLICATED); // there is something to hand over
    cluster.state(leaver, State.LEAVING);
    cluster.passing((from, to) -> false);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member leaving = cluster.member(leaver);
    cluster.passing((from, to) -> !to.nodeId().equals(heir));
    leaving.ask(PUT, "k", Acknowledgement.REPLICATED);
    assertEquals(0, leaving.replies(), () -> leaving.lastReply().toString());
    cluster.passing((from, to) -> true);
    cluster.pass(1_000);
    assertEquals(2, leaving.lastReply().receipt().copies());
    assertEquals(stays.entryOf("k"), cluster.member(heir).entryOf("k"));
  }

  @Test
  void aWriteThatOnlyALeavingNodeHasIsKeptAndSaysSo() {
    stays.ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.state(leaver, State.LEAVING);
    cluster.passing((from, to) -> false);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member leaving = cluster.member(leaver);
    leaving.ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.pass(2_100);
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, leaving.lastReply().outcome());
    assertEquals(ErrorCode.NOT_ENOUGH_REPLICAS, failed.code());
    // None would mean that nothing was written, and it would be repeated.
    assertEquals(1, leaving.lastReply().receipt().copies());
  }

  @Test
  void whatWasCarriedOutIsNotSentElsewhereWhenItComesAgain() {
    stays.ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.state(leaver, State.LEAVING);
    TestCluster.Member leaving = cluster.member(leaver);
    leaving.ask(new Mutation.Put(Payload.ofText("other")), "k", Acknowledgement.REPLICATED);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(3_000);
    leaving.askAgain();
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, leaving.lastReply().outcome());
    assertEquals(ErrorCode.OUTCOME_UNKNOWN, failed.code());
  }

  @Test
  void whereTooFewStayTheCopiesOfThoseWhoLeaveCountAfterAll() {
    cluster.state(leaver, State.LEAVING);
    cluster.state(heir, State.LEAVING);
    cluster.tellViews(Set.of(), Set.of());
    stays.ask(PUT, "k", Acknowledgement.REPLICATED);
    assertTrue(stays.lastReply().receipt().copies() >= 2, () -> stays.lastReply().toString());
  }

  @Test
  void whereThereIsNoKeyOthersKnowThatBeforeTheLeaverGoes() {
    cluster.state(leaver, State.LEAVING);
    cluster.tellViews(Set.of(), Set.of(), id -> !id.equals(heir));
    cluster.pass(1_000);
    TestCluster.Member leaving = cluster.member(leaver);
    assertTrue(leaving.core().progress().surplus() > 0, "the heir does not know that it is one");
    cluster.tellView(heir);
    cluster.pass(1_000);
    assertEquals(0, leaving.core().progress().surplus());
    cluster.crash(leaver);
    cluster.remove(leaver);
    cluster.crash(holders.get(0));
    cluster.tellViews(Set.of(holders.get(0)), Set.of());
    cluster.member(heir).ask(Read.Get.ANY, "k", Acknowledgement.DEFAULT);
    Outcome.Done done =
        assertInstanceOf(Outcome.Done.class, cluster.member(heir).lastReply().outcome());
    assertInstanceOf(View.Missing.class, done.view());
  }

  @Test
  void whoStandsInDoesNotGoBeforeItHasHandedBack() {
    TestCluster four = TestCluster.of("a", "b", "c", "d");
    List<String> keys = IntStream.range(0, 300).mapToObj(key -> "k" + key).toList();
    List<String> before =
        keys.stream()
            .filter(key -> Set.of("a", "c").equals(Set.copyOf(four.holdersOf(key))))
            .toList();
    four.state("c", State.LEAVING);
    String key =
        before.stream()
            .filter(one -> Set.of("a", "b", "c").equals(Set.copyOf(four.holdersOf(one))))
            .findFirst()
            .orElseThrow();
    four.crash("c");
    four.tellViews(Set.of("c"), Set.of());
    four.pass(3_000);
    AtomicReference<String> way = new AtomicReference<>("");
    four.passing(
        (from, to) -> {
          way.set(from.nodeId() + " to " + to.nodeId());
          return true;
        });
    four.holding(message -> message instanceof PeerMessage.Changes && way.get().equals("a to b"));
    TestCluster.Member writer = four.member("a");
    writer.ask(PUT, key, Acknowledgement.REPLICATED);
    assertEquals(2, writer.lastReply().receipt().copies(), "that of d is one of them");
    four.state("d", State.LEAVING);
    four.tellViews(Set.of("c"), Set.of());
    for (int round = 0; round < 500 && four.member("d").core().progress().surplus() > 0; round++) {
      four.pass(10);
    }
    assertEquals(0, four.member("d").core().progress().surplus());
    assertEquals(writer.entryOf(key), four.member("b").entryOf(key), "a may be lost now");
  }

  @Test
  void underASteadyLoadALeaveEndsAllTheSame() {
    for (int key = 0; key < 200; key++) {
      stays.ask(PUT, "k" + key, Acknowledgement.DEFAULT);
    }
    cluster.state(leaver, State.LEAVING);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member leaving = cluster.member(leaver);
    for (int round = 0; round < 500 && leaving.core().progress().surplus() > 0; round++) {
      for (int call = 0; call < 3; call++) {
        leaving.ask(PUT, "k" + (round * 3 + call) % 400, Acknowledgement.ONE);
      }
      cluster.pass(10);
    }
    assertEquals(0, leaving.core().progress().surplus());
    leaving.ask(PUT, "k", Acknowledgement.ONE);
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, leaving.lastReply().outcome());
    assertEquals(ErrorCode.NOT_OWNER, failed.code());
  }
}
