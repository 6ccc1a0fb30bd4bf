package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.JsonObject;
import dev.trellis.cli.LocalClusters;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.Trellis;
import dev.trellis.deploy.AutoscaleReport.Decided;
import dev.trellis.deploy.AutoscaleReport.Phase;
import dev.trellis.deploy.AutoscaleReport.Sample;
import dev.trellis.deploy.security.ClusterSecrets;
import dev.trellis.process.Secrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// A small cluster with a monitor that is more hasty than usual, and what is put on it: some load,
/// a hot key, a spike, data that nobody reads, and rest. Meanwhile the console is asked what there
/// is.
final class AutoscaleDemo {
  private static final int LEDGER_KEYS = 1_000;
  private static final Duration LOOK = Duration.ofMillis(200);
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final Duration ANSWER = Duration.ofSeconds(5); // of the console
  private static final int DECISIONS_AT_ONCE = 200;

  /// What it inherits of its user's about another cluster.
  private static final List<String> OF_ANOTHER =
      List.of("TRELLIS_ADDRESS", "TRELLIS_CA", "TRELLIS_API_KEY_FILE");

  private static final int HOT_KEYS = 2; // one after the other

  /// How long it takes until averages are of what was after a change alone.
  private static final long SETTLED_MILLIS = 6_000;

  /// How much shorter everything is that has a length where the demo is brief.
  private static final int BRIEF = 4;

  private final Console console;
  private final Ports ports;
  private final boolean secure;
  private final boolean brief;
  private final Consumer<String> tell;
  private final Path data; // of the cluster
  private final List<Sample> samples = new CopyOnWriteArrayList<>();
  private final List<Phase> phases = new ArrayList<>();
  private final Map<String, String> findings = new LinkedHashMap<>();
  private Optional<Access> access = Optional.empty(); // once its cluster runs
  private long beganMillis;
  private long loadMillis; // when the load of the phase began
  private long failed; // operations

  /// @param secure whether the cluster has `security = on`
  /// @param brief whether loads last, and the monitor waits, a fourth as long
  /// @param tell takes what it is about to do, line by line
  /// @throws IOException if there is no place for the cluster's data
  AutoscaleDemo(Console console, Ports ports, boolean secure, boolean brief, Consumer<String> tell)
      throws IOException {
    this.console = console;
    this.ports = ports;
    this.secure = secure;
    this.brief = brief;
    this.data = Files.createTempDirectory("trellis-demo");
    this.tell = tell;
  }

  /// Starts the cluster, does all of it, and stops the cluster again.
  ///
  /// @throws IOException if a part of it can't be started, or the cluster does not answer
  @SuppressWarnings("try") // interrupted while it stops, it ends as well
  AutoscaleReport run() throws IOException, InterruptedException {
    tell.accept("Starting two memory nodes, two SSD nodes, a router and a monitor.");
    Thread stopAtExit = new Thread(this::stopAtExit, "stop");
    Runtime.getRuntime().addShutdownHook(stopAtExit);
    try (Ending _ = () -> stopUnlessBy(stopAtExit)) {
      var _ = trellis(up());
      return runOnCluster();
    }
  }

  /// What is done at the end, however that comes.
  @SuppressWarnings("try") // as above
  @FunctionalInterface
  private interface Ending extends AutoCloseable {
    @Override
    void close() throws IOException, InterruptedException;
  }

  private void stopUnlessBy(Thread hook) throws IOException, InterruptedException {
    if (isCancelled(hook)) {
      stop();
    }
  }

  /// False if the process ends, and it runs.
  private static boolean isCancelled(Thread hook) {
    try {
      return Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      return false;
    }
  }

