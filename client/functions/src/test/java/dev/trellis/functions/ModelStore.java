package dev.trellis.functions;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Host;
import dev.trellis.client.session.TokenSeal;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.EntryWriter;
import dev.trellis.execution.Refusal;
import dev.trellis.execution.ThresholdReader;
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
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// A store of a few replicas that tell each other only when they are told to, carried out at once
/// on the caller's thread. Waits end when a replica that is asked, or written to, has got there.
final class ModelStore implements Host, Calls {
  /// A threshold read that waits.
  private record Waiting(
      Payload key, Read.Await await, CallOptions options, CompletableFuture<Reply> reply) {}

  private final List<Map<Payload, Entry>> replicas = new ArrayList<>();
  private final List<Waiting> waiting = new ArrayList<>();
  private final HybridLogicalClock clock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private final long[] incarnations;
  private long millis;
  private long births;

  /// Which replica is asked; set by the test before each call.
  int at;

  /// How many more mutations are carried out before the caller is cut off.
  int mutationsLeft = Integer.MAX_VALUE;

  ModelStore(int replicas, long millis) {
    for (int i = 0; i < replicas; i++) {
      this.replicas.add(new HashMap<>());
    }
    this.millis = millis;
    this.incarnations = new long[replicas];
  }

  @Override
  public long clientId() {
    return 77;
  }

  @Override
  public HybridTimestamp stampAfter(HybridTimestamp seen) {
    clock.observe(seen, millis);
    return clock.tick(millis);
  }

  @Override
  public TokenSeal tokenSeal() {
    return TokenSeal.NONE;
  }

  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    millis++;
    if (options.demand().notBefore().isAfter(HybridTimestamp.ZERO)
        || options.readMode() == ReadMode.ALL) {
      exchange(key);
    }
    try {
      return switch (operation) {
        case Read.Await await -> {
          Waiting wait = new Waiting(key, await, options, new CompletableFuture<>());
          waiting.add(wait);
          look(at);
          yield wait.reply;
        }
        case Read read -> {
          Entry entry = entry(at, key);
          yield CompletableFuture.completedFuture(
              reply(entry, EntryReader.read(entry, read, millis, "key " + key)));
        }
        case Mutation mutation -> {
          if (mutationsLeft-- <= 0) {
            throw new Refusal(ErrorCode.OUTCOME_UNKNOWN, "cut off");
          }
          Reply reply = mutate(key, mutation, options);
          look(at);
          yield CompletableFuture.completedFuture(reply);
        }
      };
    } catch (Refusal refusal) {
      return CompletableFuture.failedFuture(
          TrellisException.of(refusal.outcome().code(), refusal.outcome().message()));
    }
  }

  private Reply mutate(Payload key, Mutation mutation, CallOptions options) throws Refusal {
    HybridTimestamp stamp = options.stamp().orElseGet(() -> clock.tick(millis));
    clock.observe(stamp, millis);
    WriteContext context =
        new WriteContext(
            stamp,
            clientId(),
            options.ttl().map(Duration::toMillis).orElse(0L),
            millis,
            clock.tick(millis),
            at + 1 + 10 * incarnations[at],
            0,
            () -> births++,
            List.of(),
            0,
            options.tag());
    EntryWriter.Written done =
        new EntryWriter(context)
            .write(entry(at, key), HybridTimestamp.ZERO, mutation, "key " + key, 0);
    replicas.get(at).merge(key, done.delta(), Entry::merge);
    Reply reply = reply(entry(at, key), done.view());
    return options.demand().delta() && !done.delta().equals(Entry.BOTTOM)
        ? reply.withDelta(done.delta())
        : reply;
  }

  private Reply reply(Entry entry, View view) {
    return new Reply(
        0,
        new Outcome.Done(view, 0, false),
        entry.generation(),
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE,
        clock.tick(millis),
        1);
  }

  private void look(int replica) {
    for (Waiting each : List.copyOf(waiting)) {
      Entry entry = entry(replica, each.key);
      try {
        Optional<View> reached =
            ThresholdReader.read(entry, each.await.threshold(), millis, "key " + each.key);
        if (reached.isPresent() && waiting.remove(each)) {
          Reply reply = reply(entry, reached.get());
          each.reply.complete(each.options.demand().delta() ? reply.withDelta(entry) : reply);
        }
      } catch (Refusal refusal) {
        waiting.remove(each);
        each.reply.completeExceptionally(
            TrellisException.of(refusal.outcome().code(), refusal.outcome().message()));
      }
    }
  }

  /// How many threshold reads wait.
  int waiting() {
    return waiting.size();
  }

  private Entry entry(int replica, Payload key) {
    return replicas.get(replica).getOrDefault(key, Entry.BOTTOM);
  }

  /// What all replicas have of a key together.
  Entry all(Payload key) {
    Entry all = Entry.BOTTOM;
    for (Map<Payload, Entry> replica : replicas) {
      all = all.merge(replica.getOrDefault(key, Entry.BOTTOM));
    }
    return all;
  }

  private void exchange(Payload key) {
    Entry all = all(key);
    if (!all.equals(Entry.BOTTOM)) {
      replicas.forEach(replica -> replica.put(key, all));
    }
  }

  /// Has all replicas tell each other all that they have.
  void exchange() {
    replicas.stream()
        .flatMap(each -> each.keySet().stream())
        .distinct()
        .toList()
        .forEach(this::exchange);
  }

  /// Has a replica lose what it had, and begin anew.
  void restart(int replica) {
    replicas.get(replica).clear();
    incarnations[replica]++;
  }

  long nowMillis() {
    return millis;
  }
}
