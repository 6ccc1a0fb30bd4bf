package dev.trellis.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Confirmation;
import dev.trellis.client.Subscription;
import dev.trellis.client.SubscriptionListener;
import dev.trellis.client.TestFailures;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
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

/// A store that says what a test has it say. Its clock is that of the test.
final class FakeSource implements Source {
  /// A call that waits for its answer.
  final class Asked {
    final Payload key;
    final Operation operation;
    final CallOptions options;
    private final CompletableFuture<Reply> reply = new CompletableFuture<>();

    private Asked(Payload key, Operation operation, CallOptions options) {
      this.key = key;
      this.operation = operation;
      this.options = options;
    }

    /// Answers with all that is known now.
    void answer(Entry entry) {
      answer(entry, now());
    }

    void answer(Entry entry, HybridTimestamp asOf) {
      reply.complete(state(entry, asOf, Receipt.Served.MEMORY));
    }

    void answer(View view) {
      reply.complete(reply(view, now(), Receipt.Served.MEMORY));
    }

    /// Answers to a mutation.
    void done(Optional<Entry> delta) {
      Reply plain = reply(new View.Nothing(), HybridTimestamp.ZERO, Receipt.Served.UNKNOWN);
      reply.complete(delta.map(plain::withDelta).orElse(plain));
    }

    void fail(ErrorCode code) {
      reply.completeExceptionally(TestFailures.of(code));
    }
  }

  final class Subscribed implements Subscription {
    final Payload key;
    final Duration period;
    private final SubscriptionListener listener;
    private Confirmation confirmation = Confirmation.NONE;
    private boolean open = true;
    private boolean told;

    private Subscribed(Payload key, Duration period, SubscriptionListener listener) {
      this.key = key;
      this.period = period;
      this.listener = listener;
    }

    void tell(Entry entry) {
      tell(entry, now());
    }

    void tell(Entry entry, HybridTimestamp asOf) {
      assertTrue(open);
      boolean first = !told;
      told = true;
      listener.onState(state(entry, asOf, Receipt.Served.MEMORY), first);
    }

    /// The connection is lost; what is told next comes on another one.
    void lose() {
      told = false;
      Confirmation c = confirmation;
      confirmation = new Confirmation(false, c.sentNanos(), c.sentMillis(), c.clock(), c.asOf());
    }

    void confirm() {
      confirm(now());
    }

    void confirm(HybridTimestamp asOf) {
      confirmation = new Confirmation(true, ticker.nanos(), ticker.millis(), now(), asOf);
    }

    void fail(ErrorCode code) {
      open = false;
      listener.onFailure(TestFailures.of(code));
    }

    @Override
    public Payload key() {
      return key;
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

  final TestTicker ticker;
  final Queue<Asked> asked = new ArrayDeque<>();
  final List<Subscribed> subscriptions = new ArrayList<>();

  FakeSource(TestTicker ticker) {
    this.ticker = ticker;
  }

  HybridTimestamp now() {
    return HybridTimestamp.ofMillis(ticker.millis());
  }

  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    Asked call = new Asked(key, operation, options);
    asked.add(call);
    return call.reply;
  }

  @Override
  public Subscription subscribe(Payload key, Duration period, SubscriptionListener listener) {
    Subscribed subscription = new Subscribed(key, period, listener);
    subscriptions.add(subscription);
    return subscription;
  }

  /// The only call that waits for an answer.
  Asked next() {
    assertEquals(1, asked.size(), "calls that wait for an answer");
    return asked.remove();
  }

  long open() {
    return subscriptions.stream().filter(Subscribed::isOpen).count();
  }

  Reply state(Entry entry, HybridTimestamp asOf, Receipt.Served served) {
    View view = entry.equals(Entry.BOTTOM) ? new View.Missing() : new View.State(entry);
    return reply(view, asOf, served);
  }

  private Reply reply(View view, HybridTimestamp asOf, Receipt.Served served) {
    return new Reply(
        0,
        new Outcome.Done(view, 0, false),
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE.told(asOf, served),
        now(),
        1);
  }
}
