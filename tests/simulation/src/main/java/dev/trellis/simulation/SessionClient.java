package dev.trellis.simulation;

import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Host;
import dev.trellis.client.session.TokenSeal;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// A client on which sessions run, with the rules of the real one: what [SimulatedClient] says of
/// its calls holds here too. Carries out any number of calls at a time, each of which ends as a
/// reply or as an exception, when its time has come.
final class SessionClient implements Host {
  private static final int FOLLOWS_MAX = 3;

  /// Is told of each call as it comes to a shard, as that answers it, and how it ends.
  interface Observer {
    void arrives(SimulatedShard shard);

    void answers(SimulatedShard shard);

    void ends(Payload key, Operation operation, CallOptions options, Optional<ErrorCode> failure);
  }

  private static final class Call {
    final Payload key;
    final Operation operation;
    final CallOptions options;
    final Observer observer;
    final long deadlineMillis;
    final CompletableFuture<Reply> reply = new CompletableFuture<>();
    long id; // of the last sending
    Contacts.@Nullable Link link; // where it was last sent
    long sequence; // at that shard; 0 if it is to get a new one
    HybridTimestamp stamp;
    Optional<HybridTimestamp> generation;
    boolean ambiguous; // whether a sending went unanswered
    boolean regenerated;
    int follows;
    int restamps;
    int failures;

    Call(
        Payload key,
        Operation operation,
        CallOptions options,
        Observer observer,
        long deadlineMillis) {
      this.key = key;
      this.operation = operation;
      this.options = options;
      this.observer = observer;
      this.deadlineMillis = deadlineMillis;
      this.stamp = options.stamp().orElse(HybridTimestamp.ZERO);
      this.generation = options.generation();
    }

    boolean isMutation() {
      return operation instanceof Mutation;
    }

    boolean isForOneShardOnly() {
      return ambiguous && operation instanceof Mutation mutation && !mutation.isIdempotent();
    }
  }

  private final int index;
  private final SimulatedCluster cluster;
  private final RandomGenerator random;
  private final SessionDefect defect;
  private final long clientId;
  private final Contacts contacts;
  private final int attemptMillis;
  private final Map<Payload, HybridTimestamp> generations = new HashMap<>(); // greatest seen
  private HybridLogicalClock clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private long clockOffsetMillis;
  private long lastId;

  SessionClient(int index, SimulatedCluster cluster, RandomGenerator random, SessionDefect defect) {
    this.index = index;
    this.cluster = cluster;
    this.random = random;
    this.defect = defect;
    this.clientId = random.nextLong();
    this.contacts = new Contacts(slot(), clientId, cluster);
    this.attemptMillis = random.nextInt(100, 1_000);
    int skew = cluster.plan().clientSkewMaxMillis();
    this.clockOffsetMillis = skew == 0 ? 0 : random.nextLong(-skew, skew + 1);
  }

  private int slot() {
    return Network.CLIENTS + index;
  }

  @Override
  public long clientId() {
    return clientId;
  }

  @Override
  public HybridTimestamp stampAfter(HybridTimestamp seen) {
    if (defect != SessionDefect.STAMPS_OF_THE_CLIENT_ALONE) {
      clock.observe(seen, physicalMillis());
    }
    return clock.tick(physicalMillis());
  }

  @Override
  public TokenSeal tokenSeal() {
    return TokenSeal.NONE;
  }

  private long physicalMillis() {
    return Math.max(1, cluster.nowMillis() + clockOffsetMillis);
  }

  /// Carries out an operation, as [dev.trellis.client.Calls#execute].
  CompletableFuture<Reply> execute(
      Payload key, Operation operation, CallOptions options, Observer observer) {
    long patience = random.nextLong(300, 3_000);
    Call call =
        new Call(
            key,
            defect.changed(key, operation),
            defect.changed(operation, options),
            observer,
            cluster.nowMillis() + patience);
    if (call.isMutation() && call.generation.isEmpty()) {
      call.generation = Optional.ofNullable(generations.get(key));
    }
    send(call);
    return call.reply;
  }

  // ---- Sending ----

  private void send(Call call) {
    Contacts.Link former = call.link;
    Optional<Contacts.Link> chosen = Optional.empty();
    if (call.isForOneShardOnly() && former != null) {
      chosen = contacts.link(Contacts.targetOf(former));
      if (chosen.isPresent()
          && chosen.get().shard().incarnation() != former.shard().incarnation()) {
        fail(call, ErrorCode.OUTCOME_UNKNOWN, "another life of the shard answers");
        return;
      }
    } else {
      List<Contacts.Target> targets = contacts.targets(call.key, call.operation);
      if (!targets.isEmpty()) {
        // Any replica: what a session is promised must not depend on its asking the best.
        int first = random.nextInt(2) == 0 ? random.nextInt(targets.size()) : 0;
        chosen = contacts.link(targets.get((first + call.failures) % targets.size()));
      }
    }
    if (chosen.isPresent()) {
      transmit(call, chosen.get());
    } else {
      call.failures++;
      contacts.refreshMap();
      retryLater(call, ErrorCode.NO_NODES, "no node answers");
    }
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
    Request request = new Request(id, call.key, call.operation, context(call, repeat));
    cluster
        .trace()
        .tell(
            () ->
                "session client "
                    + index
                    + " -> "
                    + link.shard()
                    + " #"
                    + id
                    + " "
                    + call.key
                    + " "
                    + call.operation
                    + " "
                    + request.context());
    contacts.send(
        link,
        request,
        new Contacts.Passage() {
          @Override
          public void arrives() {
            call.observer.arrives(link.shard());
          }

          @Override
          public void answers(Reply reply) {
            call.observer.answers(link.shard());
          }

          @Override
          public void returns(Reply reply) {
            answered(call, id, reply);
          }
        });
    cluster.scheduler().after(attemptMillis, () -> timedOut(call, id));
  }

