package dev.trellis.simulation;

import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/// A whole cluster on one thread: real shards, simulated time, network, membership and clients.
/// Everything follows from the seed, so a failure is replayed by its number.
///
/// @see "Zhou et al., FoundationDB: A Distributed Unbundled Transactional Key Value Store, SIGMOD
///   2021, §4"
public final class Simulation {
  /// How a run ended.
  ///
  /// @param violations broken promises; empty if it passed
  /// @param events how many happened: equal for equal runs
  public record Report(FaultPlan plan, List<String> violations, Tally tally, long events) {
    public boolean passed() {
      return violations.isEmpty();
    }
  }

  private static final long START_MILLIS = 1_700_000_000_000L;
  private static final int WATCHERS = 6;
  private static final int AWAITERS = 40;
  private static final int PROBES = 2;

  /// Longest that founding, settling and converging may take once nothing goes wrong any more.
  private static final long PATIENCE_MILLIS = 120_000;

  /// Longest until the next of those that leave has left, under load, once no node is lost any
  /// more: each one that leaves changes what the others have to hand over, so they begin anew, and
  /// heirs with disks are to have it there.
  private static final long LEAVING_MILLIS_MAX = 30_000;

  /// After so long, all that shall expire has, whatever clocks said.
  private static final long LAST_EXPIRY_MILLIS = 3_000;

  /// After so long, what was lost while nodes did not hear each other is sent again.
  private static final long BACKOFF_MILLIS_MAX = 5_000;

  private final FaultPlan plan;
  private final Scheduler scheduler = new Scheduler(START_MILLIS);
  private final RandomGenerator random;
  private final Tally tally = new Tally();
  private final List<String> violations = new ArrayList<>();
  private final Trace trace;
  private final SimulatedCluster cluster;
  private long leftMillis; // when a node has left last, or all became calm
  private long lostWhenFounded; // partitions of which there was nothing yet
  private final Workload workload;
  private final History history;
  private final List<SimulatedClient> clients = new ArrayList<>();
  private final List<Watcher> watchers = new ArrayList<>();
  private final List<Awaiter> awaiters = new ArrayList<>();
  private final RandomGenerator awaiting; // of its own, so that all else stays as it was

  private Simulation(FaultPlan plan, Defect defect, Optional<Consumer<String>> listener) {
    this.plan = plan;
    this.random = FaultPlan.random(plan.seed() ^ 0x5DEECE66DL);
    this.awaiting = FaultPlan.random(plan.seed() ^ 0x2545F4914F6CDDL);
    this.trace = new Trace(listener, scheduler);
    this.cluster = new SimulatedCluster(plan, defect, scheduler, random, trace, tally, violations);
    this.workload = new Workload(plan);
    this.history = new History(cluster);
    cluster.whenLeft(
        node -> {
          leftMillis = scheduler.nowMillis();
          workload.keys().forEach(history::checkCopies);
        });
    for (int client = 0; client < plan.profile().clients(); client++) {
      clients.add(
          new SimulatedClient(
              client,
              new SimulatedClient.Surroundings(workload, cluster, random, defect, history)));
    }
  }

  /// Runs a workload over all kinds under a plan, heals, and checks every key on every replica.
  public static Report run(FaultPlan plan, Defect defect) {
    return run(plan, defect, Optional.empty());
  }

  /// As [#run(FaultPlan, Defect)].
  ///
  /// @param listener is told each event
  public static Report run(FaultPlan plan, Defect defect, Optional<Consumer<String>> listener) {
    Simulation simulation = new Simulation(plan, defect, listener);
    try {
      simulation.run();
    } catch (RuntimeException e) {
      // A bug in what is simulated is a finding like others, and replayed like them.
      simulation.trace.tell(() -> "thrown " + e);
      StackTraceElement[] at = e.getStackTrace();
      simulation.violations.add("thrown: " + e + List.of(at).subList(0, Math.min(at.length, 12)));
    }
    return new Report(
        plan, simulation.violations, simulation.tally, simulation.scheduler.planned());
  }

