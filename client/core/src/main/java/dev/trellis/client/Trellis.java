package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Host;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.client.session.TokenSeal;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A client of a Trellis cluster: one per program is enough, and it is safe for any thread. Closing
/// it ends its connections, its watches and its threads.
///
/// ```java
/// try (Trellis trellis = Trellis.connect("127.0.0.1:7400")) {
///   trellis.register("greeting").putText("hello");
///   trellis.counter("visits").add(1);
/// }
/// ```
///
/// Futures complete on threads of the client: what is chained to them must not block; use the
/// `…Async` forms there.
public final class Trellis implements Handles, Calls, Host, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Trellis.class);

  private static final int KEYS_PER_PAGE = 1_000;

  private final ClientConfig config;
  private final LongSupplier wallMillis;
  private volatile Cluster cluster; // another one after a restore from a snapshot
  private boolean suspended; // guarded by this
  private volatile boolean closed;

  private Trellis(ClientConfig config, LongSupplier wallMillis) {
    this.config = config;
    this.wallMillis = wallMillis;
    this.cluster = Cluster.connect(config, new SharedClock(wallMillis));
  }

  /// Connects to the cluster that has routers or nodes at these addresses.
  ///
  /// @param addresses `host:port`, at least one; any of them will do
  /// @throws IllegalArgumentException if one is malformed; the message quotes it
  /// @throws DefiniteException.NoNodes if none answers in time; the message names each and why
  public static Trellis connect(String... addresses) {
    return connect(ClientConfig.of(addresses));
  }

  /// As [#connect(String...)], with everything configurable.
  public static Trellis connect(ClientConfig config) {
    return connect(config, System::currentTimeMillis);
  }

  /// @param wallMillis the machine's clock, for tests with a wrong one
  static Trellis connect(ClientConfig config, LongSupplier wallMillis) {
    return new Trellis(config, wallMillis);
  }

  /// Carries out one operation: the asynchronous core beneath every handle.
  ///
  /// Calls on one key are sent in the order in which they are made; but those that are under way
  /// together count as concurrent, and where connections break they may change places. Who needs an
  /// order waits for one call before making the next.
  ///
  /// @return completes with a reply whose outcome is [Outcome.Done], or with a [TrellisException];
  ///   cancelling it takes the call back if it was not sent yet
  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    Optional<TrellisException.Failure> fault = Operations.fault(key, operation, cluster.limits());
    if (fault.isPresent()) {
      return CompletableFuture.failedFuture(TrellisException.of(fault.get()));
    }
    if (operation instanceof Read.Await await) {
      return Awaiting.begin(
          cluster, key, await, options, each -> pending(key, operation, each, null));
    }
    Pending.OfCall pending = pending(key, operation, options, null);
    cluster.place(pending, false);
    return pending.reply;
  }

  /// Carries out several operations, those for one shard sent together. Not atomic.
  ///
  /// @return one future per call, in the same order, each as of [#execute]
  public List<CompletableFuture<Reply>> executeAll(List<Call> calls) {
    Object batch = new Object();
    List<CompletableFuture<Reply>> replies = new ArrayList<>(calls.size());
    List<Pending.OfCall> sound = new ArrayList<>(calls.size());
    // The keys may be anywhere in memory. Looking at all of them first waits for them together,
    // where the work on each would have it wait for one after the other.
    boolean faultless = true;
    for (Call call : calls) {
      faultless &= Operations.isFaultless(call.key(), call.operation(), cluster.limits());
    }
    for (Call call : calls) {
      Optional<TrellisException.Failure> fault = faultless ? Optional.empty() : fault(call);
      if (fault.isPresent()) {
        replies.add(CompletableFuture.failedFuture(TrellisException.of(fault.get())));
      } else if (call.operation() instanceof Read.Await) {
        replies.add(execute(call.key(), call.operation(), call.options())); // as long as it takes
      } else {
        Pending.OfCall pending = pending(call.key(), call.operation(), call.options(), batch);
        sound.add(pending);
        replies.add(pending.reply);
      }
    }
    cluster.placeAll(sound);
    return replies;
  }

  /// Watches a key: the listener is told the current state, then each change.
  ///
  /// @param kind the kind wanted; empty for any
  /// @throws DefiniteException if the key can't be one, or the client is closed
  public Watch watch(Payload key, Optional<Kind> kind, WatchListener listener) {
    Optional<TrellisException.Failure> fault =
        Operations.fault(key, new Read.Get(kind), cluster.limits());
    if (fault.isPresent()) {
      throw TrellisException.of(fault.get());
    }
    if (cluster.isClosed()) {
      throw Cluster.closed("watch " + key);
    }
    ActiveWatch watch = new ActiveWatch(key, kind, listener, cluster.loops().waiting());
    cluster.place(watch);
    return watch;
  }

  /// Keeps a listener told of the whole entry of a key, and of how new that is, as who keeps a copy
  /// of it needs to know. Each connection with subscriptions costs one small exchange a period,
  /// however many there are.
  ///
  /// @param period how often the shard is to confirm that it has told all, 1 ms to 1 h
  /// @throws DefiniteException if the key can't be one, or the client is closed
  public Subscription subscribe(Payload key, Duration period, SubscriptionListener listener) {
    CallOptions.requireWithin("period", period, Duration.ofHours(1));
    Optional<TrellisException.Failure> fault =
        Operations.fault(key, new Read.State(), cluster.limits());
    if (fault.isPresent()) {
      throw TrellisException.of(fault.get());
    }
    if (cluster.isClosed()) {
      throw Cluster.closed("subscribe to " + key);
    }
    ActiveWatch subscription =
        ActiveWatch.subscription(key, new Subscriber(listener, period), cluster.loops().waiting());
    cluster.place(subscription);
    return subscription;
  }

  /// As [#watch(Payload, Optional, WatchListener)]; the end of a watch that fails is just logged.
  public Watch watch(Payload key, Optional<Kind> kind, Consumer<Reply> listener) {
    return watch(
        key,
        kind,
        new WatchListener() {
          @Override
          public void onState(Reply reply) {
            listener.accept(reply);
          }

          @Override
          public void onFailure(TrellisException failure) {
            log.warn("the watch of {} has ended: {}", key, failure.getMessage());
          }
        });
  }

  /// Finds live keys of the whole cluster in byte order, a page at a time. Writes that go on
  /// meanwhile are no harm: a key that is there throughout is found once.
  ///
  /// @param prefix of the keys wanted; empty for all
  /// @param after the `next` of the page before; empty for the first page
  /// @param limit at most this many keys, 1 to 10,000
  /// @param withValues whether to fetch the values too
  public CompletableFuture<ScanPage> scan(
      Payload prefix, Optional<Payload> after, int limit, boolean withValues) {
    if (limit < 1 || limit > Limits.SCAN_KEYS_MAX) {
      return CompletableFuture.failedFuture(
          TrellisException.of(
              new TrellisException.Failure(
                  ErrorCode.BAD_REQUEST,
                  "scan "
                      + prefix
                      + ": limit "
                      + limit
                      + " is outside 1 to "
                      + Limits.SCAN_KEYS_MAX)));
    }
    return Scans.page(cluster, prefix, after, limit, withValues, 1);
  }

  /// All live keys with a prefix in byte order, fetched page by page while the stream is read.
  public Stream<Frame.ScannedKey> keys(String prefix) {
    return keys(Payload.ofText(prefix), false);
  }

  /// All live keys with a prefix in byte order, fetched page by page while the stream is read.
  ///
  /// @param withValues whether to fetch the values too
  public Stream<Frame.ScannedKey> keys(Payload prefix, boolean withValues) {
    return Stream.iterate(
            page(prefix, Optional.empty(), withValues),
            page -> page.isPresent(),
            page ->
                page.flatMap(ScanPage::next).isEmpty()
                    ? Optional.empty()
                    : page(prefix, page.get().next(), withValues))
        .flatMap(page -> page.orElseThrow().keys().stream());
  }

  private Optional<ScanPage> page(Payload prefix, Optional<Payload> after, boolean withValues) {
    return Optional.of(Blocking.await(scan(prefix, after, KEYS_PER_PAGE, withValues)));
  }

  /// Deletes a key, whatever the kind of its value is.
  ///
  /// @return whether there was one
  public boolean delete(Payload key) {
    return Blocking.await(deleteAsync(key));
  }

  /// Deletes a key, whatever the kind of its value is.
  ///
  /// @return whether there was one
  public boolean delete(String key) {
    return delete(Payload.ofText(key));
  }

  /// As [#delete(Payload)].
  public CompletableFuture<Boolean> deleteAsync(Payload key) {
    return place(key).mutate(new Mutation.Delete()).thenApply(reply -> Place.changed(reply) > 0);
  }

  /// Where the replicas of a key are, and where they shall be.
  public PlacementHandle placement(Payload key) {
    return new PlacementHandle(place(key));
  }

  /// Where the replicas of a key are, and where they shall be.
  public PlacementHandle placement(String key) {
    return placement(Payload.ofText(key));
  }

  /// Where the value of a key is.
  @Override
  public Place place(Payload key) {
    return Place.of(this, key);
  }

  /// A session with these guarantees: [Guarantee#SESSION], for one.
  public Session session(Set<Guarantee> guarantees) {
    return Session.begin(this, this, guarantees);
  }

  /// A session with these guarantees.
  public Session session(Guarantee... guarantees) {
    return session(new LinkedHashSet<>(List.of(guarantees)));
  }

  /// Goes on with the session of a token.
  ///
  /// @throws DefiniteException.BadRequest if it is no token
  /// @throws DefiniteException.Unauthenticated if it is not signed by a key of this client, or not
  ///   for its principal
  public Session resume(SessionToken token) {
    return Session.resume(this, this, token);
  }

  // ---- For who stands in front of a client ----

  @Override
  public long clientId() {
    return cluster.clientId();
  }

  @Override
  public HybridTimestamp stampAfter(HybridTimestamp seen) {
    SharedClock clock = cluster.clock();
    clock.observe(seen);
    return clock.tick();
  }

  @Override
  public TokenSeal tokenSeal() {
    return new TokenSeal(config.sessionKeys().get(), cluster.principal());
  }

  /// Whom the cluster takes this client for, as it last said; empty where it has no security.
  public String principal() {
    return cluster.principal();
  }

  /// Waits for the outcome of a call, as the blocking forms of the handles do.
  ///
  /// @throws TrellisException as the future failed
  public static <T> T await(CompletableFuture<T> future) {
    return Blocking.await(future);
  }

  /// Whether the calling thread carries answers of a client, and so must never wait for one.
  public static boolean isClientThread() {
    return Thread.currentThread() instanceof EventLoops.ClientThread;
  }

  /// What sizes the cluster takes, as a node last said.
  public Limits limits() {
    return cluster.limits();
  }

  /// The members of the cluster, as last heard.
  public Frame.ClusterMap clusterMap() {
    return cluster.routing().map();
  }

  /// Ends every watch, fails the calls that are not answered yet, closes the connections and stops
  /// the threads. Closing twice is harmless.
  @Override
  public void close() {
    closed = true;
    cluster.close();
  }

  // ---- Snapshots of the process ----

  /// Makes ready for a snapshot of the process, from which it may be restored several times: as
  /// [#close], but [#afterRestore] begins anew. Calls until then fail definitely. Doing it twice is
  /// harmless.
  ///
  /// Call it from what is told of snapshots, such as an `org.crac.Resource`; the adapter for AWS
  /// Lambda does.
  public synchronized void beforeCheckpoint() {
    suspended = true;
    cluster.close();
  }

  /// Connects again after [#beforeCheckpoint], as another client than was snapshotted: with another
  /// id, under which it writes, and a clock that knows nothing of what was. Watches, subscriptions
  /// and near caches are to be made anew; sessions go on by their tokens. Without a checkpoint
  /// before it, and once it is closed, does nothing.
  ///
  /// @throws DefiniteException.NoNodes if none answers in time; it may then be called again
  public synchronized void afterRestore() {
    if (!suspended || closed) {
      return;
    }
    cluster = Cluster.connect(config, new SharedClock(wallMillis));
    suspended = false;
    if (closed) { // meanwhile
      cluster.close();
    }
  }

  /// What a bound of staleness, and an observer, demand of the shard.
  private CallOptions withDemands(Operation operation, CallOptions options) {
    boolean bounded =
        options.maxStaleness().isPresent()
            && operation instanceof Read
            && !(operation instanceof Read.Placed);
    if (!bounded && options.observer().isEmpty()) {
      return options;
    }
    Demand demand = options.demand();
    HybridTimestamp notBefore = demand.notBefore();
    if (bounded) {
      long millis = cluster.clock().current().millis() - options.maxStaleness().get().toMillis();
      notBefore = notBefore.max(HybridTimestamp.ofMillis(Math.max(0, millis)));
    }
    boolean receipt = demand.receipt() || options.observer().isPresent();
    return options.withDemand(new Demand(notBefore, receipt, demand.delta()));
  }

  private Optional<TrellisException.Failure> fault(Call call) {
    return Operations.fault(call.key(), call.operation(), cluster.limits());
  }

  private Pending.OfCall pending(
      Payload key, Operation operation, CallOptions asked, @Nullable Object batch) {
    boolean isSettled =
        asked.acknowledgement() != Acknowledgement.DEFAULT
            || config.acknowledgement() == Acknowledgement.DEFAULT;
    CallOptions settled = isSettled ? asked : asked.withAcknowledgement(config.acknowledgement());
    CallOptions options = withDemands(operation, settled);
    long timeoutMillis =
        options.timeout().isPresent()
            ? options.timeout().get().toMillis()
            : cluster.timeoutMillis();
    return new Pending.OfCall(
        key,
        KeyHash.of(key),
        operation,
        options,
        operation instanceof Read.Await ? timeoutMillis + Awaiting.WORD_MILLIS : timeoutMillis,
        Operations.weigh(key, operation),
        batch);
  }
}
