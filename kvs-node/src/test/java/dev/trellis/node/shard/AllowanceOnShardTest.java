package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import dev.trellis.access.Grant;
import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// What principals may use of a node, beyond which they are turned away and others are not.
class AllowanceOnShardTest {
  private final TestShard shard = new TestShard();

  private static Caller caller(String name, Allowance allowance, Grant... grants) {
    return new Caller(name, Rights.of(List.of(grants)), allowance);
  }

  private static Grant on(String prefix) {
    return new Grant(bytes(prefix), Set.of(Role.READ, Role.WRITE));
  }

  private static Origin of(Caller caller) {
    return new Origin(10, 77, caller);
  }

  private static Caller operations(long perSecond) {
    return caller("busy", new Allowance(perSecond, 0, 0, 0), on(""));
  }

  private Reply get(Caller caller, String key) {
    return shard.send(of(caller), bytes(key), Read.Get.ANY, RequestContext.READ);
  }

  private Reply put(Caller caller, String key, int size) {
    Payload value = Payload.of(new byte[size]);
    return shard.send(of(caller), bytes(key), new Mutation.Put(value), shard.next());
  }

  private static boolean isDone(Reply reply) {
    return reply.outcome() instanceof Outcome.Done;
  }

  /// How many of so many gets are let in now.
  private int letIn(Caller caller, int tries) {
    int done = 0;
    for (int number = 0; number < tries; number++) {
      if (isDone(get(caller, "k"))) {
        done++;
      }
    }
    return done;
  }

  @Test
  void operationsBeyondTheRateAreTurnedAwayWithATime() {
    Caller busy = operations(1_000);
    int burst = letIn(busy, 5_000);
    assertTrue(burst >= 950 && burst <= 1_000, burst + " at once");
    Outcome.Failed failed = failed(ErrorCode.OVERLOADED, get(busy, "k"));
    assertTrue(failed.retryAfter().orElseThrow().toMillis() >= 100);
    assertTrue(failed.message().contains("'busy'") && failed.message().contains("1000 operations"));
    int perSecond = 0;
    Caller again = operations(1_000);
    for (int tenth = 0; tenth < 100; tenth++) {
      shard.pass(Duration.ofMillis(100));
      perSecond += letIn(again, 500);
    }
    assertEquals(10_000, perSecond, 500);
    // Others have what is theirs.
    Caller other = caller("other", new Allowance(100, 0, 0, 0), on(""));
    letIn(again, 5_000);
    assertTrue(letIn(other, 50) == 50);
  }

  @Test
  void everyKindOfAskingCounts() {
    Caller few = operations(3);
    assertTrue(isDone(get(few, "k")));
    shard.watch(of(few), 1, "k");
    assertEquals(1, shard.drain(of(few)).size()); // counts as well
    shard.watch(of(few), 2, "k");
    failed(ErrorCode.OVERLOADED, shard.drain(of(few)).getFirst());
    Frame.Scan scan = new Frame.Scan(1, Payload.EMPTY, Optional.empty(), 10, false);
    Outcome.Failed refused = shard.scan(few, scan).failure().orElseThrow();
    assertEquals(ErrorCode.OVERLOADED, refused.code());
    assertTrue(refused.retryAfter().isPresent());
    failed(ErrorCode.OVERLOADED, put(few, "k", 1));
    failed(
        ErrorCode.OVERLOADED,
        shard.send(of(few), bytes("k"), new Mutation.Increment(1), shard.next()));
    shard.pass(Duration.ofSeconds(1));
    assertEquals(Optional.empty(), shard.scan(few, scan).failure());
  }

  @Test
  void whoMayNotIsToldThatAndUsesNothing() {
    Caller few = caller("few", new Allowance(1, 0, 0, 0), on("a"));
    for (int number = 0; number < 10; number++) {
      failed(ErrorCode.FORBIDDEN, get(few, "b"));
    }
    assertTrue(isDone(get(few, "a")));
    failed(ErrorCode.OVERLOADED, get(few, "a"));
    failed(ErrorCode.FORBIDDEN, get(few, "b"));
    Usage usage = shard.core().usages().iterator().next();
    assertEquals("few", usage.label());
    assertEquals(1, usage.operations());
    assertEquals(11, usage.forbidden());
    assertEquals(1, usage.overloaded());
  }

