package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.lattice.Payload;
import dev.trellis.node.control.ControlClient;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `backup`, `verify` and `restore`: from one cluster into another of other nodes and shards.
class BackupIT {
  private static final String LONG_KEY = "long-" + "k".repeat(700);
  private static final int LARGE_BYTES = 16 << 20;

  @TempDir Path folder;
  private LocalTrellis one;
  private LocalTrellis other;
  private Path backup;

  @BeforeEach
  void choosePorts() throws IOException {
    one = new LocalTrellis(Files.createDirectory(folder.resolve("one")));
    other = new LocalTrellis(Files.createDirectory(folder.resolve("other")));
    backup = folder.resolve("backup");
  }

  @AfterEach
  void down() {
    try {
      one.close();
    } finally {
      other.close();
    }
  }

  private static void up(LocalTrellis cluster, String memory, String ssd, String shards) {
    cluster.up(
        "--memory-nodes", memory, "--ssd-nodes", ssd, "--shards", shards, "--memory", "384m");
  }

  private static Trellis connect(LocalTrellis cluster) {
    return Trellis.connect(
        ClientConfig.of(cluster.address())
            .withTimeout(Duration.ofMinutes(1))
            .withAcknowledgement(Acknowledgement.DURABLE));
  }

  private static Reply execute(Trellis trellis, String key, Read read) {
    return trellis.execute(Payload.ofText(key), read, CallOptions.DEFAULT).join();
  }

  private static View view(Reply reply) {
    return ((Outcome.Done) reply.outcome()).view();
  }

  private static Map<String, Entry> states(Trellis trellis, Iterable<String> keys) {
    Map<String, Entry> states = new TreeMap<>();
    for (String key : keys) {
      if (view(execute(trellis, key, new Read.State())) instanceof View.State(Entry entry)) {
        states.put(key, entry);
      }
    }
    return states;
  }

  private static void admitMerges(Trellis trellis, Duration lease) throws IOException {
    for (NodeDescriptor node : trellis.clusterMap().nodes()) {
      new ControlClient(node.host(), node.controlPort(), Duration.ofSeconds(30)).admitMerges(lease);
    }
  }

  private static Reply mergeOpaque(Trellis trellis, String key)
      throws InterruptedException, ExecutionException {
    Entry entry =
        Entry.of(HybridTimestamp.ZERO, OpaqueValue.of(999, List.of(Payload.ofText("later"))));
    return trellis
        .execute(Payload.ofText(key), new Mutation.Merge(entry), CallOptions.DEFAULT)
        .get();
  }

  /// Writes something of every kind and every state.
  ///
  /// @return the keys
  private static List<String> writeAll(Trellis trellis) throws Exception {
    trellis.register("lww").putText("value-of-lww");
    trellis.register(LONG_KEY).putText("v");
    trellis.register("deleted").putText("x");
    trellis.delete("deleted");
    trellis
        .register("ttl")
        .withOptions(CallOptions.DEFAULT.withTtl(Duration.ofDays(7)))
        .putText("x");
    trellis
        .register("expired")
        .withOptions(CallOptions.DEFAULT.withTtl(Duration.ofMillis(1)))
        .putText("x");
    trellis.register("large").put(new byte[LARGE_BYTES]);
    trellis.register("placed").putText("x");
    trellis.placement("placed").set(new Placement(1, 2, 1));
    trellis.counter("counter").add(5);
    trellis.counter("counter").add(-2);
    trellis.max("max").raise(5);
    trellis.min("min").lower(-5);
    trellis.flag("flag").enable();
    trellis.priority("priority").putText(2, "second");
    trellis.growSet("gset").add("a", "b");
    trellis.orderedSet("oset").add("b", "a");
    for (int part = 0; part < 8; part++) {
      int from = part * 5_000;
      trellis
          .orderedSet("many")
          .add(
              IntStream.range(from, from + 5_000)
                  .mapToObj(element -> "element-" + "x".repeat(60) + element)
                  .toArray(String[]::new));
    }
    trellis.set("orset").add("a", "b", "c");
    trellis.set("orset").remove("b");
    trellis.sortedSet("sortedset").add("alice", 10);
    trellis.sortedSet("sortedset").add("bob", 7);
    trellis.sortedSet("sortedset").remove("bob");
    trellis.map("map").register("name").putText("Ada");
    trellis.map("map").map("inner").counter("n").add(3);
    trellis.map("map").register("gone").putText("x");
    trellis.map("map").remove("gone");
    trellis.causal("causal").putText("one", CausalContext.EMPTY);
    trellis.causal("causal").putText("two", CausalContext.EMPTY);
    trellis.multiCausal("multicausal").put(Payload.ofText("v"), CausalContext.EMPTY, Map.of());
    CausalContext seen = trellis.log("log").append("first", "second");
    trellis.log("log").trim(seen);
    trellis.log("log").append("third");
    admitMerges(trellis, Duration.ofSeconds(30));
    mergeOpaque(trellis, "unknown");
    admitMerges(trellis, Duration.ZERO);
    return List.of(
        "lww",
        LONG_KEY,
        "deleted",
        "ttl",
        "expired",
        "large",
        "placed",
        "counter",
        "max",
        "min",
        "flag",
        "priority",
        "gset",
        "oset",
        "many",
        "orset",
        "sortedset",
        "map",
        "causal",
        "multicausal",
        "log",
        "unknown");
  }

