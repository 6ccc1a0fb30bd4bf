package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.CausalHandle;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.CounterHandle;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.LogHandle;
import dev.trellis.client.MapHandle;
import dev.trellis.client.MultiCausalHandle;
import dev.trellis.client.PriorityHandle;
import dev.trellis.client.Reached;
import dev.trellis.client.RegisterHandle;
import dev.trellis.client.ScanPage;
import dev.trellis.client.SetHandle;
import dev.trellis.client.SortedSetHandle;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.Watch;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The Java client against a real node: every handle, every operation, with a connection per shard
/// and with one per node.
class ClientTest {
  private static final long WAIT_SECONDS = 30;

  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 3));
  private Trellis trellis;

  private void connect(Frame.Scope scope) {
    trellis =
        Trellis.connect(
            ClientConfig.of("127.0.0.1:" + node.descriptor().shardPorts().getFirst())
                .withScope(scope)
                .withConnectTimeout(Duration.ofSeconds(WAIT_SECONDS))
                .withTimeout(Duration.ofSeconds(WAIT_SECONDS)));
  }

  @AfterEach
  void stop() {
    if (trellis != null) {
      trellis.close();
    }
    node.close();
  }

  private static Payload text(String text) {
    return Payload.ofText(text);
  }

  private static List<String> texts(List<Payload> payloads) {
    return payloads.stream().map(Payload::text).toList();
  }

  private static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(WAIT_SECONDS, TimeUnit.SECONDS);
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void register(Frame.Scope scope) throws Exception {
    connect(scope);
    RegisterHandle register = trellis.register("greeting");
    assertEquals(Optional.empty(), register.get());
    assertFalse(register.exists());
    assertFalse(register.delete());
    assertEquals(new Receipt(1, 0), register.putText("hello"));
    assertEquals(Optional.of("hello"), register.getText());
    register.put(new byte[] {1, 2, 3});
    assertEquals(Optional.of(Payload.of(new byte[] {1, 2, 3})), await(register.getAsync()));
    register.put(Payload.EMPTY);
    assertEquals(Optional.of(Payload.EMPTY), register.get(), "empty is not missing");
    assertTrue(register.exists());
    assertTrue(trellis.delete("greeting"));
    assertEquals(Optional.empty(), register.get());
    await(register.putTextAsync("again"));
    assertEquals(Optional.of("again"), register.getText());
    register.withTtl(Duration.ofMillis(1)).putText("gone in a moment");
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
    while (register.exists()) {
      assertTrue(System.nanoTime() - patience < 0, "the value never expires");
    }
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void counterMaxMinAndFlag(Frame.Scope scope) throws Exception {
    connect(scope);
    CounterHandle counter = trellis.counter("visits");
    assertEquals(0, counter.value());
    assertEquals(3, counter.add(3));
    assertEquals(1, await(counter.addAsync(-2)));
    assertEquals(1, counter.value());
    assertTrue(counter.delete());
    assertEquals(0, counter.value());
    assertEquals(5, counter.add(5), "a deleted counter starts anew");

    assertEquals(OptionalLong.empty(), trellis.max("high").get());
    assertEquals(7, trellis.max("high").raise(7));
    assertEquals(7, trellis.max("high").raise(4));
    assertEquals(OptionalLong.of(7), trellis.max("high").get());
    assertEquals(-7, trellis.min("low").lower(-7));
    assertEquals(-7, trellis.min("low").lower(0));
    assertEquals(OptionalLong.of(-7), trellis.min("low").get());

    assertFalse(trellis.flag("ready").isEnabled());
    trellis.flag("ready").enable();
    assertTrue(trellis.flag("ready").isEnabled());
    assertTrue(trellis.flag("ready").exists());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void sets(Frame.Scope scope) throws Exception {
    connect(scope);
    SetHandle langs = trellis.set("langs");
    assertEquals(List.of(), langs.elements());
    assertEquals(0, langs.size());
    assertEquals(2, langs.add("java", "clojure"));
    assertEquals(1, langs.add("java", "ada"));
    assertEquals(List.of("ada", "clojure", "java"), langs.texts());
    assertEquals(1, langs.remove("ada", "cobol"));
    assertTrue(langs.contains("java"));
    assertFalse(langs.contains("ada"));
    assertEquals(
        List.of("clojure", "java"),
        texts(langs.containing(List.of(text("java"), text("x"), text("clojure")))));
    assertEquals(2, langs.size());

    assertEquals(2, trellis.growSet("seen").add("a", "b"));
    assertEquals(List.of("a", "b"), trellis.growSet("seen").texts());
    assertTrue(trellis.growSet("seen").exists());

    trellis.orderedSet("events").add("e1", "e2", "e3", "e4");
    assertEquals(
        List.of("e2", "e3"),
        texts(
            trellis
                .orderedSet("events")
                .range(Optional.of(text("e2")), Optional.of(text("e4")), 10, false)));
    assertEquals(
        List.of("e4"),
        texts(
            await(
                trellis
                    .orderedSet("events")
                    .rangeAsync(Optional.empty(), Optional.empty(), 1, true))));
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void sortedSet(Frame.Scope scope) {
    connect(scope);
    SortedSetHandle board = trellis.sortedSet("board");
    assertEquals(List.of(), board.top(3));
    assertTrue(board.add("ann", 3.5));
    assertTrue(board.add("ann", 4.5));
    assertFalse(board.add("ann", 4.5));
    assertEquals(
        2, board.add(List.of(new ScoredMember(text("bob"), 1), new ScoredMember(text("cy"), 9))));
    assertEquals(
        List.of(new ScoredMember(text("cy"), 9), new ScoredMember(text("ann"), 4.5)), board.top(2));
    assertEquals(
        List.of(new ScoredMember(text("bob"), 1), new ScoredMember(text("ann"), 4.5)),
        board.range(0, 5, 10, false));
    assertEquals(1, board.remove("cy"));
    assertFalse(board.contains("cy"));
    assertTrue(board.contains("bob"));
    assertEquals(2, board.size());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void map(Frame.Scope scope) {
    connect(scope);
    MapHandle profile = trellis.map("profile");
    assertTrue(profile.fields().isEmpty());
    profile.register("name").putText("Ann");
    assertEquals(2, profile.counter("visits").add(2));
    profile.map("address").register("city").putText("Ulm");
    profile.set("tags").add("x");
    profile.max("high").raise(9);
    assertEquals(Optional.of("Ann"), profile.register("name").getText());
    assertEquals(Optional.of("Ulm"), profile.map("address").register("city").getText());
    assertEquals(2, profile.counter("visits").value());
    assertEquals(5, profile.size());
    assertEquals(
        List.of("address", "high", "name", "tags", "visits"),
        profile.fields().keySet().stream().map(Payload::text).toList());
    assertTrue(profile.remove("name"));
    assertFalse(profile.remove("name"));
    assertEquals(Optional.empty(), profile.register("name").get());
    assertTrue(profile.map("address").delete());
    assertFalse(profile.map("address").exists());
    assertTrue(profile.delete());
    assertFalse(profile.exists());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void causalRegisters(Frame.Scope scope) {
    connect(scope);
    CausalHandle cart = trellis.causal("cart");
    assertEquals(new View.Siblings(List.of(), CausalContext.EMPTY), cart.get());
    cart.putText("milk", CausalContext.EMPTY);
    cart.putText("eggs", CausalContext.EMPTY);
    View.Siblings both = cart.get();
    assertEquals(
        List.of("eggs", "milk"), texts(both.siblings().stream().map(View.Sibling::value).toList()));
    CausalContext after = cart.putText("eggs and milk", both.context());
    assertEquals(1, cart.get().siblings().size());
    assertTrue(after.includes(both.context()));
    cart.putText("and bread", after);
    assertEquals(
        List.of("and bread"),
        texts(cart.get().siblings().stream().map(View.Sibling::value).toList()));

    MultiCausalHandle reply = trellis.multiCausal("reply");
    CausalContext version =
        reply.put(text("yes"), CausalContext.EMPTY, Map.of(text("cart"), after));
    View.Siblings read = reply.get();
    assertEquals(Map.of(text("cart"), after), read.siblings().getFirst().dependencies());
    assertTrue(version.includes(read.context()));
    assertTrue(reply.delete());
    assertFalse(reply.exists());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void priorityAndLog(Frame.Scope scope) {
    connect(scope);
    PriorityHandle best = trellis.priority("best");
    assertEquals(Optional.empty(), best.get());
    assertEquals(new View.Prioritized(2, text("b")), best.putText(2, "b"));
    assertEquals(new View.Prioritized(1, text("a")), best.putText(1, "a"));
    assertEquals(new View.Prioritized(1, text("a")), best.putText(3, "c"));
    assertEquals(Optional.of(new View.Prioritized(1, text("a"))), best.get());

    LogHandle log = trellis.log("journal");
    assertEquals(List.of(), log.readSince(CausalContext.EMPTY, 10).records());
    CausalContext first = log.append("one", "two");
    assertEquals(2, first.dotCount());
    View.Records read = log.readSince(CausalContext.EMPTY, 10);
    assertEquals(
        List.of("one", "two"), texts(read.records().stream().map(View.LogRecord::value).toList()));
    log.append("three");
    View.Records rest = log.readSince(read.seen(), 10);
    assertEquals(
        List.of("three"), texts(rest.records().stream().map(View.LogRecord::value).toList()));
    assertEquals(3, log.size());
    assertEquals(2, log.trim(read.seen()));
    assertEquals(1, log.size());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void expiryOfAWholeValue(Frame.Scope scope) {
    connect(scope);
    CounterHandle counter = trellis.counter("visits");
    assertFalse(counter.expire(Duration.ofMinutes(1)), "there is nothing yet");
    counter.add(1);
    assertTrue(counter.expire(Duration.ofMinutes(1)));
    assertTrue(counter.persist());
    assertTrue(counter.expire(Duration.ofMillis(1)));
    long patience = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
    while (counter.exists()) {
      assertTrue(System.nanoTime() - patience < 0, "the value never expires");
    }
    assertEquals(0, counter.value());
    assertEquals(4, counter.add(4));
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void theWholeReplyCanBeHad(Frame.Scope scope) throws Exception {
    connect(scope);
    Reply reply =
        await(trellis.execute(text("visits"), new Mutation.Increment(2), CallOptions.DEFAULT));
    assertEquals(new Outcome.Done(new View.Whole(2), 1, false), reply.outcome());
    assertEquals(Optional.of(Kind.COUNTER), reply.kind());
    assertEquals(new Receipt(1, 0), reply.receipt());
    trellis.delete("visits");
    Reply deleted = await(trellis.execute(text("visits"), Read.Get.ANY, CallOptions.DEFAULT));
    assertTrue(deleted.generation().isAfter(reply.generation()));
    // A mutation meant for the first generation is repeated in the present one.
    Reply late =
        await(
            trellis.execute(
                text("visits"),
                new Mutation.Increment(1),
                CallOptions.DEFAULT.withGeneration(reply.generation())));
    assertEquals(deleted.generation(), late.generation());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void refusalsNameWhatIsWrong(Frame.Scope scope) {
    connect(scope);
    trellis.register("a").putText("text");
    DefiniteException.KindMismatch failure =
        assertThrows(DefiniteException.KindMismatch.class, () -> trellis.counter("a").add(1));
    assertTrue(failure.getMessage().startsWith("increment \"a\": "), failure.getMessage());
    TrellisException tooFew =
        assertThrows(
            TrellisException.class,
            () ->
                trellis
                    .register("b")
                    .withOptions(
                        CallOptions.DEFAULT.withAcknowledgement(Acknowledgement.REPLICATED))
                    .putText("kept"));
    assertEquals(ErrorCode.NOT_ENOUGH_REPLICAS, tooFew.code());
    assertEquals(Optional.of("kept"), trellis.register("b").getText());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void batchesAndScans(Frame.Scope scope) throws Exception {
    connect(scope);
    List<Call> calls = new ArrayList<>();
    for (int i = 0; i < 5_000; i++) {
      calls.add(new Call(text("key-" + (10_000 + i)), new Mutation.Put(text("value-" + i))));
    }
    for (CompletableFuture<Reply> future : trellis.executeAll(calls)) {
      await(future);
    }
    trellis.counter("other").add(1);
    List<String> keys = trellis.keys("key-").map(key -> key.key().text()).toList();
    assertEquals(5_000, keys.size());
    assertEquals(keys.stream().sorted().distinct().toList(), keys);
    ScanPage page = await(trellis.scan(text("key-"), Optional.of(text("key-14995")), 3, true));
    assertEquals(
        List.of("key-14996", "key-14997", "key-14998"),
        page.keys().stream().map(key -> key.key().text()).toList());
    assertEquals(new View.Bytes(text("value-4996"), 0), page.keys().getFirst().view());
    assertEquals(Optional.of(text("key-14998")), page.next());
    assertEquals(Optional.empty(), await(trellis.scan(text("key-"), page.next(), 3, true)).next());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void watches(Frame.Scope scope) throws Exception {
    connect(scope);
    BlockingQueue<View> states = new LinkedBlockingQueue<>();
    try (Watch watch =
        trellis.watch(
            text("visits"),
            Optional.of(Kind.COUNTER),
            reply -> states.add(((Outcome.Done) reply.outcome()).view()))) {
      assertEquals(new View.Missing(), states.poll(WAIT_SECONDS, TimeUnit.SECONDS));
      trellis.counter("visits").add(1);
      assertEquals(new View.Whole(1), states.poll(WAIT_SECONDS, TimeUnit.SECONDS));
      trellis.counter("visits").add(1);
      assertEquals(new View.Whole(2), states.poll(WAIT_SECONDS, TimeUnit.SECONDS));
      trellis.delete("visits");
      assertEquals(new View.Missing(), states.poll(WAIT_SECONDS, TimeUnit.SECONDS));
      assertTrue(watch.isOpen());
    }
    trellis.counter("visits").add(1);
    assertEquals(1, trellis.counter("visits").value());
    assertTrue(states.isEmpty());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void thresholds(Frame.Scope scope) throws Exception {
    connect(scope);
    Duration patience = Duration.ofSeconds(WAIT_SECONDS);
    CompletableFuture<Reached<Long>> max = trellis.max("max").awaitAtLeastAsync(10, patience);
    CompletableFuture<Reached<Long>> min = trellis.min("min").awaitAtMostAsync(-10, patience);
    CompletableFuture<Reached<Long>> added =
        trellis.counter("counter").awaitIncrementsAtLeastAsync(10, patience);
    List<Payload> both = List.of(text("a"), text("b"));
    CompletableFuture<Reached<List<Payload>>> gset =
        trellis.growSet("gset").awaitContainsAsync(both, patience);
    CompletableFuture<Reached<List<Payload>>> oset =
        trellis.orderedSet("oset").awaitContainsAsync(both, patience);
    CompletableFuture<Reached<Boolean>> flag = trellis.flag("flag").awaitEnabledAsync(patience);
    CompletableFuture<Reached<List<Payload>>> orset =
        trellis.set("orset").awaitSeenAsync(text("a"), patience);
    CompletableFuture<Reached<Boolean>> key = trellis.register("lww").awaitSeenAsync(patience);
    trellis.max("max").raise(9);
    trellis.counter("counter").add(6);
    trellis.counter("counter").add(-5);
    trellis.growSet("gset").add("b");
    trellis.orderedSet("oset").add("b");
    assertFalse(max.isDone() || added.isDone() || gset.isDone() || oset.isDone());
    trellis.max("max").raise(11);
    trellis.min("min").lower(-10);
    trellis.counter("counter").add(4);
    trellis.growSet("gset").add("a");
    trellis.orderedSet("oset").add("a");
    trellis.flag("flag").enable();
    trellis.set("orset").add("a", "b");
    trellis.register("lww").putText("x");
    HybridTimestamp first = HybridTimestamp.ZERO;
    assertEquals(new Reached<>(first, 11L), await(max));
    assertEquals(new Reached<>(first, -10L), await(min));
    assertEquals(new Reached<>(first, 10L), await(added));
    assertEquals(new Reached<>(first, both), await(gset));
    assertEquals(new Reached<>(first, both), await(oset));
    assertEquals(new Reached<>(first, true), await(flag));
    assertEquals(new Reached<>(first, List.of(text("a"))), await(orset));
    assertEquals(new Reached<>(first, true), await(key));

    trellis.delete("max");
    CompletableFuture<Reached<Long>> again = trellis.max("max").awaitAtLeastAsync(10, patience);
    trellis.max("max").raise(10);
    assertTrue(await(again).generation().isAfter(first), "another life of the key");
    Session session = trellis.session(Guarantee.SESSION);
    session.max("of-session").raise(3);
    assertEquals(3, session.max("of-session").awaitAtLeast(3, patience).value());
    DefiniteException.NotReached late =
        assertThrows(
            DefiniteException.NotReached.class,
            () -> trellis.max("max").awaitAtLeast(11, Duration.ofMillis(20)));
    assertEquals(
        "await max at least 11 of \"max\" within 20 ms: not reached in time: it is at 10",
        late.getMessage());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void manyWaitForThresholdsAndOthersGoOn(Frame.Scope scope) throws Exception {
    connect(scope);
    List<CompletableFuture<Reached<Long>>> waiting = new ArrayList<>();
    for (int i = 1; i <= 5_000; i++) {
      waiting.add(trellis.max("max").awaitAtLeastAsync(i, Duration.ofSeconds(4 * WAIT_SECONDS)));
    }
    for (int i = 0; i < 100; i++) {
      trellis.counter("counter-" + i).add(1);
    }
    trellis.max("max").raise(5_000);
    for (CompletableFuture<Reached<Long>> one : waiting) {
      assertEquals(5_000, await(one).value());
    }
    CompletableFuture<Reply> given =
        trellis.execute(
            text("never"),
            new Read.Await(new Threshold.Enabled(Kind.FLAG)),
            CallOptions.DEFAULT.withTimeout(Duration.ofHours(1)));
    trellis.counter("counter-0").add(1);
    given.cancel(false);
    assertEquals(2, trellis.counter("counter-0").value());
  }

  @ParameterizedTest
  @EnumSource(Frame.Scope.class)
  void manyCallsAtOnceAllCount(Frame.Scope scope) throws Exception {
    connect(scope);
    List<CompletableFuture<Long>> sums = new ArrayList<>();
    for (int i = 0; i < 10_000; i++) {
      sums.add(trellis.counter("counter-" + i % 7).addAsync(1));
    }
    for (CompletableFuture<Long> sum : sums) {
      await(sum);
    }
    long total = 0;
    for (int i = 0; i < 7; i++) {
      total += trellis.counter("counter-" + i).value();
    }
    assertEquals(10_000, total);
  }
}
