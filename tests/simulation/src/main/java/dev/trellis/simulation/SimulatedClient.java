package dev.trellis.simulation;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;

/// A client that keeps the rules: one timestamp and number a mutation, repeats only to the
/// incarnation that may have seen it, and honest endings. Makes one mutation after the other.
final class SimulatedClient {
  private static final int ATTEMPTS_MAX = 4;

  private final int index;
  private final Workload workload;
  private final SimulatedCluster cluster;
  private final Scheduler scheduler;
  private final RandomGenerator random;
  private final Defect defect;
  private final List<Step> history;
  private final Tally tally;
  private final Origin origin;
  private final HybridLogicalClock clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private final Map<Long, Long> sequences = new HashMap<>(); // last number, by shard incarnation
  private final Map<Payload, CausalContext> contexts = new HashMap<>(); // last seen, of causal keys
  private final Map<Payload, HybridTimestamp> generations = new HashMap<>(); // last seen
  private long clockOffsetMillis;

  // The mutation under way.
  private long attempt; // number of the last sending; grows, so that late events are recognised
  private long firstAttempt; // of the mutation under way; beyond `attempt` if there is none
  private int attempts;
  private Workload.Action action;
  private long invokedMillis;
  private SimulatedShard target;
  private long incarnation;
  private RequestContext context;

  SimulatedClient(
      int index,
      Workload workload,
      SimulatedCluster cluster,
      Scheduler scheduler,
      RandomGenerator random,
      FaultPlan plan,
      Defect defect,
      List<Step> history,
      Tally tally) {
    this.index = index;
    this.workload = workload;
    this.cluster = cluster;
    this.scheduler = scheduler;
    this.random = random;
    this.defect = defect;
    this.history = history;
    this.tally = tally;
    this.origin = new Origin(index + 1, random.nextLong(), Origin.ANONYMOUS);
    int skew = plan.clockSkewMaxMillis();
    this.clockOffsetMillis = skew == 0 ? 0 : random.nextLong(-skew, skew + 1);
    this.action = Workload.IDLE;
    this.target = cluster.shards().get(0);
    this.context = RequestContext.READ;
  }

  /// Makes the next mutation, and so on until the workload is done.
  void start() {
    if (workload.isDone()) {
      return;
    }
    action = workload.next(index, random);
    invokedMillis = scheduler.nowMillis();
    target = cluster.shardFor(action.key(), index);
    incarnation = target.incarnation();
    attempts = 0;
    firstAttempt = attempt + 1;
    long sequence = sequences.merge(incarnation, 1L, Long::sum);
    context =
        RequestContext.mutation(
                defect == Defect.REPEATS_FORGOTTEN ? 0 : sequence, clock.tick(physicalMillis()))
            .withTtlMillis(action.ttlMillis())
            .withGeneration(
                action.pinned()
                    ? Optional.ofNullable(generations.get(action.key()))
                    : Optional.empty());
    send();
  }

  private long physicalMillis() {
    return scheduler.nowMillis() + clockOffsetMillis;
  }

  private void send() {
    attempts++;
    long sent = ++attempt;
    Mutation mutation = action.mutation();
    if (mutation instanceof Mutation.PutCausal put) {
      mutation =
          new Mutation.PutCausal(
              put.value(), contexts.getOrDefault(action.key(), CausalContext.EMPTY));
    }
    cluster.send(
        target, origin, new Request(sent, action.key(), mutation, context), this::answered);
    scheduler.after(random.nextLong(50, 600), () -> timedOut(sent));
  }

  private void timedOut(long sent) {
    if (sent != attempt || sent < firstAttempt) {
      return;
    }
    boolean sameIncarnation = target.incarnation() == incarnation;
    boolean mayRepeat =
        sameIncarnation || action.mutation().isIdempotent() || defect == Defect.REPEATED_ELSEWHERE;
    if (attempts == ATTEMPTS_MAX || !mayRepeat) {
      end(Step.Ending.UNKNOWN);
      return;
    }
    if (!sameIncarnation) {
      incarnation = target.incarnation();
      context = renumbered(sequences.merge(incarnation, 1L, Long::sum));
    }
    // Only the simulated defect drops the mark; a faithful client always tells.
    context = defect == Defect.REPEATS_FORGOTTEN ? context : context.repeated();
    send();
  }

  private void answered(Reply reply) {
    if (reply.id() < firstAttempt) {
      return; // of an earlier mutation
    }
    clock.observe(reply.clock(), physicalMillis());
    generations.put(action.key(), reply.generation());
    switch (reply.outcome()) {
      case Outcome.Done done -> {
        tally.repeats += done.repeated() ? 1 : 0;
        if (action.mutation() instanceof Mutation.PutCausal) {
          if (done.view() instanceof View.Siblings siblings) {
            contexts.put(action.key(), siblings.context());
          }
        }
        end(Step.Ending.OK);
      }
      case Outcome.Failed failed when failed.code() == ErrorCode.CLOCK_SKEW -> {
        tally.clockSkews++;
        // All attempts went to one incarnation, whose window keeps the number: not carried out.
        clockOffsetMillis = reply.clock().millis() - scheduler.nowMillis();
        if (attempts == ATTEMPTS_MAX) {
          // A copy with the old stamp may still be under way, and stamps don't get younger.
          end(Step.Ending.UNKNOWN);
        } else {
          context = restamped();
          send();
        }
      }
      case Outcome.Failed failed when failed.code() == ErrorCode.OUTCOME_UNKNOWN -> {
        tally.unknown++;
        end(Step.Ending.UNKNOWN);
      }
      case Outcome.Failed failed -> {
        tally.superseded += failed.code() == ErrorCode.SUPERSEDED ? 1 : 0;
        tally.kindMismatches += failed.code() == ErrorCode.KIND_MISMATCH ? 1 : 0;
        // An earlier copy may have been carried out by an incarnation that is gone.
        end(Step.Ending.FAILED);
      }
    }
  }

  private RequestContext restamped() {
    return with(context.sequence(), HybridTimestamp.ofMillis(Math.max(1, physicalMillis())));
  }

  private RequestContext renumbered(long sequence) {
    return with(sequence, context.timestamp());
  }

  private RequestContext with(long sequence, HybridTimestamp stamp) {
    return new RequestContext(
        sequence,
        context.repeat(),
        stamp,
        context.generation(),
        context.acknowledgement(),
        context.read(),
        context.ttlMillis(),
        context.timeoutMillis(),
        context.ringVersion());
  }

  private void end(Step.Ending ending) {
    firstAttempt = attempt + 1;
    history.add(
        new Step(
            index, action.key(), action.mutation(), action.ttlMillis(), invokedMillis, ending));
    tally.count(ending);
    scheduler.after(random.nextLong(1, 30), this::start);
  }
}
