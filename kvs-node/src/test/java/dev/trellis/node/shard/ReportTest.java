package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ReportTest {
  private static final Histogram SERVICE = new Histogram(List.of(1L));
  private static final Histogram SEEN = new Histogram(List.of(0L, 2L));

  private static NodeReport.Shard report(TestShard shard) {
    return shard.core().report(shard.nowMillis(), 5, SERVICE, SEEN);
  }

  private static NodeReport.Heavy heavy(NodeReport.Shard report, String key) {
    return report.heavy().stream()
        .filter(one -> one.key().equals(bytes(key)))
        .findFirst()
        .orElseThrow(() -> new AssertionError(key + " is not in " + report));
  }

  /// Every second request of the test's client goes the plain way, so both ways count.
  @Test
  void whatClientsAskForIsCountedOnWhateverWayItGoes() {
    TestShard shard = new TestShard();
    for (int number = 0; number < 40; number++) {
      shard.mutate("written", new Mutation.Put(bytes("value")));
      shard.read("written", Read.Get.ANY);
      shard.read("written", Read.Get.ANY);
      shard.mutate("counter", new Mutation.Increment(1));
      shard.read("missing", Read.Get.ANY);
    }
    shard.merge(
        "merged",
        Entry.of(
            HybridTimestamp.ZERO,
            LwwRegister.of(HybridTimestamp.ofMillis(1), 1, Expiry.NEVER, bytes("v"))));
    NodeReport.Shard report = report(shard);
    assertEquals(
        new NodeReport.Heavy(
            bytes("written"),
            80,
            40,
            0,
            shard.store().outline(bytes("written")).orElseThrow().bytes(),
            Optional.empty()),
        heavy(report, "written"));
    assertEquals(0, heavy(report, "counter").reads());
    assertEquals(40, heavy(report, "counter").writes());
    assertEquals(0, heavy(report, "missing").bytes());
    assertEquals(40, heavy(report, "missing").reads());
    assertEquals(bytes("written"), report.heavy().getFirst().key());
    assertTrue(report.heavy().stream().noneMatch(one -> one.key().equals(bytes("merged"))));
    assertEquals(120, report.reads());
    assertEquals(81, report.mutations());
    assertEquals(5, report.busyNanos());
    assertEquals(3, report.entries());
    assertEquals(shard.store().weight(), report.bytes());
    assertEquals(shard.config().bytesMax(), report.bytesMax());
    assertEquals(SERVICE, report.service());
    assertEquals(SEEN, report.seen());
    assertTrue(report.isComplete());
  }

  @Test
  void eachReportTellsOfItsOwnPeriod() {
    TestShard shard = new TestShard();
    shard.mutate("a", new Mutation.Put(bytes("1")));
    report(shard);
    shard.read("b", Read.Get.ANY);
    NodeReport.Shard second = report(shard);
    assertEquals(List.of(bytes("b")), second.heavy().stream().map(NodeReport.Heavy::key).toList());
    assertEquals(1, second.reads());
    assertEquals(0, second.mutations());
    assertEquals(0, report(shard).reads());
  }

  @Test
  void whatHasMoreReplicasThanByDefaultIsToldThoughNobodyAsksForIt() {
    TestShard shard = new TestShard();
    Placement spread = new Placement(3, 1, 1);
    shard.mutate("spread", new Mutation.Put(bytes("1")));
    shard.mutate("spread", new Mutation.Place(Optional.of(spread)));
    shard.mutate("as-usual", new Mutation.Put(bytes("1")));
    report(shard);
    shard.read("spread", new Read.Placed());
    NodeReport.Heavy told = report(shard).heavy().getFirst();
    assertEquals(bytes("spread"), told.key());
    assertEquals(Optional.of(spread), told.placement());
    assertEquals(0, told.reads() + told.writes() + told.error());
    shard.read("spread", Read.Get.ANY);
    assertEquals(1, report(shard).heavy().size(), "a key is told once");
    shard.mutate("spread", new Mutation.Place(Optional.empty()));
    report(shard);
    assertEquals(List.of(), report(shard).heavy());
  }

  @Test
  void thereAreBoundsToWhatIsTold() {
    TestShard shard = new TestShard();
    for (int number = 0; number < 600; number++) {
      shard.mutate("spread" + number, new Mutation.Place(Optional.of(new Placement(2, 1, 1))));
      shard.mutate("spread" + number, new Mutation.Put(bytes("1")));
    }
    report(shard);
    List<Payload> first = report(shard).heavy().stream().map(NodeReport.Heavy::key).toList();
    List<Payload> second = report(shard).heavy().stream().map(NodeReport.Heavy::key).toList();
    assertEquals(256, first.size());
    assertEquals(256, second.size());
    assertTrue(first.stream().noneMatch(second::contains), "others have their turn");
  }

  @Test
  void aFullShardTellsWhatNobodyAsksFor() {
    TestShard shard = new TestShard(TestShard.withMemory(1 << 20));
    for (int number = 0; number < 6; number++) {
      shard.mutate("idle" + number, new Mutation.Put(Payload.of(new byte[100_000])));
    }
    shard.mutate("used", new Mutation.Put(Payload.of(new byte[100_000])));
    for (int second = 0; second < 40; second++) {
      shard.pass(Duration.ofSeconds(1));
      shard.read("used", Read.Get.ANY);
      shard.read("used", new Read.Placed());
    }
    List<NodeReport.Idle> idle = report(shard).idle();
    assertEquals(6, idle.size(), idle::toString);
    for (NodeReport.Idle one : idle) {
      assertTrue(one.idleMillis() >= 10_000 && one.bytes() > 100_000, one::toString);
      assertTrue(!one.key().equals(bytes("used")));
    }
  }
}
