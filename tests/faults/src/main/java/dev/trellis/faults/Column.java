package dev.trellis.faults;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.faults.Workload.Finding;
import dev.trellis.faults.Workload.Promise;
import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.HistoryReader;
import dev.trellis.history.HistoryWriter;
import dev.trellis.history.Operation;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.EachKey;
import dev.trellis.history.check.Verdict;
import dev.trellis.node.KeptData;
import dev.trellis.node.store.ShardFiles;
import dev.trellis.wire.View;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One fault, and all workloads under it: a cluster is started, used and tormented for a while,
/// mended, awaited to be whole, read replica by replica, and ended; then the histories are judged.
final class Column {
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration RECOVERY_PATIENCE = Duration.ofMinutes(2);

  /// Above the numbers that the threads come to.
  static final long FINAL_PROCESS = 1_000_000;

  private static final int WARM_UP_CALLS = 50;
  private static final int FINAL_ATTEMPTS_MAX = 20;
  private static final Duration BETWEEN_ATTEMPTS = Duration.ofMillis(500);

  private final RunPlan plan;
  private final Fault fault;
  private final Path folder;
  private final Consumer<String> progress;
  private final List<Workload> workloads;
  private final Map<String, AtomicLong> succeeded = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  /// @param folder where histories and logs go
  /// @param progress is told how far it is, for people
  Column(RunPlan plan, Fault fault, Path folder, Consumer<String> progress) {
    this.plan = plan;
    this.fault = fault;
    this.folder = folder;
    this.progress = progress;
    this.workloads =
        Workload.all(plan.callers(), plan.cluster().gossipEpoch()).stream()
            .filter(workload -> plan.workloads().contains(workload.name()))
            .filter(workload -> workload.isFor(fault, plan.cluster()))
            .toList();
    workloads.forEach(this::successes);
  }

  private Path historyOf(Workload workload) {
    return folder.resolve(workload.name()).resolve("history.edn");
  }

  /// The cells, in the order of the workloads.
  ///
  /// @param lab where its cluster lives; closed by the caller
  /// @param opened is told of the cluster as soon as there is something to be ended
  List<Cell> run(Lab lab, Consumer<FaultCluster> opened) throws IOException, InterruptedException {
    Map<String, Path> files = new LinkedHashMap<>();
    for (Workload workload : workloads) {
      Files.createDirectories(historyOf(workload).getParent());
      files.put(workload.name(), historyOf(workload));
    }
    int happened;
    progress.accept("starting a cluster");
    try (FaultCluster cluster =
        FaultCluster.prepare(
            lab,
            plan.cluster().withSkewable(fault.need() == Fault.Need.CLOCKS),
            folder.resolve("nodes"))) {
      opened.accept(cluster);
      cluster.start();
      try (Diary diary = new Diary(files)) {
        happened = use(cluster, diary);
      }
    }
    problems.addAll(damages());
    progress.accept("judging");
    List<Cell> cells = new ArrayList<>();
    for (Workload workload : workloads) {
      cells.add(judge(workload, happened));
    }
    return cells;
  }

  /// What is wrong with the files of the nodes, all of which were killed in the end.
  private List<String> damages() throws IOException {
    List<Path> shards;
    try (Stream<Path> files = Files.walk(folder.resolve("nodes"))) {
      shards = files.filter(KeptData::isShard).sorted().toList();
    }
    List<String> damages = new ArrayList<>();
    for (Path shard : shards) {
      try (ShardFiles files = ShardFiles.open(shard)) {
        files.verify(read -> {}).problems().forEach(one -> damages.add(shard + ": " + one));
      }
    }
    return damages;
  }

  /// Of this fault: the runs of several faults one by one are the same as those of all.
  private long seed() {
    return plan.seed() * 1_000_003 + fault.word().hashCode();
  }

  private AtomicLong successes(Workload workload) {
    return succeeded.computeIfAbsent(workload.name(), ignored -> new AtomicLong());
  }

  private static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  private int use(FaultCluster cluster, Diary diary) throws IOException, InterruptedException {
    List<Trellis> clients = new ArrayList<>();
    try {
      for (int number = 0; number < plan.clients(); number++) {
        clients.add(connect(cluster.address()));
      }
      Nemesis nemesis = new Nemesis(cluster, fault, random(seed()), diary, plan.time());
      torment(clients, diary, nemesis);
      problems.addAll(nemesis.problems());
      recover(cluster, clients, diary);
      return nemesis.happened();
    } finally {
      clients.forEach(Trellis::close);
    }
  }

