package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import dev.trellis.client.Trellis;
import dev.trellis.deploy.AutoscaleReport.Decided;
import dev.trellis.deploy.AutoscaleReport.Phase;
import dev.trellis.deploy.AutoscaleReport.Sample;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// A small cluster with a monitor that is more hasty than usual, and what is put on it: some load,
/// a hot key, a spike, data that nobody reads, and rest. Meanwhile the console is asked what there
/// is.
final class AutoscaleDemo {
  private static final int LEDGER_KEYS = 1_000;
  private static final Duration LOOK = Duration.ofMillis(200);
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final String HOT_KEY = "hot:0";

  private final Ports ports;
  private final Consumer<String> tell;
  private final HttpClient http = HttpClient.newHttpClient();
  private final List<Sample> samples = new CopyOnWriteArrayList<>();
  private final List<Phase> phases = new ArrayList<>();
  private final Map<String, String> findings = new LinkedHashMap<>();
  private long beganMillis;
  private long failed; // operations

  AutoscaleDemo(Ports ports, Consumer<String> tell) {
    this.ports = ports;
    this.tell = tell;
  }

  /// Starts the cluster, does all of it, and stops the cluster again.
  ///
  /// @throws IOException if a part of it can't be started, or the cluster does not answer
  AutoscaleReport run() throws IOException, InterruptedException {
    tell.accept("Starting two memory nodes, an SSD node, a router and a monitor.");
    var _ = trellis(up());
    beganMillis = System.currentTimeMillis();
    Thread looking = Thread.ofVirtual().start(this::look);
    try (Trellis client = Trellis.connect("127.0.0.1:" + ports.router())) {
      writeLedger(client);
      load();
      int lost = lostFromLedger(client);
      findings.put("values lost", Integer.toString(lost));
      findings.put("operations failed", Long.toString(failed));
      return new AutoscaleReport(samples, phases, decisions(), findings, lost == 0 && failed == 0);
    } finally {
      looking.interrupt();
      var _ = trellis("down", "--port-base", base());
    }
  }

  private String base() {
    return Integer.toString(ports.base());
  }

  private String[] up() {
    Map<String, String> monitor = new LinkedHashMap<>();
    monitor.put("objective.latency", "2ms");
    monitor.put("grace", "5s");
    monitor.put("shrink.after", "15s");
    monitor.put("key.grace", "3s");
    monitor.put("monitor.settling", "5s");
    List<String> up = new ArrayList<>(List.of("up", "--detach", "--port-base", base()));
    up.addAll(List.of("--memory-nodes", "2", "--ssd-nodes", "1", "--shards", "1"));
    up.addAll(List.of("--memory", "256m", "--set", "memory.max=64MiB"));
    monitor.forEach((key, value) -> up.addAll(List.of("--set-monitor", key + "=" + value)));
    return up.toArray(String[]::new);
  }

  // ---- What is put on it ----

  private void load() throws IOException, InterruptedException {
    phase(
        "some load",
        "2,000 operations a second on 10,000 keys",
        () -> bench("--keys", "10000", "--rate", "2000", "--time", "10s"));
    long hotFrom = since();
    phase(
        "a hot key",
        "all the gets that two cores can do, of one key",
        () ->
            bench(
                "--keys",
                "1",
                "--key-prefix",
                "hot:",
                "--keys-drawn",
                "single",
                "--pipeline",
                "256",
                "--read-percent",
                "100",
                "--time",
                "20s"));
    find("hot key replicated after", hotFrom, sample -> sample.hotReplicas() > 1);
    long spikeFrom = since();
    phase(
        "a spike",
        "all the operations that two cores can do, on 10,000 keys",
        () ->
            bench(
                "--keys",
                "10000",
                "--no-load",
                "--pipeline",
                "256",
                "--read-percent",
                "80",
                "--time",
                "40s"));
    find("a third memory node after", spikeFrom, sample -> sample.memoryNodes() > 2);
    phase(
        "cold data",
        "20,000 keys of 4 KiB that nobody reads",
        () ->
            bench(
                "--keys",
                "20000",
                "--key-prefix",
                "cold:",
                "--value-size",
                "4096",
                "--rate",
                "10",
                "--time",
                "20s"));
    long restFrom = since();
    phase(
        "rest",
        "nothing, until the cluster is as it was",
        () -> await(sample -> sample.memoryNodes() <= 2));
    find("two memory nodes again after", restFrom, sample -> sample.memoryNodes() <= 2);
  }

  /// Something that is put on the cluster.
  @FunctionalInterface
  private interface Load {
    void run() throws IOException, InterruptedException;
  }

