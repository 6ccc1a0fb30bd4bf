package dev.trellis.casestudy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Console;
import dev.trellis.cli.TrellisCli;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CaseStudyCommandTest {
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  private int run(List<String> command) {
    return TrellisCli.execute(
        new Console(
            InputStream.nullInputStream(),
            OutputStream.nullOutputStream(),
            error,
            false,
            false,
            false,
            Map.of()),
        command.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "                           | which case study? Say 'casestudy anomalies' or 'casestudy leader-election'",
        "anomalies --transactions 0 | --transactions 0 is outside 1 to 1000000",
        "anomalies --parallel 65    | --parallel 65 is outside 1 to 64",
        "anomalies --gossip 1s,11s  | --gossip in ms 11000 is outside 1 to 10000",
        "anomalies --level strict   | --level: unknown level 'strict'; known are eventual, read-your",
        "anomalies --gossip often   | 'often' is no duration",
        "model-training --batches 0 | --batches 0 is outside 1 to 1000",
        "model-training --passes 1  | --passes 1 is outside 2 to 1000",
        "model-training --batch-bytes 17000000 | --batch-bytes 17000000 is outside 10000 to 16000000",
        "prediction-serving --batches 0 | --batches 0 is outside 1 to 10000",
        "prediction-serving --document-words 0 | --document-words 0 is outside 1 to 10000",
      })
  void whatMakesNoSenseIsToldBeforeAnythingStarts(String options, String message) {
    List<String> command = new ArrayList<>(List.of("casestudy"));
    if (options != null) {
      command.addAll(List.of(options.strip().split(" ")));
    }
    assertEquals(2, run(command), error::toString);
    String told = error.toString(StandardCharsets.UTF_8);
    assertTrue(told.startsWith("error: ") && told.contains(message.strip()), told);
    assertEquals(1, told.lines().count(), told);
  }
}
