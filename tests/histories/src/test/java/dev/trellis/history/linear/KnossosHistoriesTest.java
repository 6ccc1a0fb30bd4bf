package dev.trellis.history.linear;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.history.HistoryReader;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Real histories whose verdicts are known, from `../shared` beside the checkout.
class KnossosHistoriesTest {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @Test
  void goodHistoriesAreValid() throws IOException {
    all("good", 20, Verdict.VALID);
  }

  @Test
  void badHistoriesAreInvalid() throws IOException {
    all("bad", 4, Verdict.INVALID);
  }

  private static void all(String folder, int count, Verdict expected) throws IOException {
    List<Path> files;
    try (Stream<Path> listed = Files.list(SharedData.folder("knossos-histories").resolve(folder))) {
      files = listed.sorted().toList();
    }
    assertEquals(count, files.size(), files.toString());
    for (Path file : files) {
      CheckResult result =
          new TrellisEngine().check(HistoryReader.read(file), "cas-register", LIMIT);
      assertEquals(expected, result.verdict(), file.toString());
      assertTrue(expected == Verdict.VALID || result.details().containsKey("failing-prefix"));
    }
  }
}