  /// Writes registers one after the other, until it is closed.
  private static final class Load implements AutoCloseable {
    private final Trellis trellis;
    private final AtomicInteger acknowledged = new AtomicInteger();
    private final Thread thread;
    private volatile boolean stopping;

    Load(Trellis trellis) {
      this.trellis = trellis;
      this.thread = Thread.ofVirtual().start(this::run);
    }

    private void run() {
      while (!stopping) {
        trellis.register("load-" + acknowledged.get()).putText("x");
        acknowledged.incrementAndGet();
      }
    }

    int acknowledged() {
      return acknowledged.get();
    }

    @Override
    public void close() {
      stopping = true;
      RecordedLoad.Conditions.await("the last write ends", () -> !thread.isAlive());
    }
  }

  private Execution restore(int exitCode, String... more) {
    return other
        .trellis(
            Stream.concat(Stream.of("restore", backup.toString()), Stream.of(more))
                .toArray(String[]::new))
        .expect(exitCode);
  }

  @Test
  void whatWasDurableIsInABackupAndMergesIntoAClusterOfOtherNodesAndShards() throws Exception {
    up(one, "1", "2", "2");
    Map<String, Entry> before;
    int acknowledged;
    try (Trellis trellis = connect(one)) {
      List<String> keys = writeAll(trellis);
      try (Load load = new Load(trellis)) {
        RecordedLoad.Conditions.await("the load writes", () -> load.acknowledged() > 50);
        acknowledged = load.acknowledged();
        Execution made = one.trellis("backup", backup.toString()).expect(0);
        assertTrue(made.output().startsWith("node-1/shard-0  "), made.output());
        assertTrue(made.output().contains("\nbacked up "), made.output());
      }
      before = states(trellis, keys);
    }
    assertEquals(22, before.size(), before.keySet()::toString);
    assertEquals(
        "error: " + backup + " is not empty; name a folder that is not there yet\n",
        one.trellis("backup", backup.toString()).expect(6).error());
    JsonNode verified =
        LocalTrellis.json(one.trellis("verify", backup.toString(), "--json").expect(0).output());
    assertTrue(verified.get("sound").asBoolean(), verified::toString);
    assertEquals(4, verified.get("shards").size());
    one.trellis("down").expect(0);

    up(other, "1", "1", "3");
    try (Trellis trellis = connect(other)) {
      trellis.set("orset").add("d");
      JsonNode restored = LocalTrellis.json(restore(0, "--verify", "--json").output());
      assertEquals(0, restored.get("differing").asInt(), restored::toString);
      assertEquals(1, restored.get("placed").asInt(), restored::toString);
      assertEquals(List.of("a", "c", "d"), trellis.set("orset").texts());
      Map<String, Entry> after = states(trellis, before.keySet());
      after.put("orset", before.get("orset").merge(after.get("orset")));
      before.put("orset", after.get("orset"));
      before.forEach((key, entry) -> assertEquals(entry, after.get(key), key));
      assertEquals(new View.Missing(), view(execute(trellis, "deleted", Read.Get.ANY)));
      assertEquals(LARGE_BYTES, trellis.register("large").get().orElseThrow().size());
      assertEquals(40_000, trellis.orderedSet("many").size());
      assertEquals(
          new View.Placed(new Placement(1, 2, 1), true), trellis.placement("placed").show());
      for (int written = 0; written < acknowledged; written++) {
        assertTrue(trellis.register("load-" + written).getText().isPresent(), "load-" + written);
      }
      // Nothing is left open, and nothing changes when it is done again.
      ExecutionException closed =
          assertThrows(ExecutionException.class, () -> mergeOpaque(trellis, "forged"));
      assertTrue(closed.getCause() instanceof DefiniteException.Forbidden, closed::toString);
      assertTrue(restore(0, "--verify").output().endsWith(", 0 differ\n"));
      assertEquals(after, states(trellis, after.keySet()));
    }

    flipBitOf("value-of-lww", backup.resolve("node-1"), backup.resolve("node-2"));
    Execution damaged = one.trellis("verify", backup.toString()).expect(1);
    assertTrue(damaged.output().contains(" has checksum "), damaged.output());
    assertTrue(damaged.output().contains(" is not as it was written\n"), damaged.output());
    Execution rest = restore(1);
    assertTrue(rest.output().contains(" broken\n"), rest.output());
    assertTrue(rest.error().contains(" is not as it was written\n"), rest.error());

    Path data = other.home().resolve("clusters/" + other.portBase() + "/node-1");
    assertEquals(
        "error: data folder " + data + " is in use by a node that runs; stop that first\n",
        other.trellis("verify", data.toString()).expect(6).error());
    other.trellis("down").expect(0);
    Execution sound = other.trellis("verify", data.toString()).expect(0);
    assertTrue(sound.output().startsWith("shard-0  "), sound.output());
    assertTrue(sound.output().contains("\nsound: "), sound.output());
    other.trellis("verify", data.resolve("shard-2").toString()).expect(0);
  }

