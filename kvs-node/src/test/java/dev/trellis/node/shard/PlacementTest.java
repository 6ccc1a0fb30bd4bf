package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Keys that are placed by hand, and what is known where of them.
class PlacementTest {
  private static final Mutation.Put PUT = new Mutation.Put(Payload.ofText("value"));
  private static final Read.Get GET = new Read.Get(Optional.empty());
  private static final Mutation.Place TO_SSD =
      new Mutation.Place(Optional.of(new Placement(0, 2, 1)));
  private static final Mutation.Place BACK = new Mutation.Place(Optional.empty());

  private static Mutation.Add add(String element) {
    return new Mutation.Add(Kind.GSET, List.of(Payload.ofText(element)));
  }

  private static void assertDone(Reply reply) {
    assertInstanceOf(Outcome.Done.class, reply.outcome(), reply.toString());
  }

  private static void assertValue(Reply reply) {
    View view = assertInstanceOf(Outcome.Done.class, reply.outcome(), reply.toString()).view();
    assertInstanceOf(View.Bytes.class, view, reply.toString());
  }

  /// Two memory and two SSD nodes; a key is on one of each.
  private static TestCluster tiers() {
    return TestCluster.of("a", "b", "ssd1", "ssd2");
  }

  private static TestCluster.Member other(TestCluster cluster, List<String> ids, String not) {
    return cluster.member(ids.stream().filter(id -> !id.equals(not)).findFirst().orElseThrow());
  }

