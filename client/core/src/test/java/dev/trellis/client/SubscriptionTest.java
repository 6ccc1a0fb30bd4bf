package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What a subscription tells, and by what it is confirmed. The node answers no ping by itself.
class SubscriptionTest {
  private static final Payload KEY = Payload.ofText("key");
  private static final Payload OTHER = Payload.ofText("other");
  private static final HybridTimestamp AS_OF = HybridTimestamp.ofMillis(1_000_000);
  private static final HybridTimestamp CLOCK = HybridTimestamp.ofMillis(1_000_500);

  /// So long that only the first ping comes by itself.
  private static final Duration RARELY = Duration.ofMinutes(30);

  private static final Duration OFTEN = Duration.ofMillis(5);

  /// What a listener was told, and what was confirmed at that moment.
  private record Told(View view, boolean first, Confirmation confirmed) {}

  private static class Recorder implements SubscriptionListener {
    final BlockingQueue<Told> states = new LinkedBlockingQueue<>();
    final BlockingQueue<TrellisException> failures = new LinkedBlockingQueue<>();
    volatile Subscription subscription;

    @Override
    public void onState(Reply reply, boolean first) {
      Subscription mine = subscription;
      states.add(
          new Told(
              Place.view(reply), first, mine == null ? Confirmation.NONE : mine.confirmation()));
    }

    @Override
    public void onFailure(TrellisException failure) {
      failures.add(failure);
    }

    Told next() throws InterruptedException {
      Told told = states.poll(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
      if (told == null) {
        throw new AssertionError("the listener was told nothing");
      }
      return told;
    }
  }

  private final Recorder recorder = new Recorder();
  private FakeNode node;
  private Trellis trellis;

  @BeforeEach
  void start() throws Exception {
    node = new FakeNode("node-1");
    node.mute = true;
    trellis = Trellis.connect(FakeNode.config(node.address()));
  }

  @AfterEach
  void stop() throws Exception {
    trellis.close();
    node.close();
  }

  private Subscription subscribe(Duration period) {
    recorder.subscription = trellis.subscribe(KEY, period, recorder);
    return recorder.subscription;
  }

  private static View state(long value) {
    return new View.State(Entry.of(HybridTimestamp.ZERO, new MaxRegister(value)));
  }

  private void tell(Frame.Watch watch, long value) throws IOException {
    tell(watch, value, reply -> reply.with(Receipt.NONE.told(AS_OF, Receipt.Served.MEMORY)));
  }

  private void tell(Frame.Watch watch, long value, UnaryOperator<Reply> said) throws IOException {
    Reply reply = FakeNode.reply(watch.id(), new Outcome.Done(state(value), 0, false));
    node.asker.send(new Frame.Changed(said.apply(reply)));
  }

  private void pong(Frame.Ping ping) throws IOException {
    node.asker.send(new Frame.Pong(ping.id(), CLOCK, AS_OF));
  }

  /// What was sent before has arrived, and the listener was told: that is done on the same thread.
  private void settle() {
    trellis.counter("settle").delete();
  }

  @Test
  void entriesAreAskedForAndOnePingServesAllKeysOfAConnection() throws Exception {
    subscribe(RARELY);
    Frame.Watch asked = node.nextFrame(Frame.Watch.class);
    assertEquals(new Frame.Watch(asked.id(), KEY, Optional.empty(), true, true), asked);
    Frame.Ping ping = node.nextFrame(Frame.Ping.class);
    assertTrue(ping.receipt());
    trellis.subscribe(OTHER, RARELY, new Recorder());
    node.nextFrame(Frame.Watch.class);
    settle();
    pong(ping);
    settle();
    trellis.subscribe(Payload.ofText("third"), RARELY, new Recorder());
    settle();
    assertFalse(node.frames.stream().anyMatch(Frame.Ping.class::isInstance));
  }

  @Test
  void aStateIsConfirmedByThePongThatFollowsAndNotBefore() throws Exception {
    Subscription subscription = subscribe(RARELY);
    Frame.Watch asked = node.nextFrame(Frame.Watch.class);
    Frame.Ping ping = node.nextFrame(Frame.Ping.class);
    tell(asked, 1);
    Told first = recorder.next();
    assertEquals(state(1), first.view);
    assertTrue(first.first);
    settle();
    assertFalse(subscription.confirmation().live());
    long before = System.nanoTime();
    pong(ping);
    settle();
    Confirmation confirmation = subscription.confirmation();
    assertTrue(confirmation.live());
    assertEquals(AS_OF, confirmation.asOf());
    assertEquals(CLOCK, confirmation.clock());
    assertTrue(confirmation.sentNanos() - before < 0, "counted from when the shard was asked");
    tell(asked, 2);
    assertEquals(new Told(state(2), false, confirmation), recorder.next());
  }

  @Test
  void anEarlierConfirmationCountsForWhatIsToldFirstAfterIt() throws Exception {
    subscribe(RARELY);
    Frame.Watch asked = node.nextFrame(Frame.Watch.class);
    tell(asked, 1);
    pong(node.nextFrame(Frame.Ping.class));
    Recorder others = new Recorder();
    Subscription other = trellis.subscribe(OTHER, RARELY, others);
    others.subscription = other;
    Frame.Watch askedToo = node.nextFrame(Frame.Watch.class);
    settle();
    assertFalse(other.confirmation().live(), "nothing was told yet");
    tell(askedToo, 7);
    assertFalse(others.next().confirmed.live(), "the listener is told first");
    settle();
    assertTrue(other.confirmation().live());
  }

