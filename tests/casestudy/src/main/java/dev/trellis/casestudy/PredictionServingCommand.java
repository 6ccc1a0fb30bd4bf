package dev.trellis.casestudy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `bin/trellis casestudy prediction-serving`: documents are sent to a function, which takes the
/// dirty words out of them.
@Command(
    name = "prediction-serving",
    description = {
      "Send batches of ten documents to a function that takes dirty words out of them, and wait for"
          + " each result; and to the same classifier behind a bare socket.",
      "Starts a cluster of its own, of one memory node, unless --address names one. Exits with 1 where"
          + " a result is not what the model says."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis casestudy prediction-serving",
      "  trellis casestudy prediction-serving --batches 200 --document-words 100 --json"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class PredictionServingCommand extends StudyCommand {
  private static final int DOCUMENTS = 10; // of a batch
  private static final int DIRTY_WORDS = 500;
  private static final String MAILBOX = "casestudy/classify/";

  @Option(
      names = "--batches",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Batches of ten documents (${DEFAULT-VALUE}).")
  private int batches;

  @Option(
      names = "--document-words",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Words of a document (${DEFAULT-VALUE}).")
  private int words;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "The documents and the model follow from it (${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--address",
      paramLabel = "HOST:PORT",
      description = "A running cluster; by default one is started.")
  private @Nullable String address;

  @Override
  public Integer call() throws InterruptedException {
    CommandFailure.requireWithin("--batches", batches, 1, 10_000);
    CommandFailure.requireWithin("--document-words", words, 1, 10_000);
    Vocabulary vocabulary = new Vocabulary(Vocabulary.PUBLISHED_SIZE, seed);
    DirtyWords model = DirtyWords.among(vocabulary, DIRTY_WORDS, seed);
    Documents documents = new Documents(vocabulary, seed);
    List<Payload> made = new ArrayList<>();
    long bytes = 0;
    for (int i = 0; i < batches; i++) {
      made.add(documents.batch(DOCUMENTS, words));
      bytes += made.getLast().size();
    }
    Map<String, Object> about = new LinkedHashMap<>();
    about.put("batches", (long) batches);
    about.put("documentsInBatch", (long) DOCUMENTS);
    about.put("wordsInDocument", (long) words);
    about.put("batchBytes", bytes / batches);
    about.put("dirtyWords", (long) DIRTY_WORDS);
    about.put("seed", seed);
    addMachine(about);
    return carryOut(
        () -> {
          try (StudyCluster cluster = StudyCluster.open(Optional.ofNullable(address), portBase())) {
            about.put("cluster", cluster.describe());
            ServingReport report = new ServingReport(about, measure(cluster, made, model));
            cluster.done();
            return report;
          }
        });
  }

  private List<ServingMeasurement.Outcome> measure(
      StudyCluster cluster, List<Payload> made, DirtyWords model) {
    try (Trellis caller = cluster.connect();
        Trellis host = cluster.connect()) {
      var _ = caller.register(FunctionServing.MODEL).put(model.encode());
      try (Serving socket = new SocketServing(model.encode());
          Serving function =
              new FunctionServing(
                  caller, host, new MailboxHandOver(caller, host, MAILBOX + caller.clientId()))) {
        ServingMeasurement measurement =
            new ServingMeasurement(List.of(socket, function), made, model);
        List<ServingMeasurement.Outcome> outcomes =
            measurement.run(
                done -> console().progress("%,d of %,d batches".formatted(done, batches * 2)));
        console().progress("");
        return outcomes;
      } finally {
        var _ = caller.register(FunctionServing.MODEL).delete();
      }
    }
  }
}
