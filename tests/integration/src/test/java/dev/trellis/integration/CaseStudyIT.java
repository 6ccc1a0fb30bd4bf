package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Case studies, small, against the processes that they start.
class CaseStudyIT {
  private static final int TRANSACTIONS = 1_000;

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

  /// What a study has found; fails if it says no.
  private JsonNode found(String... arguments) {
    List<String> command = new ArrayList<>(List.of("casestudy"));
    command.addAll(List.of(arguments));
    command.add("--json");
    return LocalTrellis.json(local.trellis(command.toArray(String[]::new)).expect(0).line());
  }

  /// The same of a study that starts a cluster; it must have ended that.
  private JsonNode foundOnItsOwnCluster(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--port-base", Integer.toString(local.portBase())));
    JsonNode json = found(all.toArray(String[]::new));
    assertEquals(1, local.shell("exec 3<>/dev/tcp/127.0.0.1/" + local.portBase()).exitCode());
    return json;
  }

  @Test
  void transactionsSeeWhatTheyShouldNotWhereNothingIsPromised() {
    JsonNode json =
        foundOnItsOwnCluster(
            "anomalies", "--transactions", Integer.toString(TRANSACTIONS), "--gossip", "1s");
    assertTrue(json.get("passed").asBoolean(), json::toString);
    JsonNode eventual = json.at("/results/0");
    assertEquals("eventual", eventual.get("level").asText());
    assertEquals(TRANSACTIONS, eventual.get("transactions").asInt());
    assertTrue(eventual.at("/readYourWrites/transactions").asInt() > 0, json::toString);
    assertTrue(eventual.at("/fracturedReads/transactions").asInt() > 0, json::toString);
    assertEquals(0, eventual.at("/metadata/maxBytes").asInt());
    assertEquals(2, eventual.get("oneKeyCallsByNode").size(), json::toString);
    JsonNode session = json.at("/results/1");
    assertEquals("session", session.get("level").asText());
    assertEquals(0, session.at("/readYourWrites/transactions").asInt(), json::toString);
    JsonNode atomic = json.at("/results/2");
    assertEquals("read-atomic", atomic.get("level").asText());
    assertEquals(0, atomic.at("/readYourWrites/transactions").asInt(), json::toString);
    assertEquals(0, atomic.at("/fracturedReads/transactions").asInt(), json::toString);
    assertTrue(atomic.at("/metadata/maxBytes").asInt() > 0, json::toString);
  }

  @Test
  void aModelLearnsTheSameFromTheStoreFromTheCacheAndFromFiles() {
    JsonNode json =
        foundOnItsOwnCluster(
            "model-training", "--batches", "8", "--batch-bytes", "200000", "--passes", "4");
    assertTrue(json.get("passed").asBoolean(), json::toString);
    assertEquals(3, json.get("results").size(), json::toString);
    for (JsonNode source : json.get("results")) {
      assertEquals(8 * 4, source.get("iterations").asInt(), json::toString);
      assertTrue(source.get("meanMillis").asDouble() > 0, json::toString);
    }
    JsonNode losses = json.get("losses");
    assertTrue(losses.get(3).asDouble() < losses.get(0).asDouble(), json::toString);
    JsonNode heldOut = json.get("heldOutSquaredError");
    assertTrue(
        heldOut.get("trained").asDouble() < heldOut.get("untrained").asDouble(), json::toString);
    assertTrue(json.at("/targets/0").has("met"), json::toString);
  }

  @Test
  void documentsComeBackWithoutDirtyWordsFromARunningClusterThatKeepsNothingOfThem() {
    local.up("--memory-nodes", "2");
    String address = local.address();
    JsonNode json =
        found(
            "prediction-serving",
            "--batches",
            "20",
            "--document-words",
            "50",
            "--address",
            address);
    assertTrue(json.get("passed").asBoolean(), json::toString);
    assertEquals(2, json.get("results").size(), json::toString);
    for (JsonNode service : json.get("results")) {
      assertEquals(20, service.get("batches").asInt(), json::toString);
      assertEquals(0, service.get("wrongResults").asInt(), json::toString);
    }
    assertTrue(json.at("/targets/0").has("met"), json::toString);
    assertEquals("", local.trellis("scan", "--address", address).expect(0).output().strip());
  }

  @Test
  void aMessageThereAndBackIsMeasuredAgainstASocket() {
    JsonNode json = foundOnItsOwnCluster("latency", "--trips", "200");
    assertEquals(5, json.get("results").size(), json::toString);
    assertEquals("jeromq", json.at("/results/0/name").asText());
    assertEquals(1.0, json.at("/results/0/p50Ratio").asDouble());
    for (JsonNode result : json.get("results")) {
      assertTrue(result.get("p50Micros").asDouble() > 0, json::toString);
      assertTrue(result.get("p50Ratio").asDouble() > 0, json::toString);
    }
    assertEquals(1.5, json.at("/results/1/targetRatio").asDouble());
    assertEquals(1.0, json.at("/results/2/targetRatio").asDouble());
    assertEquals(5, json.get("published").size());
  }

  @Test
  void agentsElectAnotherLeaderEachTimeThatItEnds() {
    JsonNode json = foundOnItsOwnCluster("leader-election", "--agents", "5", "--rounds", "3");
    assertEquals(2, json.get("results").size(), json::toString);
    for (JsonNode result : json.get("results")) {
      assertEquals(3, result.get("rounds").asInt(), json::toString);
      assertTrue(result.get("electionMillisMedian").asDouble() > 0, json::toString);
      assertTrue(result.get("messagesMean").asDouble() > 0, json::toString);
    }
    assertEquals(16_700.0, json.at("/published/electionMillis").asDouble());
  }
}
