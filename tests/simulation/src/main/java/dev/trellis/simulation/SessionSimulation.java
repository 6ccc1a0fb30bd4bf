package dev.trellis.simulation;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import dev.trellis.history.check.Verdict;
import dev.trellis.history.edn.Edn;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/// Sessions on a whole simulated cluster: the real session core and real shards on one thread. What
/// the sessions were told is judged by the checkers of their level.
public final class SessionSimulation {
  /// How a run ended.
  ///
  /// @param violations broken promises; empty if it passed
  /// @param events how many happened: equal for equal runs
  public record Report(
      FaultPlan plan,
      SessionLevel level,
      List<String> violations,
      SessionTally tally,
      long events) {
    public boolean passed() {
      return violations.isEmpty();
    }
  }

  static final int USERS = 5;
  private static final int CLIENTS = 7;
  private static final int STEPS = 36; // of each user
  private static final int TRANSACTION_STEPS = 14;
  private static final long FINAL_PROCESS = 1_000_000;
  private static final long START_MILLIS = 1_700_000_000_000L;

  /// Longest that founding, ending and settling may take.
  private static final long PATIENCE_MILLIS = 120_000;

  /// After so long, what was lost while nodes did not hear each other is sent again.
  private static final long BACKOFF_MILLIS_MAX = 5_000;

  /// The days that sessions go through.
  private static final List<Profile> PROFILES =
      List.of(
          Profile.CRASHES,
          Profile.PARTITIONS,
          Profile.SUSPICION,
          Profile.CHURN,
          Profile.EVERYTHING,
          Profile.REPLACEMENTS,
          Profile.LAGGING_VIEWS,
          Profile.MANY_SHARDS,
          Profile.RESTARTS,
          Profile.CALM);

  private final FaultPlan plan;
  private final SessionLevel level;
  private final Scheduler scheduler = new Scheduler(START_MILLIS);
  private final RandomGenerator random;
  private final SessionTally tally = new SessionTally();
  private final SessionHistory history = new SessionHistory();
  private final List<String> violations = new ArrayList<>();
  private final Trace trace;
  private final SimulatedCluster cluster;
  private final List<SessionUser> users = new ArrayList<>();

  private SessionSimulation(
      FaultPlan plan,
      SessionLevel level,
      SessionDefect defect,
      Optional<Consumer<String>> listener) {
    this.plan = plan;
    this.level = level;
    this.random = FaultPlan.random(plan.seed() ^ 0x5E5510L);
    this.trace = new Trace(listener, scheduler);
    this.cluster =
        new SimulatedCluster(
            plan,
            Defect.NONE,
            defect.sabotage(),
            scheduler,
            random,
            trace,
            new Tally(),
            violations);
    if (level.use() == SessionLevel.Use.CAUSAL) {
      cluster.beforeCrash(node -> CausalUser.noteLost(cluster, node, history, tally));
    }
    List<SessionClient> clients = new ArrayList<>();
    for (int client = 0; client < CLIENTS; client++) {
      clients.add(new SessionClient(client, cluster, random, defect));
    }
    SessionUser.Surroundings around =
        new SessionUser.Surroundings(
            level, defect, cluster, random, clients, history, tally, new AtomicLong());
    for (int user = 0; user < USERS; user++) {
      users.add(
          switch (level.use()) {
            case SINGLE -> new SingleUser(user, STEPS, around);
            case TRANSACTIONS -> new TransactionUser(user, TRANSACTION_STEPS, around);
            case CAUSAL -> new CausalUser(user, STEPS, around);
          });
    }
  }

  /// The plan that a seed stands for; consecutive seeds go through all days.
  public static FaultPlan plan(long seed) {
    return FaultPlan.of(seed, PROFILES.get((int) Math.floorMod(seed, (long) PROFILES.size())));
  }

  /// Has sessions of a level work on a cluster under a plan, heals it, and judges what they were
  /// told.
  public static Report run(long seed, SessionLevel level, SessionDefect defect) {
    return run(seed, level, defect, Optional.empty());
  }

  /// As [#run(long, SessionLevel, SessionDefect)].
  ///
  /// @param listener is told each event
  public static Report run(
      long seed, SessionLevel level, SessionDefect defect, Optional<Consumer<String>> listener) {
    SessionSimulation simulation = new SessionSimulation(plan(seed), level, defect, listener);
    try {
      simulation.run();
    } catch (RuntimeException e) {
      // A bug in what is simulated is a finding like others, and replayed like them.
      simulation.trace.tell(() -> "thrown " + e);
      StackTraceElement[] at = e.getStackTrace();
      simulation.violations.add("thrown: " + e + List.of(at).subList(0, Math.min(at.length, 12)));
    }
    return new Report(
        simulation.plan,
        level,
        simulation.violations,
        simulation.tally,
        simulation.scheduler.planned());
  }

  private void run() {
    trace.tell(() -> level + " " + plan);
    if (!wait("the cluster is not founded", cluster::whatIsNotWhole)) {
      return;
    }
    trace.tell(() -> "faults begin");
    cluster.network().misbehave();
    new Nemesis(cluster, random).start();
    users.forEach(SessionUser::start);
    boolean ended =
        wait(
            "a session does not end",
            () ->
                users.stream().allMatch(SessionUser::isDone) ? Optional.empty() : Optional.of(""));
    cluster.heal();
    if (!ended || !wait("the cluster does not settle", cluster::whatIsNotSettled)) {
      return;
    }
    scheduler.run(BACKOFF_MILLIS_MAX);
    if (level.use() == SessionLevel.Use.SINGLE && plan.keepsPromise()) {
      readSets();
    }
    judge();
  }

  /// What the sets of single reads and writes are in the end.
  private void readSets() {
    for (String name : List.of("orset-0", "orset-1")) {
      Payload key = Payload.ofText(name);
      Entry all = Entry.BOTTOM;
      for (Entry copy : cluster.copies(key).values()) {
        all = all.merge(copy);
      }
      history.finalRead(
          SingleUser.SET,
          FINAL_PROCESS,
          SessionHistory.keyed(name, null),
          SessionHistory.keyed(name, SingleUser.elementsOf(all)));
    }
  }

  private void judge() {
    for (Map.Entry<String, History> part : history.all().entrySet()) {
      for (Checker checker : level.checkers()) {
        if (!SingleUser.isFor(part.getKey(), checker)) {
          continue;
        }
        CheckResult result = checker.check(part.getValue());
        if (result.verdict() == Verdict.INVALID) {
          trace.tell(() -> "VIOLATION of " + checker.name());
          violations.add(checker.name() + ": " + Edn.write(result.toEdn()));
        }
      }
    }
    if (trace.isHeard()) {
      history
          .all()
          .forEach(
              (kind, part) -> {
                for (Call call : part.calls()) {
                  trace.tell(() -> kind + " " + call);
                }
              });
    }
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
      scheduler.run(100);
      left = missing.get();
    }
    return violations.isEmpty();
  }
}
