package dev.trellis.cache;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Confirmation;
import dev.trellis.client.Subscription;
import dev.trellis.client.SubscriptionListener;
import dev.trellis.client.TestFailures;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// One key, a `gset`, on several replicas that hear of each other's writes when the test says so,
/// and a connection on which one of them tells and confirms, late. By the rules of the store: what
/// a replica says that it has, it has; a pong follows the changes before it.
final class ModelStore implements Source {
  /// A write, and when it was done.
  record Written(long millis, Payload element) {}

  private static final class Replica {
    private Entry entry = Entry.BOTTOM;
    private final long[] heardMillis; // by replica: all that was written there up to then is here

    private Replica(int replicas) {
      heardMillis = new long[replicas];
    }
  }

  /// What a replica has sent and the client has not received.
  private sealed interface Sent {
    record Changed(Reply reply) implements Sent {}

    record Pong(long sentNanos, long sentMillis, long clockMillis, long asOfMillis)
        implements Sent {}
  }

  private record Waiting(
      Operation operation, CallOptions options, CompletableFuture<Reply> reply) {}

  private final class Watched implements Subscription {
    private final SubscriptionListener listener;
    private final Queue<Sent> sent = new ArrayDeque<>();
    private final Queue<Sent.Pong> pings = new ArrayDeque<>(); // when they were sent
    private int replica;
    private boolean changed = true;
    private boolean told;
    private boolean open = true;
    private Confirmation ofConnection = Confirmation.NONE;
    private Confirmation confirmation = Confirmation.NONE;

    private Watched(SubscriptionListener listener) {
      this.listener = listener;
      this.replica = random.nextInt(replicas.size());
    }

    @Override
    public Payload key() {
      return KEY;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void close() {
      open = false;
    }

    @Override
    public Confirmation confirmation() {
      return confirmation;
    }
  }

  static final Payload KEY = Payload.ofText("key");

  private final RandomGenerator random;
  private final TestTicker ticker;
  private final List<Replica> replicas = new ArrayList<>();
  private final List<Waiting> waiting = new ArrayList<>();
  private @Nullable Watched watched;
  final List<Written> written = new ArrayList<>();
  private int elements;

  ModelStore(RandomGenerator random, TestTicker ticker, int count) {
    this.random = random;
    this.ticker = ticker;
    for (int i = 0; i < count; i++) {
      replicas.add(new Replica(count));
    }
  }

  Payload newElement() {
    return Payload.ofText("e" + elements++);
  }

  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    Waiting call = new Waiting(operation, options, new CompletableFuture<>());
    waiting.add(call);
    return call.reply;
  }

  @Override
  public Subscription subscribe(Payload key, Duration period, SubscriptionListener listener) {
    watched = new Watched(listener);
    return watched;
  }

  /// Somebody else writes.
  void writeElsewhere() {
    write(random.nextInt(replicas.size()), newElement());
  }

  private void write(int at, Payload element) {
    merge(at, Entry.of(HybridTimestamp.ZERO, GrowSet.of(List.of(element))));
    written.add(new Written(ticker.millis(), element));
  }

  private void merge(int at, Entry entry) {
    Replica replica = replicas.get(at);
    Entry before = replica.entry;
    replica.entry = before.merge(entry);
    if (watched != null && watched.replica == at && !replica.entry.equals(before)) {
      watched.changed = true;
    }
  }

  /// One replica hears all of another.
  void gossip() {
    gossip(random.nextInt(replicas.size()), random.nextInt(replicas.size()));
  }

  private void gossip(int from, int to) {
    if (from != to) {
      merge(to, replicas.get(from).entry);
      replicas.get(to).heardMillis[from] = ticker.millis();
    }
  }

  private long asOfMillis(int at) {
    long earliest = ticker.millis();
    for (int other = 0; other < replicas.size(); other++) {
      if (other != at) {
        earliest = Math.min(earliest, replicas.get(at).heardMillis[other]);
      }
    }
    return earliest;
  }

