package dev.trellis.functions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class FuturesTest {
  private static final long NOW = 1_800_000_000_000L;
  private static final InvocationId ID = Functions.idOf("f", Instant.ofEpochMilli(NOW));
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final Payload VALUE = Payload.ofText("value");

  private final ModelStore store = new ModelStore(2, NOW);
  private final Functions functions = new Functions(store, store);
  private final List<FunctionCall> called = new ArrayList<>();
  private final Invoker invoker =
      call -> {
        called.add(call);
        return CompletableFuture.completedFuture(null);
      };

  private FunctionCall call(String function, String argument) {
    return FunctionCall.of(function, ID, Payload.ofText(argument));
  }

  @Test
  void whoWaitsGetsTheResultWhenItIsThere() throws Exception {
    CompletableFuture<Result> waiting = functions.future(ID).awaitAsync(PATIENCE);
    assertFalse(waiting.isDone());
    Result kept =
        functions.run(
            call("f", "x"),
            (invocation, argument) -> Payload.ofText(argument.text() + "!"),
            invoker);
    assertEquals("x!", kept.value().text());
    assertEquals(kept, Trellis.await(waiting));
    assertEquals(kept.value(), functions.future(ID).get(PATIENCE));
    assertTrue(kept.token().isPresent());
  }

  @Test
  void aResultThatIsThereAlreadyIsFoundAtOnceFromOtherReplicas() {
    var unused =
        Trellis.await(functions.future(ID).completeAsync(VALUE, Optional.empty(), invoker));
    store.exchange();
    store.at = 1;
    assertEquals(VALUE, functions.future(ID).get(PATIENCE));
    assertEquals(Optional.of(VALUE), functions.future(ID).poll().flatMap(Result::payload));
  }

  @Test
  void aFailureIsThrownAndAValueThatComesLaterTakesItsPlace() {
    StoredFuture future = functions.future(ID);
    assertEquals(Optional.empty(), future.poll());
    var unused = Trellis.await(future.failAsync("out of luck", invoker));
    FunctionFailedException failure =
        assertThrows(FunctionFailedException.class, () -> future.get(PATIENCE));
    assertEquals("invocation " + ID + " has failed: out of luck", failure.getMessage());
    assertEquals(ID, failure.id());
    var unused2 = Trellis.await(future.completeAsync(VALUE, Optional.empty(), invoker));
    var unused3 = Trellis.await(future.failAsync("late", invoker));
    assertEquals(VALUE, future.get(PATIENCE));
  }

  @Test
  void twoRunsThatGiveOtherValuesEndWithTheSameOneEverywhere() {
    StoredFuture future = functions.future(ID);
    var unused =
        Trellis.await(future.completeAsync(Payload.ofText("b"), Optional.empty(), invoker));
    store.at = 1;
    var unused2 =
        Trellis.await(future.completeAsync(Payload.ofText("a"), Optional.empty(), invoker));
    store.exchange();
    for (store.at = 0; store.at < 2; store.at++) {
      assertEquals("a", future.get(PATIENCE).text());
    }
  }

  @Test
  void whatGoesOnIsCalledOnceTheResultIsThere() throws Exception {
    StoredFuture next = functions.future(ID).then("g", invoker);
    assertEquals(List.of(), called);
    store.at = 1; // who completes asks another replica
    var unused = functions.run(call("f", "x"), (invocation, argument) -> VALUE, invoker);
    assertEquals(1, called.size());
    FunctionCall goingOn = called.get(0);
    assertEquals("g", goingOn.function());
    assertEquals(next.id(), goingOn.id());
    assertEquals(new FunctionCall.ResultOf(ID), goingOn.argument());
    assertTrue(goingOn.token().isPresent());
    var unused2 =
        functions.run(
            goingOn, (invocation, argument) -> Payload.ofText(argument.text() + " seen"), invoker);
    assertEquals("value seen", next.get(PATIENCE).text());
  }

  @Test
  void whatGoesOnIsCalledAtOnceWhereTheResultIsThereAlready() throws Exception {
    var unused = functions.run(call("f", "x"), (invocation, argument) -> VALUE, invoker);
    store.at = 1; // which has not heard of it
    StoredFuture next = functions.future(ID).then("g", invoker);
    assertEquals(List.of(next.id()), called.stream().map(FunctionCall::id).toList());
    assertEquals(next, functions.future(ID).then("g", invoker)); // the same call again
    assertEquals(1, new HashSet<>(called).size());
  }

  @Test
  void aFailureGoesOnToo() throws Exception {
    StoredFuture next = functions.future(ID).then("g", invoker).then("h", invoker);
    var unused = Trellis.await(functions.future(ID).failAsync("out of luck", invoker));
    assertEquals(List.of(), called);
    FunctionFailedException failure =
        assertThrows(FunctionFailedException.class, () -> next.get(PATIENCE));
    assertTrue(failure.getMessage().endsWith("out of luck"), failure.getMessage());
  }

  @Test
  void aFunctionThatThrowsKeepsNothing() {
    assertThrows(
        IllegalStateException.class,
        () ->
            functions.run(
                call("f", "x"),
                (invocation, argument) -> {
                  throw new IllegalStateException("no");
                },
                invoker));
    assertEquals(Optional.empty(), functions.future(ID).poll());
  }

  @Test
  void whatIsScatteredIsGatheredAlsoWhenItIsScatteredAgain() {
    List<Payload> arguments = List.of(Payload.ofText("1"), Payload.ofText("2"));
    List<StoredFuture> parts =
        functions.scatter(functions.invocation(ID), "square", arguments, invoker);
    assertEquals(parts, functions.scatter(functions.invocation(ID), "square", arguments, invoker));
    CompletableFuture<List<Result>> all = functions.awaitAllAsync(parts, PATIENCE);
    for (FunctionCall each : called) {
      assertFalse(all.isDone() && called.indexOf(each) < 2);
      try {
        var unused =
            functions.run(
                each,
                (invocation, argument) -> {
                  long number = Long.parseLong(argument.text());
                  return Payload.ofText(Long.toString(number * number));
                },
                invoker);
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }
    assertEquals(
        List.of("1", "4"),
        functions.awaitAll(parts, PATIENCE).stream().map(Payload::text).toList());
  }

  @Test
  void whatIsScatteredTwiceInOneRunRunsTwiceAndAgainUnderTheSameIds() {
    List<List<StoredFuture>> runs = new ArrayList<>();
    for (int run = 0; run < 2; run++) {
      Invocation parent = functions.invocation(ID);
      List<StoredFuture> parts = new ArrayList<>();
      for (String function : List.of("train", "test", "train")) {
        parts.addAll(functions.scatter(parent, function, List.of(VALUE, VALUE), invoker));
      }
      runs.add(parts);
    }
    assertEquals(6, new HashSet<>(runs.get(0).stream().map(StoredFuture::id).toList()).size());
    assertEquals(runs.get(0), runs.get(1));
    assertEquals(
        Functions.idOf("scatter/" + ID + "/train/1", Instant.ofEpochMilli(NOW)),
        runs.get(0).get(1).id(),
        "ids in flight stay");
  }

  @Test
  void aBarrierOpensWhenAllAreThereAndCountsEachOnce() {
    Barrier barrier = functions.barrier("b", 2);
    var opened = barrier.awaitAsync(PATIENCE);
    InvocationId other = functions.newId();
    barrier.arrive(ID);
    store.at = 1;
    barrier.arrive(ID); // run again, elsewhere
    store.exchange();
    assertEquals(1, barrier.arrived());
    assertFalse(opened.isDone());
    barrier.arrive(other);
    assertTrue(opened.isDone());
    assertThrows(IllegalArgumentException.class, () -> functions.barrier("b", 0));
  }

  @Test
  void anAggregateSumsUpWhatEachContributedLast() {
    Aggregate load = functions.aggregate("load");
    assertEquals(0, load.summary().count());
    load.contribute("a", 3);
    store.at = 1;
    load.contribute("b", -1);
    load.contribute("a", 4);
    store.exchange();
    assertEquals(new Aggregate.Summary(2, 3, -1, 4), load.summary());
    assertEquals(1.5, load.summary().mean());
    load.withdraw("a");
    assertEquals(new Aggregate.Summary(1, -1, -1, -1), load.summary());
  }

  @Test
  void whatIsNoResultIsNamed() {
    store.at = 0;
    Invocation invocation = functions.invocation(ID, Guarantee.SESSION);
    var unused = invocation.priority(functions.future(ID).key()).put(0, VALUE);
    TrellisException failure =
        assertThrows(TrellisException.class, () -> functions.future(ID).poll());
    assertTrue(failure.getMessage().contains(ID.toString()), failure.getMessage());
  }
}
