package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.functions.StoredFuture;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Functions on two machines, which are two clients, of a real node of several shards. Every call
/// is made twice at a time, once on each.
class FunctionsNodeTest {
  private static final Duration WAIT = Duration.ofSeconds(30);

  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 3));
  private final Trellis here = connect();
  private final Trellis there = connect();
  private final List<Functions> machines = List.of(Functions.over(here), Functions.over(there));
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, Function> functions =
      Map.of(
          "square",
          (invocation, argument) -> {
            long number = Long.parseLong(argument.text());
            invocation.counter("squared").add(1);
            invocation.log("seen").append(argument.text());
            return Payload.ofText(Long.toString(number * number));
          },
          "half",
          (invocation, argument) -> {
            // In the session of the function before.
            assertTrue(invocation.counter("squared").value() > 0);
            return Payload.ofText(Long.toString(Long.parseLong(argument.text()) / 2));
          });
  private final Invoker invoker = this::runTwice;

  private Trellis connect() {
    return Trellis.connect(
        ClientConfig.of("127.0.0.1:" + node.descriptor().shardPorts().getFirst())
            .withConnectTimeout(WAIT)
            .withTimeout(WAIT));
  }

  private CompletableFuture<Void> runTwice(FunctionCall call) {
    return CompletableFuture.allOf(
        machines.stream().map(each -> running(each, call)).toArray(CompletableFuture<?>[]::new));
  }

  private CompletableFuture<Result> running(Functions machine, FunctionCall call) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return machine.run(call, functions.get(call.function()), invoker);
          } catch (Exception e) {
            throw new AssertionError(call + " failed", e);
          }
        },
        threads);
  }

  @AfterEach
  void close() {
    threads.close();
    there.close();
    here.close();
    node.close();
  }

  @Test
  void whatIsScatteredAndRunTwiceCountsOnceAndIsGatheredAnywhere() {
    List<Payload> numbers =
        IntStream.rangeClosed(1, 40).mapToObj(n -> Payload.ofText(Integer.toString(n))).toList();
    try (Invocation parent = machines.get(0).invocation(machines.get(0).newId())) {
      List<StoredFuture> parts = machines.get(0).scatter(parent, "square", numbers, invoker);
      long sum =
          machines.get(1).awaitAll(parts, WAIT).stream()
              .mapToLong(part -> Long.parseLong(part.text()))
              .sum();
      assertEquals(22_140, sum);
    }
    assertEquals(40, here.counter("squared").value());
    assertEquals(40, there.log("seen").size());
  }

  @Test
  void whatGoesOnRunsInTheSessionOfWhatCameBefore() {
    Functions caller = machines.get(0);
    FunctionCall first = FunctionCall.of("square", caller.newId(), Payload.ofText("6"));
    StoredFuture half = caller.future(first.id()).then("half", invoker);
    CompletableFuture<Result> waiting = machines.get(1).future(half.id()).awaitAsync(WAIT);
    CompletableFuture<Void> called = runTwice(first);
    assertEquals("18", Trellis.await(waiting).value().text());
    called.join();
    assertEquals(1, here.counter("squared").value());
  }

  @Test
  void anInvocationOfYesterdayIsRefused() {
    Instant yesterday = Instant.now().minus(Duration.ofDays(1));
    Invocation late = machines.get(0).invocation(Functions.idOf("late", yesterday));
    late.counter("n").add(1);
    assertThrows(DefiniteException.InvocationExpired.class, late::commit);
    assertEquals(0, here.counter("n").value());
  }
}
