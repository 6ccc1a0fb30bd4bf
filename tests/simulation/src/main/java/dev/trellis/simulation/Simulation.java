package dev.trellis.simulation;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/// A whole cluster on one thread: real shards, simulated time, network and clients. Everything
/// follows from the seed, so a failure is replayed by its number.
///
/// @see "Zhou et al., FoundationDB: A Distributed Unbundled Transactional Key Value Store, SIGMOD
///   2021, §4"
public final class Simulation {
  /// How a run ended.
  ///
  /// @param violations broken promises; empty if it passed
  public record Report(FaultPlan plan, Layout layout, List<String> violations, Tally tally) {
    public boolean passed() {
      return violations.isEmpty();
    }
  }

  private static final long START_MILLIS = 1_700_000_000_000L;
  private static final int CLIENTS = 4;
  private static final int STEPS = 400;
  private static final long HOUR = 3_600_000;

  private Simulation() {}

  /// Runs a workload over all kinds under a plan, heals, and checks every key on every replica.
  public static Report run(FaultPlan plan, Layout layout, Defect defect) {
    RandomGenerator random = FaultPlan.random(plan.seed() + layout.seedOffset());
    Scheduler scheduler = new Scheduler(START_MILLIS);
    SimulatedCluster cluster = new SimulatedCluster(plan, layout, defect, scheduler, random);
    Workload workload = new Workload(STEPS);
    List<Step> history = new ArrayList<>();
    Tally tally = new Tally();
    for (int client = 0; client < CLIENTS; client++) {
      new SimulatedClient(
              client, workload, cluster, scheduler, random, plan, defect, history, tally)
          .start();
    }
    for (int round = 0; !workload.isDone() && round < 10_000; round++) {
      scheduler.run(50);
      cluster.exchange(workload.keys(), 0.5);
    }
    List<Payload> keys = workload.keys();
    cluster.heal(keys);
    List<String> violations = new ArrayList<>();
    for (Payload key : keys) {
      Entry entry = cluster.shardFor(key, 0).entryOf(key);
      if (layout == Layout.REPLICATED) {
        for (SimulatedShard shard : cluster.shards()) {
          if (!shard.entryOf(key).equals(entry)) {
            violations.add(
                "replicas differ in key " + key + ": " + entry + " and " + shard.entryOf(key));
          }
        }
      }
      boolean complete = cluster.restarts() == 0;
      violations.addAll(
          new Checker(key, history, entry, scheduler.nowMillis(), complete).violations());
      tally.twoKinds += entry.values().size() > 1 ? 1 : 0;
      tally.generationsStarted += entry.generation().packed() > 0 ? 1 : 0;
    }
    scheduler.run(HOUR / 20);
    tally.collected += cluster.collected();
    tally.restarts += cluster.restarts();
    return new Report(plan, layout, violations, tally);
  }
}
