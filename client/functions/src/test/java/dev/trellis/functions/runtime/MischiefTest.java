package dev.trellis.functions.runtime;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.InvocationId;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionFailedException;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.functions.StoredFuture;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.View;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A function that uses every kind, under all that a cloud does to it, against a real node: what it
/// leaves is what a model says that ran each invocation once.
class MischiefTest {
  @RegisterExtension
  static final TrellisExtension STORE = TrellisExtension.perClass().withShards(2);

  private static final int INVOCATIONS = 40;
  private static final Duration WAIT = Duration.ofMinutes(2);

  /// Writes into values of every kind, some of them twice.
  private static final Function EVERYTHING =
      (invocation, argument) -> {
        int n = Integer.parseInt(argument.text());
        String mine = "item-" + n;
        invocation.counter("counter").add(n);
        invocation.counter("counter").add(1);
        invocation.log("log").append(mine);
        invocation.set("set").add(mine);
        invocation.set("gone").add(mine);
        invocation.set("gone").remove(mine);
        invocation.growSet("growSet").add(mine);
        invocation.orderedSet("orderedSet").add(mine);
        invocation.max("max").raise(n);
        invocation.min("min").lower(-n);
        invocation.flag("flag").enable();
        invocation.sortedSet("sortedSet").add(mine, n);
        invocation.register("register-" + n).putText(mine);
        invocation.priority("priority").put(n, Payload.ofText(mine));
        invocation.map("map").counter("counter").add(n);
        invocation.map("map").set("set").add(mine);
        invocation.causal("causal-" + n).putText(mine, CausalContext.EMPTY);
        invocation
            .multiCausal("multiCausal-" + n)
            .put(Payload.ofText(mine), CausalContext.EMPTY, Map.of());
        return Payload.ofText(mine);
      };

  private static Trellis client(TrellisNode node) {
    return Trellis.connect("127.0.0.1:" + node.descriptor().shardPorts().getFirst());
  }

  private static Report runAll(EmbeddedRuntime cloud) throws InterruptedException {
    List<CompletableFuture<Outcome>> outcomes = new ArrayList<>();
    for (int n = 1; n <= INVOCATIONS; n++) {
      Payload argument = Payload.ofText(Integer.toString(n));
      outcomes.add(n % 2 == 0 ? cloud.invoke("all", argument) : cloud.invokeAsync("all", argument));
    }
    for (int n = 1; n <= INVOCATIONS; n++) {
      assertEquals("item-" + n, outcomes.get(n - 1).join().answered().result().text());
    }
    cloud.quiesce();
    return cloud.report();
  }

  @Test
  void everyKindCountsOnceHoweverOftenAFunctionRuns(TrellisNode node, Trellis trellis)
      throws InterruptedException {
    long seed = Long.getLong("seed", 20);
    Report report;
    try (EmbeddedRuntime cloud =
        EmbeddedRuntime.builder(() -> client(node))
            .cloud(CloudConfig.mischievous(seed, 0.25).withCallsMax(20))
            .clock(new ManualClock(Instant.EPOCH))
            .register(
                "all",
                EVERYTHING,
                FunctionConfig.DEFAULT.withMaxAttempts(1_000).withConcurrency(1_000))
            .start()) {
      report = runAll(cloud);
    }
    String told = "-Dseed=" + seed + ", " + report;
    report.mischief().forEach((each, times) -> assertTrue(times > 0, each + " of " + told));
    assertTrue(report.lateEnds() > 0, told);

    Set<String> items = new TreeSet<>();
    long sum = 0;
    for (int n = 1; n <= INVOCATIONS; n++) {
      items.add("item-" + n);
      sum += n;
      assertEquals("item-" + n, trellis.register("register-" + n).getText().orElseThrow(), told);
      assertEquals(1, trellis.causal("causal-" + n).get().siblings().size(), told);
      assertEquals(1, trellis.multiCausal("multiCausal-" + n).get().siblings().size(), told);
    }
    assertEquals(sum + INVOCATIONS, trellis.counter("counter").value(), told);
    List<View.LogRecord> records =
        trellis.log("log").readSince(CausalContext.EMPTY, 1_000).records();
    assertEquals(INVOCATIONS, records.size(), told);
    assertEquals(items, Set.copyOf(records.stream().map(each -> each.value().text()).toList()));
    assertEquals(items, Set.copyOf(trellis.set("set").texts()), told);
    assertEquals(List.of(), trellis.set("gone").texts(), told);
    assertEquals(items, Set.copyOf(trellis.growSet("growSet").texts()), told);
    assertEquals(items, Set.copyOf(trellis.orderedSet("orderedSet").texts()), told);
    assertEquals(INVOCATIONS, trellis.max("max").get().orElseThrow(), told);
    assertEquals(-INVOCATIONS, trellis.min("min").get().orElseThrow(), told);
    assertTrue(trellis.flag("flag").isEnabled(), told);
    assertEquals(items.size(), trellis.sortedSet("sortedSet").size(), told);
    assertEquals("item-1", trellis.priority("priority").get().orElseThrow().value().text(), told);
    assertEquals(sum, trellis.map("map").counter("counter").value(), told);
    assertEquals(items, Set.copyOf(trellis.map("map").set("set").texts()), told);
  }

