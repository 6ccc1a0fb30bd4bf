package dev.trellis.simulation;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// A client that keeps the rules of the real one: one timestamp a mutation, numbers per shard
/// incarnation, repeats of what is not idempotent only to the incarnation that may have seen it, at
/// most three hops after a stale map, and honest endings. Does one thing after the other.
final class SimulatedClient {
  private static final int FOLLOWS_MAX = 3;
  private static final int RESTAMPS_MAX = 3;

  /// Ahead of all nodes, but not too far.
  private static final int CLOCK_AHEAD_MILLIS = 330;

  /// What all clients of a run share.
  record Surroundings(
      Workload workload,
      SimulatedCluster cluster,
      RandomGenerator random,
      Defect defect,
      History history) {}

  /// A field of the map under a key.
  private record Field(Payload key, Payload name) {}

  /// What a field is in, in which generation of its key.
  private record Generations(HybridTimestamp ofKey, HybridTimestamp ofField) {}

  /// What is under way.
  private static final class Call {
    private final Workload.Action action;
    private final long startedMillis;
    private final long deadlineMillis;
    private final long lostBefore;
    private long id; // of the last sending
    private Contacts.@Nullable Link link; // where it was last sent
    private long sequence; // at that shard; 0 if it is to get a new one
    private HybridTimestamp stamp = HybridTimestamp.ZERO;
    private Optional<HybridTimestamp> generation = Optional.empty();
    private Optional<Generations> ofField = Optional.empty();
    private boolean ambiguous; // whether a sending went unanswered
    private boolean regenerated;
    private int follows;
    private boolean placed = true; // whether all knew its place, whenever it was sent on
    private int restamps;
    private int failures;
    private Optional<Tag> tag = Optional.empty();
    private int runsLeft; // of the function that it is the only mutation of
    private @Nullable Step best; // how its earlier runs have ended

    Call(Workload.Action action, long startedMillis, long deadlineMillis, long lostBefore) {
      this.lostBefore = lostBefore;
      this.action = action;
      this.startedMillis = startedMillis;
      this.deadlineMillis = deadlineMillis;
    }

    boolean isMutation() {
      return action.operation() instanceof Mutation;
    }

    boolean isForOneShardOnly() {
      return ambiguous
          && action.operation() instanceof Mutation mutation
          && !mutation.isIdempotent()
          && tag.isEmpty();
    }
  }

  private final int index;
  private final Workload workload;
  private final SimulatedCluster cluster;
  private final FaultPlan plan;
  private final Scheduler scheduler;
  private final RandomGenerator random;
  private final Defect defect;
  private final History history;
  private final Tally tally;
  private final int attemptMillis;
  private final Map<Payload, CausalContext> contexts = new HashMap<>(); // last seen, of causal keys
  private final Map<Payload, HybridTimestamp> generations = new HashMap<>(); // greatest seen
  private final Map<Field, Generations> fieldGenerations = new HashMap<>(); // greatest seen
  private final Contacts contacts;
  private HybridLogicalClock clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private long clockOffsetMillis;
  private long lastId;
  private @Nullable Call current;
  private int probes; // still to be made
  private boolean stopped;

  SimulatedClient(int index, Surroundings around) {
    this.index = index;
    this.workload = around.workload;
    this.cluster = around.cluster;
    this.scheduler = around.cluster.scheduler();
    this.random = around.random;
    this.defect = around.defect;
    this.history = around.history;
    this.tally = around.cluster.tally();
    this.contacts = new Contacts(slot(), random.nextLong(), cluster);
    boolean hasty = around.cluster.plan().profile() == Profile.LARGE_VALUES;
    this.attemptMillis = random.nextInt(100, hasty ? 300 : 2_000);
    this.plan = around.cluster.plan();
    int skew = plan.clientSkewMaxMillis();
    this.clockOffsetMillis =
        plan.clientGrainMillis() > 1
            ? CLOCK_AHEAD_MILLIS
            : skew == 0 ? 0 : random.nextLong(-skew, skew + 1);
  }

  /// Does the next thing, and so on until the workload is done.
  void start() {
    if (workload.isDone()) {
      stopped = true;
      return;
    }
    begin(workload.next(index, random));
  }

  boolean hasStopped() {
    return stopped && current == null;
  }

  /// Makes writes that must succeed, now that all is well.
  void probe(int count) {
    stopped = false;
    probes = count;
    nextProbe();
  }

  private void nextProbe() {
    if (probes == 0) {
      stopped = true;
      return;
    }
    begin(workload.probe(index, probes--, random));
  }

