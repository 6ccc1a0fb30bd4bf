package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Five real nodes under load, of which some die, come and go: nothing acknowledged is lost.
class ClusterIT {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int CALLS_BETWEEN = 200;
  private static final int KEYS = 12_000;
  private static final int KEYS_AT_ONCE = 200;
  private static final int VALUE_BYTES = 1_000;

  @TempDir Path folder;
  private LocalTrellis local;

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
  }

  @AfterEach
  void down() {
    local.close();
  }

  private void awaitWhole() {
    RecordedLoad.Conditions.await(
        "the cluster is whole", () -> local.status().get("whole").asBoolean());
  }

  private void kill(String id) {
    long pid = LocalTrellis.node(local.status(), id).get("pid").asLong();
    ProcessHandle process = ProcessHandle.of(pid).orElseThrow();
    assertTrue(process.destroyForcibly());
    RecordedLoad.Conditions.await(id + " ends", () -> !LocalTrellis.isRunning(pid));
    // It counts as whole until somebody has noticed.
    RecordedLoad.Conditions.await(
        "the others notice that " + id + " has died",
        () -> !LocalTrellis.node(local.status(), id).get("state").asText().equals("active"));
  }

  /// Gives the cluster something to hand over: it takes seconds at the rate that the test sets.
  private static void fill(RecordedLoad load) {
    byte[] value = new byte[VALUE_BYTES];
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    for (int from = 0; from < KEYS; from += KEYS_AT_ONCE) {
      List<Call> calls =
          IntStream.range(from, from + KEYS_AT_ONCE)
              .mapToObj(
                  key -> {
                    random.nextBytes(value);
                    return new Call(
                        Payload.ofText("filling:" + key),
                        new Mutation.Put(Payload.of(value)),
                        CallOptions.DEFAULT);
                  })
              .toList();
      load.client().executeAll(calls).forEach(CompletableFuture::join);
    }
  }

  @Test
  void nothingAcknowledgedIsLostWhileNodesDieComeAndGo() throws InterruptedException {
    List<String> up =
        new ArrayList<>(List.of("--memory-nodes", "5", "--shards", "1", "--memory", "192m"));
    // A busy machine may keep a living process from answering for as long as this.
    List.of(
            "membership.suspect.after=2s",
            "membership.remove.after=6s",
            "replication.timeout=15s",
            "clock.skew.max=10s",
            "handoff.rate=1MiB")
        .forEach(setting -> up.addAll(List.of("--set", setting)));
    local.up(up.toArray(String[]::new));
    assertTrue(local.status().get("whole").asBoolean());
    try (RecordedLoad load = new RecordedLoad(local.address(), SEED)) {
      fill(load);
      load.start();
      load.awaitCalls(CALLS_BETWEEN);
      assertEquals(0, load.unknown());

      kill("node-1");
      load.awaitCalls(CALLS_BETWEEN);
      awaitWhole();
      int unknownAfterDeath = load.unknown();
      assertTrue(unknownAfterDeath <= load.threads(), "no more than what was under way");

      local.trellis("node", "add").expect(0);
      assertEquals("active", stateOf("node-5"));
      awaitWhole();
      load.awaitCalls(CALLS_BETWEEN);

      local.trellis("node", "remove", "node-2").expect(0);
      assertEquals("", stateOf("node-2"));
      awaitWhole();
      load.awaitCalls(CALLS_BETWEEN);
      assertEquals(unknownAfterDeath, load.unknown(), "joins and leaves are not to be noticed");

      JsonNode joining =
          LocalTrellis.json(local.trellis("node", "add", "--detach", "--json").expect(0).output());
      assertEquals("joining", joining.get("state").asText());
      String id = joining.get("id").asText();
      kill(id);
      load.awaitCalls(CALLS_BETWEEN);
      awaitWhole();
      assertTrue(load.unknown() <= unknownAfterDeath + load.threads());

      local.trellis("node", "remove", id, "--dead").expect(0);
      local.trellis("node", "remove", "node-1", "--dead").expect(0);
      load.awaitCalls(CALLS_BETWEEN);
      awaitWhole();
      load.stop();
      load.verify();
      assertEquals(KEYS, load.client().keys("filling:").count());
      assertEquals(
          List.of("node-0", "node-3", "node-4", "node-5"),
          local.status().get("nodes").findValuesAsText("id"));
    }
  }

  private String stateOf(String id) {
    return LocalTrellis.node(local.status(), id).path("state").asText();
  }
}