  /// Patiently: where there are many processes for few processors, the first greeting takes long.
  private static Trellis connect(String address) throws IOException, InterruptedException {
    List<Trellis> connected = new ArrayList<>();
    String obstacle =
        Patience.await(
            FaultCluster.START_PATIENCE,
            () -> {
              try {
                connected.add(
                    Trellis.connect(
                        ClientConfig.of(address)
                            .withTimeout(CALL_TIMEOUT)
                            .withConnectTimeout(CONNECT_TIMEOUT)));
                return "";
              } catch (TrellisException e) {
                return String.valueOf(e.getMessage());
              }
            });
    if (connected.isEmpty()) {
      throw new IOException("no client can connect: " + obstacle);
    }
    return connected.getFirst();
  }

  private void torment(List<Trellis> clients, Diary diary, Nemesis nemesis)
      throws IOException, InterruptedException {
    List<Caller> callers = new ArrayList<>();
    List<Thread> threads = new ArrayList<>();
    Duration period = Duration.ofSeconds(1).multipliedBy(plan.callers()).dividedBy(plan.rate());
    for (Workload workload : workloads) {
      for (int number = 0; number < plan.callers(); number++) {
        long seed = seed() * 1_000_003 + workload.name().hashCode() * 31L + number;
        Caller caller =
            new Caller(
                new RecordedCalls(
                    clients.get(number % clients.size()), workload, diary.of(workload.name())),
                workload.steps(number, random(seed)),
                random(seed + 1),
                period,
                number,
                plan.callers(),
                successes(workload));
        callers.add(caller);
        threads.add(Thread.ofVirtual().name(workload.name() + "-" + number).start(caller));
      }
    }
    try {
      // What is done to a cluster that nobody uses yet shows nothing.
      var _ = Patience.await(RECOVERY_PATIENCE, () -> isInUse() ? "" : "hardly any call succeeds");
      long began = System.nanoTime();
      nemesis.run(() -> isOver(began, nemesis));
    } finally {
      callers.forEach(Caller::stop);
      for (Thread thread : threads) {
        thread.join(CALL_TIMEOUT.multipliedBy(4));
      }
    }
    for (Thread thread : threads) {
      if (thread.isAlive()) {
        problems.add("a call of " + thread.getName() + " has not ended, long after its time-out");
      }
    }
  }

  private boolean isInUse() {
    return succeeded.values().stream().allMatch(count -> count.get() >= WARM_UP_CALLS);
  }

  private boolean isOver(long began, Nemesis nemesis) {
    Duration gone = Duration.ofNanos(System.nanoTime() - began);
    boolean isTelling =
        nemesis.happened() >= plan.faultsMin()
            && succeeded.values().stream().allMatch(count -> count.get() >= plan.operationsMin());
    progress.accept(
        "%d of %d s, %d faults"
            .formatted(gone.toSeconds(), plan.time().toSeconds(), nemesis.happened()));
    return gone.compareTo(plan.time()) >= 0
        && (isTelling || gone.compareTo(plan.time().plus(plan.extension())) >= 0);
  }

  /// All is mended by now. Waits for the cluster, and looks at what it has.
  private void recover(FaultCluster cluster, List<Trellis> clients, Diary diary)
      throws IOException, InterruptedException {
    progress.accept("waiting for the cluster to be whole");
    long began = System.nanoTime();
    String shortage = cluster.awaitRest(RECOVERY_PATIENCE);
    if (!shortage.isEmpty()) {
      problems.add(
          "not whole " + RECOVERY_PATIENCE.toSeconds() + " s after all was mended: " + shortage);
    }
    diary.all(
        Operation.nemesis(
            shortage.isEmpty() ? "whole" : "not-whole", (System.nanoTime() - began) / 1_000_000));
    progress.accept("waiting for the replicas to be equal");
    for (Workload workload : workloads) {
      RecordedCalls calls =
          new RecordedCalls(clients.getFirst(), workload, diary.of(workload.name()));
      for (int key = 0; key < workload.keyCount(); key++) {
        readFinally(calls, key);
      }
    }
    Map<String, Map<String, @Nullable Object>> held = new LinkedHashMap<>();
    String difference =
        Patience.await(
            RECOVERY_PATIENCE,
            () -> {
              held.clear();
              return difference(cluster, held);
            });
    if (!difference.isEmpty()) {
      problems.add(RECOVERY_PATIENCE.toSeconds() + " s after the cluster was whole, " + difference);
    }
    for (Workload workload : workloads) {
      HistoryWriter history = diary.of(workload.name());
      for (int key = 0; key < workload.keyCount(); key++) {
        history.append(
            new Operation(
                Workload.replicas(),
                Operation.Type.INFO,
                Workload.replicas(),
                Workload.keyed(key, held.getOrDefault(workload.keyOf(key), Map.of())),
                Operation.NOT_STATED,
                Operation.NOT_STATED,
                Map.of()));
      }
    }
  }