  private int slot() {
    return Network.CLIENTS + index;
  }

  private void begin(Workload.Action action) {
    long now = scheduler.nowMillis();
    Call call = new Call(action, now, now + random.nextLong(500, 5_000), cluster.membersLost());
    if (plan.profile() == Profile.PLACEMENTS && random.nextInt(3) == 0) {
      contacts.forgetPlacement(action.key()); // as if there had been no room for it
    }
    if (action.pinned()) {
      call.generation = Optional.ofNullable(generations.get(action.key()));
    }
    fieldOf(call)
        .map(fieldGenerations::get)
        .filter(
            known ->
                known.ofKey.equals(generations.getOrDefault(action.key(), HybridTimestamp.ZERO)))
        .ifPresent(
            known -> {
              call.generation = Optional.of(known.ofKey);
              call.ofField = Optional.of(known);
            });
    if (Workload.isTagged(action.key())
        && action.operation() instanceof Mutation mutation
        && Mutation.isNamedByTag(mutation)) {
      InvocationId invocation = InvocationId.mint(now, random);
      call.tag = Optional.of(new Tag(invocation, random.nextInt(1, 4)));
      call.runsLeft = random.nextInt(3);
    }
    current = call;
    send(call);
  }

  /// Runs a function again whose end its caller may not have heard, as another process would: with
  /// a timestamp, a number and a way of its own, and under the same tag.
  private void runAgain(Call before, Step best) {
    // Rarely so late that it may be refused.
    long late = random.nextInt(6) == 0 ? plan.invocationLifetime().toMillis() * 3 / 2 : 1_500;
    long start = scheduler.nowMillis() + random.nextLong(1, late);
    Call call =
        new Call(before.action, start, start + random.nextLong(500, 5_000), cluster.membersLost());
    call.tag = before.tag;
    call.runsLeft = before.runsLeft - 1;
    call.best = best;
    call.failures = random.nextInt(3); // begins at some replica
    current = call;
    tally.runsAgain++;
    scheduler.after(
        start - scheduler.nowMillis(),
        () -> {
          if (call == current) {
            send(call);
          }
        });
  }

  private long physicalMillis() {
    long millis = scheduler.nowMillis() + clockOffsetMillis;
    return Math.max(1, millis - millis % cluster.plan().clientGrainMillis());
  }

  // ---- Sending ----

  private void send(Call call) {
    Contacts.Link former = call.link;
    Optional<Contacts.Link> chosen;
    if (call.isForOneShardOnly() && former != null && defect != Defect.REPEATED_ELSEWHERE) {
      chosen = contacts.link(Contacts.targetOf(former));
      if (chosen.isPresent()
          && chosen.get().shard().incarnation() != former.shard().incarnation()) {
        end(call, Step.Ending.UNKNOWN);
        return;
      }
    } else {
      List<Contacts.Target> targets = contacts.targets(call.action.key(), call.action.operation());
      if (targets.isEmpty()) {
        chosen = Optional.empty();
      } else {
        // Mostly the best, and another one after each failure; but any for keys that may come to
        // have two kinds, which they do only at two replicas at once.
        boolean anywhere =
            Workload.type(call.action.key()).equals("mixed") && !plan.profile().isBusy();
        int among = anywhere ? 1 : plan.profile().targetsAmong();
        int first = random.nextInt(among) == 0 ? random.nextInt(targets.size()) : 0;
        chosen = contacts.link(targets.get((first + call.failures) % targets.size()));
      }
    }
    if (chosen.isEmpty()) {
      call.failures++;
      contacts.refreshMap();
      retryLater(call);
      return;
    }
    transmit(call, chosen.get());
  }

  private void transmit(Call call, Contacts.Link link) {
    boolean sameIncarnation =
        call.link != null && call.link.shard().incarnation() == link.shard().incarnation();
    boolean repeat = false;
    if (call.isMutation()) {
      if (call.stamp.equals(HybridTimestamp.ZERO)) {
        call.stamp = clock.tick(physicalMillis());
      }
      if (call.sequence == 0 || !sameIncarnation) {
        call.sequence = contacts.nextSequence(link);
      } else {
        repeat = call.ambiguous;
      }
    }
    call.link = link;
    call.id = ++lastId;
    long id = call.id;
    Request request = new Request(id, call.action.key(), operation(call), context(call, repeat));
    cluster
        .trace()
        .tell(() -> "client " + index + " -> " + link.shard() + " " + describe(call, request));
    contacts.send(
        link,
        request,
        new Contacts.Passage() {
          @Override
          public void answers(Reply reply) {
            checkCopies(call, reply);
            checkDurable(call, reply);
            checkNodes(call, reply);
          }

          @Override
          public void passed() {
            noteWritten(call, link.shard().node());
          }

          @Override
          public void returns(Reply reply) {
            answered(call, id, reply);
          }
        });
    scheduler.after(attemptMillis, () -> timedOut(call, id));
  }

