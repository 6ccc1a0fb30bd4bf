package dev.trellis.casestudy;

import dev.trellis.bench.BenchCluster;
import dev.trellis.bench.peers.Machine;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `bin/trellis casestudy leader-election`: how long an election takes whose messages go through
/// the store, and how many they are.
@Command(
    name = "leader-election",
    description = {
      "Kill the leader of many processes again and again, and have them elect another through mailboxes"
          + " in the store, by Garcia-Molina's bully algorithm.",
      "Starts a cluster of its own. Reports apart how long the leader's end took to be noticed, and"
          + " the election, from the first ELECTION to the last COORDINATOR."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis casestudy leader-election",
      "  trellis casestudy leader-election --agents 1000 --rounds 3 --variant appointed --json"
    })
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class LeaderElectionCommand extends StudyCommand {
  /// $0.04 for 22 minutes of an m4.large, of the paper's model training.
  private static final double DOLLARS_AN_HOUR = 0.04 / 22 * 60;

  private static final double PUBLISHED_MILLIS = 16_700;
  private static final double PUBLISHED_DOLLARS_AN_HOUR = 450;
  private static final String SOURCE = "Hellerstein et al., CIDR 2019, leader election";

  @Option(
      names = "--agents",
      paramLabel = "N",
      split = ",",
      defaultValue = "16",
      description =
          "How many processes elect, 2 to 1,000; several for one after the other (${DEFAULT-VALUE}).")
  private List<Integer> agents = new ArrayList<>();

  @Option(
      names = "--variant",
      paramLabel = "V",
      split = ",",
      defaultValue = "bully,appointed",
      description =
          "bully: as published, up to n² messages; appointed: who suspects names the highest that"
              + " answers, up to 3n (${DEFAULT-VALUE}).")
  private List<String> variants = new ArrayList<>();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "20",
      description = "How often the leader is killed (${DEFAULT-VALUE}).")
  private int rounds;

  @Option(
      names = "--answer",
      paramLabel = "MS",
      defaultValue = "0",
      description =
          "How long answers are waited for, in ms; 0 for 20 ms and half of n (${DEFAULT-VALUE}).")
  private long answerMillis;

  @Option(
      names = "--memory-nodes",
      paramLabel = "N",
      defaultValue = "2",
      description = "Nodes of the cluster (${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Who notices first follows from it (${DEFAULT-VALUE}).")
  private long seed;

  private record Result(
      int agents, BullyCore.Variant variant, long answerMillis, List<ElectionRun.Round> rounds) {
    double medianElection() {
      return median(rounds.stream().map(ElectionRun.Round::electionMillis).sorted().toList());
    }

    double maxElection() {
      return rounds.stream().mapToDouble(ElectionRun.Round::electionMillis).max().orElse(0);
    }

    double medianDetection() {
      return median(rounds.stream().map(ElectionRun.Round::detectionMillis).sorted().toList());
    }

    double meanMessages() {
      return rounds.stream().mapToLong(ElectionRun.Round::messages).average().orElse(0);
    }

    private static double median(List<Double> sorted) {
      return sorted.get(sorted.size() / 2);
    }
  }

  private final class Report implements StudyReport {
    private final List<Result> results;

    Report(List<Result> results) {
      this.results = results;
    }

    @Override
    public Map<String, Object> toJson() {
      return json(results);
    }

    @Override
    public List<String> lines() {
      return LeaderElectionCommand.this.lines(results);
    }
  }

  @Override
  public Integer call() throws InterruptedException {
    agents.forEach(count -> CommandFailure.requireWithin("--agents", count, 2, 1_000));
    CommandFailure.requireWithin("--rounds", rounds, 1, 10_000);
    CommandFailure.requireWithin("--answer", answerMillis, 0, 60_000);
    CommandFailure.requireWithin("--memory-nodes", nodes, 1, 16);
    List<BullyCore.Variant> asked = variants.stream().map(LeaderElectionCommand::variant).toList();
    return carryOut(() -> new Report(elected(asked)));
  }

  private List<Result> elected(List<BullyCore.Variant> asked)
      throws IOException, InterruptedException {
    List<Result> results = new ArrayList<>();
    Path folder = Files.createTempDirectory("trellis-casestudy");
    try (BenchCluster cluster = new BenchCluster(portBase(), folder)) {
      cluster.up(
          List.of("--memory-nodes", Integer.toString(nodes), "--ssd-nodes", "0", "--shards", "1"));
      for (int count : agents) {
        for (BullyCore.Variant variant : asked) {
          results.add(measure(cluster.address(), count, variant));
        }
      }
    }
    StudyCluster.delete(folder); // where something failed, it stays for who looks into it
    return results;
  }

  private static BullyCore.Variant variant(String word) {
    for (BullyCore.Variant each : BullyCore.Variant.values()) {
      if (word(each).equals(word)) {
        return each;
      }
    }
    throw new CommandFailure(
        ExitCode.MISUSE, "--variant: unknown '" + word + "'; known are bully, appointed");
  }

  private static String word(BullyCore.Variant variant) {
    return variant.name().toLowerCase(Locale.ROOT);
  }

  private Result measure(String address, int count, BullyCore.Variant variant)
      throws InterruptedException {
    long wait = answerMillis > 0 ? answerMillis : 20 + count / 2;
    String prefix = "casestudy:election:" + count + ":" + word(variant) + ":";
    ClientConfig config = ClientConfig.of(address).withQueueMax(1_000_000);
    try (Trellis client = Trellis.connect(config);
        ElectionRun run = new ElectionRun(client, prefix, count, variant, wait, seed)) {
      return new Result(count, variant, wait, run.run(rounds));
    }
  }

  private double dollarsAnHour() {
    return nodes * DOLLARS_AN_HOUR;
  }

  private List<String> lines(List<Result> results) {
    List<String> lines = new ArrayList<>();
    lines.add("machine: " + Machine.describe());
    lines.add(
        row(
            "AGENTS",
            "VARIANT",
            "ROUNDS",
            "DETECTION P50",
            "ELECTION P50",
            "MAX MS",
            "MESSAGES",
            "AT MOST"));
    for (Result each : results) {
      lines.add(
          row(
              Integer.toString(each.agents()),
              word(each.variant()),
              Integer.toString(each.rounds().size()),
              decimal(each.medianDetection()),
              decimal(each.medianElection()),
              decimal(each.maxElection()),
              decimal(each.meanMessages()),
              Long.toString(BullyCore.messages(each.variant(), each.agents(), 1))));
    }
    lines.add(
        String.format(
            Locale.ROOT,
            "Published: %,.0f ms a round, at least $%.0f an hour for 1,000 (%s). Here: %d machines,"
                + " $%.2f an hour at the price it gives for one.",
            PUBLISHED_MILLIS,
            PUBLISHED_DOLLARS_AN_HOUR,
            SOURCE,
            nodes,
            dollarsAnHour()));
    lines.add(
        "What differs: all is on one machine here, and the agents are of one process; one agent notices"
            + " the leader's silence, which is not part of the election. An election includes the wait"
            + " for the dead leader's answer (--answer).");
    return lines;
  }

  private static String decimal(double number) {
    return String.format(Locale.ROOT, "%,.1f", number);
  }

  private static String row(String... cells) {
    return String.format(Locale.ROOT, "%6s %-10s %7s %14s %13s %10s %12s %10s", (Object[]) cells);
  }

  private Map<String, Object> json(List<Result> results) {
    Map<String, Object> json = new LinkedHashMap<>();
    addMachine(json);
    json.put("memoryNodes", (long) nodes);
    json.put("seed", seed);
    json.put("dollarsAnHour", dollarsAnHour());
    json.put("results", results.stream().map(LeaderElectionCommand::json).toList());
    json.put(
        "published",
        Map.of(
            "electionMillis",
            PUBLISHED_MILLIS,
            "dollarsAnHour",
            PUBLISHED_DOLLARS_AN_HOUR,
            "in",
            SOURCE));
    return json;
  }

  private static Map<String, Object> json(Result result) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("agents", (long) result.agents());
    json.put("variant", word(result.variant()));
    json.put("rounds", (long) result.rounds().size());
    json.put("answerMillis", result.answerMillis());
    json.put("detectionMillisMedian", result.medianDetection());
    json.put("electionMillisMedian", result.medianElection());
    json.put("electionMillisMax", result.maxElection());
    json.put("messagesMean", result.meanMessages());
    json.put("messagesMax", BullyCore.messages(result.variant(), result.agents(), 1));
    return json;
  }
}
