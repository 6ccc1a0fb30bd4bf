package dev.trellis.simulation;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/// The shards and the network between them and their clients, with the faults of a plan. A message
/// belongs to a connection to one incarnation: a restart loses those under way.
final class SimulatedCluster {
  private static final Origin PEER = new Origin(0, 0, Origin.PEER);

  private final FaultPlan plan;
  private final Layout layout;
  private final Defect defect;
  private final Scheduler scheduler;
  private final RandomGenerator random;
  private final List<SimulatedShard> shards = new ArrayList<>();
  private boolean healed;
  private int restarts;

  SimulatedCluster(
      FaultPlan plan, Layout layout, Defect defect, Scheduler scheduler, RandomGenerator random) {
    this.plan = plan;
    this.layout = layout;
    this.defect = defect;
    this.scheduler = scheduler;
    this.random = random;
    int count = 2 + random.nextInt(3);
    for (int index = 0; index < count; index++) {
      boolean partitioned = layout == Layout.PARTITIONED;
      shards.add(
          new SimulatedShard(
              partitioned ? index : 0, partitioned ? count : 1, clockOffset(), defect, random));
    }
    scheduler.after(10, this::tick);
  }

  /// How wrong the clock of a process is. Shards of one cluster are kept within the skew that they
  /// accept from each other; clients may be worse.
  private long clockOffset() {
    int max = Math.min(plan.clockSkewMaxMillis(), 200);
    return max == 0 ? 0 : random.nextLong(-max, max + 1);
  }

  int restarts() {
    return restarts;
  }

  long collected() {
    return shards.stream().mapToLong(SimulatedShard::collected).sum();
  }

  List<SimulatedShard> shards() {
    return shards;
  }

  /// The shard that a client with this number uses for a key.
  SimulatedShard shardFor(Payload key, int client) {
    return layout == Layout.PARTITIONED
        ? shards.get(Partitions.STANDARD.shardOfKey(KeyHash.of(key), shards.size()))
        : shards.get(client % shards.size());
  }

  /// Sends a request; the reply comes back once, several times, or never.
  void send(SimulatedShard to, Origin origin, Request request, Consumer<Reply> onReply) {
    long incarnation = to.incarnation();
    transmit(
        () -> {
          if (defect != Defect.REPEATED_ELSEWHERE && to.incarnation() != incarnation) {
            return;
          }
          deliver(to, origin, request, reply -> transmit(() -> onReply.accept(reply)));
        });
  }

  private void deliver(SimulatedShard to, Origin origin, Request request, Consumer<Reply> onReply) {
    long now = scheduler.nowMillis();
    if (to.pausedUntil() > now) {
      long incarnation = to.incarnation();
      scheduler.after(
          to.pausedUntil() - now,
          () -> {
            if (to.incarnation() == incarnation) {
              deliver(to, origin, request, onReply);
            }
          });
      return;
    }
    if (!healed && random.nextDouble() < plan.pauseRate()) {
      to.pause(now + random.nextLong(1, 1_000));
    }
    if (!healed && random.nextDouble() < plan.restartRate()) {
      to.restart();
      restarts++;
      return;
    }
    to.handle(origin, request, now, onReply);
  }

  private void transmit(Runnable arrival) {
    if (healed) {
      scheduler.after(1, arrival);
      return;
    }
    if (random.nextDouble() < plan.dropRate()) {
      return;
    }
    scheduler.after(random.nextLong(1, plan.delayMaxMillis() + 1L), arrival);
    if (random.nextDouble() < plan.duplicateRate()) {
      scheduler.after(random.nextLong(1, 4L * plan.delayMaxMillis() + 1), arrival);
    }
  }

  private void tick() {
    for (SimulatedShard shard : shards) {
      if (shard.pausedUntil() <= scheduler.nowMillis()) {
        shard.tick(scheduler.nowMillis());
      }
    }
    scheduler.after(10, this::tick);
  }

  /// Lets a random shard send its states of some keys to another one.
  void exchange(Collection<Payload> keys, double share) {
    SimulatedShard from = shards.get(random.nextInt(shards.size()));
    SimulatedShard to = shards.get(random.nextInt(shards.size()));
    if (layout == Layout.REPLICATED && from != to) {
      for (Payload key : keys) {
        if (random.nextDouble() < share) {
          sendState(from, to, key);
        }
      }
    }
  }

  private void sendState(SimulatedShard from, SimulatedShard to, Payload key) {
    Entry entry = from.entryOf(key);
    if (!entry.equals(Entry.BOTTOM)) {
      RequestContext context = RequestContext.mutation(0, HybridTimestamp.ZERO);
      send(to, PEER, new Request(0, key, new Mutation.Merge(entry), context), reply -> {});
    }
  }

  /// Ends all faults, lets what is under way arrive, and has every shard tell every other all it
  /// has.
  void heal(Collection<Payload> keys) {
    healed = true;
    scheduler.run(5_000);
    if (layout == Layout.REPLICATED) {
      for (SimulatedShard from : shards) {
        for (SimulatedShard to : shards) {
          if (from != to) {
            keys.forEach(key -> sendState(from, to, key));
            scheduler.run(10);
          }
        }
      }
    }
  }
}