  @Test
  void theShardIsAskedAgainAndAgainAsLongAsThereAreSubscriptions() throws Exception {
    Subscription subscription = subscribe(OFTEN);
    tell(node.nextFrame(Frame.Watch.class), 1);
    Confirmation last = Confirmation.NONE;
    for (int round = 0; round < 20; round++) {
      pong(node.nextFrame(Frame.Ping.class));
      settle();
      Confirmation next = subscription.confirmation();
      assertTrue(round == 0 || next.sentNanos() - last.sentNanos() > 0);
      last = next;
    }
    subscription.close();
    node.nextFrame(Frame.Unwatch.class);
    assertFalse(subscription.confirmation().live());
    long closed = System.nanoTime();
    while (System.nanoTime() - closed < 4 * OFTEN.toNanos()) {
      settle();
    }
    assertFalse(node.frames.stream().anyMatch(Frame.Ping.class::isInstance));
  }

  @Test
  void withTheConnectionTheConfirmationEndsUntilAnotherOneTellsAndConfirms() throws Exception {
    Subscription subscription = subscribe(RARELY);
    tell(node.nextFrame(Frame.Watch.class), 5);
    pong(node.nextFrame(Frame.Ping.class));
    recorder.next();
    settle();
    Confirmation before = subscription.confirmation();
    assertTrue(before.live());
    node.dropConnections();
    Frame.Watch again = node.nextFrame(Frame.Watch.class);
    assertEquals(before.ended(), subscription.confirmation());
    Frame.Ping ping = node.nextFrame(Frame.Ping.class);
    pong(ping);
    settle();
    assertEquals(before.ended(), subscription.confirmation(), "nothing was told on this one");
    tell(again, 4);
    assertEquals(new Told(state(4), true, before.ended()), recorder.next());
    settle();
    assertTrue(subscription.confirmation().live());
    assertTrue(subscription.confirmation().sentNanos() - before.sentNanos() > 0);
  }

  /// A pong speaks of keys in their default place, of which the shard has all.
  @Test
  void ofAKeyThatThePongDoesNotSpeakOfItIsNotKnownHowNewItIs() throws Exception {
    Subscription subscription = subscribe(RARELY);
    Frame.Watch asked = node.nextFrame(Frame.Watch.class);
    tell(asked, 1, UnaryOperator.identity()); // as of nothing
    pong(node.nextFrame(Frame.Ping.class));
    settle();
    assertTrue(subscription.confirmation().live());
    assertEquals(HybridTimestamp.ZERO, subscription.confirmation().asOf());
    tell(asked, 2);
    settle();
    assertEquals(AS_OF, subscription.confirmation().asOf());
    tell(asked, 3, reply -> placed(reply, new Placement(2, 1, 1)));
    settle();
    assertEquals(HybridTimestamp.ZERO, subscription.confirmation().asOf());
    assertTrue(subscription.confirmation().live());
  }

  private static Reply placed(Reply reply, Placement placement) {
    return new Reply(
        reply.id(),
        reply.outcome(),
        reply.generation(),
        reply.kind(),
        reply.dots(),
        Receipt.NONE.told(AS_OF, Receipt.Served.MEMORY),
        reply.clock(),
        reply.ringVersion(),
        Optional.of(placement),
        reply.fieldGenerations());
  }

  @Test
  void aStateThatTheListenerCouldNotTakeIsNotConfirmed() throws Exception {
    Subscription subscription =
        trellis.subscribe(
            KEY,
            RARELY,
            new SubscriptionListener() {
              @Override
              public void onState(Reply reply, boolean first) {
                recorder.onState(reply, first);
                if (Place.view(reply).equals(state(2))) {
                  throw new IllegalStateException("the listener's own failure, on purpose");
                }
              }

              @Override
              public void onFailure(TrellisException failure) {}
            });
    Frame.Watch asked = node.nextFrame(Frame.Watch.class);
    tell(asked, 1);
    pong(node.nextFrame(Frame.Ping.class));
    settle();
    assertTrue(subscription.confirmation().live());
    tell(asked, 2);
    settle();
    assertFalse(subscription.confirmation().live());
    tell(asked, 3);
    settle();
    assertTrue(subscription.confirmation().live());
    assertTrue(recorder.next().first);
    assertFalse(recorder.next().first);
    assertTrue(recorder.next().first, "the state before did not arrive");
  }

  @Test
  void aSubscriptionThatIsRefusedEndsAndIsNotConfirmedAnyMore() throws Exception {
    Subscription subscription = subscribe(RARELY);
    Frame.Watch asked = node.nextFrame(Frame.Watch.class);
    tell(asked, 1);
    pong(node.nextFrame(Frame.Ping.class));
    node.asker.send(
        new Frame.Changed(
            FakeNode.reply(asked.id(), new Outcome.Failed(ErrorCode.OVERLOADED, "too many"))));
    assertInstanceOf(
        DefiniteException.Overloaded.class,
        recorder.failures.poll(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS));
    assertFalse(subscription.isOpen());
    assertFalse(subscription.confirmation().live());
  }

  @Test
  void aClosedClientTakesNoSubscriptionAndConfirmsNone() throws Exception {
    Subscription subscription = subscribe(RARELY);
    tell(node.nextFrame(Frame.Watch.class), 1);
    pong(node.nextFrame(Frame.Ping.class));
    settle();
    trellis.close();
    assertFalse(subscription.isOpen());
    assertFalse(subscription.confirmation().live());
    assertThrows(DefiniteException.NotSent.class, () -> subscribe(RARELY));
    assertThrows(IllegalArgumentException.class, () -> subscribe(Duration.ZERO));
  }
}
