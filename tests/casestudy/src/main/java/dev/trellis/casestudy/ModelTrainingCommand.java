package dev.trellis.casestudy;

import dev.trellis.cache.NearCache;
import dev.trellis.cache.NearCacheConfig;
import dev.trellis.cache.NearCacheStatistics;
import dev.trellis.cli.CommandFailure;
import dev.trellis.client.Trellis;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `bin/trellis casestudy model-training`: functions that train a model on batches from the store.
@Command(
    name = "model-training",
    description = {
      "Train a neural network on reviews of products, batch by batch, in functions that get the"
          + " batches from the store each time, from a near cache beside them, or from local files.",
      "Starts a cluster of its own, of one memory node, unless --address names one. Exits with 1 where"
          + " the model has not learnt, or not the same from all three."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis casestudy model-training",
      "  trellis casestudy model-training --batches 10 --batch-bytes 1000000 --passes 3 --json"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class ModelTrainingCommand extends StudyCommand {
  private static final int BATCH_BYTES_MIN = 10_000;
  private static final int BATCH_BYTES_MAX = 16_000_000;
  private static final long CACHE_BYTES_BESIDE = 64L << 20;

  @Option(
      names = "--batches",
      paramLabel = "N",
      defaultValue = "32",
      description = "Batches of reviews, and so iterations of a pass (${DEFAULT-VALUE}).")
  private int batches;

  @Option(
      names = "--batch-bytes",
      paramLabel = "BYTES",
      defaultValue = "4000000",
      description = "The size of each (${DEFAULT-VALUE}).")
  private int batchBytes;

  @Option(
      names = "--passes",
      paramLabel = "N",
      defaultValue = "10",
      description =
          "How often all of them are gone through, the first included (${DEFAULT-VALUE}).")
  private int passes;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "The reviews and the untrained model follow from it (${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--address",
      paramLabel = "HOST:PORT",
      description = "A running cluster; by default one is started.")
  private @Nullable String address;

  @Override
  public Integer call() throws InterruptedException {
    CommandFailure.requireWithin("--batches", batches, 1, 1_000);
    CommandFailure.requireWithin("--batch-bytes", batchBytes, BATCH_BYTES_MIN, BATCH_BYTES_MAX);
    CommandFailure.requireWithin("--passes", passes, 2, 1_000);
    Map<String, Object> about = new LinkedHashMap<>();
    about.put("batches", (long) batches);
    about.put("batchBytes", (long) batchBytes);
    about.put("passes", (long) passes);
    about.put("words", (long) Vocabulary.PUBLISHED_SIZE);
    about.put("seed", seed);
    addMachine(about);
    return carryOut(
        () -> {
          try (StudyCluster cluster = StudyCluster.open(Optional.ofNullable(address), portBase())) {
            about.put("cluster", cluster.describe());
            TrainingReport report = new TrainingReport(about, batches, train(cluster, about));
            cluster.done();
            return report;
          }
        });
  }

  private Training.Outcomes train(StudyCluster cluster, Map<String, Object> about)
      throws IOException {
    NearCacheConfig cacheConfig =
        NearCacheConfig.DEFAULT.withBytesMax((long) batches * batchBytes + CACHE_BYTES_BESIDE);
    try (Trellis shipping = cluster.connect();
        Trellis caching = cluster.connect();
        NearCache cache = NearCache.over(caching, cacheConfig)) {
      BatchSource.LocalFiles files = new BatchSource.LocalFiles(cluster.folder(), batchBytes);
      BatchSource.Stored cached =
          new BatchSource.Stored(BatchSource.Stored.CACHED, cache, "cached");
      BatchSource.Stored shipped =
          new BatchSource.Stored(BatchSource.Stored.SHIPPED, shipping, "shipped");
      try {
        Vocabulary vocabulary = new Vocabulary(Vocabulary.PUBLISHED_SIZE, seed);
        ReviewBatches made = new ReviewBatches(vocabulary, new Reviews(vocabulary, seed));
        for (int i = 0; i < batches; i++) {
          byte[] batch = made.next(batchBytes);
          files.write(i, batch);
          shipped.write(i, batch);
          console().progress("%,d of %,d batches made".formatted(i + 1, batches));
        }
        Training training =
            new Training(List.of(files, cached, shipped), batches, passes, made.next(batchBytes));
        Training.Outcomes outcomes =
            training.run(
                StarsModel.untrained(vocabulary.size(), seed),
                done -> console().progress("%,d of %,d passes".formatted(done, passes * 3)));
        console().progress("");
        NearCacheStatistics statistics = cache.statistics();
        about.put(
            "nearCache",
            "%,d hits, %,d misses, %,d of them of copies that were not confirmed in time, %,d MB"
                .formatted(
                    statistics.hits(),
                    statistics.misses(),
                    statistics.staleMisses(),
                    statistics.bytes() / 1_000_000));
        return outcomes;
      } finally {
        cached.clear();
        shipped.clear();
        shipped.clear(batches);
      }
    }
  }
}