  @Test
  void aMonitorThatAnotherHasTakenOverFromPlacesNothing() {
    TestCluster cluster = tiers();
    cluster.monitorEpoch(7);
    cluster.tellViews(Set.of(), Set.of());
    TestCluster.Member home = cluster.member(cluster.holdersOf("k").get(0));
    Optional<Placement> wide = Optional.of(new Placement(2, 1, 1));
    home.ask(new Mutation.Place(wide, 6), "k", Acknowledgement.REPLICATED);
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, home.lastReply().outcome());
    assertEquals(ErrorCode.FORBIDDEN, failed.code());
    assertEquals(
        "a monitor of epoch 6 places no keys any more: one of epoch 7 has taken over",
        failed.message());
    home.ask(new Mutation.Place(wide, 7), "k", Acknowledgement.REPLICATED);
    assertDone(home.lastReply());
    home.ask(TO_SSD, "k", Acknowledgement.REPLICATED); // by hand
    assertDone(home.lastReply());
  }

  /// Who decided knew nothing of it, so new replicas were told of all that there is without it.
  @Test
  void whatAHolderTakesBeforeItHearsOfMoreHoldersIsGivenToThemOnceItDoes() {
    TestCluster cluster = TestCluster.of("a", "b", "c", "d");
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member first = cluster.member(holders.get(0));
    TestCluster.Member second = cluster.member(holders.get(1));
    first.ask(add("before"), "k", Acknowledgement.REPLICATED);
    cluster.pass(3_000);
    cluster.passing((from, to) -> !to.nodeId().equals(holders.get(1)));
    first.ask(new Mutation.Place(Optional.of(new Placement(4, 0, 1))), "k", Acknowledgement.ONE);
    cluster.pass(20);
    second.ask(add("meanwhile"), "k", Acknowledgement.ONE);
    cluster.pass(20);
    assertEquals(second.entryOf("k").liveValues(0), first.entryOf("k").liveValues(0));
    cluster.passing((from, to) -> true);
    cluster.pass(1_000);
    for (String id : List.of("a", "b", "c", "d")) {
      assertEquals(first.entryOf("k"), cluster.member(id).entryOf("k"), id);
    }
  }

  @Test
  void whatWasWrittenElsewhereIsNotMissingWhereTheKeyComesBack() {
    TestCluster cluster = tiers();
    TestCluster.Member home = cluster.member(cluster.holdersOf("k").get(0));
    home.ask(TO_SSD, "k", Acknowledgement.REPLICATED);
    assertDone(home.lastReply());
    cluster.pass(3_000);
    cluster.member("ssd1").ask(PUT, "k", Acknowledgement.REPLICATED);
    assertDone(cluster.member("ssd1").lastReply());
    assertEquals(Entry.BOTTOM, home.entryOf("k"));

    cluster.passing((from, to) -> false);
    int before = home.replies();
    home.ask(BACK, "k", Acknowledgement.REPLICATED);
    home.ask(GET, "k", Acknowledgement.DEFAULT);
    assertTrue(
        home.replies() == before || !(home.lastReply().outcome() instanceof Outcome.Done),
        () -> "answered alone: " + home.lastReply());
    cluster.passing((from, to) -> true);
    cluster.pass(3_000);
    home.ask(BACK, "k", Acknowledgement.REPLICATED);
    assertDone(home.lastReply());
    home.ask(GET, "k", Acknowledgement.DEFAULT);
    assertValue(home.lastReply());
  }

  @Test
  void aHolderOfTheDefaultPlaceKnowsThatAKeyIsElsewhere() {
    TestCluster cluster = tiers();
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member home = cluster.member(holders.get(0));
    Mutation.Place toMemory = new Mutation.Place(Optional.of(new Placement(2, 0, 1)));
    home.ask(toMemory, "k", Acknowledgement.REPLICATED);
    cluster.pass(3_000);
    home.ask(PUT, "k", Acknowledgement.REPLICATED);
    TestCluster.Member ssd = cluster.member(holders.get(1));
    assertEquals(Entry.BOTTOM, ssd.entryOf("k"));
    ssd.ask(GET, "k", Acknowledgement.DEFAULT);
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, ssd.lastReply().outcome());
    assertEquals(ErrorCode.MOVED, failed.code());
    assertEquals(Optional.of(new Placement(2, 0, 1)), ssd.lastReply().placement());
  }

  @Test
  void whoHeldAKeyBeforeAndHoldsItNowHasAllOfItThoughWhoDecidedIsGone() {
    TestCluster cluster = tiers();
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member home = cluster.member(holders.get(0));
    home.ask(PUT, "k", Acknowledgement.REPLICATED);
    TestCluster.Member second = other(cluster, List.of("ssd1", "ssd2"), holders.get(1));
    String secondId = second == cluster.member("ssd1") ? "ssd1" : "ssd2";
    cluster.passing((from, to) -> !to.nodeId().equals(secondId));
    home.ask(TO_SSD, "k", Acknowledgement.REPLICATED);
    cluster.crash(holders.get(0));
    cluster.passing((from, to) -> true);
    cluster.tellViews(Set.of(holders.get(0)), Set.of());
    TestCluster.Member first = cluster.member(holders.get(1));
    first.ask(GET, "k", Acknowledgement.DEFAULT);
    assertValue(first.lastReply());
    cluster.pass(12_000); // they compare
    second.ask(GET, "k", Acknowledgement.DEFAULT);
    assertValue(second.lastReply());
    assertEquals(0, second.core().progress().incomplete());
  }

  @Test
  void whereNobodyCanSpeakForAKeyWhatAllHaveTogetherIsTakenForIt() {
    TestCluster cluster = tiers();
    List<String> holders = cluster.holdersOf("k");
    String homeId = holders.get(0);
    TestCluster.Member home = cluster.member(homeId);
    home.ask(PUT, "k", Acknowledgement.REPLICATED);
    // Of the first decision nobody hears, of the second nobody from who is sure.
    cluster.passing((from, to) -> false);
    home.ask(BACK, "k", Acknowledgement.ONE);
    cluster.passing((from, to) -> true);
    cluster.holding(
        message ->
            message instanceof PeerMessage.Changes changes
                && changes.changes().stream().anyMatch(PeerMessage.Change::whole));
    home.ask(TO_SSD, "k", Acknowledgement.ONE);
    cluster.pass(100);
    cluster.crash(homeId);
    cluster.remove(homeId);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(5_000);
    for (String ssd : List.of("ssd1", "ssd2")) {
      assertEquals(0, cluster.member(ssd).core().progress().incomplete(), ssd);
      cluster.member(ssd).ask(GET, "k", Acknowledgement.DEFAULT);
      assertValue(cluster.member(ssd).lastReply());
    }
  }

  @Test
  void aWatchEndsWhenItsKeyGoesElsewhere() {
    TestCluster cluster = tiers();
    TestCluster.Member home = cluster.member(cluster.holdersOf("k").get(0));
    home.ask(PUT, "k", Acknowledgement.REPLICATED);
    Frame.Watch watch = new Frame.Watch(1, Payload.ofText("k"), Optional.empty());
    home.core().watch(TestCluster.CLIENT, watch, cluster.nowMillis(), home);
    assertDone(told(cluster, home).orElseThrow());
    home.ask(TO_SSD, "k", Acknowledgement.REPLICATED);
    cluster.pass(100);
    Reply ended = told(cluster, home).orElseThrow();
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, ended.outcome());
    assertEquals(ErrorCode.MOVED, failed.code());
    assertEquals(Optional.empty(), told(cluster, home));
  }

  @Test
  void whoWatchesIsToldWhenItsKeyGetsAPlaceOfItsOwn() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    TestCluster.Member home = cluster.member(cluster.holdersOf("k").get(0));
    home.ask(PUT, "k", Acknowledgement.REPLICATED);
    Frame.Watch watch = new Frame.Watch(1, Payload.ofText("k"), Optional.empty(), true, true);
    home.core().watch(TestCluster.CLIENT, watch, cluster.nowMillis(), home);
    assertEquals(Optional.empty(), told(cluster, home).orElseThrow().placement());
    Placement everywhere = new Placement(3, 0, 1);
    home.ask(new Mutation.Place(Optional.of(everywhere)), "k", Acknowledgement.REPLICATED);
    assertEquals(
        HybridTimestamp.ZERO,
        home.core().asOf(cluster.nowMillis()),
        "until it was seen which watches end");
    cluster.pass(10);
    assertEquals(Optional.of(everywhere), told(cluster, home).orElseThrow().placement());
    assertEquals(Optional.empty(), told(cluster, home));
  }

  private static Optional<Reply> told(TestCluster cluster, TestCluster.Member member) {
    return member
        .core()
        .nextChange(TestCluster.CLIENT, cluster.nowMillis())
        .map(Frame.Changed::reply);
  }

  @Test
  void aPlacedKeyComesAndGoesWithItsNodes() {
    TestCluster cluster = TestCluster.of("a", "b", "c");
    List<String> holders = cluster.holdersOf("k");
    TestCluster.Member home = cluster.member(holders.get(0));
    home.ask(PUT, "k", Acknowledgement.REPLICATED);
    Mutation.Place everywhere = new Mutation.Place(Optional.of(new Placement(3, 0, 1)));
    home.ask(everywhere, "k", Acknowledgement.REPLICATED);
    cluster.pass(1_000);
    for (String node : List.of("a", "b", "c")) {
      assertFalse(cluster.member(node).entryOf("k").equals(Entry.BOTTOM), node);
      assertEquals(0, cluster.member(node).core().progress().incomplete(), node);
    }
    home.ask(BACK, "k", Acknowledgement.REPLICATED);
    cluster.pass(3_000);
    for (String node : List.of("a", "b", "c")) {
      assertEquals(
          holders.contains(node), !cluster.member(node).entryOf("k").equals(Entry.BOTTOM), node);
    }
  }

  @Test
  void aHomeThatDoesNotHoldAKeyDoesNotTellANewHolderThatItHasAll() {
    TestCluster cluster = TestCluster.of("mem-0", "ssd-0", "ssd-1", "ssd-2");
    Mutation two = new Mutation.Place(Optional.of(new Placement(0, 2, 1)));
    Mutation three = new Mutation.Place(Optional.of(new Placement(0, 3, 1)));
    cluster.member("mem-0").ask(two, "k", Acknowledgement.REPLICATED);
    List<String> ssd = List.of("ssd-0", "ssd-1", "ssd-2");
    for (String node : ssd) {
      cluster.member(node).ask(add("e"), "k", Acknowledgement.REPLICATED); // one says NOT_OWNER
    }
    cluster.pass(1_000);
    cluster.member("mem-0").ask(three, "k", Acknowledgement.REPLICATED);
    for (String node : ssd) {
      cluster.member(node).ask(Read.Get.ANY, "k", Acknowledgement.DEFAULT);
      Outcome.Done done =
          assertInstanceOf(Outcome.Done.class, cluster.member(node).lastReply().outcome(), node);
      assertFalse(done.view() instanceof View.Missing, node + " " + done);
    }
  }

  @Test
  void aPlacedKeyThatALeavingNodeHandsOverStaysWhereItWasHanded() {
    TestCluster cluster = TestCluster.of("mem-0", "ssd-0", "ssd-1");
    cluster
        .member("mem-0")
        .ask(
            new Mutation.Place(Optional.of(new Placement(0, 2, 1))),
            "k",
            Acknowledgement.REPLICATED);
    cluster.member("ssd-0").ask(PUT, "k", Acknowledgement.REPLICATED);
    cluster.pass(1_000);
    cluster.state("ssd-1", NodeDescriptor.State.LEAVING); // the memory node is to be lent instead
    cluster.tellViews(Set.of(), Set.of(), id -> !id.equals("mem-0"));
    cluster.pass(2_000); // it hears of it later
    boolean handedOver = cluster.member("ssd-1").core().progress().surplus() == 0;
    cluster.tellView("mem-0");
    boolean there = !cluster.member("mem-0").entryOf("k").equals(Entry.BOTTOM);
    assertTrue(!handedOver || there, "handed over, and not there");
  }

  @Test
  void aShardDropsWhatOnlyAnotherShardOfItsNodeHoldsNow() {
    Partitions partitions = new Partitions(6);
    TestCluster cluster = new TestCluster(partitions, 2);
    cluster.start("a", NodeDescriptor.State.ACTIVE);
    cluster.tellViews(Set.of(), Set.of());
    int first = partitions.shardOf(partitions.of(KeyHash.of(Payload.ofText("k"))), 2);
    TestCluster.Member stays = cluster.member("a", first);
    TestCluster.Member second = cluster.member("a", 1 - first);
    List.of(stays, second).forEach(member -> member.core().found());
    Mutation.Place onBoth = new Mutation.Place(Optional.of(new Placement(1, 0, 2)));
    Mutation.Place onOne = new Mutation.Place(Optional.of(new Placement(1, 0, 1)));
    stays.ask(onBoth, "k", Acknowledgement.ONE);
    stays.ask(PUT, "k", Acknowledgement.ONE);
    cluster.pass(1_000);
    assertFalse(second.entryOf("k").equals(Entry.BOTTOM));
    stays.ask(onOne, "k", Acknowledgement.ONE);
    cluster.pass(1_000);
    assertEquals(Entry.BOTTOM, second.entryOf("k"));
    assertEquals(0, second.core().progress().surplus());
    assertFalse(stays.entryOf("k").equals(Entry.BOTTOM));
  }
}
