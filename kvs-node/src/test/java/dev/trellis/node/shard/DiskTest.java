package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// What a shard of an SSD node does when its disk is full, slow or damaged.
class DiskTest {
  private static final Mutation PUT = new Mutation.Put(Payload.ofText("v"));

  private final TestDisk disk = new TestDisk();
  private final TestCluster cluster = new TestCluster(new Partitions(6), 1);

  DiskTest() {
    cluster.foundWithDisk(disk);
  }

  private Outcome ask(String node, Operation operation, String key) {
    TestCluster.Member member = cluster.member(node);
    member.ask(operation, key, Acknowledgement.REPLICATED);
    cluster.persist();
    return member.lastReply().outcome();
  }

  private static View shown(Outcome outcome) {
    return assertInstanceOf(Outcome.Done.class, outcome, outcome.toString()).view();
  }

  @Test
  void whileNothingCanBeWrittenWhatAddsIsRefusedAndTheRestGoesOn() {
    shown(ask("ssd", PUT, "k"));
    disk.stop("No space left on device");
    Outcome.Failed refused = assertInstanceOf(Outcome.Failed.class, ask("ssd", PUT, "other"));
    assertEquals(ErrorCode.DISK_FULL, refused.code());
    assertEquals(
        "shard 0 of node ssd can't write to its disk: No space left on device; free space there, or"
            + " add a node",
        refused.message());
    assertTrue(refused.retryAfter().isPresent());
    assertInstanceOf(View.Missing.class, shown(ask("ssd", Read.Get.ANY, "other")));
    assertInstanceOf(View.Bytes.class, shown(ask("ssd", Read.Get.ANY, "k")));
    shown(ask("ssd", new Mutation.Delete(), "k"));
    // Others send what they have let in, which waits.
    shown(ask("m", PUT, "third"));
    assertFalse(cluster.member("ssd").entryOf("third").values().isEmpty());
    disk.goOn();
    shown(ask("ssd", PUT, "other"));
  }

  @Test
  void whatWaitsForTheDiskIsBounded() {
    disk.waits(Long.MAX_VALUE);
    Outcome.Failed refused = assertInstanceOf(Outcome.Failed.class, ask("ssd", PUT, "k"));
    assertEquals(ErrorCode.OVERLOADED, refused.code());
    assertTrue(refused.message().contains("yet to write to its disk"), refused.message());
    cluster.member("m").ask(PUT, "k", Acknowledgement.ONE);
    cluster.pass(1_000);
    assertTrue(
        cluster.member("ssd").entryOf("k").values().isEmpty(), "what peers send is not taken");
    disk.waits(0);
    cluster.pass(5_000);
    assertFalse(cluster.member("ssd").entryOf("k").values().isEmpty(), "it comes again");
  }

  @Test
  void whatIsBrokenIsNeitherServedNorMissingButFetchedFromTheOtherReplica() {
    shown(ask("ssd", PUT, "k"));
    for (Operation operation : List.of(Read.Get.ANY, PUT)) {
      disk.breakRecord(Payload.ofText("k"));
      shown(ask("ssd", operation, "k"));
      assertInstanceOf(View.Bytes.class, shown(ask("ssd", Read.Get.ANY, "k")));
    }
    assertEquals(2, disk.mended());
    assertEquals(2, cluster.member("ssd").core().statistics().broken());
    cluster.pass(5_000);
    assertEquals(0, cluster.member("ssd").core().progress().incomplete(), "it is whole again");
    assertEquals(0, cluster.member("ssd").core().statistics().partitionsLost());
  }

  @Test
  void whatIsBrokenAndNobodyElseHasIsCountedAsLost() {
    cluster.member("ssd").ask(PUT, "k", Acknowledgement.ONE);
    cluster.crash("m");
    cluster.remove("m");
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(5_000);
    disk.breakRecord(Payload.ofText("k"));
    cluster.member("ssd").ask(Read.Get.ANY, "k", Acknowledgement.ONE);
    cluster.pass(10_000);
    assertEquals(1, cluster.member("ssd").core().statistics().partitionsLost());
    cluster.member("ssd").ask(Read.Get.ANY, "k", Acknowledgement.ONE);
    assertInstanceOf(View.Missing.class, shown(cluster.member("ssd").lastReply().outcome()));
  }

  /// Comparing is quick where the newcomer has fetched all; that a disk has it is heard of at the
  /// rate of handing over.
  @Test
  void whatANewcomerTakesOverIsLetGoOfHoweverMuchThatIs() {
    TestDisk slow = new TestDisk();
    Partitions many = new Partitions(14);
    TestCluster two = new TestCluster(many, 1);
    two.handoffRate(256 << 10);
    two.start("a", State.ACTIVE);
    two.start("ssd", State.ACTIVE, () -> slow);
    two.tellViews(Set.of(), Set.of());
    List.of("a", "ssd").forEach(id -> two.member(id).core().found());
    Mutation.Put put = new Mutation.Put(Payload.ofText("value"));
    Set<Integer> have = new HashSet<>();
    for (int number = 0; have.size() < 15_000; number++) {
      String key = "k" + number;
      if (have.add(many.of(KeyHash.of(Payload.ofText(key))))) {
        two.member("a").ask(put, key, Acknowledgement.ONE);
      }
      if (number % 1_000 == 0) {
        two.pass(10);
        persist(two, slow);
      }
    }
    two.pass(3_000);
    persist(two, slow);
    two.start("b", State.JOINING);
    two.tellViews(Set.of(), Set.of());
    for (int turn = 0; turn < 200 && two.member("b").core().progress().incomplete() > 0; turn++) {
      two.pass(500);
      persist(two, slow);
    }
    two.state("b", State.ACTIVE);
    two.tellViews(Set.of(), Set.of());
    for (int turn = 0; turn < 240 && two.member("a").core().progress().surplus() > 0; turn++) {
      two.pass(500);
      persist(two, slow);
    }
    assertEquals(0, two.member("a").core().progress().surplus());
  }

  private static void persist(TestCluster cluster, TestDisk disk) {
    cluster.persist();
    disk.reach();
    cluster.persist();
  }
}
