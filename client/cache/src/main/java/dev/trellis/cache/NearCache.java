package dev.trellis.cache;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.RemovalCause;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.Confirmation;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.Subscription;
import dev.trellis.client.SubscriptionListener;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A cache in front of a [Trellis]: reads of keys that were read before are answered here, at the
/// speed of memory. Safe for any thread. Closing it ends its subscriptions; the client stays open.
///
/// ```java
/// try (NearCache cache = NearCache.over(trellis, NearCacheConfig.DEFAULT)) {
///   Optional<Payload> value = cache.register("greeting").get();
/// }
/// ```
///
/// **What is cached**: whole entries, of whatever kind, and that there is none. A read of a whole
/// value loads its entry, and so does one of a map's field; others, as of a range of a set, are
/// answered from an entry that is here and go to the store as they are if none is: nobody asked for
/// the rest.
///
/// **How new answers are.** The shard of each key tells the cache of changes, and every quarter of
/// a *lease* it confirms, once for all keys of a connection, that it has told all. A read finds
///
/// - what a replica had at most a lease ago, as a read of that replica would have found it. Once
///   nothing is confirmed for a lease, or as soon as the connection is lost, reads go to the store;
/// - with `maxStaleness`, of the read or of the configuration: all that others had written up to
///   that long ago, wherever that was. Where the copy does not have it, the read goes to the store
///   with the same demand, and fails as `SESSION_UNAVAILABLE` where that can't meet it either. How
///   small a bound can be met by copies depends on how often replicas hear each other: an idle one
///   tells the others every second.
///
/// Reads of a key do not go back while it is cached, whichever replicas its states come from. What
/// was written through this cache is in what it answers afterwards. A key that makes room for
/// others is forgotten with all this; then reads are as good as the store's are. Who needs more
/// than that needs a session, which may stand in front of the cache: `Session.begin(trellis, cache,
/// Guarantee.SESSION)`.
///
/// A mutation goes to the store. [CallOptions#readMode] `ALL` and [CallOptions#generation] do too.
/// [Demand#notBefore] is met by copies that are newer. Receipts of what was answered here say
/// [Receipt.Served#CACHE].
public final class NearCache implements Handles, Calls, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(NearCache.class);

  /// Confirmations in a lease: three may be late before copies count as stale.
  private static final int RENEWALS = 4;

  /// A state that nobody has confirmed for so long is not merged into new ones: its key may have
  /// been deleted, and the deletion forgotten by all, which takes longer than this.
  private static final long FORGET_NANOS = Duration.ofMinutes(1).toNanos();

  /// How long no subscription is tried after a shard had no room for another one.
  private static final long REFUSED_NANOS = Duration.ofSeconds(1).toNanos();

  private static final long UNBOUNDED = -1;

  private final Source source;
  private final NearCacheConfig config;
  private final Ticker ticker;
  private final Duration period;
  private final long leaseNanos;
  private final long boundNanos; // of reads that do not say otherwise
  private final Cache<Payload, Cached> entries;
  private final Map<Payload, Load> loads = new ConcurrentHashMap<>();
  private final AtomicInteger subscriptions = new AtomicInteger();
  private final LongAdder hits = new LongAdder();
  private final LongAdder negativeHits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final LongAdder staleMisses = new LongAdder();
  private final LongAdder evictions = new LongAdder();
  private final LongAdder pushes = new LongAdder();
  private volatile long refusedNanos; // when a shard had no room for another subscription
  private volatile boolean refused; // ever
  private volatile boolean closed;

  /// A question for a key's entry that is under way, and who waits for the answer.
  private static final class Load {
    private final CallOptions options;
    private final HybridTimestamp notBefore;
    private final long sentNanos;
    private final long sentMillis;
    private final CompletableFuture<Loaded> done = new CompletableFuture<>();
    private volatile boolean overtaken; // by a write through this cache, which it may not have seen

    private Load(CallOptions options, long sentNanos, long sentMillis) {
      this.options = options;
      this.notBefore = options.demand().notBefore();
      this.sentNanos = sentNanos;
      this.sentMillis = sentMillis;
    }

    /// Whether another reader may wait for the same answer. It may still be too old for them.
    private boolean serves(CallOptions other) {
      return !overtaken
          && options.timeout().equals(other.timeout())
          && options.maxStaleness().equals(other.maxStaleness())
          && !other.demand().notBefore().isAfter(notBefore);
    }
  }

  /// The answer.
  ///
  /// @param cached the state with all that the cache knows beside it
  private record Loaded(Cached cached, Reply reply) {}

  private NearCache(Source source, NearCacheConfig config, Ticker ticker) {
    this.source = source;
    this.config = config;
    this.ticker = ticker;
    this.leaseNanos = config.lease().toNanos();
    this.period = config.lease().dividedBy(RENEWALS);
    this.boundNanos = config.maxStaleness().map(Duration::toNanos).orElse(UNBOUNDED);
    this.entries =
        Caffeine.newBuilder()
            .maximumWeight(config.bytesMax())
            .weigher(
                (Payload key, Cached cached) -> (int) Math.min(cached.bytes(), Integer.MAX_VALUE))
            .executor(Runnable::run)
            .removalListener(this::removed)
            .build();
  }

  /// A cache in front of a client, which stays open when the cache is closed.
  public static NearCache over(Trellis trellis, NearCacheConfig config) {
    return new NearCache(Source.of(trellis), config, Ticker.SYSTEM);
  }

  static NearCache over(Source source, NearCacheConfig config, Ticker ticker) {
    return new NearCache(source, config, ticker);
  }

  /// Where the value of a key is.
  @Override
  public Place place(Payload key) {
    return Place.of(this, key);
  }

  /// Carries out one operation, here if that is possible: then the future is complete already.
  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    if (closed) {
      return source.execute(key, operation, options);
    }
    return operation instanceof Read read
        ? read(key, read, options)
        : write(key, operation, options);
  }

  /// What the cache has done, and has.
  public NearCacheStatistics statistics() {
    entries.cleanUp();
    return new NearCacheStatistics(
        hits.sum(),
        negativeHits.sum(),
        misses.sum(),
        staleMisses.sum(),
        evictions.sum(),
        entries.estimatedSize(),
        entries.policy().eviction().orElseThrow().weightedSize().orElseThrow(),
        subscriptions.get(),
        pushes.sum());
  }

  /// Keys that are cached now, fresh or not, those that are read most before the others, as far as
  /// the cache knows; those that are known to be missing among them. Costs about as much as `max`
  /// reads, for which others that write to the cache may have to wait.
  ///
  /// @param max at most so many, 0 or more
  /// @throws IllegalArgumentException if `max` is negative
  public List<Payload> keys(int max) {
    if (max < 0) {
      throw new IllegalArgumentException("max " + max + " is negative: how many keys to tell");
    }
    return List.copyOf(entries.policy().eviction().orElseThrow().hottest(max).keySet());
  }

  /// Forgets a key, if it is cached: the next read goes to the store.
  public void forget(Payload key) {
    overtake(key);
    entries.invalidate(key);
  }

  @Override
  public void close() {
    closed = true;
    entries.invalidateAll();
  }

  // ---- Reading ----

  private CompletableFuture<Reply> read(Payload key, Read read, CallOptions options) {
    if (read instanceof Read.Placed
        || options.readMode() != ReadMode.ANY
        || options.generation().isPresent()) {
      return source.execute(key, read, options);
    }
    if (read instanceof Read.Await await) {
      return await(key, await, options);
    }
    Cached cached = entries.getIfPresent(key);
    if (cached != null) {
      long nanos = ticker.nanos();
      long millis = ticker.millis();
      Confirmation confirmation = cached.hold().confirmation();
      if (isFresh(cached, confirmation, options, nanos, millis)) {
        return hit(key, cached, read, confirmation, options, nanos, millis);
      }
      staleMisses.increment();
    }
    misses.increment();
    return cached != null || loads(read)
        ? load(key, read, bounded(options))
        : source.execute(key, read, options);
  }

  /// What a copy has reached is true, and where it is fresh too, nobody need be asked. Else the
  /// store waits, and a copy that lacks what it saw by then is forgotten, lest a later read goes
  /// back behind that.
  private CompletableFuture<Reply> await(Payload key, Read.Await await, CallOptions options) {
    Cached cached = entries.getIfPresent(key);
    if (cached != null && !options.demand().delta()) {
      Confirmation confirmation = cached.hold().confirmation();
      Optional<Reply> reached = reached(cached, await);
      if (reached.isPresent()
          && isFresh(cached, confirmation, options, ticker.nanos(), ticker.millis())) {
        hits.increment();
        observe(key, options, reached.get().receipt());
        return CompletableFuture.completedFuture(reached.get());
      }
    }
    misses.increment();
    return after(
        source.execute(key, await, options),
        (reply, failure) -> {
          if (reply != null) {
            overtake(key);
            entries
                .asMap()
                .computeIfPresent(key, (same, now) -> reached(now, await).isPresent() ? now : null);
          }
        });
  }

  private Optional<Reply> reached(Cached cached, Read.Await await) {
    try {
      return Optional.of(
          cached.answer(await, cached.hold().confirmation(), ticker.nanos(), ticker.millis()));
    } catch (Refusal refusal) {
      return Optional.empty();
    }
  }

  private boolean isFresh(
      Cached cached, Confirmation confirmation, CallOptions options, long nanos, long millis) {
    long bound = boundNanos(options);
    boolean fresh =
        bound == UNBOUNDED
            ? cached.isConfirmed(confirmation, leaseNanos, nanos, millis)
            : cached.isWithin(confirmation, bound, nanos, millis);
    HybridTimestamp notBefore = options.demand().notBefore();
    return fresh
        && (notBefore.equals(HybridTimestamp.ZERO)
            // Not just as late: what was written next may have been given the same time.
            || cached.asOf(confirmation).isAfter(notBefore));
  }

  private long boundNanos(CallOptions options) {
    return options.maxStaleness().isPresent() ? options.maxStaleness().get().toNanos() : boundNanos;
  }

  private CallOptions bounded(CallOptions options) {
    return options.maxStaleness().isEmpty() && config.maxStaleness().isPresent()
        ? options.withMaxStaleness(config.maxStaleness().get())
        : options;
  }

  private CompletableFuture<Reply> hit(
      Payload key,
      Cached cached,
      Read read,
      Confirmation confirmation,
      CallOptions options,
      long nanos,
      long millis) {
    Reply reply;
    try {
      reply = cached.answer(read, confirmation, nanos, millis);
    } catch (Refusal refusal) {
      return source.execute(key, read, options); // who says it best
    }
    hits.increment();
    if (Cached.isMissing(reply)) {
      negativeHits.increment();
    }
    if (!cached.hold().isSubscribed()) {
      mayWantSubscription(key, cached.hold());
    }
    observe(key, options, reply.receipt());
    return CompletableFuture.completedFuture(reply);
  }

  /// Whether a read is worth the whole entry, so that the next one finds it here.
  private static boolean loads(Read read) {
    return switch (read) {
      case Read.Get get -> true;
      case Read.State state -> true;
      case Read.Field field -> loads(field.read());
      case Read.Contains contains -> false;
      case Read.Size size -> false;
      case Read.Range range -> false;
      case Read.Scores scores -> false;
      case Read.Since since -> false;
      case Read.Placed placed -> false;
      case Read.Await await -> false;
    };
  }

  /// Asks the store for the whole entry, or waits with another reader who has just done so.
  private CompletableFuture<Reply> load(Payload key, Read read, CallOptions options) {
    Load load = new Load(options, ticker.nanos(), ticker.millis());
    Load running =
        loads.compute(
            key,
            (same, other) -> {
              if (other != null && other.serves(options)) {
                return other;
              }
              if (other != null) {
                other.overtaken = true; // nobody would tell it of writes any more
              }
              return load;
            });
    if (running == load) {
      return answered(key, read, options, start(key, load));
    }
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    var unused =
        running.done.whenComplete(
            (loaded, failure) -> {
              if (loaded != null && !isFresh(loaded.cached, options, load)) {
                passOn(loadAnew(key, read, options), reply); // it was asked for too long ago
              } else {
                settle(key, read, options, loaded, failure, reply);
              }
            });
    return reply;
  }

  /// Asks the store for the whole entry, and waits with nobody.
  private CompletableFuture<Reply> loadAnew(Payload key, Read read, CallOptions options) {
    Load load = new Load(options, ticker.nanos(), ticker.millis());
    loads.compute(
        key,
        (same, other) -> {
          if (other != null) {
            other.overtaken = true; // as above
          }
          return load;
        });
    return answered(key, read, options, start(key, load));
  }

  /// Whether a state is as new as it must be for who asked at the time of a load.
  private boolean isFresh(Cached cached, CallOptions options, Load asked) {
    return isFresh(cached, Confirmation.NONE, options, asked.sentNanos, asked.sentMillis);
  }

  private CompletableFuture<Loaded> start(Payload key, Load load) {
    Demand demand = new Demand(load.notBefore, true, false);
    CallOptions asked = load.options.withDemand(demand).withoutObserver();
    var unused =
        source
            .execute(key, new Read.State(), asked)
            .whenComplete(
                (reply, failure) -> {
                  // While it is taken in, writes that end must still find it.
                  Cached cached = failure == null ? keep(key, load, reply) : null;
                  loads.remove(key, load);
                  if (cached == null) {
                    load.done.completeExceptionally(plain(failure));
                  } else {
                    load.done.complete(new Loaded(cached, reply));
                  }
                });
    return load.done;
  }

  private CompletableFuture<Reply> answered(
      Payload key, Read read, CallOptions options, CompletableFuture<Loaded> loading) {
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    var unused =
        loading.whenComplete(
            (loaded, failure) -> settle(key, read, options, loaded, failure, reply));
    return reply;
  }

  private void settle(
      Payload key,
      Read read,
      CallOptions options,
      @Nullable Loaded loaded,
      @Nullable Throwable failure,
      CompletableFuture<Reply> reply) {
    if (loaded == null) {
      reply.completeExceptionally(plain(failure));
      return;
    }
    Reply answer;
    try {
      Receipt receipt = loaded.reply.receipt();
      answer = loaded.cached.answer(read, receipt, loaded.reply.clock().millis());
    } catch (Refusal refusal) {
      passOn(source.execute(key, read, options), reply); // who says it best
      return;
    }
    observe(key, options, answer.receipt());
    reply.complete(answer);
  }

  private static void passOn(CompletableFuture<Reply> from, CompletableFuture<Reply> to) {
    var unused =
        from.whenComplete(
            (reply, failure) -> {
              if (failure != null) {
                to.completeExceptionally(plain(failure));
              } else {
                to.complete(reply);
              }
            });
  }

  private static void observe(Payload key, CallOptions options, Receipt receipt) {
    if (options.observer().isPresent()) {
      try {
        options.observer().get().accept(receipt);
      } catch (RuntimeException e) {
        log.warn("the observer of the receipt of a read of {} failed", key, e);
      }
    }
  }

  // ---- What is kept ----

  /// Takes in what was loaded, unless that may lack what was written here meanwhile.
  ///
  /// @return it with what is known already, for whoever waits for it
  private Cached keep(Payload key, Load load, Reply reply) {
    Cached loaded = Cached.loaded(key, new Hold(), reply, load.sentNanos, load.sentMillis);
    Cached[] result = {loaded};
    entries
        .asMap()
        .compute(
            key,
            (same, old) -> {
              if (old != null) {
                result[0] =
                    old.isForgotten(FORGET_NANOS, ticker.nanos(), ticker.millis())
                        ? Cached.loaded(key, old.hold(), reply, load.sentNanos, load.sentMillis)
                        : old.with(loaded);
              }
              return load.overtaken || closed ? old : result[0];
            });
    if (closed) {
      entries.invalidate(key); // it may have come in after all others went
    } else if (!load.overtaken) {
      mayWantSubscription(key, result[0].hold());
    }
    return result[0];
  }

  private void removed(@Nullable Payload key, @Nullable Cached cached, RemovalCause cause) {
    if (cause == RemovalCause.REPLACED || cached == null) {
      return; // by another state of the same key
    }
    if (cause.wasEvicted()) {
      evictions.increment();
    }
    if (cached.hold().release()) {
      subscriptions.decrementAndGet();
    }
  }

  // ---- Subscriptions ----

  private void mayWantSubscription(Payload key, Hold hold) {
    if (subscriptions.get() >= config.subscriptionsMax()
        || (refused && ticker.nanos() - refusedNanos < REFUSED_NANOS)
        || !hold.wantsSubscription(config.subscribeAfter())) {
      return;
    }
    subscriptions.incrementAndGet();
    try {
      Subscription started = source.subscribe(key, period, new Told(key, hold));
      hold.subscribed(started);
    } catch (TrellisException e) {
      unsubscribed(hold); // the client is closed
    }
  }

  private void unsubscribed(Hold hold) {
    if (hold.unsubscribed()) {
      subscriptions.decrementAndGet();
    }
  }

  /// Takes in what the subscription to one key tells.
  private final class Told implements SubscriptionListener {
    private final Payload key;
    private final Hold hold;

    private Told(Payload key, Hold hold) {
      this.key = key;
      this.hold = hold;
    }

    @Override
    public void onState(Reply reply, boolean first) {
      pushes.increment();
      entries
          .asMap()
          .computeIfPresent(
              key, (same, cached) -> cached.hold() == hold ? cached.told(reply, first) : cached);
    }

    @Override
    public void onFailure(TrellisException failure) {
      log.debug("the subscription to {} has ended: {}", key, failure.getMessage());
      if (failure.code() == ErrorCode.OVERLOADED) {
        refusedNanos = ticker.nanos();
        refused = true;
      }
      unsubscribed(hold);
    }
  }

  // ---- Writing ----

  /// Has the store do it. What the cache has of the key is older then than what its user has
  /// written: the delta of the write is merged into it where it can be had, and else the key is
  /// forgotten.
  private CompletableFuture<Reply> write(Payload key, Operation operation, CallOptions options) {
    if (operation instanceof Mutation.Place) {
      return source.execute(key, operation, options);
    }
    CallOptions asked = options;
    if (entries.asMap().containsKey(key)) {
      Demand demand = options.demand();
      asked = options.withDemand(new Demand(demand.notBefore(), demand.receipt(), true));
    }
    return after(
        source.execute(key, operation, asked),
        (reply, failure) -> {
          if (reply != null) {
            written(key, reply);
          } else if (!(failure instanceof DefiniteException)) {
            forget(key); // it may have happened, and whoever reads now wants to know
          }
        });
  }

  private void written(Payload key, Reply reply) {
    overtake(key);
    entries
        .asMap()
        .computeIfPresent(
            key,
            (same, cached) -> {
              Optional<Entry> delta = reply.delta();
              boolean fits = delta.isPresent() && fits(delta.get(), cached.visible());
              return fits ? cached.withWritten(delta.get(), reply.clock()) : null;
            });
  }

  /// Whether a delta makes a whole of what is cached: in a generation that is new here, others may
  /// have written more.
  private static boolean fits(Entry delta, Entry cached) {
    boolean isDeletion = delta.values().isEmpty() && delta.commits().isEmpty();
    return !delta.generation().isAfter(cached.generation()) || isDeletion;
  }

  /// What was asked before something was written here may lack it, and is not kept.
  private void overtake(Payload key) {
    Load load = loads.get(key);
    if (load != null) {
      load.overtaken = true;
      loads.remove(key, load);
    }
  }

  /// The same outcome once `action` is done, which happens before anybody hears of it.
  private static CompletableFuture<Reply> after(
      CompletableFuture<Reply> call, BiConsumer<@Nullable Reply, @Nullable Throwable> action) {
    CompletableFuture<Reply> told = new CompletableFuture<>();
    var unused =
        call.whenComplete(
            (reply, failure) -> {
              Throwable why = failure == null ? null : plain(failure);
              action.accept(reply, why);
              if (why != null) {
                told.completeExceptionally(why);
              } else {
                told.complete(reply);
              }
            });
    var unusedEither =
        told.whenComplete(
            (reply, failure) -> {
              if (told.isCancelled()) {
                call.cancel(false);
              }
            });
    return told;
  }

  private static Throwable plain(@Nullable Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause == null ? new IllegalStateException("failed for no reason", failure) : cause;
  }
}
