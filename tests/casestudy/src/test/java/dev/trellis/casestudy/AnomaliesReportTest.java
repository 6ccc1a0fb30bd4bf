package dev.trellis.casestudy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Json;
import dev.trellis.history.History;
import dev.trellis.wire.ErrorCode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class AnomaliesReportTest {
  private static final int TRANSACTIONS = 2_000;

  private static LevelResult result(long own, long fractured) {
    Histogram latencies = new Histogram(3);
    latencies.recordValueWithCount(1_500_000, TRANSACTIONS);
    Histogram tokens = new Histogram(3);
    tokens.recordValue(120);
    tokens.recordValue(180);
    TransactionLoad.Outcome outcome =
        new TransactionLoad.Outcome(
            History.of(List.of()), latencies, tokens, 2, Map.of(ErrorCode.TIMEOUT, 2L));
    return new LevelResult(
        Level.EVENTUAL,
        Duration.ofMillis(10),
        outcome,
        new AnomalyCount(own, own * 2, 500),
        new AnomalyCount(fractured, fractured * 2, 500),
        Map.of("node-0", 50L, "node-1", 50L));
  }

  private static String line(List<String> lines, String beginning) {
    return lines.stream().filter(line -> line.startsWith(beginning)).findFirst().orElseThrow();
  }

  @Test
  void countsAreOfTenThousandTransactionsBesideThosePublished() {
    AnomaliesReport report = new AnomaliesReport(Map.of("seed", 1L), List.of(result(100, 300)));
    List<String> lines = report.lines();
    assertEquals(List.of("500", "1,500"), cells(line(lines, "eventual, gossip.epoch 10ms")));
    assertEquals(List.of("595", "836"), cells(line(lines, "S3 *")));
    assertEquals(List.of("911", "3,628"), cells(line(lines, "Cloudburst on Anna, lww *")));
    String cost =
        lines.stream()
            .dropWhile(line -> !line.startsWith("COST"))
            .filter(line -> line.startsWith("eventual"))
            .findFirst()
            .orElseThrow();
    assertEquals(List.of("1.50", "1.50", "1.00×", "150 / 180", "2", "2"), cells(cost), cost);
    assertTrue(lines.stream().noneMatch(line -> line.startsWith("FAILED")), lines.toString());
    String json = Json.write(report.toJson());
    assertTrue(json.contains("\"passed\":true"), json);
    assertTrue(json.contains("\"fracturedReads\":{\"transactions\":300,\"reads\":600,"), json);
    assertTrue(json.contains("\"failedCalls\":{\"TIMEOUT\":2}"), json);
    assertTrue(json.contains("\"metadata\":{\"meanBytes\":150.0,"), json);
  }

  private static List<String> cells(String line) {
    return List.of(line.strip().split(" {2,}")).stream().skip(1).toList();
  }

  @Test
  void aBaselineWithoutAnomaliesFails() {
    AnomaliesReport report = new AnomaliesReport(Map.of(), List.of(result(0, 300)));
    assertEquals(1, report.faults().size(), report.faults().toString());
    String told = line(report.lines(), "FAILED: ");
    assertTrue(told.contains("no read-your-writes anomalies"), told);
    assertTrue(Json.write(report.toJson()).contains("\"passed\":false"));
  }
}