  @Test
  void bytesInAndOutCount() {
    shard.mutate("large", new Mutation.Put(Payload.of(new byte[5_000])));
    shard.mutate("set", new Mutation.Add(Kind.GSET, List.of(Payload.of(new byte[5_000]))));
    Caller slow = caller("slow", new Allowance(0, 10_000, 0, 0), on(""));
    for (String key : List.of("large", "set")) {
      int reads = 0;
      while (isDone(get(slow, key))) {
        reads++;
      }
      assertTrue(reads >= 2 && reads <= 4, reads + " reads");
      shard.pass(Duration.ofSeconds(5));
    }
    int puts = 0;
    while (isDone(put(slow, "new", 1_000))) {
      puts++;
    }
    assertTrue(puts >= 9 && puts <= 11, puts + " puts");
    // What is larger than a second's worth passes, and is paid for.
    shard.pass(Duration.ofSeconds(5));
    assertTrue(isDone(put(slow, "new", 50_000)));
    shard.pass(Duration.ofSeconds(3));
    assertFalse(isDone(get(slow, "nothing")));
    shard.pass(Duration.ofSeconds(2));
    assertTrue(isDone(get(slow, "nothing")));
  }

  /// One node's shards, asked in any order and at any time: together they give what one would.
  @Test
  void theShardsOfANodeShareOneAllowance() {
    Seeds.forAll(20, AllowanceOnShardTest::checkShared);
  }

  private static void checkShared(RandomGenerator random) {
    int shards = 1 + random.nextInt(16);
    long rate = 1 + random.nextLong(random.nextBoolean() ? 50 : 20_000);
    Allowances allowances = new Allowances(shards);
    List<Usages> each = new ArrayList<>();
    for (int shard = 0; shard < shards; shard++) {
      each.add(new Usages(allowances));
    }
    Caller caller = operations(rate);
    int used = 1 + random.nextInt(shards); // others stay idle
    long now = TestShard.START_MILLIS;
    double done = 0;
    int millis = 3_000;
    for (int at = 0; at < millis; at++, now++) {
      for (long tries = 2 * rate / 1_000 + 1; tries > 0; tries--) {
        Usage usage = each.get(random.nextInt(used)).of(caller, now);
        if (usage != null && usage.millisToWait(now) == 0) {
          usage.begin(now);
          done++;
        }
      }
    }
    double most = (double) rate * (1 + millis / 1_000.0) + used;
    assertTrue(done <= most, done + " of " + most + " by " + used + " shards of " + shards);
    double least = 0.85 * (double) rate * millis / 1_000.0 - used;
    assertTrue(done >= least, done + " of " + least + " by " + used + " shards of " + shards);
  }

  @Test
  void aChangeOfTheAllowanceCountsAtOnce() {
    Caller before = operations(10);
    assertEquals(10, letIn(before, 100));
    Caller more = operations(1_000);
    assertEquals(0, letIn(more, 10), "what was used is not forgotten");
    shard.pass(Duration.ofSeconds(2));
    assertTrue(letIn(more, 2_000) >= 950);
    assertEquals(100, letIn(operations(0), 100));
  }

  // Bytes stored.

  private static Caller storing(long bytesMax, String... prefixes) {
    Grant[] grants = new Grant[prefixes.length];
    for (int at = 0; at < prefixes.length; at++) {
      grants[at] = on(prefixes[at]);
    }
    return caller("storing", new Allowance(0, 0, 0, bytesMax), grants);
  }

  @Test
  void whatAddsBeyondTheLimitIsRefusedAndDeletesPass() {
    Caller caller = storing(10_000, "a/");
    beginCounting(caller);
    int puts = 0;
    while (isDone(put(caller, "a/" + puts, 1_000))) {
      puts++;
    }
    assertTrue(puts >= 8 && puts <= 9, puts + " puts");
    Outcome.Failed failed = failed(ErrorCode.OVERLOADED, put(caller, "a/x", 1_000));
    assertTrue(failed.retryAfter().isPresent());
    assertTrue(failed.message().contains("'storing'"), failed.message());
    assertTrue(failed.message().contains("of at most 10000 bytes"), failed.message());
    assertTrue(isDone(put(caller, "a/0", 900)), "it becomes smaller");
    done(shard.mutate("a/y", new Mutation.Put(Payload.of(new byte[1_000])))); // of another
    failed(ErrorCode.OVERLOADED, put(caller, "a/x", 100));
    for (int number = 0; number < puts; number++) {
      done(shard.send(of(caller), bytes("a/" + number), new Mutation.Delete(), shard.next()));
    }
    assertTrue(isDone(put(caller, "a/x", 1_000)));
  }