  private Operation operation(Call call) {
    return call.action.operation() instanceof Mutation.PutCausal put
        ? new Mutation.PutCausal(
            put.value(), contexts.getOrDefault(call.action.key(), CausalContext.EMPTY))
        : call.action.operation();
  }

  private RequestContext context(Call call, boolean repeat) {
    return new RequestContext(
            call.isMutation() && defect != Defect.REPEATS_FORGOTTEN ? call.sequence : 0,
            repeat && defect != Defect.REPEATS_FORGOTTEN,
            call.stamp,
            call.generation,
            call.action.acknowledgement(),
            call.action.mode(),
            call.action.ttlMillis(),
            Math.max(1, call.deadlineMillis - scheduler.nowMillis()),
            contacts.ringVersion())
        .withFieldGenerations(
            call.ofField
                .filter(known -> call.generation.equals(Optional.of(known.ofKey)))
                .map(known -> List.of(known.ofField))
                .orElse(List.of()))
        .withTag(call.tag);
  }

  /// The outermost field that a call changes.
  private static Optional<Field> fieldOf(Call call) {
    return call.action.operation() instanceof Mutation.UpdateField update
        ? Optional.of(new Field(call.action.key(), update.field()))
        : Optional.empty();
  }

  private static String describe(Call call, Request request) {
    RequestContext context = request.context();
    return "#"
        + request.id()
        + " "
        + request.key()
        + " "
        + request.operation()
        + " seq "
        + context.sequence()
        + (context.repeat() ? " repeat" : "")
        + " "
        + context.timestamp()
        + context.generation().map(g -> " in " + g).orElse("")
        + " "
        + (call.isMutation() ? context.acknowledgement().word() : context.read().word());
  }

  /// Nothing came: the connection counts as lost, and the call goes on over another one.
  private void timedOut(Call call, long id) {
    if (call != current || call.id != id) {
      return;
    }
    Contacts.Link link = call.link;
    if (link != null) {
      contacts.lose(link, random.nextLong(1, 500));
    }
    call.ambiguous = true;
    call.failures++;
    contacts.refreshMap();
    retryLater(call);
  }

  private void retryLater(Call call) {
    call.id = 0; // what comes for the last sending comes too late
    long delay = random.nextLong(5, 60);
    if (scheduler.nowMillis() + delay > call.deadlineMillis) {
      end(call, call.ambiguous ? Step.Ending.UNKNOWN : Step.Ending.FAILED);
      return;
    }
    scheduler.after(
        delay,
        () -> {
          if (call == current) {
            send(call);
          }
        });
  }

  // ---- Answers ----

  private void answered(Call call, long id, Reply reply) {
    clock.observe(reply.clock(), physicalMillis());
    if (call != current || call.id != id) {
      return;
    }
    cluster
        .trace()
        .tell(
            () ->
                "client "
                    + index
                    + " <- #"
                    + id
                    + " "
                    + reply.outcome()
                    + " "
                    + reply.receipt()
                    + " in "
                    + reply.generation());
    Payload key = call.action.key();
    reply
        .placement()
        .ifPresentOrElse(p -> contacts.place(key, p), () -> forgetPlacement(key, reply));
    switch (reply.outcome()) {
      case Outcome.Done done -> done(call, reply, done);
      case Outcome.Failed failed -> failed(call, reply, failed);
    }
  }

  private void forgetPlacement(Payload key, Reply reply) {
    if (reply.outcome() instanceof Outcome.Done) {
      contacts.forgetPlacement(key);
    }
  }

  private void done(Call call, Reply reply, Outcome.Done done) {
    Payload key = call.action.key();
    tally.repeats += done.repeated() ? 1 : 0;
    if (done.view() instanceof View.Siblings siblings) {
      contexts.merge(key, siblings.context(), CausalContext::merge);
    }
    if (call.isMutation()) {
      noteGeneration(call, reply, done);
      end(
          call,
          Step.Ending.OK,
          copiesOf(reply),
          // An earlier sending may have done it, whose answer was lost.
          done.repeated() || (call.ambiguous && done.changed() == 0)
              ? Step.CHANGED_UNKNOWN
              : done.changed(),
          reply.generation());
    } else {
      history.read(call.action, done.view(), call.startedMillis);
      end(call, Step.Ending.OK);
    }
  }

