package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.SsdStore;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a shard does when records on its disk can't be read, or nothing can be written there, at
/// bad moments.
class BadDiskTest {
  private static final SsdStore.Meter NO_METER =
      new SsdStore.Meter() {
        @Override
        public void synced(int changes, long nanos, long syncNanos) {}

        @Override
        public void placed(int changes, long nanos) {}
      };

  private static final Mutation PUT = new Mutation.Put(Payload.ofText("v"));

  @Test
  void aBrokenSetFoundAtTheStartIsNotMissing(@TempDir Path folder) throws Exception {
    SsdStore.Owner owner = new SsdStore.Owner("c", "ssd", 0, 1);
    SsdStore.Settings settings = new SsdStore.Settings(1L << 30, Duration.ZERO, 1 << 20, NO_METER);
    TestCluster cluster = new TestCluster(new Partitions(6), 1);
    SsdStore store = SsdStore.open(folder, owner, settings);
    cluster.foundWithDisk(store);
    for (int i = 0; i < 20; i++) {
      cluster
          .member("ssd")
          .ask(
              new Mutation.Add(Kind.GSET, List.of(Payload.ofText("value-of-" + i + "."))),
              "k" + i,
              Acknowledgement.REPLICATED);
    }
    cluster.pass(2_000);
    cluster.persist();
    cluster.crash("ssd");
    store.close();
    Path data = folder.resolve("data.mdb");
    byte[] bytes = Files.readAllBytes(data);
    String all = new String(bytes, StandardCharsets.ISO_8859_1);
    int found = 0;
    for (int at = all.indexOf("value-of-7."); at >= 0; at = all.indexOf("value-of-7.", at + 1)) {
      bytes[at] ^= 1;
      found++;
    }
    assertTrue(found > 0);
    Files.write(data, bytes);
    SsdStore again = SsdStore.open(folder, owner, settings);
    try {
      cluster.start("ssd", State.ACTIVE, () -> again);
      cluster.tellViews(Set.of(), Set.of());
      for (int i = 0; i < 30; i++) {
        cluster.pass(500);
        cluster.persist();
      }
      cluster.member("ssd").ask(Read.Get.ANY, "k7", Acknowledgement.REPLICATED);
      cluster.persist();
      String told = cluster.member("ssd").lastReply().toString();
      assertFalse(told.contains("Missing"), told);
    } finally {
      again.close();
    }
  }

  /// Of 20 keys that are on a disk, too.
  private static TestCluster withOneThatHasLostAll(TestDisk disk) {
    TestCluster cluster = new TestCluster(new Partitions(6), 1);
    cluster.foundWithDisk(disk);
    for (int i = 0; i < 20; i++) {
      cluster.member("ssd").ask(PUT, "k" + i, Acknowledgement.REPLICATED);
    }
    cluster.pass(1_000);
    cluster.crash("m");
    cluster.start("m", State.ACTIVE);
    return cluster;
  }

  @Test
  void aMutationIsCarriedOutOnceThoughARepairIsBroken() {
    TestDisk disk = new TestDisk();
    TestCluster cluster = withOneThatHasLostAll(disk);
    cluster.holding(message -> message instanceof PeerMessage.Wanted);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(500);
    cluster.release(); // the ssd node has keys to send, and did not come to it yet
    for (int i = 0; i < 20; i++) {
      disk.breakRecord(Payload.ofText("k" + i));
    }
    int before = cluster.member("ssd").replies();
    cluster.member("ssd").ask(new Mutation.Increment(1), "counter", Acknowledgement.REPLICATED);
    cluster.pass(3_000);
    cluster.persist();
    assertEquals(1, cluster.member("ssd").replies() - before, "answered exactly once");
  }

