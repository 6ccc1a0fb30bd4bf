package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Watches, over connections that come and go.
class WatchTest {
  private static final Payload KEY = Payload.ofText("key");

  private FakeNode node;
  private Trellis trellis;

  /// Notes what it is told.
  private static class Recorder implements WatchListener {
    final BlockingQueue<Object> told = new LinkedBlockingQueue<>();

    @Override
    public void onState(Reply reply) {
      told.add(Place.view(reply));
    }

    @Override
    public void onFailure(TrellisException failure) {
      told.add(failure);
    }

    Object next() throws InterruptedException {
      Object one = told.poll(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
      if (one == null) {
        throw new AssertionError("the listener was told nothing");
      }
      return one;
    }
  }

  @BeforeEach
  void start() throws Exception {
    node = new FakeNode("node-1");
    trellis = Trellis.connect(FakeNode.config(node.address()));
  }

  @AfterEach
  void stop() throws Exception {
    trellis.close();
    node.close();
  }

  private void tell(Frame.Watch watch, long value) throws IOException {
    tell(watch, new Outcome.Done(new View.Whole(value), 0, false));
  }

  private void tell(Frame.Watch watch, Outcome outcome) throws IOException {
    node.asker.send(new Frame.Changed(FakeNode.reply(watch.id(), outcome)));
  }

  @Test
  void theListenerIsToldStatesUntilTheWatchIsClosed() throws Exception {
    Recorder recorder = new Recorder();
    Watch watch = trellis.watch(KEY, Optional.of(Kind.COUNTER), recorder);
    Frame.Watch asked = node.nextFrame(Frame.Watch.class);
    assertEquals(KEY, asked.key());
    assertEquals(Optional.of(Kind.COUNTER), asked.kind());
    tell(asked, 1);
    assertEquals(new View.Whole(1), recorder.next());
    tell(asked, 2);
    assertEquals(new View.Whole(2), recorder.next());
    watch.close();
    assertFalse(watch.isOpen());
    assertEquals(asked.id(), node.nextFrame(Frame.Unwatch.class).id());
    watch.close();
    tell(asked, 3);
    trellis.counter("key").delete(); // what came before has arrived
    assertTrue(recorder.told.isEmpty());
  }

  @Test
  void afterALostConnectionTheWatchIsSentAnew() throws Exception {
    Recorder recorder = new Recorder();
    try (Watch watch = trellis.watch(KEY, Optional.empty(), recorder)) {
      tell(node.nextFrame(Frame.Watch.class), 1);
      recorder.next();
      node.dropConnections();
      Frame.Watch again = node.nextFrame(Frame.Watch.class);
      tell(again, 5);
      assertEquals(new View.Whole(5), recorder.next());
      assertTrue(watch.isOpen());
    }
  }

  @Test
  void aWatchThatIsRefusedTellsTheListenerAndEnds() throws Exception {
    Recorder recorder = new Recorder();
    Watch watch = trellis.watch(KEY, Optional.empty(), recorder);
    tell(
        node.nextFrame(Frame.Watch.class),
        new Outcome.Failed(ErrorCode.KIND_MISMATCH, "two kinds"));
    DefiniteException.KindMismatch failure =
        assertInstanceOf(DefiniteException.KindMismatch.class, recorder.next());
    assertEquals("watch \"key\": two kinds", failure.getMessage());
    assertFalse(watch.isOpen());
  }

