package dev.trellis.client;

import static dev.trellis.client.Endings.done;
import static dev.trellis.client.Endings.failure;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.FakeNode.Received;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// How each call ends when the node or the network misbehaves.
class OutcomeTest {
  private static final Payload KEY = Payload.ofText("visits");
  private static final Operation PUT = new Mutation.Put(Payload.ofText("v"));
  private static final Operation INCREMENT = new Mutation.Increment(1);
  private static final Operation GET = Read.Get.ANY;
  private static final FakeNode.ThrowingConsumer<Received> SILENT = received -> {};

  private FakeNode node;
  private Trellis trellis;

  @BeforeEach
  void start() throws Exception {
    node = new FakeNode("node-1");
    trellis = Trellis.connect(config());
  }

  private ClientConfig config() {
    return FakeNode.config(node.address());
  }

  private void reconnectWith(ClientConfig config) {
    trellis.close();
    trellis = Trellis.connect(config);
    node.frames.clear();
  }

  @AfterEach
  void stop() throws Exception {
    trellis.close();
    node.close();
  }

  private CompletableFuture<Reply> call(Operation operation) {
    return trellis.execute(KEY, operation, CallOptions.DEFAULT);
  }

  // ---- Answers ----

  @Test
  void answersInAnyOrderReachTheirCalls() throws Exception {
    node.script = SILENT;
    List<CompletableFuture<Reply>> futures = new ArrayList<>();
    List<Received> received = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      futures.add(call(new Mutation.Increment(i)));
    }
    for (int i = 0; i < 100; i++) {
      received.add(node.next());
    }
    for (Received one : received.reversed()) {
      long by = ((Mutation.Increment) one.request().operation()).by();
      one.answer(new Outcome.Done(new View.Whole(by), 1, false));
    }
    for (int i = 0; i < 100; i++) {
      assertEquals(new View.Whole(i), Place.view(done(futures.get(i))));
    }
  }

  @Test
  void callsOfOneCallerArriveInTheirOrderWithRisingStampsAndSequencesFromOne() throws Exception {
    for (int i = 0; i < 50; i++) {
      var unused = call(INCREMENT);
    }
    HybridTimestamp before = HybridTimestamp.ZERO;
    for (int i = 0; i < 50; i++) {
      RequestContext context = node.next().request().context();
      assertEquals(i + 1, context.sequence());
      assertFalse(context.repeat());
      assertTrue(context.timestamp().isAfter(before));
      before = context.timestamp();
    }
  }

  @Test
  void aRefusalIsADefiniteExceptionThatNamesTheOperationTheKeyAndTheReason() throws Exception {
    node.script = received -> received.refuse(ErrorCode.KIND_MISMATCH);
    TrellisException failure = failure(DefiniteException.KindMismatch.class, call(INCREMENT));
    assertEquals(ErrorCode.KIND_MISMATCH, failure.code());
    assertTrue(failure.isDefinite());
    assertEquals("increment \"visits\": as the test wants it", failure.getMessage());
    assertTrue(failure.reply().isPresent());
  }

  @Test
  void tooFewReplicasCarryTheReceipt() throws Exception {
    node.script = received -> received.refuse(ErrorCode.NOT_ENOUGH_REPLICAS);
    var failure = failure(IndefiniteException.NotEnoughReplicas.class, call(PUT));
    assertEquals(new Receipt(1, 0), failure.receipt());
    assertFalse(failure.isDefinite());
  }

  @Test
  void stampsFollowTheClockOfEveryAnswer() throws Exception {
    HybridTimestamp ahead = HybridTimestamp.ofMillis(System.currentTimeMillis() + 300);
    node.script =
        received ->
            received
                .peer()
                .send(
                    new Frame.Answer(
                        FakeNode.reply(
                            received.request().id(),
                            new Outcome.Done(new View.Nothing(), 0, false),
                            ahead)));
    done(call(GET));
    done(call(PUT));
    node.next();
    assertTrue(node.next().request().context().timestamp().isAfter(ahead));
  }

  // ---- Lost connections ----

  /// Lets the first request go unanswered, drops its connection, and returns it.
  private Received loseFirst(CompletableFuture<Reply> call, long incarnationAfterwards)
      throws Exception {
    Received first = node.next();
    assertFalse(call.isDone());
    node.incarnation = incarnationAfterwards;
    node.script = Received::answerDone;
    node.dropConnections();
    return first;
  }

  @Test
  void aReadIsRepeatedWhenItsConnectionIsLost() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> read = call(GET);
    loseFirst(read, 2);
    done(read);
  }

  @Test
  void anIdempotentMutationIsRepeatedAnywhereUnderItsFirstTimestamp() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> put = call(PUT);
    RequestContext first = loseFirst(put, 2).request().context();
    done(put);
    RequestContext repeat = node.next().request().context();
    assertEquals(first.timestamp(), repeat.timestamp());
    assertEquals(1, repeat.sequence());
  }

  @Test
  void aMutationIsRepeatedToTheSameIncarnationUnderTheSameSequenceAndMarked() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    RequestContext first = loseFirst(increment, 1).request().context();
    done(increment);
    RequestContext repeat = node.next().request().context();
    assertFalse(first.repeat());
    assertTrue(repeat.repeat());
    assertEquals(first.sequence(), repeat.sequence());
    assertEquals(first.timestamp(), repeat.timestamp());
  }

  @Test
  void aMutationWhoseIncarnationIsGoneHasAnUnknownOutcomeAndIsNotRepeated() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    loseFirst(increment, 2);
    TrellisException failure = failure(IndefiniteException.OutcomeUnknown.class, increment);
    assertTrue(
        failure.getMessage().startsWith("increment \"visits\": it was sent, but node node-1"));
    done(call(GET)); // so a repeat would have arrived before
    assertInstanceOf(Read.Get.class, node.next().request().operation());
  }

  @Test
  void repeatsComeBeforeNewCallsAndInTheirOldOrder() throws Exception {
    node.script = SILENT;
    List<CompletableFuture<Reply>> calls = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      calls.add(call(new Mutation.Increment(i)));
    }
    for (int i = 0; i < 10; i++) {
      node.next();
    }
    loseConnectionsKeepingScript();
    calls.add(call(new Mutation.Increment(10)));
    for (CompletableFuture<Reply> one : calls) {
      done(one);
    }
    for (int i = 0; i <= 10; i++) {
      assertEquals(new Mutation.Increment(i), node.next().request().operation());
    }
  }

  private void loseConnectionsKeepingScript() {
    node.script = Received::answerDone;
    node.dropConnections();
  }

  @Test
  void aRefusalOfARepeatDoesNotProveThatNothingHappened() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    node.next();
    node.script = received -> received.refuse(ErrorCode.KIND_MISMATCH);
    node.dropConnections();
    TrellisException failure = failure(IndefiniteException.OutcomeUnknown.class, increment);
    assertTrue(failure.getMessage().contains("the repeat was refused with KIND_MISMATCH"));
  }

  @Test
  void garbageFromTheNodeIsALostConnection() throws Exception {
    for (byte[] garbage :
        List.of(
            "HTTP/1.1 400 Bad Request\r\n".getBytes(StandardCharsets.US_ASCII),
            new byte[] {0, 0, 0, 3, 9, 9, 9},
            new byte[] {0, 0, 0, 0},
            new byte[] {127, 0, 0, 0})) {
      node.script =
          received -> {
            node.script = Received::answerDone;
            received.peer().sendRaw(garbage);
          };
      done(call(INCREMENT));
      assertFalse(node.next().request().context().repeat());
      assertTrue(node.next().request().context().repeat());
    }
  }

  @Test
  void aPeerThatHasVanishedWithoutAWordIsGivenUp() throws Exception {
    reconnectWith(config().withPatience(Duration.ofMillis(50)));
    node.mute = true;
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    node.next();
    node.script = Received::answerDone;
    done(increment);
    assertTrue(node.next().request().context().repeat());
  }

  @Test
  void aPeerThatIsSlowButAnswersPingsIsWaitedFor() throws Exception {
    reconnectWith(config().withPatience(Duration.ofSeconds(1)));
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    Received slow = node.next();
    for (int i = 0; i < 2; i++) {
      node.nextFrame(Frame.Ping.class);
    }
    slow.answerDone();
    done(increment);
    assertTrue(node.requests.isEmpty());
  }

  @Test
  void aConnectionLostInTheHandshakeCostsNothing() throws Exception {
    reconnectWith(config());
    node.greeting =
        (peer, hello) -> {
          node.greeting = (again, other) -> again.welcome();
          peer.drop();
        };
    done(call(INCREMENT));
    assertEquals(1, node.next().request().context().sequence());
    assertTrue(node.requests.isEmpty());
  }

  // ---- Time ----

  @Test
  void aCallThatWasSentAndNotAnsweredTimesOutIndefinitely() throws Exception {
    done(call(GET)); // there is a connection
    node.script = SILENT;
    CompletableFuture<Reply> call =
        trellis.execute(KEY, PUT, CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(1)));
    TrellisException failure = failure(IndefiniteException.TimedOut.class, call);
    assertEquals(ErrorCode.TIMEOUT, failure.code());
    assertFalse(failure.isDefinite());
    assertTrue(
        failure
            .getMessage()
            .endsWith("did not answer within 1000 ms; it may have been carried out, or may yet be"),
        failure.getMessage());
    CompletableFuture<Reply> read =
        trellis.execute(KEY, GET, CallOptions.DEFAULT.withTimeout(Duration.ofMillis(100)));
    String silence = failure(IndefiniteException.TimedOut.class, read).getMessage();
    assertTrue(silence.endsWith("did not answer within 100 ms"), silence);
  }

  @Test
  void aCallThatWasNeverSentTimesOutDefinitely() throws Exception {
    reconnectWith(config().withInFlightMax(1));
    node.script = SILENT;
    CompletableFuture<Reply> sent = call(PUT);
    node.next();
    CompletableFuture<Reply> waiting =
        trellis.execute(KEY, PUT, CallOptions.DEFAULT.withTimeout(Duration.ofMillis(200)));
    TrellisException failure = failure(DefiniteException.NotSent.class, waiting);
    assertEquals(ErrorCode.TIMEOUT, failure.code());
    assertTrue(failure.isDefinite());
    assertFalse(sent.isDone());
    assertTrue(node.requests.isEmpty());
  }

  @Test
  void aCallToANodeThatCannotBeReachedFailsDefinitelyAndSaysWhy() throws Exception {
    NodeGone gone = stopNode();
    CompletableFuture<Reply> call =
        trellis.execute(KEY, PUT, CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(2)));
    TrellisException failure = failure(DefiniteException.NoNodes.class, call);
    assertTrue(failure.isDefinite());
    assertTrue(failure.getMessage().contains(gone.address()), failure.getMessage());
    assertTrue(failure.getMessage().contains("connection refused"), failure.getMessage());
  }

  private record NodeGone(String address) {}

  private NodeGone stopNode() throws Exception {
    NodeGone gone = new NodeGone(node.address());
    node.close();
    return gone;
  }

  @Test
  void anAnswerThatComesTooLateIsIgnored() throws Exception {
    done(call(GET)); // there is a connection
    node.next();
    node.script = SILENT;
    CompletableFuture<Reply> call =
        trellis.execute(KEY, GET, CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(1)));
    Received late = node.next();
    failure(IndefiniteException.TimedOut.class, call);
    late.answerDone();
    node.script = Received::answerDone;
    done(call(GET));
  }

  @Test
  void theShardIsToldHowLongTheCallerStillWaits() throws Exception {
    done(trellis.execute(KEY, GET, CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(30))));
    long told = node.next().request().context().timeoutMillis();
    assertTrue(told > 0 && told <= 30_000, () -> told + " ms");
  }

  @Test
  void aCancelledCallIsNotSent() throws Exception {
    reconnectWith(config().withInFlightMax(1));
    node.script = SILENT;
    CompletableFuture<Reply> first = call(PUT);
    Received blocking = node.next();
    CompletableFuture<Reply> cancelled = call(INCREMENT);
    CompletableFuture<Reply> last = call(GET);
    assertTrue(cancelled.cancel(false));
    node.script = Received::answerDone;
    blocking.answerDone();
    done(first);
    done(last);
    assertInstanceOf(Read.Get.class, node.next().request().operation());
  }

  // ---- Load ----

  @Test
  void noMoreCallsThanAllowedAreInFlightAndTheQueueBehindThemIsBounded() throws Exception {
    reconnectWith(config().withInFlightMax(2).withQueueMax(3));
    node.script = SILENT;
    List<CompletableFuture<Reply>> taken = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      taken.add(call(INCREMENT));
    }
    CompletableFuture<Reply> tooMany = call(INCREMENT);
    assertTrue(tooMany.isDone());
    TrellisException failure = failure(DefiniteException.Overloaded.class, tooMany);
    assertTrue(failure.getMessage().contains("5 calls"), failure.getMessage());
    Received first = node.next();
    Received second = node.next();
    assertTrue(node.requests.isEmpty());
    node.script = Received::answerDone;
    first.answerDone();
    second.answerDone();
    for (CompletableFuture<Reply> one : taken) {
      done(one);
    }
    done(call(INCREMENT));
  }

  @Test
  void theQueueIsBoundedInBytesButTakesOneLargeValue() throws Exception {
    reconnectWith(config().withQueueBytesMax(64 << 10));
    node.script = SILENT;
    Operation large = new Mutation.Put(Payload.of(new byte[100 << 10]));
    CompletableFuture<Reply> alone = call(large);
    failure(DefiniteException.Overloaded.class, call(large));
    node.next().answerDone();
    done(alone);
  }

  @Test
  void anOverloadedShardIsTriedAgainWhenItSaysSo() throws Exception {
    node.script =
        received -> {
          node.script = Received::answerDone;
          received.answer(
              new Outcome.Failed(ErrorCode.OVERLOADED, "busy", Optional.of(Duration.ofMillis(20))));
        };
    done(call(INCREMENT));
    RequestContext first = node.next().request().context();
    RequestContext second = node.next().request().context();
    // The first was refused for sure, so this is not a repeat.
    assertFalse(second.repeat());
    assertNotEquals(first.sequence(), second.sequence());
  }

  @Test
  void aRepeatThatMeetsAnOverloadWaitsForTheSameShardAndStaysARepeat() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    long sequence = node.next().request().context().sequence();
    node.script =
        received -> {
          node.script = Received::answerDone;
          received.answer(
              new Outcome.Failed(ErrorCode.OVERLOADED, "busy", Optional.of(Duration.ofMillis(20))));
        };
    node.dropConnections();
    done(increment);
    for (int i = 0; i < 2; i++) {
      RequestContext repeat = node.next().request().context();
      assertTrue(repeat.repeat());
      assertEquals(sequence, repeat.sequence());
    }
  }

  @Test
  void anOverloadThatLastsIsReportedAfterSomeTries() throws Exception {
    node.script =
        received ->
            received.answer(
                new Outcome.Failed(
                    ErrorCode.OVERLOADED, "busy", Optional.of(Duration.ofMillis(5))));
    TrellisException failure = failure(DefiniteException.Overloaded.class, call(INCREMENT));
    assertEquals(Optional.of(Duration.ofMillis(5)), failure.retryAfter());
    assertEquals(4, node.requests.size());
  }

  @Test
  void anOverloadBeyondTheDeadlineIsReportedAtOnce() throws Exception {
    node.script =
        received ->
            received.answer(
                new Outcome.Failed(ErrorCode.OVERLOADED, "busy", Optional.of(Duration.ofHours(1))));
    failure(DefiniteException.Overloaded.class, call(INCREMENT));
    assertEquals(1, node.requests.size());
  }

  // ---- Clocks and generations ----

  private static void refuseForSkew(Received received, HybridTimestamp clock) throws Exception {
    received
        .peer()
        .send(
            new Frame.Answer(
                FakeNode.reply(
                    received.request().id(),
                    new Outcome.Failed(ErrorCode.CLOCK_SKEW, "too far"),
                    clock)));
  }

  @Test
  void aClockThatIsWrongIsCorrectedByTheShardsAndTheMutationStampedAnew() throws Exception {
    for (long wrongBy : new long[] {-3_600_000, 3_600_000}) {
      trellis.close();
      trellis = Trellis.connect(config(), () -> System.currentTimeMillis() + wrongBy);
      node.requests.clear();
      long skewMax = 30_000;
      node.script =
          received -> {
            long off =
                received.request().context().timestamp().millis() - System.currentTimeMillis();
            if (Math.abs(off) > skewMax) {
              refuseForSkew(received, HybridTimestamp.ofMillis(System.currentTimeMillis()));
            } else {
              received.answerDone();
            }
          };
      done(call(INCREMENT));
      int sent = node.requests.size();
      done(call(INCREMENT));
      assertEquals(sent + 1, node.requests.size(), "the correction lasts");
    }
  }

  @Test
  void manySkewedCallsAtOnceGetDifferentStamps() throws Exception {
    trellis.close();
    trellis = Trellis.connect(config(), () -> System.currentTimeMillis() + 3_600_000);
    HybridTimestamp shardClock = HybridTimestamp.ofMillis(System.currentTimeMillis());
    List<HybridTimestamp> accepted = new ArrayList<>();
    node.script =
        received -> {
          HybridTimestamp stamp = received.request().context().timestamp();
          if (stamp.millis() - shardClock.millis() > 600_000) {
            refuseForSkew(received, shardClock);
          } else {
            accepted.add(stamp);
            received.answerDone();
          }
        };
    List<CompletableFuture<Reply>> calls = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      calls.add(call(PUT));
    }
    for (CompletableFuture<Reply> one : calls) {
      done(one);
    }
    assertEquals(500, accepted.stream().distinct().count());
  }

  @Test
  void clocksThatStayApartAreReportedAfterSomeTries() throws Exception {
    node.script =
        received ->
            refuseForSkew(
                received,
                HybridTimestamp.ofMillis(
                    received.request().context().timestamp().millis() + 3_600_000));
    failure(DefiniteException.ClockSkew.class, call(PUT));
    assertEquals(21, node.requests.size());
  }

  @Test
  void aRepeatThatIsRefusedAsTooOldBySameIncarnationIsStampedAnew() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    Received first = node.next();
    node.script =
        received -> {
          node.script = Received::answerDone;
          refuseForSkew(
              received,
              HybridTimestamp.ofMillis(received.request().context().timestamp().millis() + 60_000));
        };
    node.dropConnections();
    done(increment);
    RequestContext repeat = node.next().request().context();
    RequestContext anew = node.next().request().context();
    assertTrue(repeat.repeat());
    assertFalse(anew.repeat());
    assertTrue(anew.timestamp().isAfter(first.request().context().timestamp()));
    assertNotEquals(repeat.sequence(), anew.sequence());
  }

  @Test
  void aRepeatThatIsRefusedAsTooEarlyIsNotStampedAnewSinceTheFirstMayYetBeAccepted()
      throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> increment = call(INCREMENT);
    node.next();
    node.script =
        received ->
            refuseForSkew(
                received,
                HybridTimestamp.ofMillis(
                    received.request().context().timestamp().millis() - 60_000));
    node.dropConnections();
    failure(IndefiniteException.OutcomeUnknown.class, increment);
  }

  @Test
  void aPutThatMayHaveHappenedElsewhereIsNotStampedAnew() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> put = call(PUT);
    node.next();
    node.incarnation = 2;
    node.script =
        received ->
            refuseForSkew(
                received,
                HybridTimestamp.ofMillis(
                    received.request().context().timestamp().millis() + 60_000));
    node.dropConnections();
    failure(IndefiniteException.OutcomeUnknown.class, put);
  }

  @Test
  void whatNoTimestampDecidesMayBeStampedAnewAnywhere() throws Exception {
    node.script = SILENT;
    CompletableFuture<Reply> raise = call(new Mutation.Raise(7));
    node.next();
    node.incarnation = 2;
    node.script =
        received -> {
          node.script = Received::answerDone;
          refuseForSkew(
              received,
              HybridTimestamp.ofMillis(received.request().context().timestamp().millis() + 60_000));
        };
    node.dropConnections();
    done(raise);
  }

  private static void supersede(Received received, long generationMillis) throws Exception {
    Reply plain =
        FakeNode.reply(
            received.request().id(), new Outcome.Failed(ErrorCode.SUPERSEDED, "deleted since"));
    received
        .peer()
        .send(
            new Frame.Answer(
                new Reply(
                    plain.id(),
                    plain.outcome(),
                    HybridTimestamp.ofMillis(generationMillis),
                    plain.kind(),
                    plain.dots(),
                    Receipt.NONE,
                    plain.clock(),
                    plain.ringVersion())));
  }

  @Test
  void aSupersededMutationIsRepeatedOnceInTheNewGeneration() throws Exception {
    node.script =
        received -> {
          node.script = Received::answerDone;
          supersede(received, 9);
        };
    done(
        trellis.execute(KEY, PUT, CallOptions.DEFAULT.withGeneration(HybridTimestamp.ofMillis(4))));
    assertEquals(
        Optional.of(HybridTimestamp.ofMillis(4)), node.next().request().context().generation());
    assertEquals(
        Optional.of(HybridTimestamp.ofMillis(9)), node.next().request().context().generation());
  }

  @Test
  void aMutationSupersededTwiceIsReported() throws Exception {
    node.script = received -> supersede(received, 9);
    failure(
        DefiniteException.Superseded.class,
        trellis.execute(KEY, PUT, CallOptions.DEFAULT.withGeneration(HybridTimestamp.ofMillis(4))));
    assertEquals(2, node.requests.size());
  }

  @Test
  void aMutationWithoutAGenerationIsNotRepeatedInAnother() throws Exception {
    node.script = received -> supersede(received, 9);
    failure(DefiniteException.Superseded.class, call(PUT));
    assertEquals(1, node.requests.size());
  }

  // ---- The end ----

  @Test
  void closingEndsCallsHonestlyAndLeavesNoThread() throws Exception {
    reconnectWith(config().withInFlightMax(2));
    node.script = SILENT;
    CompletableFuture<Reply> sent = call(INCREMENT);
    CompletableFuture<Reply> read = call(GET);
    node.next();
    node.next();
    CompletableFuture<Reply> waiting = call(INCREMENT);
    trellis.close();
    failure(IndefiniteException.OutcomeUnknown.class, sent);
    failure(DefiniteException.NotSent.class, read);
    failure(DefiniteException.NotSent.class, waiting);
    failure(DefiniteException.NotSent.class, call(PUT));
    assertEquals(
        List.of(),
        Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.startsWith("trellis-client"))
            .toList());
  }

  @Test
  void blockingOnAThreadOfTheClientIsRefusedInsteadOfWaitingForItself() throws Exception {
    node.script = SILENT;
    CompletableFuture<IllegalStateException> refusal =
        call(GET)
            .thenApply(
                reply ->
                    assertThrows(IllegalStateException.class, () -> trellis.register("a").get()));
    node.next().answerDone(); // now that there is a callback, which the client's thread will run
    assertTrue(refusal.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS).getMessage().contains("Async"));
  }

  @Test
  void anInterruptEndsTheWaitAndStaysSet() throws Exception {
    node.script = SILENT;
    CompletableFuture<Boolean> flag = new CompletableFuture<>();
    Thread waiter =
        new Thread(
            () -> {
              try {
                trellis.counter("visits").add(1);
                flag.complete(false);
              } catch (IndefiniteException.OutcomeUnknown e) {
                flag.complete(Thread.currentThread().isInterrupted());
              } catch (RuntimeException e) {
                flag.completeExceptionally(e);
              }
            });
    waiter.start();
    node.next();
    waiter.interrupt();
    assertTrue(flag.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS));
    waiter.join();
  }

  @Test
  void aBlockingFormThrowsWithTheCallersStackTrace() {
    node.script = received -> received.refuse(ErrorCode.KIND_MISMATCH);
    DefiniteException.KindMismatch failure =
        assertThrows(DefiniteException.KindMismatch.class, () -> trellis.counter("visits").add(1));
    assertTrue(
        List.of(failure.getStackTrace()).stream()
            .anyMatch(frame -> frame.getClassName().equals(OutcomeTest.class.getName())));
    assertInstanceOf(DefiniteException.KindMismatch.class, failure.getCause());
  }

  // ---- Refused without asking ----

  @Test
  void whatIsWrongForSureIsRefusedHereAndNamed() throws Exception {
    TrellisException empty =
        failure(
            DefiniteException.BadRequest.class,
            trellis.execute(Payload.EMPTY, PUT, CallOptions.DEFAULT));
    assertEquals("put: the key is empty; it must have 1 to 1024 bytes", empty.getMessage());
    TrellisException tooLong =
        failure(
            DefiniteException.KeyTooLong.class,
            trellis.execute(Payload.of(new byte[1_025]), PUT, CallOptions.DEFAULT));
    assertEquals("put: the key has 1025 bytes; the limit is 1024", tooLong.getMessage());
    Mutation nested = new Mutation.Increment(1);
    for (int i = 0; i < 100_000; i++) {
      nested = new Mutation.UpdateField(KEY, nested);
    }
    failure(DefiniteException.BadRequest.class, call(nested));
    failure(
        DefiniteException.ValueTooLarge.class,
        call(new Mutation.Put(Payload.of(new byte[Limits.VALUE_BYTES_MAX + 1]))));
    assertTrue(node.requests.isEmpty());
    assertThrows(
        IllegalArgumentException.class, () -> trellis.register("a").withTtl(Duration.ZERO));
    assertThrows(
        IllegalArgumentException.class, () -> trellis.counter("a").expire(Duration.ofDays(4_000)));
    assertThrows(IllegalArgumentException.class, () -> trellis.register("\ud800"));
    assertThrows(IllegalArgumentException.class, () -> trellis.register("a").putText("\ud800"));
  }

  @Test
  void theLimitsOfTheClusterHoldOnceKnown() throws Exception {
    node.limits = new Limits(8, 100, 64 << 10, 10);
    reconnectWith(config());
    done(call(GET)); // the shard tells its limits
    failure(
        DefiniteException.KeyTooLong.class,
        trellis.execute(Payload.ofText("ninebytes"), PUT, CallOptions.DEFAULT));
    failure(
        DefiniteException.ValueTooLarge.class, call(new Mutation.Put(Payload.of(new byte[101]))));
    // Small elements, but so many that they don't fit in a frame.
    List<Payload> many = new ArrayList<>();
    for (int i = 0; i < 40_000; i++) {
      many.add(Payload.EMPTY);
    }
    failure(DefiniteException.ValueTooLarge.class, call(new Mutation.Append(many)));
    done(call(PUT));
  }
}
