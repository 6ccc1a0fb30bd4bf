package dev.trellis.casestudy;

import dev.trellis.bench.BenchCluster;
import dev.trellis.cli.CommandFailure;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.wire.Acknowledgement;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `bin/trellis casestudy latency`: what one communication between two functions costs, through a
/// mailbox and through a key, against a message between two sockets in the same run.
@Command(
    name = "latency",
    description = {
      "Send 1 KB from one function to another and back through a mailbox, and put and get 1 KB, against"
          + " a request and its reply over bare JeroMQ.",
      "Starts a cluster of its own, of two memory nodes. The measurements take turns, so that whatever"
          + " else the machine does hits all of them."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  trellis casestudy latency", "  trellis casestudy latency --trips 20000 --json"})
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class LatencyCommand extends StudyCommand {
  private static final int ROUNDS = 20;
  private static final int TRIPS_MIN = 100;
  private static final int TRIPS_MAX = 1_000_000;

  @Option(
      names = "--trips",
      paramLabel = "N",
      defaultValue = "10000",
      description =
          "Communications of each kind (${DEFAULT-VALUE}), after half as many unmeasured.")
  private int trips;

  @Option(
      names = "--bytes",
      paramLabel = "N",
      defaultValue = "1024",
      description = "Of each message and value (${DEFAULT-VALUE}).")
  private int bytes;

  @Option(
      names = "--poll",
      paramLabel = "TIME",
      defaultValue = "1ms",
      description =
          "How long a node looks at its sockets before it sleeps, its poll.time (${DEFAULT-VALUE}); 0s"
              + " is what nodes do by default.")
  private String poll = "1ms";

  @Override
  public Integer call() throws InterruptedException {
    CommandFailure.requireWithin("--trips", trips, TRIPS_MIN, TRIPS_MAX);
    CommandFailure.requireWithin("--bytes", bytes, 1, 1 << 20);
    return carryOut(this::measured);
  }

  private LatencyReport measured() throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("trellis-casestudy");
    List<Latency> results;
    Map<String, Object> about;
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
              "poll.time=" + poll));
      ClientConfig config = ClientConfig.of(cluster.address()).withEventLoopThreads(1);
      try (Trellis caller = Trellis.connect(config);
          Trellis callee = Trellis.connect(config);
          RoundTrip socket = new SocketRoundTrip(bytes);
          RoundTrip mailOne = new MailboxRoundTrip(caller, callee, bytes, Acknowledgement.ONE);
          RoundTrip mailReplicated =
              new MailboxRoundTrip(caller, callee, bytes, Acknowledgement.REPLICATED);
          RoundTrip keyOne = new KeyRoundTrip(caller, callee, bytes, Acknowledgement.ONE);
          RoundTrip keyReplicated =
              new KeyRoundTrip(caller, callee, bytes, Acknowledgement.REPLICATED)) {
        List<RoundTrip> kinds = List.of(socket, mailOne, keyOne, mailReplicated, keyReplicated);
        results = inTurns(kinds);
        about = about();
      }
    }
    StudyCluster.delete(folder); // where something failed, it stays for who looks into it
    return new LatencyReport(about, results);
  }

  private List<Latency> inTurns(List<RoundTrip> kinds) throws InterruptedException {
    List<Latency> results = new ArrayList<>();
    kinds.forEach(kind -> results.add(new Latency(kind.name())));
    int each = Math.max(1, trips / ROUNDS);
    for (int round = -ROUNDS / 2; round < ROUNDS; round++) {
      for (int i = 0; i < kinds.size(); i++) {
        for (int trip = 0; trip < each; trip++) {
          long begun = System.nanoTime();
          kinds.get(i).run();
          if (round >= 0) {
            results.get(i).add(System.nanoTime() - begun);
          }
        }
      }
      console()
          .progress(
              round < 0
                  ? "warming up"
                  : "%,d of %,d communications of each kind"
                      .formatted((round + 1) * each, ROUNDS * each));
    }
    console().progress("");
    return results;
  }

  private Map<String, Object> about() {
    Map<String, Object> about = new LinkedHashMap<>();
    about.put("trips", (long) Math.max(1, trips / ROUNDS) * ROUNDS);
    about.put("bytes", (long) bytes);
    about.put("poll", poll);
    addMachine(about);
    about.put("load", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    return about;
  }
}
