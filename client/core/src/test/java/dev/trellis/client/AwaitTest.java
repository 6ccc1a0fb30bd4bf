package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Threshold reads, over connections that come and go.
class AwaitTest {
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final Outcome TEN = new Outcome.Done(new View.Whole(10), 0, false);

  private FakeNode node;
  private Trellis trellis;

  @BeforeEach
  void start() throws Exception {
    node = new FakeNode("node-1");
    node.script = received -> {};
    trellis = Trellis.connect(FakeNode.config(node.address()));
  }

  @AfterEach
  void stop() throws Exception {
    trellis.close();
    node.close();
  }

  private static <T> T get(CompletableFuture<T> future) throws Exception {
    return future.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
  }

  private static <T extends Throwable> T failure(Class<T> type, CompletableFuture<?> future) {
    ExecutionException failed = assertThrows(ExecutionException.class, () -> get(future));
    return assertInstanceOf(type, failed.getCause());
  }

  private static Reply in(Reply reply, HybridTimestamp generation) {
    return new Reply(
        reply.id(),
        reply.outcome(),
        generation,
        reply.kind(),
        reply.dots(),
        reply.receipt(),
        reply.clock(),
        reply.ringVersion());
  }

  @Test
  void theHandleTellsTheValueAndTheGenerationInWhichItWasReached() throws Exception {
    CompletableFuture<Reached<Long>> reached = trellis.max("best").awaitAtLeastAsync(7, LONG);
    FakeNode.Received asked = node.next();
    assertEquals(new Read.Await(new Threshold.AtLeast(Kind.MAX, 7)), asked.request().operation());
    long millis = asked.request().context().timeoutMillis();
    assertTrue(millis > 0 && millis <= LONG.toMillis(), () -> "the shard has " + millis + " ms");
    HybridTimestamp generation = HybridTimestamp.ofMillis(5);
    asked.answer(TEN, reply -> in(reply, generation));
    assertEquals(new Reached<>(generation, 10L), get(reached));
  }

  @Test
  void itIsAskedForAgainWhenTheConnectionIsLost() throws Exception {
    CompletableFuture<Reached<Long>> reached = trellis.max("best").awaitAtLeastAsync(7, LONG);
    node.next();
    node.dropConnections();
    node.next();
    node.incarnation = 2;
    node.dropConnections();
    node.next().answer(TEN);
    assertEquals(10, get(reached).value());
  }

  @Test
  void itGoesOnHoweverOftenItIsSentElsewhere() throws Exception {
    AtomicInteger refused = new AtomicInteger();
    node.script =
        received -> {
          switch (refused.incrementAndGet()) {
            case 1, 2, 3, 4, 5, 6 -> received.refuse(ErrorCode.NOT_OWNER);
            case 7 -> received.refuse(ErrorCode.SESSION_UNAVAILABLE);
            default -> received.answer(TEN);
          }
        };
    assertEquals(10, get(trellis.max("best").awaitAtLeastAsync(7, LONG)).value());
    assertEquals(8, refused.get());
  }

  @Test
  void whatTheShardSaysAtTheDeadlineIsToldWithKeyThresholdAndDeadline() throws Exception {
    HybridTimestamp generation = HybridTimestamp.ofMillis(5);
    node.script =
        received ->
            received.answer(
                new Outcome.Failed(ErrorCode.NOT_REACHED, "not reached in time: it is at 3"),
                reply -> in(reply, generation));
    DefiniteException.NotReached told =
        failure(
            DefiniteException.NotReached.class,
            trellis.max("best").awaitAtLeastAsync(7, Duration.ofSeconds(10)));
    assertEquals(
        "await max at least 7 of \"best\" within 10000 ms: not reached in time: it is at 3",
        told.getMessage());
    assertEquals(generation, told.reply().orElseThrow().generation());
    assertTrue(told.isDefinite());
    DefiniteException.NotReached blocking =
        assertThrows(
            DefiniteException.NotReached.class,
            () -> trellis.max("best").awaitAtLeast(7, Duration.ofSeconds(10)));
    assertEquals(told.getMessage(), blocking.getMessage());
  }

