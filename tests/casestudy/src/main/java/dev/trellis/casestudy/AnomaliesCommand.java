package dev.trellis.casestudy;

import dev.trellis.bench.BenchCluster;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.PlacementHandle;
import dev.trellis.client.Trellis;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Receipt;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `bin/trellis casestudy anomalies`: how often transactions of several functions see what they
/// should not, at each level of promises, and what each level costs.
@Command(
    name = "anomalies",
    description = {
      "Count how often transactions of two functions read something older than they wrote, or of"
          + " another transaction one write and not the other.",
      "Starts clusters of its own, of two memory nodes that hold every key, with --ack one. Exits with"
          + " 1 where there is an anomaly that may not be, or none where nothing prevents them."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis casestudy anomalies",
      "  trellis casestudy anomalies --transactions 1000 --gossip 100ms --json",
      "  trellis casestudy anomalies --level eventual,causal --gossip 10ms"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class AnomaliesCommand extends StudyCommand {
  private static final int KEYS = 1_000;
  private static final double THETA = 1;
  private static final int SHOWN_TRANSACTIONS = 500;
  private static final int PROBES = 20; // of each client
  private static final Duration GOSSIP_MAX = Duration.ofSeconds(10);
  private static final Placement BOTH_NODES = new Placement(2, 0, 1);

  @Option(
      names = "--transactions",
      paramLabel = "N",
      defaultValue = "10000",
      description = "How many at each level (${DEFAULT-VALUE}).")
  private int transactions;

  @Option(
      names = "--level",
      paramLabel = "LEVEL",
      split = ",",
      description =
          "What is promised: eventual, a guarantee, pram, session; or all (eventual, session,"
              + " read-atomic).")
  private List<String> levels = new ArrayList<>();

  @Option(
      names = "--gossip",
      paramLabel = "TIME",
      split = ",",
      defaultValue = "10ms,1s",
      description =
          "How long replicas may keep a write to themselves: a cluster each (${DEFAULT-VALUE}).")
  private List<Duration> gossip = new ArrayList<>();

  @Option(
      names = "--parallel",
      paramLabel = "N",
      defaultValue = "10",
      description = "Transactions that run at a time (${DEFAULT-VALUE}).")
  private int parallel;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Which keys are written and read follows from it (${DEFAULT-VALUE}).")
  private long seed;

  @Override
  public Integer call() throws InterruptedException {
    CommandFailure.requireWithin("--transactions", transactions, 1, 1_000_000);
    CommandFailure.requireWithin("--parallel", parallel, 1, 64);
    gossip.forEach(
        epoch ->
            CommandFailure.requireWithin(
                "--gossip in ms", epoch.toMillis(), 1, GOSSIP_MAX.toMillis()));
    List<Level> asked = asked();
    return carryOut(
        () -> {
          Map<String, Object> about = about();
          List<LevelResult> results = new ArrayList<>();
          for (Duration epoch : gossip) {
            results.addAll(onCluster(epoch, asked));
          }
          return new AnomaliesReport(about, results);
        });
  }

  private List<Level> asked() {
    if (levels.isEmpty()) {
      return Level.USUAL;
    }
    if (levels.equals(List.of("all"))) {
      return List.of(Level.values());
    }
    try {
      return levels.stream().map(Level::ofWord).distinct().sorted().toList();
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, "--level: " + e.getMessage());
    }
  }

  private Map<String, Object> about() {
    Map<String, Object> about = new LinkedHashMap<>();
    about.put("transactions", (long) transactions);
    about.put("operations", (long) TransactionPlan.operationCount());
    about.put("parallel", (long) parallel);
    about.put("keys", (long) KEYS);
    about.put("zipf", THETA);
    about.put("seed", seed);
    addMachine(about);
    return about;
  }

  private List<LevelResult> onCluster(Duration epoch, List<Level> asked)
      throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("trellis-casestudy");
    List<LevelResult> results = new ArrayList<>();
    try (BenchCluster cluster = new BenchCluster(portBase(), folder)) {
      cluster.up(
          List.of(
              "--memory-nodes",
              "2",
              "--ssd-nodes",
              "0",
              "--shards",
              "1",
              "--set",
              "gossip.epoch=" + LevelResult.text(epoch)));
      for (Level level : asked) {
        results.add(atLevel(cluster, level, epoch));
      }
    }
    StudyCluster.delete(folder); // where something failed, it stays for who looks into it
    return results;
  }

  private LevelResult atLevel(BenchCluster cluster, Level level, Duration epoch)
      throws IOException, InterruptedException {
    TransactionLoad load =
        new TransactionLoad(
            TransactionPlan.draw(transactions, KEYS, THETA, new Random(seed)),
            level.stored(),
            "casestudy:" + level.word() + ":");
    List<Trellis> clients = new ArrayList<>();
    try {
      List<List<Host>> hosts = new ArrayList<>();
      for (int i = 0; i < parallel; i++) {
        List<Host> ofOne = new ArrayList<>();
        for (int function = 0; function < TransactionPlan.FUNCTIONS; function++) {
          Trellis client =
              Trellis.connect(ClientConfig.of(cluster.address()).withEventLoopThreads(1));
          clients.add(client);
          ofOne.add(level.host(client));
        }
        hosts.add(ofOne);
      }
      place(clients.getFirst(), load);
      load.fill(clients.getFirst(), KEYS);
      for (Trellis client : clients) {
        learnPlaces(client, load);
      }
      Map<String, Long> answering = whoAnswersForOneKey(cluster, clients, load);
      TransactionLoad.Outcome outcome = load.run(hosts, done -> tell(level, epoch, done));
      console().progress("");
      return LevelResult.of(level, epoch, outcome, answering);
    } finally {
      clients.forEach(Trellis::close);
    }
  }

  /// Has clients ask either node: of a key in its default place they ask the first holder.
  private static void place(Trellis client, TransactionLoad load) {
    List<CompletableFuture<Receipt>> decided = new ArrayList<>();
    for (int key = 0; key < KEYS; key++) {
      PlacementHandle placement = client.placement(load.key(key));
      decided.add(placement.setAsync(BOTH_NODES));
    }
    decided.forEach(CompletableFuture::join);
  }

  /// A client knows where a key is placed once it was told so by an answer.
  private static void learnPlaces(Trellis client, TransactionLoad load) {
    List<CompletableFuture<?>> read = new ArrayList<>();
    for (int key = 0; key < KEYS; key++) {
      read.add(load.readAsync(client, key));
    }
    read.forEach(CompletableFuture::join);
  }

  /// How many of some calls for the key that is drawn most each node answers.
  private static Map<String, Long> whoAnswersForOneKey(
      BenchCluster cluster, List<Trellis> clients, TransactionLoad load)
      throws IOException, InterruptedException {
    Map<String, Long> before = callsByNode(cluster);
    List<CompletableFuture<?>> read = new ArrayList<>();
    for (Trellis client : clients) {
      for (int i = 0; i < PROBES; i++) {
        read.add(load.readAsync(client, 0));
      }
    }
    read.forEach(CompletableFuture::join);
    Map<String, Long> calls = callsByNode(cluster);
    calls.replaceAll((node, count) -> count - before.getOrDefault(node, 0L));
    return calls;
  }

  private static Map<String, Long> callsByNode(BenchCluster cluster)
      throws IOException, InterruptedException {
    Map<String, Long> calls = new LinkedHashMap<>();
    for (BenchCluster.Node node : cluster.nodes()) {
      calls.put(node.id(), BenchCluster.requests(node));
    }
    return calls;
  }

  private void tell(Level level, Duration epoch, long done) {
    if (done % SHOWN_TRANSACTIONS == 0) {
      console()
          .progress(
              "%s, gossip.epoch %s: %,d of %,d transactions"
                  .formatted(level.word(), LevelResult.text(epoch), done, transactions));
    }
  }
}
