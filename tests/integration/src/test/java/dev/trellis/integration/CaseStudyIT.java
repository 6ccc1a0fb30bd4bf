package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Case studies, small, against the processes that they start.
class CaseStudyIT {
  private static final int TRANSACTIONS = 1_000;

  @TempDir Path folder;

  @Test
  void transactionsSeeWhatTheyShouldNotWhereNothingIsPromised() {
    try (LocalTrellis local = new LocalTrellis(folder)) {
      Execution run =
          local
              .trellis(
                  "casestudy",
                  "anomalies",
                  "--transactions",
                  Integer.toString(TRANSACTIONS),
                  "--gossip",
                  "1s",
                  "--port-base",
                  Integer.toString(local.portBase()),
                  "--json")
              .expect(0);
      JsonNode json = LocalTrellis.json(run.line());
      assertTrue(json.get("passed").asBoolean(), json::toString);
      JsonNode eventual = json.at("/results/0");
      assertEquals("eventual", eventual.get("level").asText());
      assertEquals(TRANSACTIONS, eventual.get("transactions").asInt());
      assertTrue(eventual.at("/readYourWrites/transactions").asInt() > 0, json::toString);
      assertTrue(eventual.at("/fracturedReads/transactions").asInt() > 0, json::toString);
      assertEquals(0, eventual.at("/metadata/maxBytes").asInt());
      assertEquals(2, eventual.get("oneKeyCallsByNode").size(), json::toString);
      // It ended what it had started.
      assertEquals(1, local.shell("exec 3<>/dev/tcp/127.0.0.1/" + local.portBase()).exitCode());
    }
  }
}