  /// Found broken while somebody else fetches the partition, who was told before that all of it is
  /// there.
  @Test
  void whatIsFoundBrokenWhileSomebodyFetchesThePartitionIsSaidToBeLost() {
    TestDisk disk = new TestDisk();
    TestCluster cluster = withOneThatHasLostAll(disk);
    cluster.holding(
        message ->
            message instanceof PeerMessage.Wanted || message instanceof PeerMessage.KeysAsked);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(100);
    disk.breakRecord(Payload.ofText("k7"));
    cluster.release();
    for (int time = 0; time < 20; time++) {
      cluster.pass(500);
      cluster.persist();
    }
    long lost = 0;
    for (String id : List.of("m", "ssd")) {
      lost += cluster.member(id).core().statistics().partitionsLost();
    }
    assertTrue(lost > 0, "nobody has it, and nobody says so");
  }

  @Test
  void twoBrokenRecordsDoNotEndTheShard() {
    TestDisk disk = new TestDisk();
    TestCluster cluster = new TestCluster(new Partitions(6), 1);
    cluster.foundWithDisk(disk);
    for (String key : List.of("a", "b", "c")) {
      cluster.member("ssd").ask(PUT, key, Acknowledgement.REPLICATED);
      cluster
          .member("ssd")
          .ask(
              new Mutation.Place(Optional.of(new Placement(1, 1, 1))),
              key,
              Acknowledgement.REPLICATED);
    }
    cluster.pass(1_000);
    disk.breakRecord(Payload.ofText("a"));
    disk.breakRecord(Payload.ofText("b"));
    disk.breakRecord(Payload.ofText("c"));
    cluster.start("m2", State.JOINING);
    cluster.tellViews(Set.of(), Set.of());
  }

  @Test
  void whatIsNotOnDiskIsNotForgotten() {
    TestDisk first = new TestDisk();
    TestDisk second = new TestDisk();
    TestCluster cluster = new TestCluster(new Partitions(6), 1);
    cluster.start("ssd1", State.ACTIVE, () -> first);
    cluster.start("ssd2", State.ACTIVE, () -> second);
    cluster.tellViews(Set.of(), Set.of());
    cluster.member("ssd1").core().found();
    cluster.member("ssd2").core().found();
    cluster.persist();
    String key = "k0";
    for (int i = 0; !cluster.holdersOf(key).getFirst().equals("ssd1"); i++) {
      key = "k" + i;
    }
    cluster.member("ssd1").ask(PUT, key, Acknowledgement.REPLICATED);
    cluster.persist();
    first.reach();
    second.reach();
    cluster.persist();
    first.stop("No space left on device");
    cluster.member("ssd1").ask(new Mutation.Delete(), key, Acknowledgement.REPLICATED);
    cluster.persist();
    second.reach();
    cluster.persist();
    cluster.pass(200_000);
    cluster.persist();
    assertFalse(
        cluster.member("ssd2").entryOf(key).equals(Entry.BOTTOM),
        "the tombstone is forgotten everywhere; what ssd1 has on disk is the value");
  }

  @Test
  void anHeirWhoseDiskIsStuckCostsNothing() {
    TestDisk first = new TestDisk();
    TestDisk second = new TestDisk();
    TestCluster cluster = new TestCluster(new Partitions(6), 1);
    cluster.start("m", State.ACTIVE);
    cluster.start("ssd1", State.ACTIVE, () -> first);
    cluster.start("ssd2", State.ACTIVE, () -> second);
    cluster.tellViews(Set.of(), Set.of());
    for (String id : List.of("m", "ssd1", "ssd2")) {
      cluster.member(id).core().found();
    }
    for (int i = 0; i < 200; i++) {
      cluster.member("m").ask(PUT, "k" + i, Acknowledgement.REPLICATED);
    }
    cluster.pass(2_000);
    cluster.persist();
    cluster.state("ssd1", State.LEAVING);
    cluster.tellViews(Set.of(), Set.of());
    cluster.pass(5_000);
    cluster.pass(20_000);
    long a = undurable(cluster);
    cluster.pass(10_000);
    assertTrue(undurable(cluster) <= a, "grows: " + a + " to " + undurable(cluster));
  }