  private void readFinally(RecordedCalls calls, int key) throws InterruptedException {
    Workload workload = calls.workload();
    for (int attempt = 0; attempt < FINAL_ATTEMPTS_MAX; attempt++) {
      Operation.Type outcome =
          calls.make(FINAL_PROCESS + key, Map.of(Workload.FINAL, true), workload.finalRead(key));
      if (outcome == Operation.Type.OK) {
        return;
      }
      Thread.sleep(BETWEEN_ATTEMPTS);
    }
    problems.add("key " + key + " of " + workload.name() + " cannot be read though all is mended");
  }

  /// What each replica of each key shows.
  ///
  /// @param held is given it, by key and node
  /// @return a key whose replicas differ, or what is in the way of knowing, for people
  private String difference(FaultCluster cluster, Map<String, Map<String, @Nullable Object>> held) {
    List<String> keys = new ArrayList<>();
    for (Workload workload : workloads) {
      for (int key = 0; key < workload.keyCount(); key++) {
        keys.add(workload.keyOf(key));
      }
    }
    for (Server member : cluster.members()) {
      try {
        for (Map.Entry<String, View> replica : ReplicaReader.read(member.host(), keys).entrySet()) {
          held.computeIfAbsent(replica.getKey(), ignored -> new TreeMap<>())
              .put(member.name(), Workload.edn(replica.getValue()));
        }
      } catch (IOException e) {
        return member.name() + " does not tell what it holds: " + e.getMessage();
      }
    }
    for (String key : keys) {
      Map<String, @Nullable Object> replicas = held.getOrDefault(key, Map.of());
      if (replicas.size() <= ClusterPlan.FAULT_TOLERANCE) {
        return key + " has replicas only at " + replicas.keySet();
      }
      if (new HashSet<>(replicas.values()).size() > 1) {
        return key + " differs";
      }
    }
    return "";
  }

  private Cell judge(Workload workload, int happened) throws IOException {
    Path file = historyOf(workload);
    History history = HistoryReader.read(file);
    List<Finding> findings = new ArrayList<>();
    List<CheckResult> results = new ArrayList<>();
    List<Verdict> verdicts = new ArrayList<>();
    List<Ending> endings = Ending.of(history);
    EachKey.byKey(history)
        .forEach(
            (key, part) -> {
              for (Promise promise : workload.promises(fault, endings)) {
                CheckResult result = promise.checker().check(part);
                results.add(result);
                if (promise.isKept()) {
                  verdicts.add(result.verdict());
                }
                if (result.verdict() == Verdict.INVALID
                    || (promise.isKept() && result.verdict() == Verdict.UNKNOWN)) {
                  findings.add(
                      new Finding(
                          String.valueOf(key),
                          promise.checker().name(),
                          result,
                          promise.isKept() && result.verdict() == Verdict.INVALID));
                }
              }
            });
    List<Call> calls = history.calls();
    long ok = calls.stream().filter(Call::isOk).count();
    long failed = calls.stream().filter(Call::isFailed).count();
    if (!problems.isEmpty()) {
      verdicts.add(Verdict.INVALID);
    }
    if (ok < plan.operationsMin() || happened == 0) {
      verdicts.add(Verdict.UNKNOWN);
    }
    return new Cell(
        workload.name(),
        fault,
        ok,
        failed,
        calls.size() - ok - failed,
        happened,
        findings,
        problems,
        workload.measured(results).stream().toList(),
        file,
        Verdict.ofAll(verdicts));
  }
}
