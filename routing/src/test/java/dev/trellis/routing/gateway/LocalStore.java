package dev.trellis.routing.gateway;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.ScanPage;
import dev.trellis.client.TestExceptions;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Host;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.client.session.TokenSeal;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.ScanTurn;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/// One real shard behind no network, whose time only tests move, and which can be told to fail.
final class LocalStore implements Store {
  private static final String NODE = "n1";
  private static final long CLIENT = 99;

  private final ShardCore core = new ShardCore(ShardConfig.of(NODE, 0, 1, 7), new MemoryStore());
  private final HybridLogicalClock clock = new HybridLogicalClock(500);
  private final Map<Long, Observer> observers = new HashMap<>(); // by connection of the watch
  private final Map<Long, CompletableFuture<StoreResult>> waits = new HashMap<>(); // by request
  private long millis = 1_763_935_000_000L;
  private long ids;
  private final Client client = new Client();
  volatile TokenSeal seal = TokenSeal.NONE; // of tokens
  private Optional<Function<Call, CompletableFuture<StoreResult>>> script = Optional.empty();

  /// Moves the time.
  synchronized void pass(Duration time) {
    millis += time.toMillis();
    core.tick(millis, new Replies());
  }

  synchronized int watchCount() {
    return observers.size();
  }

  synchronized int waitCount() {
    return waits.size();
  }

  /// Answers every call by the script, until the next call of this or [#heal].
  synchronized void script(Function<Call, CompletableFuture<StoreResult>> answers) {
    script = Optional.of(answers);
  }

  /// Fails every call with this code.
  void failWith(ErrorCode code, Optional<Reply> reply) {
    StoreResult failed =
        new StoreResult.Failed(
            code, "told to fail with " + code, code.isDefinite(), Optional.empty(), reply);
    script(call -> CompletableFuture.completedFuture(failed));
  }

  /// Answers reads as a replica would that has not heard of anything yet, but carries out
  /// mutations.
  synchronized void forgetReads() {
    ShardCore empty = new ShardCore(ShardConfig.of(NODE, 0, 1, 8), new MemoryStore());
    script =
        Optional.of(
            call ->
                CompletableFuture.completedFuture(
                    carriedOut(call.operation() instanceof Mutation ? core : empty, call)));
  }

  synchronized void heal() {
    script = Optional.empty();
  }

  /// Ends every watch with a failure.
  synchronized void failWatches(ErrorCode code) {
    List<Observer> all = List.copyOf(observers.values());
    observers.clear();
    all.forEach(
        observer ->
            observer.onFailure(
                new StoreResult.Failed(
                    code, "told to fail", code.isDefinite(), Optional.empty(), Optional.empty())));
  }

  @Override
  public synchronized CompletableFuture<StoreResult> execute(Call call) {
    if (script.isPresent()) {
      return script.get().apply(call);
    }
    return call.operation() instanceof Read.Await
        ? await(request(call), new Replies())
        : CompletableFuture.completedFuture(carriedOut(core, call));
  }

  private StoreResult carriedOut(ShardCore by, Call call) {
    Replies replies = new Replies();
    by.handle(origin(0), request(call), millis, replies);
    Reply reply = replies.all.get(0);
    return resultOf(reply);
  }

  private static StoreResult resultOf(Reply reply) {
    return switch (reply.outcome()) {
      case Outcome.Done done -> new StoreResult.Done(reply, done);
      case Outcome.Failed failed -> failed(failed, Optional.of(reply));
    };
  }

  private CompletableFuture<StoreResult> await(Request request, Replies replies) {
    CompletableFuture<StoreResult> result = new CompletableFuture<>();
    waits.put(request.id(), result);
    core.handle(origin(0), request, millis, replies);
    var _ =
        result.whenComplete(
            (_, _) -> {
              synchronized (this) {
                waits.remove(request.id());
                core.giveUp(origin(0), request.id(), millis, new Replies());
              }
            });
    return result;
  }

  /// How many threshold reads wait.
  synchronized long awaitCount() {
    return core.statistics().awaits();
  }

  @Override
  public synchronized List<CompletableFuture<StoreResult>> executeAll(List<Call> calls) {
    return calls.stream().map(this::execute).toList();
  }

  @Override
  public synchronized CompletableFuture<ScanPage> scan(
      Payload prefix, Optional<Payload> after, int limit, boolean withValues) {
    if (script.isPresent()) {
      return script
          .get()
          .apply(new Call(prefix, new Mutation.Delete()))
          .thenApply(
              result -> {
                throw new Refusal(Problem.of((StoreResult.Failed) result));
              });
    }
    Frame.Scanned scanned = page(new Frame.Scan(1, prefix, after, limit, withValues));
    Optional<Payload> next =
        scanned.more() ? Optional.of(scanned.keys().getLast().key()) : Optional.empty();
    return CompletableFuture.completedFuture(new ScanPage(scanned.keys(), next));
  }