  private static long undurable(TestCluster cluster) {
    return cluster.member("ssd1").core().awaitedOnDisk(cluster.peer("ssd2"));
  }

  @Test
  void aComparisonThatBeganBeforeALossDoesNotMakeWhole() {
    TestDisk disk = new TestDisk();
    Partitions partitions = new Partitions(6);
    TestCluster cluster = new TestCluster(partitions, 1);
    cluster.foundWithDisk(disk);
    String j = "j0";
    String k = "k0";
    for (int i = 0;
        partitions.of(KeyHash.of(Payload.ofText(j)))
            != partitions.of(KeyHash.of(Payload.ofText(k)));
        i++) {
      k = "k" + i;
    }
    cluster.member("ssd").ask(PUT, j, Acknowledgement.REPLICATED);
    cluster.member("ssd").ask(PUT, k, Acknowledgement.REPLICATED);
    cluster.pass(3_000);
    TestCluster.Member ssd = cluster.member("ssd");
    disk.breakRecord(Payload.ofText(j));
    ssd.core()
        .receive(
            cluster.peer("m"),
            new PeerMessage.Fetch(991, Payload.ofText(j)),
            cluster.nowMillis(),
            ssd);
    cluster.holding(message -> message instanceof PeerMessage.Sent);
    cluster.pass(300);
    disk.breakRecord(Payload.ofText(k));
    ssd.core()
        .receive(
            cluster.peer("m"),
            new PeerMessage.Fetch(992, Payload.ofText(k)),
            cluster.nowMillis(),
            ssd);
    cluster.release();
    cluster.pass(20);
    ssd.ask(Read.Get.ANY, k, Acknowledgement.ONE);
    assertFalse(ssd.lastReply().toString().contains("Missing"));
  }

  @Test
  void whatIsFoundBrokenInPassingIsNotMissingInTheSameTurn(@TempDir Path folder) throws Exception {
    SsdStore.Settings settings = new SsdStore.Settings(1L << 30, Duration.ZERO, 1 << 20, NO_METER);
    SsdStore store = SsdStore.open(folder, new SsdStore.Owner("c", "ssd", 0, 1), settings);
    Partitions partitions = new Partitions(6);
    TestCluster cluster = new TestCluster(partitions, 1);
    try {
      cluster.foundWithDisk(store);
      cluster
          .member("ssd")
          .ask(new Mutation.Put(Payload.ofText("value-of-7.")), "k7", Acknowledgement.REPLICATED);
      while (!store.isInPlace()) {
        cluster.persist();
        Thread.onSpinWait();
      }
      Path data = folder.resolve("data.mdb");
      String all = new String(Files.readAllBytes(data), StandardCharsets.ISO_8859_1);
      try (RandomAccessFile file = new RandomAccessFile(data.toFile(), "rw")) {
        for (int at = all.indexOf("value-of-7.");
            at >= 0;
            at = all.indexOf("value-of-7.", at + 1)) {
          file.seek(at);
          file.write('V');
        }
      }
      List<PeerMessage> sent = new ArrayList<>();
      Outbox out =
          new Outbox() {
            @Override
            public void reply(Origin origin, Reply reply) {}

            @Override
            public void changesPending(Origin origin) {}

            @Override
            public void send(Peer to, PeerMessage message) {
              sent.add(message);
            }
          };
      Payload k7 = Payload.ofText("k7");
      int partition = partitions.of(KeyHash.of(k7));
      ShardCore core = cluster.member("ssd").core();
      core.receive(
          cluster.peer("m"), new PeerMessage.KeysAsked(7, 2, partition), cluster.nowMillis(), out);
      core.receive(cluster.peer("m"), new PeerMessage.Fetch(8, k7), cluster.nowMillis(), out);
      assertTrue(
          sent.stream()
              .noneMatch(
                  m ->
                      m instanceof PeerMessage.Fetched f
                          && f.complete()
                          && f.state().entry().equals(Entry.BOTTOM)));
    } finally {
      store.close();
    }
  }
}
