package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What a bound of staleness and an observer of receipts ask of a shard.
class DemandTest {
  private static final Duration BOUND = Duration.ofMillis(700);

  private final AtomicLong wallMillis = new AtomicLong(System.currentTimeMillis());
  private FakeNode node;
  private Trellis trellis;

  @BeforeEach
  void start() throws Exception {
    node = new FakeNode("node-1");
    trellis = Trellis.connect(FakeNode.config(node.address()), wallMillis::get);
  }

  @AfterEach
  void stop() throws Exception {
    trellis.close();
    node.close();
  }

  private static Outcome missing() {
    return new Outcome.Done(new View.Missing(), 0, false);
  }

  @Test
  void aReadDemandsWhatWasWrittenUpToItsBoundAgo() throws Exception {
    node.script = received -> received.answer(missing());
    wallMillis.addAndGet(60_000); // ahead of what the node has told, so it is known what time it is
    trellis.register("k").withMaxStaleness(BOUND).get();
    Demand demand = node.next().request().context().demand();
    assertEquals(wallMillis.get() - BOUND.toMillis(), demand.notBefore().millis());
    trellis.register("k").get();
    assertEquals(Demand.NONE, node.next().request().context().demand());
  }

  @Test
  void aLaterDemandOfTheCallerStaysAndAMutationHasNoBound() throws Exception {
    node.script = received -> received.answer(missing());
    HybridTimestamp later = HybridTimestamp.ofMillis(wallMillis.get() + 1_000);
    CallOptions options =
        CallOptions.DEFAULT.withMaxStaleness(BOUND).withDemand(new Demand(later, false, false));
    trellis.execute(Payload.ofText("k"), Read.Get.ANY, options).join();
    assertEquals(later, node.next().request().context().demand().notBefore());
    trellis
        .execute(
            Payload.ofText("k"),
            new Mutation.Increment(1),
            CallOptions.DEFAULT.withMaxStaleness(BOUND))
        .join();
    assertEquals(Demand.NONE, node.next().request().context().demand());
  }

  @Test
  void whatNoReplicaCanMeetIsRefusedAndNotAnsweredStaler() throws Exception {
    node.script = received -> received.refuse(ErrorCode.SESSION_UNAVAILABLE);
    assertThrows(
        DefiniteException.SessionUnavailable.class,
        () ->
            trellis
                .register("k")
                .withTimeout(Duration.ofMillis(200))
                .withMaxStaleness(BOUND)
                .get());
  }

  @Test
  void theObserverIsToldOfEachCallBeforeItReturns() throws Exception {
    HybridTimestamp asOf = HybridTimestamp.ofMillis(1_234);
    node.script =
        received ->
            received.answer(
                missing(), reply -> reply.with(new Receipt(2, 1).told(asOf, Receipt.Served.SSD)));
    List<Receipt> told = new ArrayList<>();
    RegisterHandle observed = trellis.register("k").observing(told::add);
    observed.get();
    assertTrue(node.next().request().context().demand().receipt());
    observed.putText("v");
    assertTrue(node.next().request().context().demand().receipt());
    assertEquals(2, told.size());
    assertEquals(asOf, told.get(0).asOf());
    assertEquals(Receipt.Served.SSD, told.get(0).served());
    assertEquals(1, told.get(1).durableCopies());
    trellis.register("k").get();
    assertEquals(2, told.size());
  }

  @Test
  void anObserverThatFailsHarmsNoCall() {
    trellis
        .register("k")
        .observing(
            receipt -> {
              throw new IllegalStateException("the observer's own failure, on purpose");
            })
        .putText("v");
  }

  /// Requests that demand something are not plain, and those of a batch often are.
  @Test
  void callsOfABatchMayHaveDemands() {
    node.script = received -> received.answer(missing());
    CallOptions bounded = CallOptions.DEFAULT.withMaxStaleness(BOUND);
    List<Call> calls =
        List.of(
            new Call(Payload.ofText("a"), Read.Get.ANY),
            new Call(Payload.ofText("b"), Read.Get.ANY, bounded),
            new Call(Payload.ofText("c"), Read.Get.ANY, bounded));
    List<CompletableFuture<Reply>> replies = trellis.executeAll(calls);
    replies.forEach(reply -> assertEquals(missing(), reply.join().outcome()));
  }
}
