package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LinkTest {
  private static final Peer PEER = new Peer("b", 2, 0);
  private static final Link.Waiter WAITER = (peer, leaving, version) -> {};
  private static final int LARGE_BYTES = 200_000;
  private static final int PART_BYTES_MAX = 16 << 10;
  private static final Entry ENTRY = Entry.of(HybridTimestamp.ZERO, new Flag(true));

  private final List<PeerMessage.Changes> sent = new ArrayList<>();
  private final Outbox out =
      new Outbox() {
        @Override
        public void reply(Origin origin, Reply reply) {}

        @Override
        public void changesPending(Origin origin) {}

        @Override
        public void send(Peer to, PeerMessage message) {
          sent.add((PeerMessage.Changes) message);
        }
      };
  private final Budget budget = new Budget(1 << 30);
  private boolean keepsOnDisk = true;
  private long sessions;
  private final Link link =
      new Link(
          PEER,
          ReplicationConfig.DEFAULT,
          PART_BYTES_MAX,
          () -> keepsOnDisk,
          above -> sessions = Math.max(sessions, above) + 1,
          true);

  private static PeerMessage.Change large(String key) {
    LwwRegister value =
        new LwwRegister(HybridTimestamp.ZERO, 1, 0, Optional.of(Payload.of(new byte[LARGE_BYTES])));
    Entry entry = Entry.of(HybridTimestamp.ZERO, value);
    return new PeerMessage.Change(Payload.ofText(key), entry, Optional.empty(), false);
  }

  private static PeerMessage.Change change(String key) {
    return new PeerMessage.Change(Payload.ofText(key), ENTRY, Optional.empty(), false);
  }

  private boolean received(long sequence, long nowMillis) {
    return link.received(
        new PeerMessage.Received(sequence, HybridTimestamp.ofMillis(nowMillis), false, 7, 0, 0),
        nowMillis,
        budget);
  }

  private void flush(long nowMillis) {
    flush(nowMillis, budget, LinkTest::wholeOf);
  }

  private void flush(
      long nowMillis, Budget from, Function<Payload, PeerMessage.@Nullable Change> state) {
    link.flush(nowMillis, HybridTimestamp.ofMillis(nowMillis), 7, from, state, out);
  }

  @Test
  void markersOfAPeerThatTakesNothingAreBounded() {
    for (int key = 0; key < 4; key++) { // as many batches as may be under way
      link.repair(Payload.ofText("k" + key));
      flush(2_000 + key * 100);
    }
    link.repair(Payload.ofText("waits"));
    List<Long> told = new ArrayList<>();
    for (int marker = 0; marker < Link.MARKERS_MAX; marker++) {
      assertTrue(link.afterRepairs(told::add));
    }
    assertFalse(link.afterRepairs(told::add));
    assertTrue(received(sent.getLast().sequence(), 3_000));
    flush(3_000);
    assertEquals(Link.MARKERS_MAX, told.size());
    assertTrue(link.afterRepairs(told::add));
  }

  /// Each holds on to its write, which the buffer, where they are one, does not show.
  @Test
  void thoseWhoWaitForAPeerThatTakesNothingAreBounded() {
    int waiters = 0;
    while (link.offer(change("k"), WAITER, 1_000)) {
      waiters++;
    }
    assertTrue(waiters > 10_000 && waiters < 200_000, waiters + " wait");
    link.drop();
    assertTrue(link.offer(change("k"), WAITER, 1_000));
  }

  @Test
  void nobodyIsKeptWhoWaitsForTheDiskOfAPeerThatHasNone() {
    Link.Waiter durable =
        new Link.Waiter() {
          @Override
          public void acknowledged(Peer peer, boolean leaving, long ringVersion) {}

          @Override
          public boolean awaitsDisk() {
            return true;
          }
        };
    for (boolean keeps : new boolean[] {true, false}) {
      keepsOnDisk = keeps;
      link.offer(change("k"), durable, 1_000);
      flush(1_000);
      assertTrue(received(sent.getLast().sequence(), 1_000));
      assertEquals(1, link.awaitedOnDisk(), "of a peer that has a disk");
    }
  }

  @Test
  void aClockThatIsSetBackHoldsUpNeitherChangesNorWhatIsSentAgain() {
    long later = 1_000_000;
    link.offer(change("k"), null, later);
    flush(1_000);
    assertEquals(1, sent.size());
    assertTrue(received(sent.getLast().sequence(), 1_000));
    link.offer(change("l"), null, 1_000);
    flush(later);
    assertEquals(2, sent.size());
    flush(2_000);
    assertEquals(3, sent.size(), "what was sent has not been acknowledged");
  }

  @Test
  void whatWasDroppedIsAGapUntilAComparisonThatBeganLater() {
    link.closeGaps(link.gaps());
    link.offer(change("k"), null, 1_000);
    flush(2_000);
    assertEquals(7, sent.getLast().ringVersion());
    long before = link.gaps();
    link.drop();
    link.closeGaps(before);
    link.offer(change("k"), null, 2_000);
    flush(3_000);
    assertEquals(0, sent.getLast().ringVersion());
    link.closeGaps(link.gaps());
    link.offer(change("k"), null, 3_000);
    flush(4_000);
    assertEquals(7, sent.getLast().ringVersion());
  }

  @Test
  void whoHasForgottenTheSessionGetsWhatItHasNotAcknowledgedInANewOne() {
    List<Peer> acknowledged = new ArrayList<>();
    link.offer(change("a"), (peer, leaving, version) -> acknowledged.add(peer), 1_000);
    flush(1_000);
    assertTrue(received(0, 1_000), "the first batch may not have come yet");
    assertTrue(received(sent.getLast().sequence(), 1_000));
    link.offer(change("b"), (peer, leaving, version) -> acknowledged.add(peer), 1_000);
    flush(1_000);
    assertFalse(received(0, 1_000));
    flush(1_000);
    PeerMessage.Changes again = sent.getLast();
    assertEquals(List.of(change("b")), again.changes());
    assertEquals(1, Link.numberOf(again.sequence()));
    assertEquals(2, Link.sessionOf(again.sequence()));
    assertTrue(received(again.sequence(), 1_000));
    assertEquals(List.of(PEER, PEER), acknowledged);
  }

  private void sendAndReceive(PeerMessage.Change change, long nowMillis, long delayMillis) {
    link.offer(change, WAITER, nowMillis);
    flush(nowMillis);
    assertTrue(received(sent.getLast().sequence(), nowMillis + delayMillis));
  }

  @Test
  void aWayOnWhichAllIsLateSlowsRepairsDownButALargeBatchDoesNot() {
    long rate = budget.bytesPerSecond();
    for (long at = 0; at < 10_000; at += 100) {
      sendAndReceive(change("k"), at, 1);
    }
    for (long at = 10_000; at < 20_000; at += 100) {
      sendAndReceive(large("k"), at, 50);
    }
    for (long at = 20_000; at < 30_000; at += 100) {
      link.offer(large("k"), WAITER, at);
      flush(at);
      sendAndReceive(change("behind it"), at, 50);
    }
    assertEquals(rate, budget.bytesPerSecond());
    for (long at = 30_000; at < 40_000; at += 100) {
      sendAndReceive(change("k"), at, 50);
    }
    assertTrue(budget.bytesPerSecond() < rate / 2, "late by themselves");
  }

  /// Eight batches of large writes were always under way, and who missed copies got none.
  @Test
  void largeWritesLeaveRoomForRepairs() {
    for (int key = 0; key < 30; key++) {
      link.offer(large("k" + key), WAITER, 1_000);
      flush(1_000);
    }
    assertEquals(8, sent.size());
    for (int key = 0; key < 20; key++) {
      link.repair(Payload.ofText("missed " + key));
      flush(1_010);
    }
    assertEquals(8, sent.size());
    assertTrue(received(sent.get(0).sequence(), 1_020));
    flush(1_020);
    assertEquals(20, keysOf(sent.getLast()).size());
    assertEquals("missed 0", keysOf(sent.getLast()).getFirst());
    assertTrue(received(sent.get(7).sequence(), 1_030));
    flush(1_030);
    assertEquals(16, sent.size(), "there is nothing but changes now, seven batches");
  }

  @Test
  void repairsThatSomebodyWaitsForGoFirst() {
    link.repair(Payload.ofText("a"));
    link.repair(Payload.ofText("b"));
    List<String> told = new ArrayList<>();
    link.afterRepairs(sequence -> told.add("all"));
    assertTrue(
        link.repairFirst(
            List.of(Payload.ofText("b"), Payload.ofText("c")), sequence -> told.add("awaited")));
    assertTrue(link.concerns(Payload.ofText("c")));
    flush(1_000);
    assertEquals(List.of("b", "c", "a"), keysOf(sent.getLast()));
    assertEquals(List.of("awaited", "all"), told);
    assertTrue(received(sent.getLast().sequence(), 1_010));
    link.repair(Payload.ofText("b"));
    flush(1_010);
    assertEquals(List.of("b"), keysOf(sent.getLast()), "it may have changed since");
    assertTrue(received(sent.getLast().sequence(), 1_020));
    assertTrue(link.isIdle());
  }

  @Test
  void repairsThatSomebodyWaitsForDoNotWaitForALargeStateThatHasBegun() {
    Budget small = new Budget(64 << 10);
    link.repair(Payload.ofText("large"));
    for (long at = 1_000; at < 2_000; at += 10) {
      small.fill(at);
      flush(at, small, LinkTest::sizeable);
      assertTrue(received(sent.getLast().sequence(), at));
    }
    assertTrue(link.concerns(Payload.ofText("large")), "it has begun");
    link.repairFirst(List.of(Payload.ofText("awaited")), sequence -> {});
    for (long at = 2_000; link.concerns(Payload.ofText("awaited")); at += 10) {
      small.fill(at);
      flush(at, small, LinkTest::wholeOf);
      assertTrue(at < 2_500 || !link.concerns(Payload.ofText("awaited")));
      assertTrue(received(sent.getLast().sequence(), at));
    }
    assertTrue(link.concerns(Payload.ofText("large")));
  }

  private static PeerMessage.Change wholeOf(Payload key) {
    return new PeerMessage.Change(key, ENTRY, Optional.empty(), true);
  }

  private static PeerMessage.Change sizeable(Payload key) {
    List<Payload> elements =
        IntStream.range(0, 20_000).mapToObj(i -> Payload.ofText("element " + i)).toList();
    Entry entry = Entry.of(HybridTimestamp.ZERO, GrowSet.of(elements));
    return new PeerMessage.Change(key, entry, Optional.empty(), true);
  }

  private static List<String> keysOf(PeerMessage.Changes batch) {
    return batch.changes().stream().map(change -> change.key().text()).toList();
  }

  /// It happened to who saw the sender in another life for a moment: it waited for a batch that the
  /// sender would never send again, and answered nothing.
  @Test
  void aReceiverThatHasForgottenTheSenderGetsItsWritesAgain() {
    TestCluster cluster = TestCluster.of("a", "b");
    Mutation.Put put = new Mutation.Put(Payload.ofText("value"));
    TestCluster.Member a = cluster.member("a");
    a.ask(put, "k1", Acknowledgement.REPLICATED);
    a.ask(put, "k2", Acknowledgement.REPLICATED);
    assertEquals(2, a.lastReply().receipt().copies());
    NodeDescriptor life = cluster.descriptor("a");
    cluster.add(
        new NodeDescriptor(
            "a", life.tier(), life.host(), life.shardPorts(), 1, 999, 1, life.state()));
    cluster.tellView("b");
    cluster.add(life);
    cluster.tellView("b");
    a.ask(put, "k3", Acknowledgement.REPLICATED);
    cluster.pass(1_000);
    assertEquals(3, a.replies());
    assertEquals(2, a.lastReply().receipt().copies());
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(2_000);
    assertTrue(cluster.member("b").core().watermark(cluster.peer("a")).isPresent());
  }
}