  /// A call arrives, and its answer comes back.
  void answerOne() {
    if (waiting.isEmpty()) {
      return;
    }
    Waiting call = waiting.remove(random.nextInt(waiting.size()));
    int at = random.nextInt(replicas.size());
    if (call.operation instanceof Mutation.Add add) {
      if (random.nextInt(8) == 0) {
        call.reply.completeExceptionally(TestFailures.of(ErrorCode.OVERLOADED));
        return;
      }
      Payload element = add.elements().get(0);
      write(at, element);
      Reply plain = reply(at, new View.Nothing());
      boolean tells = call.options.demand().delta() && random.nextInt(4) > 0;
      Entry delta = Entry.of(HybridTimestamp.ZERO, GrowSet.of(List.of(element)));
      call.reply.complete(tells ? plain.withDelta(delta) : plain);
      return;
    }
    long notBefore =
        call.options.maxStaleness().map(bound -> ticker.millis() - bound.toMillis()).orElse(0L);
    if (asOfMillis(at) < notBefore) {
      if (random.nextInt(4) == 0) {
        call.reply.completeExceptionally(TestFailures.of(ErrorCode.SESSION_UNAVAILABLE));
        return;
      }
      for (int other = 0; other < replicas.size(); other++) {
        gossip(other, at);
      }
    }
    call.reply.complete(state(at));
  }

  /// The client asks the replica that tells it of changes to confirm that it has told all.
  void ping() {
    if (watched != null && watched.pings.isEmpty()) {
      watched.pings.add(new Sent.Pong(ticker.nanos(), ticker.millis(), 0, 0));
    }
  }

  /// The replica that is subscribed to writes to its connection.
  void tell() {
    Watched now = watched;
    if (now == null || !now.open) {
      return;
    }
    if (now.changed) {
      now.changed = false;
      now.sent.add(new Sent.Changed(state(now.replica)));
    }
    Sent.Pong ping = now.pings.poll();
    if (ping != null) {
      now.sent.add(
          new Sent.Pong(ping.sentNanos, ping.sentMillis, ticker.millis(), asOfMillis(now.replica)));
    }
  }

  /// The client reads from its connection.
  void receive() {
    Watched now = watched;
    if (now == null || !now.open) {
      return;
    }
    switch (now.sent.poll()) {
      case null -> {}
      case Sent.Changed changed -> {
        boolean first = !now.told;
        now.told = true;
        now.listener.onState(changed.reply, first);
        now.confirmation = now.ofConnection;
      }
      case Sent.Pong pong -> {
        now.ofConnection =
            new Confirmation(
                true,
                pong.sentNanos,
                pong.sentMillis,
                HybridTimestamp.ofMillis(pong.clockMillis),
                HybridTimestamp.ofMillis(pong.asOfMillis));
        if (now.told) {
          now.confirmation = now.ofConnection;
        }
      }
    }
  }

  /// The connection breaks, and another replica is asked.
  void move() {
    Watched now = watched;
    if (now == null) {
      return;
    }
    now.sent.clear();
    now.pings.clear();
    now.replica = random.nextInt(replicas.size());
    now.changed = true;
    now.told = false;
    now.ofConnection = Confirmation.NONE;
    Confirmation c = now.confirmation;
    now.confirmation = new Confirmation(false, c.sentNanos(), c.sentMillis(), c.clock(), c.asOf());
  }

  private Reply state(int at) {
    Entry entry = replicas.get(at).entry;
    return reply(at, entry.equals(Entry.BOTTOM) ? new View.Missing() : new View.State(entry));
  }

  private Reply reply(int at, View view) {
    HybridTimestamp asOf = HybridTimestamp.ofMillis(asOfMillis(at));
    return new Reply(
        0,
        new Outcome.Done(view, 0, false),
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE.told(asOf, Receipt.Served.MEMORY),
        HybridTimestamp.ofMillis(ticker.millis()),
        1);
  }
}