  private void noteGeneration(Call call, Reply reply, Outcome.Done done) {
    Payload key = call.action.key();
    HybridTimestamp former = generations.getOrDefault(key, HybridTimestamp.ZERO);
    if (reply.generation().compareTo(former) > 0) {
      generations.put(key, reply.generation());
      boolean expired =
          call.action.ttlMillis() > 0
              && reply.generation().millis() > call.startedMillis - 200
              && reply.generation().millis() <= scheduler.nowMillis() + 200;
      tally.expiryRaces += expired ? 1 : 0;
    }
    if (!reply.fieldGenerations().isEmpty()) {
      fieldGenerations.merge(
          fieldOf(call).orElseThrow(),
          new Generations(reply.generation(), reply.fieldGenerations().get(0)),
          BinaryOperator.maxBy(
              Comparator.comparing(Generations::ofKey).thenComparing(Generations::ofField)));
    }
    if (done.changed() > 0
        && call.generation.isPresent()
        && reply.generation().compareTo(call.generation.get()) < 0) {
      cluster.violated(
          "a write to "
              + key
              + " in generation "
              + call.generation.get()
              + " was done in "
              + reply.generation());
    }
  }

  private boolean copiesOf(Reply reply) {
    return reply.receipt().copies() > cluster.tolerated();
  }

  private void checkCopies(Call call, Reply reply) {
    if (reply.outcome() instanceof Outcome.Done
        && call.isMutation()
        && call.action.acknowledgement() == Acknowledgement.REPLICATED
        && !copiesOf(reply)) {
      cluster.violated(
          call.action + " is acknowledged as replicated with " + reply.receipt() + ": " + reply);
    }
  }

  private void checkDurable(Call call, Reply reply) {
    if (reply.outcome() instanceof Outcome.Done
        && call.isMutation()
        && call.action.acknowledgement() == Acknowledgement.DURABLE
        && reply.receipt().durableCopies() < 1) {
      cluster.violated(call.action + " is acknowledged as durable with " + reply.receipt());
    }
  }

  /// What a shard was just told may be known to it alone.
  private void noteWritten(Call call, SimulatedNode node) {
    if (call.action.operation() instanceof Mutation mutation && !mutation.isIdempotent()) {
      cluster.wrote(node, call.action.key());
    }
  }

  /// What is acknowledged as replicated is on enough nodes at that moment; elements tell.
  private void checkNodes(Call call, Reply reply) {
    if (reply.outcome() instanceof Outcome.Done
        && copiesOf(reply)
        && call.action.operation() instanceof Mutation.Add add
        && Workload.lasts(call.action.key())
        && cluster.membersLost() == call.lostBefore
        && cluster.nodesWith(call.action.key(), add) <= cluster.tolerated()) {
      cluster.violated(
          call.action
              + " is acknowledged with "
              + reply.receipt()
              + " and is on "
              + cluster.nodesWith(call.action.key(), add)
              + " nodes");
    }
  }

  private void failed(Call call, Reply reply, Outcome.Failed failed) {
    if (!call.ambiguous) {
      call.sequence = 0; // it was not carried out, and counts as never sent
    }
    switch (failed.code()) {
      case NOT_OWNER, MOVED, STALE_PEER -> follow(call, reply, failed);
      case CLOCK_SKEW -> restamp(call, reply);
      case SUPERSEDED -> regenerate(call, reply);
      case OVERLOADED, NO_NODES -> {
        call.failures++;
        retryLater(call);
      }
      case NOT_ENOUGH_REPLICAS -> {
        tally.notEnoughReplicas++;
        if (!call.isMutation()) {
          end(call, Step.Ending.FAILED);
        } else if (reply.receipt().copies() > 0) {
          end(call, Step.Ending.UNKNOWN); // it is kept, but may yet be lost
        } else {
          call.failures++;
          contacts.refreshMap();
          retryLater(call);
        }
      }
      default -> {
        tally.kindMismatches += failed.code() == ErrorCode.KIND_MISMATCH ? 1 : 0;
        tally.unknown += failed.code() == ErrorCode.OUTCOME_UNKNOWN ? 1 : 0;
        boolean definite = failed.code().isDefinite() && !call.ambiguous;
        boolean tooLate = failed.code() == ErrorCode.INVOCATION_EXPIRED && call.tag.isPresent();
        tally.runsTooLate += tooLate ? 1 : 0;
        boolean expected =
            tooLate
                || failed.code() == ErrorCode.KIND_MISMATCH
                || failed.code() == ErrorCode.OUTCOME_UNKNOWN
                || failed.code() == ErrorCode.TIMEOUT;
        if (!expected) {
          cluster.violated(call.action + " is refused: " + failed);
        }
        end(call, definite ? Step.Ending.FAILED : Step.Ending.UNKNOWN);
      }
    }
  }