  /// In every file that has the text.
  private static void flipBitOf(String text, Path... nodes) throws IOException {
    int times = 0;
    for (Path node : nodes) {
      try (Stream<Path> files = Files.walk(node)) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          byte[] bytes = Files.readAllBytes(file);
          int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text);
          if (at >= 0) {
            bytes[at] ^= 1;
            Files.write(file, bytes);
            times++;
          }
        }
      }
    }
    assertTrue(times > 0, text + " is in the files");
  }

  private void assertError(int exitCode, String message, String... arguments) {
    assertEquals("error: " + message + "\n", one.trellis(arguments).expect(exitCode).error());
  }

  @Test
  void whatCantBeBackedUpVerifiedOrRestoredIsNamedWithWhatToDo() throws IOException {
    up(one, "1", "0", "1");
    assertError(
        3,
        "cluster 'trellis' has no SSD node, and what is in memory only can't be copied; add one with"
            + " 'trellis node add --tier ssd', or use 'trellis export'",
        "backup",
        backup.toString());
    assertFalse(Files.exists(backup));
    String wanted =
        "; name the data folder of an SSD node, one of the shard folders in it, or a backup";
    for (String command : List.of("verify", "restore")) {
      assertError(6, backup + ": no such folder" + wanted, command, backup.toString());
    }
    Files.createDirectory(backup);
    assertError(
        6, backup + " has no data of an SSD node in it" + wanted, "restore", backup.toString());
    Path shard = Files.createDirectories(backup.resolve("node-1/shard-0"));
    assertError(
        6,
        backup
            + " has no manifest.json, so it is no backup, or one that was not finished; name a"
            + " finished one, or a folder in it, such as "
            + shard.getParent(),
        "verify",
        backup.toString());
    Execution empty = one.trellis("verify", shard.getParent().toString()).expect(1);
    assertTrue(empty.output().contains(" has no data.mdb"), empty.output());
    Files.writeString(backup.resolve("manifest.json"), "{\"format\": 2, \"version\": \"9.9\"}");
    assertError(
        6,
        "backup "
            + backup
            + " is in format 2, this version reads format 1; use the version that made it, 9.9",
        "verify",
        backup.toString());
    Files.writeString(backup.resolve("manifest.json"), "{\"format\": 1, \"crc32c\": \"0\"}");
    assertError(
        6,
        backup.resolve("manifest.json")
            + " is damaged: its checksum is wrong; what it told of is still there: name a node's"
            + " folder in "
            + backup
            + " instead",
        "restore",
        backup.toString());
  }
}