  @Test
  void whereNobodyAnswersItEndsLikewise() {
    DefiniteException.NotReached told =
        failure(
            DefiniteException.NotReached.class,
            trellis.flag("go").awaitEnabledAsync(Duration.ofMillis(50)));
    assertTrue(
        told.getMessage().startsWith("await flag enabled of \"go\" within 50 ms: no shard has"),
        told.getMessage());
  }

  @Test
  void whatCanNeverBeIsToldAtOnce() {
    node.script = received -> received.refuse(ErrorCode.KIND_MISMATCH);
    failure(DefiniteException.KindMismatch.class, trellis.flag("go").awaitEnabledAsync(LONG));
  }

  @Test
  void manyThatWaitHoldUpNobodyElse() throws Exception {
    trellis.close();
    trellis = Trellis.connect(FakeNode.config(node.address()).withInFlightMax(2));
    List<CompletableFuture<Reached<Long>>> waiting = new ArrayList<>();
    List<FakeNode.Received> asked = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      waiting.add(trellis.max("best").awaitAtLeastAsync(i, LONG));
      asked.add(node.next());
    }
    CompletableFuture<Long> other = trellis.counter("c").addAsync(1);
    FakeNode.Received add = node.next();
    assertInstanceOf(Mutation.Increment.class, add.request().operation());
    add.answerDone();
    assertEquals(1, get(other));
    for (FakeNode.Received one : asked) {
      one.answer(TEN);
    }
    for (CompletableFuture<Reached<Long>> one : waiting) {
      assertEquals(10, get(one).value());
    }
  }

  @Test
  void inABatchOthersDoNotWaitForIt() throws Exception {
    List<CompletableFuture<Reply>> replies =
        trellis.executeAll(
            List.of(
                new Call(
                    Payload.ofText("k"),
                    new Read.Await(new Threshold.AtLeast(Kind.MAX, 3)),
                    CallOptions.DEFAULT),
                new Call(Payload.ofText("k"), new Mutation.Increment(1))));
    FakeNode.Received first = node.next();
    FakeNode.Received second = node.next();
    boolean isAwait = first.request().operation() instanceof Read.Await;
    (isAwait ? second : first).answerDone();
    get(replies.get(1));
    assertFalse(replies.get(0).isDone());
    (isAwait ? first : second).answer(TEN);
    get(replies.get(0));
  }

  @Test
  void whatIsCancelledIsGivenUpAtTheShardToo() throws Exception {
    CompletableFuture<Reply> waiting =
        trellis.execute(
            Payload.ofText("k"),
            new Read.Await(new Threshold.AtLeast(Kind.MAX, 3)),
            CallOptions.DEFAULT.withTimeout(LONG));
    long id = node.next().request().id();
    waiting.cancel(false);
    assertEquals(id, node.nextFrame(Frame.Unwatch.class).id());
  }

  @Test
  void onlyWholeKeysAreWaitedFor() {
    DefiniteException.BadRequest refused =
        failure(
            DefiniteException.BadRequest.class,
            trellis.map("m").max("f").awaitAtLeastAsync(1, LONG));
    assertTrue(refused.getMessage().contains("not fields of a map"), refused.getMessage());
  }

  @Test
  void aWaitOfNoTimeMakesNoSense() {
    assertThrows(
        IllegalArgumentException.class, () -> trellis.max("k").awaitAtLeast(1, Duration.ZERO));
    assertThrows(
        IllegalArgumentException.class, () -> trellis.growSet("k").awaitContains(List.of(), LONG));
  }

  @Test
  void aClientThatIsClosedWaitsNoLonger() throws Exception {
    CompletableFuture<Reached<Boolean>> waiting = trellis.register("k").awaitSeenAsync(LONG);
    node.next();
    trellis.close();
    failure(DefiniteException.NotSent.class, waiting);
  }
}