  private void follow(Call call, Reply reply, Outcome.Failed failed) {
    tally.moved += failed.code() == ErrorCode.MOVED ? 1 : 0;
    tally.notOwner += failed.code() == ErrorCode.NOT_OWNER ? 1 : 0;
    if (failed.code() == ErrorCode.MOVED && reply.placement().isEmpty()) {
      contacts.forgetPlacement(call.action.key()); // it is back in its default place
    } else if (failed.code() == ErrorCode.NOT_OWNER) {
      contacts.forgetPlacement(call.action.key()); // its home knows better
    }
    if (call.isForOneShardOnly()) {
      end(call, Step.Ending.UNKNOWN);
      return;
    }
    call.placed &= cluster.knowsPlace(call.action.key());
    if (call.follows == FOLLOWS_MAX) {
      if (call.placed && cluster.wasWholeSince(call.startedMillis)) {
        cluster.violated(
            call.action + " was sent on more than " + FOLLOWS_MAX + " times: " + failed);
      }
      end(call, call.ambiguous ? Step.Ending.UNKNOWN : Step.Ending.FAILED);
      return;
    }
    call.follows++;
    call.failures = 0;
    contacts.refreshMap();
    retryLater(call);
  }

  private void restamp(Call call, Reply reply) {
    tally.clockSkews++;
    clockOffsetMillis = reply.clock().millis() - scheduler.nowMillis();
    clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
    clock.observe(reply.clock(), physicalMillis());
    if (call.ambiguous || call.restamps == RESTAMPS_MAX) {
      end(call, call.ambiguous ? Step.Ending.UNKNOWN : Step.Ending.FAILED);
      return;
    }
    call.restamps++;
    call.stamp = HybridTimestamp.ZERO;
    retryLater(call);
  }

  private void regenerate(Call call, Reply reply) {
    tally.superseded++;
    if (call.regenerated || call.generation.isEmpty() || call.isForOneShardOnly()) {
      end(call, call.ambiguous ? Step.Ending.UNKNOWN : Step.Ending.FAILED);
      return;
    }
    call.regenerated = true;
    call.generation = Optional.of(reply.generation());
    retryLater(call);
  }

  // ---- The end ----

  private boolean isPromised(Acknowledgement level) {
    return plan.profile().losesPower()
        ? level == Acknowledgement.DURABLE
        : level != Acknowledgement.ONE;
  }

  /// How several runs of one function have ended: well if one has, and without a doubt only if all
  /// were refused.
  private static Step better(Step one, Step other) {
    List<Step.Ending> rising = List.of(Step.Ending.FAILED, Step.Ending.UNKNOWN, Step.Ending.OK);
    int order = Integer.compare(rising.indexOf(one.ending()), rising.indexOf(other.ending()));
    return order > 0 || (order == 0 && one.promised()) ? one : other;
  }

  private void end(Call call, Step.Ending ending) {
    end(call, ending, false, 0, HybridTimestamp.ZERO);
  }

  private void end(
      Call call, Step.Ending ending, boolean replicated, long changed, HybridTimestamp generation) {
    current = null;
    if (call.action.operation() instanceof Mutation mutation) {
      Step step =
          new Step(
              index,
              call.action.key(),
              mutation,
              call.action.ttlMillis(),
              call.stamp,
              ending,
              replicated,
              replicated && isPromised(call.action.acknowledgement()),
              changed,
              generation);
      Step ended = call.best == null ? step : better(call.best, step);
      if (call.runsLeft > 0) {
        runAgain(call, ended);
        return;
      }
      cluster.trace().tell(() -> "client " + index + " ends " + ended);
      history.add(ended);
      tally.count(ended);
      if (Workload.type(call.action.key()).equals("probe") && ending != Step.Ending.OK) {
        cluster.violated("a write fails though all is well: " + step);
      }
    } else {
      tally.reads++;
    }
    scheduler.after(
        random.nextLong(1, plan.profile().pauseMaxMillis()),
        () -> {
          if (probes > 0 || stopped) {
            nextProbe();
          } else {
            start();
          }
        });
  }
}
