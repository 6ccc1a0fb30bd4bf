package dev.trellis.client.session;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.TrellisException;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.EntryWriter;
import dev.trellis.execution.Refusal;
import dev.trellis.execution.WriteContext;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;

/// A store whose replicas answer at random, each with what it has, and tell each other only when
/// they are told to. A demand for something newer is met by asking all of them.
final class ModelStore {
  /// A client of the store.
  final class Client implements Host, Calls {
    private final long id = random.nextLong();

    @Override
    public long clientId() {
      return id;
    }

    @Override
    public HybridTimestamp stampAfter(HybridTimestamp seen) {
      if (clockBehind) {
        return seen.max(HybridTimestamp.ofMillis(millis)).next();
      }
      clock.observe(seen, millis);
      return clock.tick(millis);
    }

    @Override
    public TokenSeal tokenSeal() {
      return seal;
    }

    @Override
    public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
      if (!delaying) {
        return ModelStore.this.execute(id, key, operation, options);
      }
      CompletableFuture<Reply> reply = new CompletableFuture<>();
      delayed.add(
          () -> {
            var unused =
                ModelStore.this
                    .execute(id, key, operation, options)
                    .whenComplete(
                        (done, failure) -> {
                          if (failure != null) {
                            reply.completeExceptionally(failure);
                          } else {
                            reply.complete(done);
                          }
                        });
          });
      return reply;
    }

    Session session(Set<Guarantee> guarantees) {
      return Session.begin(this, this, guarantees);
    }

    Session resume(SessionToken token) {
      return Session.resume(this, this, token);
    }
  }

  /// A stamp further behind than this is refused. More than shards grant by default, as the calls
  /// of a commit come one after the other here.
  private static final long SKEW_MILLIS = 2_000;

  private final RandomGenerator random;
  private final List<Runnable> delayed = new ArrayList<>(); // calls on their way
  boolean delaying; // calls are carried out by `step`, in any order
  private final List<Map<Payload, Entry>> replicas = new ArrayList<>();
  private final HybridLogicalClock clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private long millis = 1_000;
  private final int paceMillis; // between two calls, at most
  private long births;
  TokenSeal seal = TokenSeal.NONE;
  boolean clockBehind; // answers tell the time of replicas that have not heard of any stamp
  boolean cutOff; // replicas do not hear each other
  Map<Payload, Entry> written = new HashMap<>(); // all that was ever merged anywhere
  Entry lastDelta = Entry.BOTTOM;
  int calls;
  int demands;

  ModelStore(RandomGenerator random, int replicas) {
    this.random = random;
    this.paceMillis = random.nextBoolean() ? 3 : 30;
    for (int i = 0; i < replicas; i++) {
      this.replicas.add(new HashMap<>());
    }
  }

  private CompletableFuture<Reply> execute(
      long client, Payload key, Operation operation, CallOptions options) {
    calls++;
    millis += random.nextInt(paceMillis);
    int at = random.nextInt(replicas.size());
    boolean demanding = options.demand().notBefore().isAfter(HybridTimestamp.ZERO);
    demands += demanding ? 1 : 0;
    if (demanding || options.readMode() == ReadMode.ALL) {
      if (cutOff) {
        return CompletableFuture.failedFuture(
            TrellisException.of(
                options.readMode() == ReadMode.ALL
                    ? ErrorCode.NOT_ENOUGH_REPLICAS
                    : ErrorCode.SESSION_UNAVAILABLE,
                "cut off"));
      }
      for (int from = 0; from < replicas.size(); from++) {
        tell(from, at, key);
      }
    }
    try {
      return CompletableFuture.completedFuture(
          switch (operation) {
            case Read read -> {
              Entry entry = entry(at, key);
              boolean tells =
                  read instanceof Read.Await && options.demand().delta() && random.nextBoolean();
              yield reply(
                  entry,
                  EntryReader.read(entry, read, millis, "key " + key),
                  tells ? Optional.of(entry) : Optional.empty());
            }
            case Mutation mutation -> mutate(client, at, key, mutation, options);
          });
    } catch (Refusal refusal) {
      return CompletableFuture.failedFuture(
          TrellisException.of(refusal.outcome().code(), refusal.outcome().message()));
    }
  }

  private Reply mutate(long client, int at, Payload key, Mutation mutation, CallOptions options)
      throws Refusal {
    HybridTimestamp stamp = options.stamp().orElseGet(() -> clock.tick(millis));
    if (stamp.millis() < millis - SKEW_MILLIS) {
      throw new Refusal(ErrorCode.CLOCK_SKEW, "too old");
    }
    clock.observe(stamp, millis);
    WriteContext context =
        new WriteContext(
            stamp,
            client,
            options.ttl().map(Duration::toMillis).orElse(0L),
            millis,
            clock.tick(millis),
            at + 1,
            0,
            () -> births++,
            List.of(),
            0,
            options.tag());
    EntryWriter.Written done =
        new EntryWriter(context)
            .write(entry(at, key), HybridTimestamp.ZERO, mutation, "key " + key, 0);
    replicas.get(at).merge(key, done.delta(), Entry::merge);
    written.merge(key, done.delta(), Entry::merge);
    lastDelta = done.delta();
    Reply reply =
        reply(
            entry(at, key),
            done.view(),
            done.delta().equals(Entry.BOTTOM) ? Optional.empty() : Optional.of(done.delta()));
    return options.demand().delta() || reply.delta().isEmpty()
        ? reply
        : reply(entry(at, key), done.view(), Optional.empty());
  }

  private Reply reply(Entry entry, dev.trellis.wire.View view, Optional<Entry> delta) {
    Reply reply =
        new Reply(
            0,
            new Outcome.Done(view, 0, false),
            entry.generation(),
            Optional.empty(),
            CausalContext.EMPTY,
            Receipt.NONE,
            clockBehind ? HybridTimestamp.ofMillis(millis) : clock.tick(millis),
            1);
    return delta.isPresent() ? reply.withDelta(delta.get()) : reply;
  }

  Entry entry(int replica, Payload key) {
    return replicas.get(replica).getOrDefault(key, Entry.BOTTOM);
  }

  private void tell(int from, int to, Payload key) {
    replicas.get(to).merge(key, entry(from, key), Entry::merge);
  }

  /// Has one replica tell another what it has of a key.
  void gossip(Payload key) {
    tell(random.nextInt(replicas.size()), random.nextInt(replicas.size()), key);
  }

  /// Takes from all replicas what they have of a key: it was deleted, and they know of that no
  /// more; or only nodes had it that are lost.
  void forget(Payload key) {
    replicas.forEach(replica -> replica.remove(key));
  }

  /// Carries out one of the calls that are on their way.
  ///
  /// @return false if there is none
  boolean step() {
    if (delayed.isEmpty()) {
      return false;
    }
    delayed.remove(random.nextInt(delayed.size())).run();
    return true;
  }

  /// The keys of what has been recorded of commits.
  List<Payload> commitRecords() {
    Payload prefix = Payload.ofText("_trellis/commit/");
    return written.keySet().stream().filter(key -> key.startsWith(prefix)).toList();
  }

  /// What replicas agree on once all have told each other everything.
  Entry all(Payload key) {
    return written.getOrDefault(key, Entry.BOTTOM);
  }
}
