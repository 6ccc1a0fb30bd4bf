package dev.trellis.casestudy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Json;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingTest {
  private static final int WORDS = 500;
  private static final int BATCHES = 12;
  private static final int BATCH_BYTES = 40_000;
  private static final int PASSES = 6;

  @TempDir Path folder;

  /// A store in memory.
  private static final class Kept implements BatchSource {
    private final String name;
    private final List<byte[]> batches;
    private Payload model = Payload.EMPTY;

    Kept(String name, List<byte[]> batches) {
      this.name = name;
      this.batches = batches;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public ByteBuffer batch(int number) {
      return ByteBuffer.wrap(batches.get(number)).asReadOnlyBuffer();
    }

    @Override
    public Payload readModel() {
      return model;
    }

    @Override
    public void writeModel(Payload written) {
      model = written;
    }
  }

  private TrainingReport report(List<byte[]> shipped) throws IOException {
    Vocabulary vocabulary = new Vocabulary(WORDS, 1);
    ReviewBatches made = new ReviewBatches(vocabulary, new Reviews(vocabulary, 1));
    BatchSource.LocalFiles files = new BatchSource.LocalFiles(folder, BATCH_BYTES);
    List<byte[]> cached = new ArrayList<>();
    for (int i = 0; i < BATCHES; i++) {
      byte[] batch = made.next(BATCH_BYTES);
      files.write(i, batch);
      cached.add(batch);
      shipped.add(batch);
    }
    if (shipped.size() > BATCHES) {
      shipped.removeLast(); // the first one is another's
    }
    List<BatchSource> sources =
        List.of(
            files,
            new Kept(BatchSource.Stored.CACHED, cached),
            new Kept(BatchSource.Stored.SHIPPED, shipped));
    Training training = new Training(sources, BATCHES, PASSES, made.next(BATCH_BYTES));
    List<Integer> told = new ArrayList<>();
    Training.Outcomes outcomes = training.run(StarsModel.untrained(WORDS, 1), told::add);
    assertEquals(PASSES * sources.size(), told.getLast());
    return new TrainingReport(Map.of("seed", 1L), BATCHES, outcomes);
  }

  @Test
  void allSourcesTrainTheSameModelWhichLearns() throws IOException {
    TrainingReport report = report(new ArrayList<>());
    assertEquals(List.of(), report.faults());
    Training.Outcome first = report.training().outcomes().getFirst();
    assertEquals(BATCHES * PASSES, first.iterations().size());
    assertEquals(PASSES, first.losses().size());
    assertTrue(first.losses().getLast() < first.losses().getFirst(), first.losses().toString());
    assertTrue(report.training().heldOutAfter() < report.training().heldOutBefore());
    List<String> lines = report.lines();
    assertTrue(lines.stream().anyMatch(line -> line.startsWith("local files ")), lines::toString);
    assertTrue(
        lines.stream()
            .anyMatch(
                line -> line.startsWith("Lambda, batches in S3 *") && line.contains("22.00×")),
        lines::toString);
    assertTrue(
        lines.stream().anyMatch(line -> line.contains("local files: ") && line.contains("≤ 1.15×")),
        lines::toString);
    String json = Json.write(report.toJson());
    assertTrue(json.contains("\"passed\":true") && json.contains("\"atMost\":1.15"), json);
  }

  @Test
  void aBatchThatIsNotWhatWasPutShowsInTheModel() throws IOException {
    Vocabulary vocabulary = new Vocabulary(WORDS, 1);
    ReviewBatches others = new ReviewBatches(vocabulary, new Reviews(vocabulary, 2));
    TrainingReport report = report(new ArrayList<>(List.of(others.next(BATCH_BYTES))));
    assertEquals(1, report.faults().size(), report.faults()::toString);
    assertTrue(
        report.faults().getFirst().startsWith(BatchSource.Stored.SHIPPED + ": the model is not"),
        report.faults()::toString);
    assertTrue(report.lines().getLast().startsWith("FAILED: "));
  }
}