  @Test
  void aListenerThatFailsIsToldTheNextStateNevertheless() throws Exception {
    BlockingQueue<Reply> told = new LinkedBlockingQueue<>();
    AtomicInteger failures = new AtomicInteger();
    try (Watch watch =
        trellis.watch(
            KEY,
            Optional.empty(),
            reply -> {
              told.add(reply);
              if (failures.getAndIncrement() > 0) {
                throw new AssertionError("the listener's own error, on purpose");
              }
              throw new IllegalStateException("the listener's own failure, on purpose");
            })) {
      Frame.Watch asked = node.nextFrame(Frame.Watch.class);
      for (int i = 0; i < 3; i++) {
        tell(asked, i);
        Reply reply = told.poll(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
        assertEquals(new View.Whole(i), Place.view(reply));
      }
      assertTrue(watch.isOpen());
    }
  }

  @Test
  void aSlowListenerMissesStatesInBetweenButNeverTheLastAndIsNeverCalledByTwo() throws Exception {
    CountDownLatch first = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    AtomicInteger inside = new AtomicInteger();
    List<Long> seen = new ArrayList<>();
    CountDownLatch last = new CountDownLatch(1);
    try (Watch watch =
        trellis.watch(
            KEY,
            Optional.empty(),
            reply -> {
              if (inside.incrementAndGet() > 1) {
                return; // the assertion below then fails: nothing is seen
              }
              long value = ((View.Whole) Place.view(reply)).value();
              seen.add(value);
              first.countDown();
              try {
                goOn.await();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              inside.decrementAndGet();
              if (value == 999) {
                last.countDown();
              }
            })) {
      Frame.Watch asked = node.nextFrame(Frame.Watch.class);
      tell(asked, 0);
      assertTrue(first.await(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS));
      for (int i = 1; i < 1_000; i++) {
        tell(asked, i);
      }
      trellis.counter("key").delete(); // all have arrived
      goOn.countDown();
      assertTrue(last.await(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS));
      assertEquals(List.of(0L, 999L), seen);
      assertTrue(watch.isOpen());
    }
  }

  @Test
  void aListenerMayUseTheBlockingForms() throws Exception {
    BlockingQueue<Object> results = new LinkedBlockingQueue<>();
    try (Watch watch =
        trellis.watch(
            KEY, Optional.empty(), reply -> results.add(trellis.counter("other").delete()))) {
      tell(node.nextFrame(Frame.Watch.class), 1);
      assertEquals(true, results.poll(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS));
      assertEquals(KEY, watch.key());
    }
  }

  @Test
  void aWatchFollowsItsKeyToAnotherNode() throws Exception {
    try (FakeNode router = new FakeNode("router");
        FakeNode other = new FakeNode("node-2")) {
      router.routeTo(node.descriptor());
      try (Trellis client = Trellis.connect(FakeNode.config(router.address()))) {
        Recorder recorder = new Recorder();
        Watch watch = client.watch(KEY, Optional.empty(), recorder);
        tell(node.nextFrame(Frame.Watch.class), 1);
        recorder.next();
        router.routeTo(other.descriptor());
        node.dropConnections(); // makes the client ask for the map
        Frame.Watch moved = other.nextFrame(Frame.Watch.class);
        other.asker.send(
            new Frame.Changed(
                FakeNode.reply(moved.id(), new Outcome.Done(new View.Whole(2), 0, false))));
        assertEquals(new View.Whole(2), recorder.next());
        watch.close();
        other.nextFrame(Frame.Unwatch.class);
      }
    }
  }

  @Test
  void aWatchThatNobodyOwnsFailsInTheEnd() throws Exception {
    Recorder recorder = new Recorder();
    Watch watch = trellis.watch(KEY, Optional.empty(), recorder);
    for (int i = 0; i < 4; i++) {
      tell(node.nextFrame(Frame.Watch.class), new Outcome.Failed(ErrorCode.NOT_OWNER, "not mine"));
    }
    assertInstanceOf(DefiniteException.NotOwner.class, recorder.next());
    assertFalse(watch.isOpen());
  }

  @Test
  void closingTheClientEndsItsWatchesQuietly() throws Exception {
    Recorder recorder = new Recorder();
    Watch watch = trellis.watch(KEY, Optional.empty(), recorder);
    node.nextFrame(Frame.Watch.class);
    trellis.close();
    assertFalse(watch.isOpen());
    assertTrue(recorder.told.isEmpty());
    assertThrows(
        DefiniteException.NotSent.class, () -> trellis.watch(KEY, Optional.empty(), recorder));
  }

  @Test
  void aWatchOfAnImpossibleKeyIsRefusedAtOnce() {
    assertThrows(
        DefiniteException.KeyTooLong.class,
        () -> trellis.watch(Payload.of(new byte[2_000]), Optional.empty(), new Recorder()));
  }
}
