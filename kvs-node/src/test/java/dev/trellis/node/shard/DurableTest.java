package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Writes that wait for a disk, on a memory node and an SSD node.
class DurableTest {
  private static final Mutation INCREMENT = new Mutation.Increment(1);

  private final TestDisk disk = new TestDisk();
  private final TestCluster cluster = new TestCluster(new Partitions(6), 1);

  DurableTest() {
    cluster.foundWithDisk(disk);
  }

  private static Receipt done(Reply reply) {
    assertInstanceOf(Outcome.Done.class, reply.outcome(), reply.toString());
    return reply.receipt();
  }

  private static String refused(Reply reply) {
    return assertInstanceOf(Outcome.Failed.class, reply.outcome(), reply.toString()).message();
  }

  @Test
  void isAnsweredOnceTheOtherNodeHasItOnDisk() {
    TestCluster.Member memory = cluster.member("m");
    memory.ask(INCREMENT, "k", Acknowledgement.DURABLE);
    cluster.persist();
    assertEquals(0, memory.replies(), "it is merged there and on its way to the disk");
    disk.reach();
    cluster.persist();
    assertEquals(new Receipt(2, 1), done(memory.lastReply()));
  }

  @Test
  void isAnsweredOnceTheNodeItselfHasItOnDiskAndAnotherHasMergedIt() {
    TestCluster.Member ssd = cluster.member("ssd");
    ssd.ask(INCREMENT, "k", Acknowledgement.DURABLE);
    cluster.persist();
    assertEquals(0, ssd.replies());
    disk.reach();
    cluster.persist();
    assertEquals(new Receipt(2, 1), done(ssd.lastReply()));
  }

  /// Once the heir has in memory what is here, the leaver may go, and its disk with it.
  @Test
  void theDiskOfANodeThatLeavesIsNotEnough() {
    TestDisk first = new TestDisk();
    TestDisk second = new TestDisk();
    TestCluster three = new TestCluster(new Partitions(6), 1);
    three.start("m", State.ACTIVE);
    three.start("ssd1", State.ACTIVE, () -> first);
    three.start("ssd2", State.ACTIVE, () -> second);
    three.tellViews(Set.of(), Set.of());
    List.of("m", "ssd1", "ssd2").forEach(id -> three.member(id).core().found());
    String key =
        IntStream.iterate(0, number -> number + 1)
            .mapToObj(number -> "k" + number)
            .filter(one -> three.holdersOf(one).contains("ssd1"))
            .findFirst()
            .orElseThrow();
    TestCluster.Member leaving = three.member("ssd1");
    leaving.ask(INCREMENT, key, Acknowledgement.REPLICATED);
    three.persist();
    first.reach();
    three.state("ssd1", State.LEAVING);
    three.tellViews(Set.of(), Set.of());
    three.pass(500); // the heir has in memory what was here before
    three.persist();
    leaving.ask(INCREMENT, key, Acknowledgement.DURABLE);
    three.persist();
    first.reach();
    three.persist();
    assertEquals(1, leaving.replies(), "the heir has it in memory only");
    second.reach();
    three.persist();
    second.reach();
    three.persist();
    assertEquals(2, leaving.replies());
    assertEquals(1, done(leaving.lastReply()).durableCopies());
  }

  @Test
  void whatWasPutBeforeTheLastBatchIsNotTakenForWhatIsInIt() {
    TestCluster.Member memory = cluster.member("m");
    memory.ask(INCREMENT, "a", Acknowledgement.DURABLE);
    cluster.persist();
    disk.reach();
    memory.ask(INCREMENT, "b", Acknowledgement.DURABLE);
    cluster.persist();
    assertEquals(1, memory.replies(), "the second is in a later batch");
    disk.reach();
    cluster.persist();
    assertEquals(2, memory.replies());
  }

  @Test
  void aReplicatedWriteDoesNotWaitForTheDisk() {
    TestCluster.Member memory = cluster.member("m");
    memory.ask(INCREMENT, "k", Acknowledgement.REPLICATED);
    assertEquals(new Receipt(2, 0), done(memory.lastReply()));
  }

  @Test
  void aRepeatIsDurableOnlyWhenWhatItFoundIs() {
    TestCluster.Member memory = cluster.member("m");
    memory.ask(new Mutation.Raise(5), "k", Acknowledgement.REPLICATED);
    memory.ask(new Mutation.Raise(5), "k", Acknowledgement.DURABLE);
    cluster.persist();
    assertEquals(1, memory.replies());
    disk.reach();
    cluster.persist();
    assertEquals(new Receipt(2, 1), done(memory.lastReply()));
  }

  @Test
  void aRepeatOfWhatIsOnDiskAlreadyWaitsForNothing() {
    TestCluster.Member memory = cluster.member("m");
    memory.ask(new Mutation.Raise(5), "k", Acknowledgement.DURABLE);
    cluster.persist();
    disk.reach();
    cluster.persist();
    memory.ask(new Mutation.Raise(5), "k", Acknowledgement.DURABLE);
    cluster.persist();
    assertEquals(2, memory.replies());
    assertEquals(new Receipt(2, 1), done(memory.lastReply()));
  }

  @Test
  void whatWasToldOfTheDiskAndGotLostIsToldAgain() {
    TestCluster.Member memory = cluster.member("m");
    memory.ask(INCREMENT, "k", Acknowledgement.DURABLE);
    cluster.persist();
    disk.reach();
    cluster.passing((from, to) -> !from.nodeId().equals("ssd"));
    cluster.persist();
    assertEquals(0, memory.replies());
    cluster.passing((from, to) -> true);
    cluster.pass(1_200);
    assertEquals(new Receipt(2, 1), done(memory.lastReply()));
  }

  @Test
  void aDiskThatTakesTooLongIsSaid() {
    TestCluster.Member memory = cluster.member("m");
    memory.ask(INCREMENT, "k", Acknowledgement.DURABLE);
    cluster.pass(10_000);
    String message = refused(memory.lastReply());
    assertTrue(message.contains("no copy has reached the disk in time"), message);
    assertEquals(new Receipt(2, 0), memory.lastReply().receipt());
  }

  @Test
  void withoutAnyDiskItIsSaidAtOnce() {
    TestCluster memoryOnly = TestCluster.of("a", "b");
    memoryOnly.member("a").ask(INCREMENT, "k", Acknowledgement.DURABLE);
    String message = refused(memoryOnly.member("a").lastReply());
    assertTrue(message.contains("no node that keeps data on disk has it"), message);
  }
}
