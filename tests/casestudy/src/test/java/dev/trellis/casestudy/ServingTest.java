package dev.trellis.casestudy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.casestudy.ServingMeasurement.Outcome;
import dev.trellis.causal.InvocationId;
import dev.trellis.cli.Json;
import dev.trellis.functions.FunctionCall;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class ServingTest {
  private static final int BATCHES = 30;

  private final Vocabulary vocabulary = new Vocabulary(1_000, 1);
  private final DirtyWords model = DirtyWords.among(vocabulary, 100, 1);

  /// Classifies without going anywhere, and may forget to.
  private record Direct(DirtyWords model, Classifier classifier, int forgetful) implements Serving {
    @Override
    public String name() {
      return "direct";
    }

    @Override
    public Payload serve(Payload batch) {
      Payload cleaned = classifier.clean(model.encode(), batch);
      return forgetful > 0 && batch.hashCode() % forgetful == 0 ? batch : cleaned;
    }

    @Override
    public void close() {}
  }

  private List<Payload> batches() {
    Documents documents = new Documents(vocabulary, 1);
    return IntStream.range(0, BATCHES).mapToObj(i -> documents.batch(3, 200)).toList();
  }

  @Test
  void dirtyWordsAreReplacedHoweverTheyAreWrittenAndNothingElseIs() {
    DirtyWords words = DirtyWords.decode(Payload.ofText("darn\nblast"));
    assertEquals("Oh #@*!, ###.", words.clean("Oh Darn, ###."));
    assertEquals("#@*!#! #@*!".length(), words.clean("Blast! darn").length());
    assertEquals("#@*!#! darned, (#@*!)", words.clean("bLASt! darned, (DARN)"));
    assertEquals("", words.clean(""));
    assertEquals(words.encode(), DirtyWords.decode(words.encode()).encode());
  }

  @Test
  void aBatchOfRealisticDocumentsHasDirtyWordsInItAndKeepsItsForm() {
    Payload batch = batches().getFirst();
    List<String> before = Documents.decode(batch);
    List<String> after = Documents.decode(model.clean(batch));
    assertEquals(3, after.size());
    for (int i = 0; i < after.size(); i++) {
      assertEquals(before.get(i).length(), after.get(i).length());
      assertEquals(200, Vocabulary.wordsOf(before.get(i)).size());
      assertFalse(before.get(i).contains("#@"));
      assertTrue(after.get(i).contains("#@"), after.get(i));
    }
    assertEquals(batch, batches().getFirst()); // the same seed
    assertEquals(batch, Documents.encode(before));
  }

  @Test
  void whatComesThroughTheSocketIsWhatTheModelSays() {
    List<Payload> batches = batches();
    try (Serving socket = new SocketServing(model.encode())) {
      List<Outcome> outcomes =
          new ServingMeasurement(
                  List.of(socket, new Direct(model, new Classifier(), 0)), batches, model)
              .run(done -> {});
      for (Outcome outcome : outcomes) {
        assertEquals(0, outcome.wrong());
        assertEquals(BATCHES, outcome.latencyNanos().getTotalCount());
        assertTrue(outcome.classifyMillis() > 0 && outcome.meanMillis() > 0);
      }
      assertEquals(SocketServing.NAME, outcomes.getFirst().service());
    }
  }

  @Test
  void aResultThatIsNotWhatTheModelSaysIsAFault() {
    List<Outcome> outcomes =
        new ServingMeasurement(List.of(new Direct(model, new Classifier(), 1)), batches(), model)
            .run(done -> {});
    assertEquals(BATCHES, outcomes.getFirst().wrong());
    ServingReport report = new ServingReport(Map.of(), outcomes);
    assertTrue(report.faults().getFirst().contains("30 of 30 results"), report.faults()::toString);
  }

  @Test
  void theRatioIsToTheSocketAndIsMetOrMissed() {
    Outcome socket = outcome("socket", 1_000_000);
    ServingReport slow = new ServingReport(Map.of(), List.of(socket, outcome("slow", 1_400_000)));
    assertTrue(slow.lines().getLast().endsWith("1.40×, target ≤ 1.30×: MISSED"), slow::toString);
    assertTrue(slow.lines().stream().anyMatch(line -> line.startsWith("EC2, 0MQ * ")));
    assertTrue(Json.write(slow.toJson()).contains("\"met\":false"));
    ServingReport fast = new ServingReport(Map.of(), List.of(socket, outcome("fast", 1_200_000)));
    assertTrue(fast.lines().getLast().endsWith("1.20×, target ≤ 1.30×: met"), fast::toString);
    assertEquals(List.of(), fast.faults());
  }

  private static Outcome outcome(String service, long nanos) {
    Histogram latencies = new Histogram(3);
    latencies.recordValueWithCount(nanos, 10);
    return new Outcome(service, latencies, 0.5, 0);
  }

  @Test
  void aCallIsWhatWasSent() {
    InvocationId id = InvocationId.mint(1_700_000_000_000L, new Random(1));
    Payload batch = batches().getFirst();
    var call = FunctionServing.call(FunctionServing.message(id, batch));
    assertEquals(id, call.id());
    assertEquals(new FunctionCall.Given(batch), call.argument());
  }
}