  @Test
  void aFunctionThatTakesTooLongIsInterruptedAndRunAgain(Trellis trellis) {
    ManualClock clock = new ManualClock(Instant.EPOCH);
    CountDownLatch stuck = new CountDownLatch(1);
    AtomicInteger runs = new AtomicInteger();
    Function slow =
        (invocation, argument) -> {
          invocation.counter("slow").add(1);
          if (runs.incrementAndGet() == 1) {
            stuck.countDown();
            new CountDownLatch(1).await();
          }
          return Payload.EMPTY;
        };
    try (EmbeddedRuntime cloud =
        EmbeddedRuntime.builder(Functions.over(trellis))
            .clock(clock)
            .register("slow", slow)
            .start()) {
      CompletableFuture<Outcome> outcome = cloud.invoke("slow", Payload.EMPTY);
      assertDoesNotThrow(() -> stuck.await());
      clock.advance(FunctionConfig.TIMEOUT_MAX);
      assertEquals(2, assertInstanceOf(Outcome.Done.class, outcome.join()).attempts());
      assertEquals(1, cloud.report().timeouts());
      assertEquals(1, trellis.counter("slow").value());
    }
  }

  @Test
  void aZombieWritesAfterItsInvocationWasAnswered(Trellis trellis) throws InterruptedException {
    // With this seed the first run becomes a zombie, and the second does not.
    CloudConfig cloud = CloudConfig.CALM.with(Mischief.ZOMBIE, 0.5).withCallsMax(1);
    long seed = 0;
    while (!Plan.draw(seeded(cloud, seed), 1, 0).has(Mischief.ZOMBIE)
        || Plan.draw(seeded(cloud, seed), 1, 1).has(Mischief.ZOMBIE)) {
      seed++;
    }
    AtomicInteger runs = new AtomicInteger();
    Function writes =
        (invocation, argument) -> {
          String run = "run " + runs.incrementAndGet();
          invocation.counter("zombies").add(1); // here it is held
          invocation.register("zombie").putText(run);
          return Payload.ofText(run);
        };
    try (EmbeddedRuntime runtime =
        EmbeddedRuntime.builder(Functions.over(trellis))
            .cloud(seeded(cloud, seed))
            .clock(new ManualClock(Instant.EPOCH))
            .register("writes", writes)
            .start()) {
      Outcome outcome = runtime.invoke("writes", Payload.EMPTY).join();
      assertEquals("run 2", outcome.answered().result().text());
      runtime.quiesce();
      assertEquals("run 1", trellis.register("zombie").getText().orElseThrow());
      assertEquals(1, trellis.counter("zombies").value());
      assertEquals(1, runtime.report().lateEnds());
    }
  }

  private static CloudConfig seeded(CloudConfig cloud, long seed) {
    return new CloudConfig(
        seed, cloud.probabilities(), cloud.coldStart(), cloud.backoff(), cloud.callsMax());
  }

  @Test
  void scatteredCallsAreGatheredUnderMischief(TrellisNode node, Trellis trellis)
      throws InterruptedException {
    Functions functions = Functions.over(trellis);
    Function square =
        (invocation, argument) -> {
          int n = Integer.parseInt(argument.text());
          invocation.counter("squares").add(1);
          return Payload.ofText(Integer.toString(n * n));
        };
    Function broken =
        (invocation, argument) -> {
          throw new IllegalStateException("broken for good");
        };
    try (EmbeddedRuntime cloud =
        EmbeddedRuntime.builder(() -> client(node))
            .cloud(CloudConfig.mischievous(3, 0.2))
            .clock(new ManualClock(Instant.EPOCH))
            .register("square", square, FunctionConfig.DEFAULT.withMaxAttempts(1_000))
            .register("broken", broken)
            .start()) {
      List<Payload> numbers = List.of(Payload.ofText("2"), Payload.ofText("3"));
      InvocationId id = functions.newId();
      for (int again = 0; again < 2; again++) {
        try (Invocation parent = functions.invocation(id)) {
          assertEquals(
              List.of("4", "9"),
              functions.awaitAll(functions.scatter(parent, "square", numbers, cloud), WAIT).stream()
                  .map(Payload::text)
                  .toList());
        }
      }
      try (Invocation parent = functions.invocation(id)) {
        StoredFuture failing = functions.scatter(parent, "broken", numbers, cloud).get(0);
        assertThrows(FunctionFailedException.class, () -> failing.get(WAIT));
      }
      cloud.quiesce();
      assertEquals(2, trellis.counter("squares").value());
    }
  }

  @Test
  void aSessionGoesOnFromFunctionToFunction(TrellisNode node) {
    Function put =
        (invocation, argument) -> {
          invocation.register("passed").put(argument);
          return Payload.EMPTY;
        };
    Function get = (invocation, argument) -> invocation.register("passed").get().orElseThrow();
    try (EmbeddedRuntime cloud =
        EmbeddedRuntime.builder(() -> client(node))
            .register("put", put)
            .register("get", get)
            .start()) {
      SessionToken token = cloud.invoke("put", Payload.ofText("on")).join().answered().token();
      Outcome outcome = cloud.invoke("get", Payload.EMPTY, token).join();
      assertEquals("on", outcome.answered().result().text());
    }
  }

  @Test
  void whatCanNotBeIsRefusedWithTheReason(Trellis trellis) {
    EmbeddedRuntime cloud =
        EmbeddedRuntime.builder(Functions.over(trellis)).register("known", EVERYTHING).start();
    assertEquals(
        "there is no function 'unknown'; there are [known]",
        assertThrows(IllegalArgumentException.class, () -> cloud.invoke("unknown", Payload.EMPTY))
            .getMessage());
    Outcome.Failed failed =
        assertInstanceOf(
            Outcome.Failed.class, cloud.invoke("known", Payload.ofText("no number")).join());
    assertInstanceOf(NumberFormatException.class, failed.cause());
    cloud.close();
    assertThrows(IllegalStateException.class, () -> cloud.invoke("known", Payload.EMPTY));
    assertThrows(
        IllegalArgumentException.class,
        () -> FunctionConfig.DEFAULT.withTimeout(Duration.ofMinutes(16)));
    assertThrows(IllegalArgumentException.class, () -> CloudConfig.mischievous(1, 1.1));
  }
}