  private void run() {
    trace.tell(plan::toString);
    if (!wait("the cluster is not founded", cluster::whatIsNotWhole)) {
      return;
    }
    lostWhenFounded =
        cluster.shards().stream().mapToLong(shard -> shard.statistics().partitionsLost()).sum();
    misbehave();
    workload.goOn(plan.profile().isBusy());
    for (int slice = 0; slice < 3_000 && !mayHeal() && violations.isEmpty(); slice++) {
      scheduler.run(100);
      sample();
    }
    workload.goOn(false);
    cluster.heal();
    if (!violations.isEmpty()
        || !wait("a client does not end", () -> areDone() ? Optional.empty() : Optional.of(""))
        || !wait("the cluster does not settle", cluster::whatIsNotSettled)) {
      return;
    }
    scheduler.run(BACKOFF_MILLIS_MAX);
    clients.forEach(client -> client.probe(PROBES));
    if (!wait("a client does not end", () -> areDone() ? Optional.empty() : Optional.of(""))
        || !wait("replicas do not converge", this::whatDiffers)) {
      return;
    }
    scheduler.run(LAST_EXPIRY_MILLIS);
    checkKeys();
    checkAnswers();
    watchers.forEach(Watcher::check);
    if (!cluster.hasLost()) {
      awaiters.forEach(awaiter -> awaiter.check(lastOf(awaiter.key())));
    }
    if (!violations.isEmpty()) {
      return;
    }
    // Now that nobody is absent, what has ended is forgotten by all.
    scheduler.run(plan.tombstoneGrace().toMillis() + 2_000);
    if (wait("tombstones are not collected", this::whatIsRemembered)) {
      wait("replicas do not converge", this::whatDiffers);
      checkKeys();
    }
    tally.folded +=
        workload.keys().stream()
            .flatMap(key -> cluster.copies(key).values().stream().limit(1))
            .filter(
                entry ->
                    entry.value(Kind.COUNTER).orElse(null) instanceof Counter counter
                        && counter.foldedBefore() > 0)
            .count();
    cluster.shards().forEach(shard -> tally.add(shard.statistics()));
    if (plan.keepsPromise() && tally.partitionsLost > lostWhenFounded) {
      violations.add(
          "partitions that no loss has taken away were taken for lost: "
              + (tally.partitionsLost - lostWhenFounded));
    }
  }

  private void misbehave() {
    trace.tell(() -> "faults begin");
    cluster.network().misbehave();
    new Nemesis(cluster, random).start();
    clients.forEach(SimulatedClient::start);
  }

  /// Whether all have done what they shall do while things go wrong. Where nodes leave under load,
  /// the load goes on until they have.
  private boolean mayHeal() {
    if (!plan.profile().isBusy()) {
      return areDone();
    }
    if (!workload.isExhausted()) {
      return false;
    }
    if (!cluster.isCalm()) {
      cluster.calm();
      leftMillis = scheduler.nowMillis();
    }
    Optional<SimulatedNode> leaving =
        cluster.running().stream().filter(SimulatedNode::isLeaving).findFirst();
    if (leaving.isPresent() && scheduler.nowMillis() - leftMillis > LEAVING_MILLIS_MAX) {
      violations.add(leaving.get() + " does not leave, however long it is under load");
    }
    return leaving.isEmpty();
  }

  private boolean areDone() {
    return clients.stream().allMatch(SimulatedClient::hasStopped);
  }

  /// Lets time pass until nothing is missing any more; tells if that takes too long.
  private boolean wait(String promise, Supplier<Optional<String>> missing) {
    long end = scheduler.nowMillis() + PATIENCE_MILLIS;
    Optional<String> left = missing.get();
    while (left.isPresent() && violations.isEmpty()) {
      if (scheduler.nowMillis() > end) {
        violations.add(promise + ": " + left.get());
        return false;
      }
      scheduler.run(200);
      left = missing.get();
    }
    return violations.isEmpty();
  }

  /// A key that is not the same on all shards that shall hold it, or is on another.
  private Optional<String> whatDiffers() {
    for (Payload key : workload.keys()) {
      Map<SimulatedShard, Entry> copies = cluster.copies(key);
      List<SimulatedShard> holders = cluster.holders(key);
      Set<Entry> states = new HashSet<>(copies.values());
      boolean onOthers = !new HashSet<>(holders).containsAll(copies.keySet());
      boolean missing = !copies.isEmpty() && !copies.keySet().containsAll(holders);
      if (states.size() > 1 || onOthers || missing) {
        return Optional.of("key " + key + " belongs to " + holders + " and is on " + copies);
      }
    }
    return Optional.empty();
  }