  private RequestContext context(Call call, boolean repeat) {
    return new RequestContext(
            call.isMutation() ? call.sequence : 0,
            repeat,
            call.stamp,
            call.generation,
            call.options.acknowledgement(),
            call.options.readMode(),
            call.options.ttl().map(Duration::toMillis).orElse(0L),
            Math.max(1, call.deadlineMillis - cluster.nowMillis()),
            contacts.ringVersion())
        .withDemand(call.options.demand());
  }

  /// Nothing came: the connection counts as lost, and the call goes on over another one.
  private void timedOut(Call call, long id) {
    if (call.reply.isDone() || call.id != id) {
      return;
    }
    if (call.link != null) {
      contacts.lose(call.link, random.nextLong(1, 500));
    }
    call.ambiguous = true;
    call.failures++;
    contacts.refreshMap();
    retryLater(call, ErrorCode.TIMEOUT, "no answer came in time");
  }

  /// @param code with which it fails if it is too late for that
  private void retryLater(Call call, ErrorCode code, String message) {
    call.id = 0; // what comes for the last sending comes too late
    long delay = random.nextLong(5, 60);
    if (cluster.nowMillis() + delay > call.deadlineMillis) {
      fail(call, code, message);
      return;
    }
    cluster
        .scheduler()
        .after(
            delay,
            () -> {
              if (!call.reply.isDone()) {
                send(call);
              }
            });
  }

  // ---- Answers ----

  private void answered(Call call, long id, Reply reply) {
    clock.observe(reply.clock(), physicalMillis());
    if (call.reply.isDone() || call.id != id) {
      return;
    }
    cluster
        .trace()
        .tell(
            () ->
                "session client "
                    + index
                    + " <- #"
                    + id
                    + " "
                    + reply.outcome()
                    + " "
                    + reply.receipt()
                    + " in "
                    + reply.generation()
                    + " at "
                    + reply.clock());
    reply
        .placement()
        .ifPresentOrElse(
            placement -> contacts.place(call.key, placement),
            () -> contacts.forgetPlacement(call.key));
    switch (reply.outcome()) {
      case Outcome.Done done -> {
        generations.merge(call.key, reply.generation(), HybridTimestamp::max);
        call.observer.ends(call.key, call.operation, stamped(call), Optional.empty());
        call.reply.complete(reply);
      }
      case Outcome.Failed failed -> failed(call, reply, failed);
    }
  }

  private static CallOptions stamped(Call call) {
    return call.isMutation() ? call.options.withStamp(call.stamp) : call.options;
  }

  private void failed(Call call, Reply reply, Outcome.Failed failed) {
    if (!call.ambiguous) {
      call.sequence = 0; // it was not carried out, and counts as never sent
    }
    switch (failed.code()) {
      case NOT_OWNER, MOVED, STALE_PEER -> follow(call, failed);
      case CLOCK_SKEW -> restamp(call, reply, failed);
      case SUPERSEDED -> regenerate(call, reply, failed);
      case OVERLOADED, NO_NODES, SESSION_UNAVAILABLE -> {
        call.failures++;
        retryLater(call, failed.code(), failed.message());
      }
      case NOT_ENOUGH_REPLICAS -> {
        if (call.isMutation() && reply.receipt().copies() > 0) {
          call.observer.ends(call.key, call.operation, stamped(call), Optional.of(failed.code()));
          call.reply.completeExceptionally(TrellisException.of(reply, failed, failed.message()));
          return;
        }
        call.failures++;
        contacts.refreshMap();
        retryLater(call, failed.code(), failed.message());
      }
      default -> fail(call, failed.code(), failed.message());
    }
  }

  private void follow(Call call, Outcome.Failed failed) {
    if (call.isForOneShardOnly() || call.follows == FOLLOWS_MAX) {
      fail(call, failed.code(), failed.message());
      return;
    }
    call.follows++;
    call.failures = 0;
    contacts.refreshMap();
    retryLater(call, failed.code(), failed.message());
  }

  private void restamp(Call call, Reply reply, Outcome.Failed failed) {
    clockOffsetMillis = reply.clock().millis() - cluster.nowMillis();
    clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
    clock.observe(reply.clock(), physicalMillis());
    boolean chosen = call.options.stamp().isPresent();
    if (chosen || call.ambiguous || call.restamps == FOLLOWS_MAX) {
      fail(call, failed.code(), failed.message());
      return;
    }
    call.restamps++;
    call.stamp = HybridTimestamp.ZERO;
    retryLater(call, failed.code(), failed.message());
  }

  private void regenerate(Call call, Reply reply, Outcome.Failed failed) {
    if (call.regenerated || call.isForOneShardOnly()) {
      fail(call, failed.code(), failed.message());
      return;
    }
    call.regenerated = true;
    call.generation = Optional.of(reply.generation());
    retryLater(call, failed.code(), failed.message());
  }

  /// Ends a call as failed. Of a mutation that may have got to a shard before, nobody knows.
  private void fail(Call call, ErrorCode code, String message) {
    boolean unknown = call.isMutation() && call.ambiguous;
    ErrorCode told = unknown ? ErrorCode.OUTCOME_UNKNOWN : code;
    if (!unknown && code == ErrorCode.TIMEOUT && call.isMutation()) {
      told = ErrorCode.OUTCOME_UNKNOWN;
    }
    cluster.trace().tell(() -> "session client " + index + " fails " + call.key + ": " + message);
    call.observer.ends(call.key, call.operation, stamped(call), Optional.of(told));
    call.reply.completeExceptionally(TrellisException.of(told, message));
  }
}