  /// Leaves nothing behind.
  ///
  /// @throws CommandFailure if the cluster can't be stopped
  /// @throws IOException if what it wrote can't be deleted
  private void stop() throws IOException, InterruptedException {
    var _ = trellis("down", "--port-base", base());
    try (Stream<Path> files = Files.walk(data)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private void stopAtExit() {
    try {
      stop();
    } catch (IOException | CommandFailure e) {
      tell.accept("What the demo wrote is left in " + data + ": " + e.getMessage());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private AutoscaleReport runOnCluster() throws IOException, InterruptedException {
    beganMillis = System.currentTimeMillis();
    access = ClusterState.read(console, ports.base()).map(Access::to);
    Thread looking = Thread.ofVirtual().start(this::look);
    try (Trellis client = Trellis.connect(config())) {
      writeLedger(client);
      load();
      int lost = lostFromLedger(client);
      find("values lost", Integer.toString(lost));
      find("operations failed", Long.toString(failed));
      return new AutoscaleReport(samples, phases, decisions(), findings, lost == 0 && failed == 0);
    } finally {
      looking.interrupt();
    }
  }

  private ClientConfig config() throws IOException {
    ClientConfig config = ClientConfig.of(address());
    return secure
        ? config
            .withTls(ClientTls.trusting(secret(Secrets.AUTHORITIES)))
            .withApiKey(Files.readString(secret(ClusterSecrets.ADMINISTRATOR_KEY)).strip())
        : config;
  }

  /// What its administrator shows.
  private Path secret(String file) {
    return data.resolve(LocalClusters.SECRETS).resolve(ClusterSecrets.CLIENT).resolve(file);
  }

  private String address() {
    return "127.0.0.1:" + ports.router();
  }

  private String base() {
    return Integer.toString(ports.base());
  }

  private int seconds(int usual) {
    return brief ? usual / BRIEF : usual;
  }

  private String[] up() {
    Map<String, String> monitor = new LinkedHashMap<>();
    monitor.put("monitor.period", "500ms");
    monitor.put("monitor.settling", seconds(5) + "s");
    monitor.put("objective.latency", "3ms");
    // Longer than processes that have just started take to be quick.
    monitor.put("grace", seconds(20) + "s");
    monitor.put("memory.nodes.max", "3");
    monitor.put("ssd.nodes.max", "2");
    monitor.put("shrink.after", seconds(15) + "s");
    monitor.put("key.grace", "3s");
    monitor.put("promote.window", "10s");
    List<String> up =
        new ArrayList<>(
            List.of("up", "--detach", secure ? "--secure" : "--no-secure", "--port-base", base()));
    up.addAll(
        List.of(
            "--data", data.toString(), "--memory-nodes", "2", "--ssd-nodes", "2", "--shards", "1"));
    up.addAll(List.of("--memory", "256m", "--set", "memory.max=64MiB"));
    up.addAll(List.of("--set", "statistics.period=500ms", "--set", "statistics.idle.from=0.3"));
    monitor.forEach((key, value) -> up.addAll(List.of("--set-monitor", key + "=" + value)));
    return up.toArray(String[]::new);
  }

  // ---- What is put on it ----

  private void load() throws IOException, InterruptedException {
    phase(
        "some load",
        "%,d keys are written, 5,000 a second".formatted(seconds(20) * 5_000),
        () -> bench(written("bench:", 5_000, seconds(20), "64")));
    for (int number = 0; number < HOT_KEYS; number++) {
      String prefix = "hot-" + number + ":";
      Phase hot =
          phase(
              number == 0 ? "a hot key" : "another one",
              "all the gets that two cores can do, of one key",
              () ->
                  bench(
                      "--keys",
                      "1",
                      "--key-prefix",
                      prefix,
                      "--keys-drawn",
                      "single",
                      "--pipeline",
                      "64",
                      "--read-percent",
                      "100",
                      "--time",
                      seconds(12) + "s"));
      findHot(number == 0 ? "hot key" : "next hot key", prefix + "0", hot);
    }
    var _ =
        phase(
            "a spike",
            "1,024 operations at a time on %,d keys, one of 20 a write"
                .formatted(seconds(20) * 5_000),
            () ->
                bench(
                    "--keys",
                    Integer.toString(seconds(20) * 5_000),
                    "--no-load",
                    "--pipeline",
                    "1024",
                    "--read-percent",
                    "95",
                    "--time",
                    seconds(25) + "s"));
    Phase cold =
        phase(
            "cold data",
            "2,000 keys of 64 KiB that nobody reads",
            () -> {
              bench(written("cold:", 200, 10, "65536"));
              await(() -> any(decisions(), one -> one.kind().equals("demote")));
            });
    var _ =
        phase(
            "rest",
            "nothing, until the cluster is as it was",
            () ->
                await(() -> any(decisions(), one -> one.kind().equals("shrink") && one.isDone())));
    List<Decided> decided = decisions();
    findNodes("a node more", "grow", decided);
    long demoted =
        decided.stream()
            .filter(one -> one.kind().equals("demote") && one.isDone())
            .mapToLong(Decided::keys)
            .sum();
    find(
        "cold keys on SSD alone",
        demoted
            + ", from "
            + DemoCommand.seconds(firstOf("demote", decided) - cold.fromMillis())
            + " after they came");
    findNodes("a node fewer", "shrink", decided);
  }

  /// New keys, so many a second.
  private static String[] written(String prefix, int rate, int seconds, String size) {
    return new String[] {
      "--keys",
      "1",
      "--key-prefix",
      prefix,
      "--no-load",
      "--value-size",
      size,
      "--read-percent",
      "0",
      "--insert-percent",
      "100",
      "--rate",
      Integer.toString(rate),
      "--time",
      seconds + "s"
    };
  }

  private static long firstOf(String kind, List<Decided> decided) {
    return decided.stream()
        .filter(one -> one.kind().equals(kind))
        .mapToLong(Decided::atMillis)
        .findFirst()
        .orElse(0);
  }

  /// Something that is put on the cluster.
  @FunctionalInterface
  private interface Load {
    void run() throws IOException, InterruptedException;
  }

  /// Something that may be so.
  @FunctionalInterface
  private interface Question {
    boolean isSo() throws IOException, InterruptedException;
  }

  private Phase phase(String name, String what, Load load)
      throws IOException, InterruptedException {
    tell.accept("Now " + name + ": " + what + ".");
    long from = since();
    loadMillis = from;
    load.run();
    Phase phase = new Phase(name, what, loadMillis, since());
    phases.add(phase);
    return phase;
  }

  /// Runs a load, and notes when it began, since a process takes some time to start.
  private void bench(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("bench", "--json", "--warmup", "1ms"));
    command.addAll(List.of("--address", address(), "--seed", "1"));
    if (secure) {
      command.addAll(List.of("--ca", secret(Secrets.AUTHORITIES).toString()));
      command.addAll(List.of("--key-file", secret(ClusterSecrets.ADMINISTRATOR_KEY).toString()));
    }
    command.addAll(Arrays.asList(options));
    // As a load from elsewhere, it takes no processor from those who serve it, or are started.
    String printed = run(Stream.concat(Stream.of("nice", "-n", "10"), trellis(command)).toList());
    JsonObject result = JsonObject.of(Json.read(printed.lines().toList().getLast()));
    loadMillis = result.whole("beganMillis") - beganMillis;
    for (double count : result.numbers("failures").values()) {
      failed += (long) count;
    }
  }

  private void await(Question question) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() - deadline < 0 && !question.isSo()) {
      Thread.sleep(LOOK);
    }
  }

  // ---- What is found ----

  private void find(String what, String found) {
    findings.put(what, found);
  }

  /// When the replicas of a key were there, and what share of its gets each node served then.
  private void findHot(String what, String key, Phase phase)
      throws IOException, InterruptedException {
    Optional<Decided> replicated =
        decisions().stream()
            .filter(one -> one.kind().equals("replicate") && one.key().equals(key))
            .findFirst();
    find(
        what + " replicated after",
        replicated
            .filter(Decided::isDone)
            .map(one -> DemoCommand.seconds(one.doneMillis() - phase.fromMillis()))
            .orElse("never"));
    replicated
        .flatMap(one -> sharesAfter(one.doneMillis() + SETTLED_MILLIS, phase))
        .ifPresent(shares -> find(what + ": shares of its gets", shares));
  }

  private Optional<String> sharesAfter(long fromMillis, Phase phase) {
    List<List<Double>> reads =
        samples.stream()
            .filter(
                sample -> sample.atMillis() >= fromMillis && sample.atMillis() <= phase.toMillis())
            .map(Sample::readsPerSecond)
            .toList();
    if (reads.isEmpty()) {
      return Optional.empty();
    }
    int nodes = reads.getLast().size();
    double[] sums = new double[nodes];
    for (List<Double> each : reads) {
      for (int node = 0; node < Math.min(nodes, each.size()); node++) {
        sums[node] += each.get(node);
      }
    }
    double all = Math.max(1, Arrays.stream(sums).sum());
    return Optional.of(
        Arrays.stream(sums)
            .mapToObj(sum -> String.format(Locale.ROOT, "%.0f%%", 100 * sum / all))
            .collect(Collectors.joining(", ")));
  }

  private void findNodes(String what, String kind, List<Decided> decided) {
    Optional<Decided> change = decided.stream().filter(one -> one.kind().equals(kind)).findFirst();
    find(
        what,
        change
            .map(
                one ->
                    "decided at "
                        + DemoCommand.seconds(one.atMillis())
                        + (one.isDone()
                            ? ", there "
                                + DemoCommand.seconds(one.doneMillis() - one.atMillis())
                                + " later"
                            : ", not done"))
            .orElse("never"));
  }

  private static boolean any(List<Decided> decided, Predicate<Decided> predicate) {
    return decided.stream().anyMatch(predicate);
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

  private JsonObject ask(String path) throws IOException {
    Access.Response answer =
        access
            .flatMap(through -> through.get(ports.console(), path, ANSWER))
            .orElseThrow(() -> new IOException("the console does not answer " + path));
    if (!answer.isOk()) {
      throw new IOException("the console answers " + path + " with " + answer.text());
    }
    return JsonObject.of(Json.read(answer.text()));
  }

  private Sample sample(JsonObject state) {
    int ssd = 0;
    double used = 0;
    List<Double> reads = new ArrayList<>();
    for (JsonObject node : state.objects("nodes")) {
      boolean isActive = node.text("state").equals("active");
      if (isActive && node.text("tier").equals("memory")) {
        reads.add(node.number("readsPerSecond"));
        used += node.number("bytes");
      }
      ssd += isActive && node.text("tier").equals("ssd") ? 1 : 0;
    }
    int replicas = 0;
    for (JsonObject key : state.objects("hotKeys")) {
      if (key.text("key").startsWith("hot-") && !key.bool("default")) {
        JsonObject placement = key.object("placement");
        replicas =
            Math.max(
                replicas,
                (int) (placement.whole("memoryNodes") * placement.whole("shardsPerNode")));
      }
    }
    JsonObject latency = state.object("latency");
    return new Sample(
        since(),
        ssd,
        reads,
        replicas,
        used,
        state.number("operationsPerSecond"),
        latency.whole("samples") == 0 ? 0 : latency.number("meanMicros"));
  }

  /// The oldest first.
  private List<Decided> decisions() throws IOException {
    List<Decided> decided = new ArrayList<>();
    String page = "/api/decisions?limit=" + DECISIONS_AT_ONCE;
    JsonObject answer = ask(page);
    addTo(decided, answer);
    while (answer.members().get("nextBefore") != null) {
      answer = ask(page + "&before=" + answer.whole("nextBefore"));
      addTo(decided, answer);
    }
    return decided.reversed();
  }

  private void addTo(List<Decided> decided, JsonObject answer) {
    for (JsonObject one : answer.objects("decisions")) {
      boolean isOfKey = one.isGiven("key");
      decided.add(
          new Decided(
              one.whole("atMillis") - beganMillis,
              one.text("kind"),
              isOfKey ? one.text("key") : "",
              isOfKey ? one.whole("keys") : 0,
              one.text("what"),
              one.text("because"),
              one.text("state"),
              one.text("state").equals("done") ? one.whole("doneMillis") - beganMillis : 0));
    }
  }

  // ---- Commands ----

  /// Runs a command of `bin/trellis`, and returns what it prints.
  private String trellis(String... arguments) throws IOException, InterruptedException {
    return run(trellis(List.of(arguments)).toList());
  }

  private static Stream<String> trellis(List<String> arguments) {
    return Stream.concat(Stream.of(LocalCluster.script().toString()), arguments.stream());
  }

  private String run(List<String> command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("TRELLIS_BUILD", "never");
    builder.environment().keySet().removeAll(OF_ANOTHER);
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    Path errors = Files.createTempFile(data, "command", ".err");
    builder.redirectError(errors.toFile());
    Process process = builder.start();
    try {
      String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      // What a load counts as failed is in what it prints.
      if (!Set.of(ExitCode.OK, ExitCode.NEGATIVE).contains(process.waitFor())) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT,
            "'"
                + String.join(" ", command)
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