  /// Trims keep the names of what invocations wrote, whether it is here yet or not; a name has room
  /// for sixteen bytes of whatever somebody likes to keep.
  @Test
  void whatTrimsTellIsGoneThatNeverWasCounts() {
    Caller caller = storing(10_000, "a/");
    beginCounting(caller);
    CausalContext both = shard.mutate("a/log", new Mutation.Append(listOf("x", "y"))).dots();
    assertEquals(2, both.dotCount());
    while (isDone(put(caller, "a/" + shard.next().sequence(), 1_000))) {}
    while (isDone(put(caller, "a/" + shard.next().sequence(), 1))) {}
    long full = counted();
    for (int number = 10; number <= 1_000; number *= 10) {
      Mutation trim = new Mutation.Trim(made(number, shard.nowMillis() - number));
      Payload name = Payload.of(new byte[10 * number]);
      for (String key : List.of("a/new", "a/log")) {
        failed(ErrorCode.OVERLOADED, send(caller, key, trim));
        failed(
            ErrorCode.OVERLOADED, send(caller, key + "map", new Mutation.UpdateField(name, trim)));
      }
    }
    assertEquals(full, counted());
    assertTrue(isDone(send(caller, "a/log", new Mutation.Trim(both.merge(made(3, 0))))));
    assertTrue(counted() <= full, counted() + " of " + full);
  }

  @Test
  void noInvocationIsGoneThatIsYetToBeBorn() {
    long far = shard.nowMillis() + 2 * shard.config().clockSkewMax().toMillis();
    for (long born : new long[] {far + 1, InvocationId.BORN_MILLIS_MAX}) {
      CausalContext made = made(1, born);
      failed(ErrorCode.BAD_REQUEST, shard.mutate("log", new Mutation.Trim(made)));
      failed(ErrorCode.BAD_REQUEST, shard.mutate("c", new Mutation.PutCausal(bytes("v"), made)));
      Mutation put = new Mutation.PutMultiCausal(bytes("v"), made, Map.of());
      failed(ErrorCode.BAD_REQUEST, shard.mutate("m", new Mutation.UpdateField(bytes("f"), put)));
    }
    done(shard.mutate("log", new Mutation.Trim(made(1, far))));
  }

  private Reply send(Caller caller, String key, Mutation mutation) {
    return shard.send(of(caller), bytes(key), mutation, shard.next());
  }

  /// A context of so many invocations that never were.
  private static CausalContext made(int number, long bornMillis) {
    List<CausalContext.Run> runs = new ArrayList<>();
    for (int at = 0; at < number; at++) {
      ReplicaId name = new InvocationId(bornMillis << 16, at).replica();
      runs.add(new CausalContext.Run(name, 1L << 20, 1L << 20));
    }
    return CausalContext.ofRuns(runs);
  }

  /// From then on all is counted.
  private void beginCounting(Caller caller) {
    get(caller, "a/");
    for (int tick = 0; tick < 100; tick++) {
      shard.pass(Duration.ofMillis(10));
    }
  }

  private long counted() {
    return shard.core().usages().stream()
        .filter(usage -> usage.label().equals("storing"))
        .findFirst()
        .orElseThrow()
        .account()
        .stored();
  }

  private long naive(Rights rights) {
    long sum = 0;
    for (Iterator<Slot> all = shard.core().slots(); all.hasNext(); ) {
      Slot slot = all.next();
      if (rights.isGranted(Role.WRITE, slot.key())) {
        sum += slot.key().size() + slot.entry().weight();
      }
    }
    return sum;
  }

  /// Whatever befalls the entries, and whenever limits and rights change, the count comes to what a
  /// walk over all of them does.
  @Test
  void theCountIsRightWhateverHappens() {
    Seeds.forAll(30, random -> new AllowanceOnShardTest().checkStored(random));
  }