  private void phase(String name, String what, Load load) throws IOException, InterruptedException {
    tell.accept("Now " + name + ": " + what + ".");
    long from = since();
    load.run();
    phases.add(new Phase(name, what, from, since()));
  }

  private void bench(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("bench", "--json", "--warmup", "1ms"));
    command.addAll(List.of("--address", "127.0.0.1:" + ports.router(), "--seed", "1"));
    command.addAll(Arrays.asList(options));
    String printed = trellis(command.toArray(String[]::new));
    JsonObject result = JsonObject.of(Json.read(printed.lines().toList().getLast()));
    for (double count : result.numbers("failures").values()) {
      failed += (long) count;
    }
  }

  private void find(String what, long fromMillis, Predicate<Sample> isReached) {
    Optional<Sample> first =
        samples.stream()
            .filter(sample -> sample.atMillis() >= fromMillis)
            .filter(isReached)
            .findFirst();
    findings.put(
        what,
        first
            .map(sample -> DemoCommand.seconds(sample.atMillis() - fromMillis))
            .orElse("never"));
  }

  private void await(Predicate<Sample> isReached) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() - deadline < 0
        && (samples.isEmpty() || !isReached.test(samples.getLast()))) {
      Thread.sleep(LOOK);
    }
  }

  // ---- What must not be lost ----

  private static String ledgerKey(int number) {
    return "ledger:" + number;
  }

  private static void writeLedger(Trellis client) {
    for (int number = 0; number < LEDGER_KEYS; number++) {
      client.register(ledgerKey(number)).putText("value " + number);
    }
  }

  private static int lostFromLedger(Trellis client) {
    int lost = 0;
    for (int number = 0; number < LEDGER_KEYS; number++) {
      Optional<String> found = client.register(ledgerKey(number)).getText();
      lost += found.equals(Optional.of("value " + number)) ? 0 : 1;
    }
    return lost;
  }

  // ---- What there is ----

  private long since() {
    return System.currentTimeMillis() - beganMillis;
  }

  private void look() {
    try {
      while (true) {
        try {
          samples.add(sample(ask("/api/state")));
        } catch (IOException | IllegalArgumentException _) {
          // It has just started, or is busy; the next look may tell.
        }
        Thread.sleep(LOOK);
      }
    } catch (InterruptedException _) {
      // that was all
    }
  }

  private JsonObject ask(String path) throws IOException, InterruptedException {
    URI uri = URI.create("http://127.0.0.1:" + ports.console() + path);
    HttpRequest request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(5)).build();
    String body = http.send(request, BodyHandlers.ofString()).body();
    return JsonObject.of(Json.read(body));
  }

  private Sample sample(JsonObject state) {
    int memory = 0;
    int ssd = 0;
    for (JsonObject node : state.objects("nodes")) {
      boolean isActive = node.text("state").equals("active");
      memory += isActive && node.text("tier").equals("memory") ? 1 : 0;
      ssd += isActive && node.text("tier").equals("ssd") ? 1 : 0;
    }
    int replicas = 0;
    for (JsonObject key : state.objects("hotKeys")) {
      if (key.text("key").equals(HOT_KEY) && !key.bool("default")) {
        JsonObject placement = key.object("placement");
        replicas = (int) (placement.whole("memoryNodes") * placement.whole("shardsPerNode"));
      }
    }
    JsonObject latency = state.object("latency");
    return new Sample(
        since(),
        memory,
        ssd,
        replicas,
        state.number("operationsPerSecond"),
        latency.whole("samples") == 0 ? 0 : latency.number("p95Micros"));
  }

  private List<Decided> decisions() throws IOException, InterruptedException {
    List<Decided> decided = new ArrayList<>();
    for (JsonObject one : ask("/api/decisions?limit=200").objects("decisions")) {
      decided.add(
          new Decided(
              one.whole("atMillis") - beganMillis,
              one.text("kind"),
              one.text("what"),
              one.text("because"),
              one.text("state")));
    }
    return decided.reversed();
  }

  // ---- Commands ----

  /// Runs a command of `bin/trellis`, and returns what it prints.
  private static String trellis(String... arguments) throws IOException, InterruptedException {
    List<String> command =
        Stream.concat(Stream.of(LocalCluster.script().toString()), Arrays.stream(arguments))
            .toList();
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("TRELLIS_BUILD", "never");
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    Path errors = Files.createTempFile("trellis-demo", ".err");
    builder.redirectError(errors.toFile());
    Process process = builder.start();
    try {
      String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != ExitCode.OK) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT,
            "'trellis "
                + String.join(" ", arguments)
                + "' failed: "
                + Files.readString(errors).strip()
                + printed.strip());
      }
      return printed;
    } finally {
      process.destroy();
      Files.delete(errors);
    }
  }
}