  private Frame.Scanned page(Frame.Scan scan) {
    return switch (core.scan(Caller.ANONYMOUS, scan, millis)) {
      case ScanTurn.Done done -> done.page();
      case ScanTurn.Unfinished unfinished -> page(unfinished.rest());
    };
  }

  @Override
  public synchronized Subscription watch(Payload key, Optional<Kind> kind, Observer observer) {
    if (script.isPresent()) {
      // Of the scripts of tests, all fail at once here.
      StoreResult result = script.get().apply(new Call(key, new Mutation.Delete())).join();
      observer.onFailure((StoreResult.Failed) result);
      return () -> {};
    }
    long connection = ++ids;
    observers.put(connection, observer);
    core.watch(origin(connection), new Frame.Watch(1, key, kind), millis, new Replies());
    return () -> {
      synchronized (this) {
        observers.remove(connection);
        core.disconnected(origin(connection));
      }
    };
  }

  @Override
  public Frame.ClusterMap clusterMap() {
    NodeDescriptor node =
        new NodeDescriptor(
            NODE,
            NodeDescriptor.Tier.MEMORY,
            "127.0.0.1",
            List.of(7_502),
            7_501,
            -7,
            1,
            NodeDescriptor.State.ACTIVE);
    NodeDescriptor inZone =
        new NodeDescriptor(
            "n2",
            NodeDescriptor.Tier.MEMORY,
            "127.0.0.1",
            List.of(7_522),
            7_521,
            8,
            1,
            NodeDescriptor.State.JOINING,
            "east",
            7_500);
    return new Frame.ClusterMap(0, 3, "trellis", 1, List.of(node, inZone));
  }

  @Override
  public Session begin(Set<Guarantee> guarantees) {
    return Session.begin(client, client, guarantees);
  }

  @Override
  public Session resume(SessionToken token) {
    return Session.resume(client, client, token);
  }

  /// What sessions need of a client: they are real, before the real shard.
  private final class Client implements Host, Calls {
    @Override
    public long clientId() {
      return CLIENT;
    }

    @Override
    public HybridTimestamp stampAfter(HybridTimestamp seen) {
      synchronized (LocalStore.this) {
        clock.observe(seen, millis);
        return clock.tick(millis);
      }
    }

    @Override
    public TokenSeal tokenSeal() {
      return seal;
    }

    @Override
    public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
      return LocalStore.this
          .execute(new Call(key, operation, options))
          .thenApply(
              result ->
                  switch (result) {
                    case StoreResult.Done done -> done.reply();
                    case StoreResult.Failed failed ->
                        throw TestExceptions.of(failed.code(), failed.message(), failed.reply());
                  });
    }
  }

  private Request request(Call call) {
    boolean isMutation = call.operation() instanceof Mutation;
    RequestContext context =
        new RequestContext(
                isMutation ? ++ids : 0,
                false,
                call.options().stamp().orElseGet(() -> clock.tick(millis)),
                call.options().generation().filter(any -> isMutation),
                call.options().acknowledgement(),
                call.options().readMode(),
                call.options().ttl().map(Duration::toMillis).orElse(0L),
                isMutation ? 0 : call.options().timeout().map(Duration::toMillis).orElse(0L),
                0)
            .withDemand(call.options().demand());
    return new Request(++ids, call.key(), call.operation(), context);
  }

  private static Origin origin(long connection) {
    return new Origin(connection, CLIENT, Caller.ANONYMOUS);
  }

  private static StoreResult.Failed failed(Outcome.Failed failed, Optional<Reply> reply) {
    return new StoreResult.Failed(
        failed.code(), failed.message(), failed.code().isDefinite(), failed.retryAfter(), reply);
  }

  private final class Replies implements Outbox {
    private final List<Reply> all = new ArrayList<>();

    @Override
    public void reply(Origin origin, Reply reply) {
      CompletableFuture<StoreResult> waiting = waits.remove(reply.id());
      if (waiting == null) {
        all.add(reply);
      } else {
        waiting.complete(resultOf(reply));
      }
    }

    @Override
    public void changesPending(Origin origin) {
      Optional<Frame.Changed> next = core.nextChange(origin, millis);
      while (next.isPresent()) {
        Reply reply = next.get().reply();
        Observer observer = observers.get(origin.connection());
        if (observer != null) {
          switch (reply.outcome()) {
            case Outcome.Done _ -> observer.onState(reply);
            case Outcome.Failed failed -> {
              observers.remove(origin.connection());
              observer.onFailure(failed(failed, Optional.of(reply)));
            }
          }
        }
        next = core.nextChange(origin, millis);
      }
    }
  }

  static Limits smallLimits() {
    return new Limits(64, 1_000, 64 << 10, 20);
  }
}