  private void checkStored(RandomGenerator random) {
    List<String> prefixes = List.of("a/", "b/", "_trellis/mailbox/a/", "");
    Caller caller = storing(1 << 30, "a/");
    for (int step = 0; step < 400; step++) {
      String key = prefixes.get(random.nextInt(4)) + "k" + random.nextInt(20);
      if (step == 200) { // what follows must be right while it is being counted, and after that
        caller = storing(1 << 30, "a/", "b/k");
        get(caller, "a/");
      }
      switch (random.nextInt(step < 200 ? 0 : 1, 12)) {
        case 0 -> {
          caller =
              storing(
                  random.nextInt(4) == 0 ? 0 : 1 << 30, prefixes.get(random.nextInt(4)), "b/k1");
          get(caller, key);
        }
        case 1 -> shard.mutate(key, new Mutation.Delete());
        case 2 -> shard.mutate(key, new Mutation.Add(Kind.ORSET, List.of(bytes("e" + step))));
        case 3 ->
            shard.mutateFor(
                key,
                new Mutation.Put(Payload.of(new byte[random.nextInt(50)])),
                Duration.ofMillis(5));
        case 4 ->
            shard.merge(
                key,
                Entry.of(
                    HybridTimestamp.ZERO,
                    LwwRegister.of(
                        HybridTimestamp.of(shard.nowMillis(), step),
                        3,
                        0,
                        Payload.of(new byte[random.nextInt(300)]))));
        case 5 -> shard.passAndSweep(Duration.ofHours(1)); // collects what is dead
        case 6 -> shard.pass(Duration.ofMillis(random.nextInt(30)));
        default -> shard.mutate(key, new Mutation.Put(Payload.of(new byte[random.nextInt(200)])));
      }
    }
    for (int tick = 0; tick < 100; tick++) {
      shard.pass(Duration.ofMillis(10));
    }
    assertEquals(naive(caller.rights()), counted());
    shard.mutate("a/last", new Mutation.Put(bytes("v")));
    assertEquals(naive(caller.rights()), counted());
  }

  /// What other replicas bring is never refused, and counts.
  @Test
  void whatPeersBringCounts() {
    Caller caller = storing(1_000, "a/");
    beginCounting(caller);
    Entry entry =
        Entry.of(
            HybridTimestamp.ZERO,
            LwwRegister.of(
                HybridTimestamp.of(shard.nowMillis(), 1), 3, 0, Payload.of(new byte[2_000])));
    done(shard.merge("a/k", entry));
    assertEquals(naive(caller.rights()), counted());
    failed(ErrorCode.OVERLOADED, put(caller, "a/0", 1));
  }

  @Test
  void theBytesOfAllShardsOfANodeAreOneSum() {
    Allowances allowances = new Allowances(2);
    List<ShardCore> cores = new ArrayList<>();
    for (int index = 0; index < 2; index++) {
      ShardCore core = new ShardCore(ShardConfig.of("n1", index, 2, 7 + index), new MemoryStore());
      core.share(allowances);
      cores.add(core);
    }
    Caller caller = storing(10_000, "a/");
    List<Reply> replies = new ArrayList<>();
    Outbox out =
        new Outbox() {
          @Override
          public void reply(Origin origin, Reply reply) {
            replies.add(reply);
          }

          @Override
          public void changesPending(Origin origin) {}
        };
    long now = TestShard.START_MILLIS;
    for (ShardCore core : cores) {
      Request get = new Request(1, bytes("a/"), Read.Get.ANY, RequestContext.READ);
      core.handle(of(caller), get, now, out);
    }
    for (int tick = 0; tick < 100; tick++) {
      now += 10;
      for (ShardCore core : cores) {
        core.tick(now, out);
      }
    }
    replies.clear();
    int done = 0;
    for (int number = 0; number < 100; number++) {
      for (ShardCore core : cores) {
        RequestContext context = RequestContext.mutation(0, HybridTimestamp.of(now, number));
        Mutation put = new Mutation.Put(Payload.of(new byte[1_000]));
        core.handle(of(caller), new Request(number, bytes("a/" + number), put, context), now, out);
        Reply reply = replies.removeFirst();
        boolean elsewhere =
            reply.outcome() instanceof Outcome.Failed failed
                && failed.code() == ErrorCode.NOT_OWNER;
        if (!elsewhere) {
          done += isDone(reply) ? 1 : 0;
        }
        core.tick(now, out);
      }
      now += 10;
    }
    assertTrue(done >= 8 && done <= 11, done + " on two shards");
  }
}