  private Optional<String> whatIsRemembered() {
    for (Payload key : workload.keys()) {
      for (Map.Entry<SimulatedShard, Entry> copy : cluster.copies(key).entrySet()) {
        if (copy.getValue().isDead(scheduler.nowMillis() - 1_000)
            && copy.getValue().endedAt().millis() > 0) {
          return Optional.of("key " + key + " on " + copy);
        }
        if (copy.getValue().value(Kind.COUNTER).orElse(null) instanceof Counter counter
            && counter.taggedCount() > 0) {
          return Optional.of("key " + key + " tells tags apart on " + copy);
        }
      }
    }
    return Optional.empty();
  }

  private void checkKeys() {
    Checker.Guarantee guarantee =
        !cluster.hasLost()
            ? Checker.Guarantee.ALL
            : plan.keepsPromise() ? Checker.Guarantee.REPLICATED : Checker.Guarantee.NONE;
    for (Payload key : workload.keys()) {
      Entry entry = lastOf(key);
      Checker checker = new Checker(key, history.steps(), entry, scheduler.nowMillis(), guarantee);
      violations.addAll(checker.violations());
      tally.supersededAfterwards += checker.supersededAfterwards();
    }
  }

  /// What all replicas have, once they have converged.
  private Entry lastOf(Payload key) {
    return cluster.copies(key).values().stream().findFirst().orElse(Entry.BOTTOM);
  }

  private void checkAnswers() {
    long since = scheduler.nowMillis() - 10_000;
    for (SimulatedShard shard : cluster.shards()) {
      List<Long> late = shard.unansweredSince(since);
      if (!late.isEmpty()) {
        violations.add(shard + " never answered requests " + late);
      }
    }
  }

  /// Looks for what only shows from outside, and only for a moment.
  private void sample() {
    List<Payload> keys = workload.keys();
    watchSome(keys);
    awaitSome(keys);
    history.look(keys);
    for (int at = 0; at < 3 && !keys.isEmpty(); at++) {
      Payload key = keys.get(random.nextInt(keys.size()));
      Set<Object> generations = new HashSet<>();
      boolean twoKinds = false;
      for (Entry entry : cluster.copies(key).values()) {
        twoKinds |= entry.values().size() > 1;
        if (entry.generation().packed() != 0) {
          generations.add(entry.generation());
        }
      }
      history.checkCopies(key);
      tally.twoKinds += twoKinds ? 1 : 0;
      tally.generationRaces += generations.size() > 1 ? 1 : 0;
    }
  }

  private void awaitSome(List<Payload> keys) {
    if (awaiters.size() == AWAITERS || keys.isEmpty()) {
      return;
    }
    Payload key = keys.get(awaiting.nextInt(keys.size()));
    Map<SimulatedShard, Entry> copies = cluster.copies(key);
    List<SimulatedShard> candidates =
        copies.keySet().stream().filter(shard -> !shard.node().isPaused()).toList();
    if (!candidates.isEmpty()) {
      SimulatedShard shard = candidates.get(awaiting.nextInt(candidates.size()));
      Entry seen = copies.getOrDefault(shard, Entry.BOTTOM);
      awaiters.add(Awaiter.start(key, seen, shard, cluster, awaiting));
    }
  }

  private void watchSome(List<Payload> keys) {
    if (watchers.size() == WATCHERS || keys.isEmpty() || random.nextInt(4) != 0) {
      return;
    }
    Payload key = keys.get(random.nextInt(keys.size()));
    List<SimulatedShard> candidates =
        cluster.copies(key).keySet().stream().filter(shard -> !shard.node().isPaused()).toList();
    if (!candidates.isEmpty()) {
      SimulatedShard shard = candidates.get(random.nextInt(candidates.size()));
      watchers.add(Watcher.start(key, shard, cluster));
    }
  }
}
