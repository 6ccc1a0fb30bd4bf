package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import dev.trellis.access.Grant;
import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlainRequests;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// Who may do what with a shard's keys, and what those are told who may not.
class RightsOnShardTest {
  private static final List<Read> READS =
      List.of(
          Read.Get.ANY,
          new Read.State(),
          new Read.Contains(Kind.GSET, listOf("a")),
          new Read.Size(Kind.GSET),
          new Read.Range(Kind.OSET, Optional.empty(), Optional.empty(), 10, false),
          Read.Scores.top(3),
          new Read.Since(CausalContext.EMPTY, 10),
          new Read.Placed(),
          new Read.Await(new Threshold.AtLeast(Kind.COUNTER, 1)),
          new Read.Field(bytes("f"), Read.Get.ANY));

  private static final List<Mutation> MUTATIONS =
      List.of(
          new Mutation.Put(bytes("new")),
          new Mutation.Raise(7),
          new Mutation.Lower(7),
          new Mutation.Enable(),
          new Mutation.Increment(7),
          new Mutation.Add(Kind.ORSET, listOf("a")),
          new Mutation.Remove(listOf("a")),
          new Mutation.AddScored(List.of(new Mutation.ScoredMember(bytes("a"), 1))),
          new Mutation.RemoveMembers(listOf("a")),
          new Mutation.UpdateField(bytes("f"), new Mutation.Put(bytes("new"))),
          new Mutation.PutCausal(bytes("new"), CausalContext.EMPTY),
          new Mutation.PutMultiCausal(bytes("new"), CausalContext.EMPTY, Map.of()),
          new Mutation.PutPriority(1, bytes("new")),
          new Mutation.Append(listOf("a")),
          new Mutation.Trim(CausalContext.EMPTY),
          new Mutation.Commit(listOf("shop/k"), List.of(new Mutation.Put(bytes("new")))),
          new Mutation.Delete(),
          new Mutation.Expire(OptionalLong.of(1_000)),
          new Mutation.Merge(Entry.of(HybridTimestamp.ZERO, new Flag(true))),
          new Mutation.Place(Optional.of(new Placement(1, 0, 1))));

  /// Says of each kind of operation what it needs: beside the shard's own list, on purpose.
  private static Set<Role> sufficient(Operation operation) {
    return switch (operation) {
      case Read _ -> Set.of(Role.READ, Role.ADMIN);
      case Mutation.Place _ -> Set.of(Role.ADMIN);
      case Mutation.Merge _ -> Set.of();
      case Mutation _ -> Set.of(Role.WRITE, Role.ADMIN);
    };
  }

  private final TestShard shard = new TestShard();

  private static Caller caller(String name, Grant... grants) {
    return new Caller(name, Rights.of(List.of(grants)), Allowance.UNLIMITED);
  }

  private static Grant grant(String prefix, Role... roles) {
    return new Grant(bytes(prefix), Set.of(roles));
  }

  private static Origin of(Caller caller) {
    return new Origin(10, 77, caller);
  }

  private static Caller with(Role... roles) {
    return caller("somebody", grant("shop/", roles), grant("shops", Role.ADMIN));
  }

  private static boolean isForbidden(Reply reply) {
    return reply.outcome() instanceof Outcome.Failed failed && failed.code() == ErrorCode.FORBIDDEN;
  }

  private Reply send(Caller caller, String key, Operation operation) {
    RequestContext context = operation instanceof Mutation ? shard.next() : RequestContext.READ;
    if (operation instanceof Read.Await await) {
      long id = shard.await(of(caller), key, await.threshold(), Duration.ofSeconds(1));
      shard.core().giveUp(of(caller), id, shard.nowMillis(), shard);
      return shard.takeAwaited().getFirst();
    }
    return shard.send(of(caller), bytes(key), operation, context);
  }

  private static List<Operation> operations() {
    List<Operation> all = new ArrayList<>(READS);
    all.addAll(MUTATIONS);
    return all;
  }

  private static void assertAllKinds(Class<?> sealed, List<? extends Operation> samples) {
    Set<Class<?>> shown = new HashSet<>();
    samples.forEach(sample -> shown.add(sample.getClass()));
    assertEquals(Set.of(sealed.getPermittedSubclasses()), shown, "each kind needs a sample here");
  }

  @Test
  void everyKindOfOperationIsTried() {
    assertAllKinds(Read.class, READS);
    assertAllKinds(Mutation.class, MUTATIONS);
  }

  @Test
  void everyOperationNeedsItsRoleOnItsKey() {
    for (Operation operation : operations()) {
      assertTrue(isForbidden(send(with(), "shop/k", operation)), "without a role: " + operation);
      for (Role role : Role.values()) {
        boolean may = sufficient(operation).contains(role);
        assertEquals(
            may, !isForbidden(send(with(role), "shop/k", operation)), role + ": " + operation);
        for (String other : List.of("shop", "shoq/k", "Shop/k", "s", "_trellis/x")) {
          assertTrue(
              isForbidden(send(with(role), other, operation)), role + ": " + operation + other);
        }
      }
      assertFalse(
          isForbidden(send(Caller.ANONYMOUS, "any", operation))
              && !(operation instanceof Mutation.Merge),
          "without security: " + operation);
    }
  }

  /// No such thing comes over the wire; it is not to become a way in, should it one day.
  @Test
  void whatIsInAFieldOrACommitNeedsItsRoleToo() {
    Mutation place = new Mutation.Place(Optional.empty());
    Operation inField = new Mutation.UpdateField(bytes("f"), place);
    Operation inCommit = new Mutation.Commit(listOf("shop/k"), List.of(place));
    for (Operation operation : List.of(inField, inCommit)) {
      assertTrue(isForbidden(send(with(Role.WRITE), "shop/k", operation)), operation.toString());
    }
  }

  @Test
  void aRefusalChangesNothing() {
    shard.mutate("shop/k", new Mutation.Put(bytes("v")));
    Entry before = shard.entry("shop/k");
    for (Operation operation : operations()) {
      send(with(), "shop/k", operation);
      send(with(), "shop/other", operation);
    }
    assertEquals(before, shard.entry("shop/k"));
    assertEquals(1, shard.store().size());
  }

  /// Whether the key is there, what it is, where it belongs, in which generation it is.
  @Test
  void aRefusalTellsNothingOfTheKey() {
    TestShard empty = new TestShard();
    List<Mutation> contents =
        List.of(
            new Mutation.Put(bytes("v")),
            new Mutation.Delete(),
            new Mutation.Increment(1),
            new Mutation.Place(Optional.of(new Placement(1, 0, 1))));
    for (Mutation content : contents) {
      done(shard.mutate("k", content));
      for (Operation operation : operations()) {
        if (operation instanceof Read.Await) {
          continue; // see below
        }
        RequestContext context = operation instanceof Mutation ? shard.next() : RequestContext.READ;
        Reply here = shard.send(of(with(Role.READ)), bytes("k"), operation, context);
        Reply there = empty.send(of(with(Role.READ)), bytes("k"), operation, context);
        assertTrue(isForbidden(here), here.toString());
        assertEquals(withoutIdAndClock(there), withoutIdAndClock(here));
      }
    }
    Threshold reached = new Threshold.Seen(Optional.empty(), Optional.empty());
    shard.await(of(with()), "k", reached, Duration.ofSeconds(1));
    empty.await(of(with()), "k", reached, Duration.ofSeconds(1));
    assertEquals(
        withoutIdAndClock(empty.takeAwaited().getFirst()),
        withoutIdAndClock(shard.takeAwaited().getFirst()));
  }

  private static List<Object> withoutIdAndClock(Reply reply) {
    return List.of(
        reply.outcome(),
        reply.generation(),
        reply.kind(),
        reply.dots(),
        reply.receipt(),
        reply.ringVersion(),
        reply.placement(),
        reply.fieldGenerations());
  }

  /// Nor who holds it: "not mine" would tell about shards, and of placed keys that they are placed.
  @Test
  void whoMayNotIsNotToldWhereElseToGo() {
    ShardCore first = new ShardCore(ShardConfig.of("n1", 0, 2, 7), new MemoryStore());
    List<Reply> replies = new ArrayList<>();
    Outbox outbox =
        new Outbox() {
          @Override
          public void reply(Origin origin, Reply reply) {
            replies.add(reply);
          }

          @Override
          public void changesPending(Origin origin) {}
        };
    Set<ErrorCode> open = new HashSet<>();
    for (int number = 0; number < 50; number++) {
      Request request = new Request(number, bytes("k" + number), Read.Get.ANY, RequestContext.READ);
      first.handle(of(Caller.ANONYMOUS), request, TestShard.START_MILLIS, outbox);
      if (replies.removeFirst().outcome() instanceof Outcome.Failed failed) {
        open.add(failed.code());
      }
      first.handle(of(with(Role.ADMIN)), request, TestShard.START_MILLIS, outbox);
      failed(ErrorCode.FORBIDDEN, replies.removeFirst());
      Origin watcher = of(with(Role.ADMIN));
      Frame.Watch watch = new Frame.Watch(number, request.key(), Optional.empty());
      first.watch(watcher, watch, TestShard.START_MILLIS, outbox);
      failed(
          ErrorCode.FORBIDDEN,
          first.nextChange(watcher, TestShard.START_MILLIS).orElseThrow().reply());
    }
    assertEquals(Set.of(ErrorCode.NOT_OWNER), open);
  }

  @Test
  void aRefusalNamesPrincipalRoleAndKeyOnOneLine() {
    Outcome.Failed failed =
        failed(ErrorCode.FORBIDDEN, send(with(), "a\nb\"\u202e" + "x".repeat(900), Read.Get.ANY));
    assertTrue(
        failed.message().startsWith("principal 'somebody' lacks the role 'read' on key \"a\\u{a}b"),
        failed.message());
    assertTrue(failed.message().contains("\\\"\\u{202e}xxx"), failed.message());
    assertTrue(failed.message().length() < 250, failed.message());
    assertTrue(failed.message().chars().noneMatch(Character::isISOControl), failed.message());
    assertTrue(failed.code().isDefinite());
  }

  @Test
  void whoOnlyWritesIsToldNoValue() {
    shard.mutate("shop/p", new Mutation.PutPriority(1, bytes("secret")));
    shard.mutate("shop/n", new Mutation.Increment(41));
    Mutation hopeless = new Mutation.PutPriority(9, bytes("x"));
    assertEquals(missing(), viewOf(send(with(Role.WRITE), "shop/p", hopeless)));
    assertEquals(missing(), viewOf(send(with(Role.WRITE), "shop/n", new Mutation.Increment(1))));
    assertEquals(
        new View.Prioritized(1, bytes("secret")),
        viewOf(send(with(Role.READ, Role.WRITE), "shop/p", hopeless)));
    assertEquals(
        whole(43), viewOf(send(with(Role.READ, Role.WRITE), "shop/n", new Mutation.Increment(1))));
    RequestContext context = shard.next();
    shard.send(of(with(Role.WRITE)), bytes("shop/n"), new Mutation.Increment(1), context);
    Reply again =
        shard.send(of(with(Role.WRITE)), bytes("shop/n"), new Mutation.Increment(1), context);
    assertTrue(done(again).repeated());
    assertEquals(missing(), viewOf(again));
  }

  @Test
  void entriesAreMergedByReplicasAndWhileARestoreRunsByAdministrators() {
    Mutation merge = new Mutation.Merge(Entry.of(HybridTimestamp.ZERO, new Flag(true)));
    Caller administrator = caller("root", grant("", Role.ADMIN));
    Caller almost = caller("almost", grant("", Role.READ, Role.WRITE), grant("k", Role.ADMIN));
    Caller namesake = new Caller("peer", with(Role.ADMIN).rights(), Allowance.UNLIMITED);
    assertFalse(isForbidden(send(Caller.PEER, "k", merge)));
    for (Caller caller : List.of(administrator, almost, namesake, Caller.ANONYMOUS)) {
      assertTrue(isForbidden(send(caller, "k", merge)), caller.toString());
    }
    shard.core().admitMerges(shard.nowMillis(), Duration.ofMinutes(1));
    assertFalse(isForbidden(send(administrator, "k", merge)));
    assertFalse(isForbidden(send(Caller.ANONYMOUS, "k", merge)));
    assertTrue(isForbidden(send(almost, "k", merge)));
    assertTrue(isForbidden(send(namesake, "shop/k", merge)));
  }

  /// Who may read a value can learn by which client it was written.
  @Test
  void nobodyUsesUpTheSequencesOfAnothersClient() {
    Origin victim = new Origin(10, 77, caller("victim", grant("", Role.WRITE)));
    Origin other = new Origin(11, 77, caller("other", grant("", Role.WRITE)));
    RequestContext context = shard.next();
    done(shard.send(other, bytes("a"), new Mutation.Increment(1), context));
    Reply reply = shard.send(victim, bytes("b"), new Mutation.Increment(1), context);
    assertFalse(done(reply).repeated());
    assertEquals(whole(1), shard.get("b"));
    assertTrue(done(shard.send(victim, bytes("b"), new Mutation.Increment(1), context)).repeated());
  }

  // Scans.

  private static List<String> keys(Frame.Scanned page) {
    assertEquals(Optional.empty(), page.failure());
    return page.keys().stream().map(key -> key.key().text()).toList();
  }

  private Frame.Scanned scan(Caller caller, String prefix) {
    return shard.scan(caller, new Frame.Scan(1, bytes(prefix), Optional.empty(), 1_000, true));
  }

  private static void assertForbidden(Frame.Scanned page) {
    assertEquals(ErrorCode.FORBIDDEN, page.failure().orElseThrow().code());
    assertEquals(List.of(), page.keys());
    assertFalse(page.more());
  }

  @Test
  void aScanIsWithinAPrefixThatMayBeRead() {
    for (String key : List.of("shop", "shop/a", "shop/b", "shops", "other")) {
      shard.mutate(key, new Mutation.Put(bytes("v")));
    }
    Caller reader = caller("r", grant("shop/", Role.READ));
    assertEquals(List.of("shop/a", "shop/b"), keys(scan(reader, "shop/")));
    assertEquals(List.of("shop/a"), keys(scan(reader, "shop/a")));
    for (String prefix : List.of("", "s", "shop", "shops", "other", "_trellis/")) {
      assertForbidden(scan(reader, prefix));
    }
    assertForbidden(scan(with(Role.WRITE), "shop/"));
    // A cursor leads nowhere else.
    for (String after : List.of("", "a", "shop/a", "shop/b", "shop0", "t")) {
      Frame.Scan from = new Frame.Scan(1, bytes("shop/"), Optional.of(bytes(after)), 9, true);
      for (Frame.ScannedKey key : shard.scan(reader, from).keys()) {
        assertTrue(key.key().text().startsWith("shop/"), key.toString());
      }
    }
  }

  @Test
  void keysOfTheSystemThatMayNotBeReadAreLeftOutPageByPage() {
    int secrets = 3_000; // more than a turn passes
    for (int number = 0; number < secrets; number++) {
      shard.mutate("_trellis/access%04d".formatted(number), new Mutation.Put(bytes("secret")));
    }
    for (String key : List.of("Z", "_", "_trellis/invocation/1", "_trellis/mailbox/m", "a", "b")) {
      shard.mutate(key, new Mutation.Put(bytes("v")));
    }
    List<String> shown = List.of("Z", "_", "_trellis/mailbox/m", "a", "b");
    Caller reader = caller("r", grant("", Role.READ));
    for (int limit : List.of(1, 2, 1_000)) {
      List<String> found = new ArrayList<>();
      Optional<Payload> after = Optional.empty();
      for (boolean more = true; more; ) {
        Frame.Scanned page =
            shard.scan(reader, new Frame.Scan(1, Payload.EMPTY, after, limit, true));
        found.addAll(keys(page));
        more = page.more();
        after = page.keys().isEmpty() ? after : Optional.of(page.keys().getLast().key());
      }
      assertEquals(shown, found, "pages of " + limit);
    }
    Caller administrator = caller("root", grant("", Role.ADMIN));
    assertEquals(
        secrets + shown.size() + 1,
        shard
            .scan(administrator, new Frame.Scan(1, Payload.EMPTY, Optional.empty(), 9_999, false))
            .keys()
            .size());
  }

  /// Who was told such a name may use it; nobody is told those of others.
  @Test
  void namesDrawnByChanceAreListedToNobodyWhoWasNotGrantedThem() {
    List<String> names =
        List.of(
            "_trellis/agent-hosts",
            "_trellis/agent-mail/replies/x",
            "_trellis/future/x",
            "_trellis/invocation/x");
    names.forEach(name -> shard.mutate(name, new Mutation.Put(bytes("v"))));
    Caller reader = caller("r", grant("", Role.READ), grant("scratch/", Role.WRITE));
    for (String prefix : List.of("", "_", "_trellis")) {
      assertEquals(List.of(), keys(scan(reader, prefix)), prefix);
      assertEquals(names, keys(scan(caller("root", grant("", Role.ADMIN)), prefix)), prefix);
      assertEquals(
          List.of("_trellis/future/x"),
          keys(
              scan(
                  caller("f", grant("", Role.READ), grant("_trellis/future/", Role.READ)), prefix)),
          prefix);
    }
    assertEquals(value("v"), viewOf(send(reader, "_trellis/future/x", Read.Get.ANY)));
    done(send(reader, "_trellis/future/x", new Mutation.Put(bytes("w"))));
  }

  /// The answer to a write that is refused is no way to read.
  @Test
  void noRefusalTellsAWriterWhoMayNotReadHowLargeTheValueIs() {
    shard.mutate("shop/log", new Mutation.Append(listOf("abc", "def", "ghi")));
    Mutation append = new Mutation.Append(listOf("x"), 0, 1, 0);
    shard.mutate("shop/set", new Mutation.Add(Kind.GSET, List.of(Payload.of(new byte[9 << 20]))));
    Payload more = Payload.of(new byte[8 << 20]);
    Mutation add = new Mutation.Add(Kind.GSET, List.of(more));
    Caller writer = with(Role.WRITE);
    Caller both = with(Role.READ, Role.WRITE);
    assertEquals(
        "key \"shop/log\" is full: it may have 1 of any size",
        failed(ErrorCode.OVERLOADED, send(writer, "shop/log", append)).message());
    assertTrue(
        failed(ErrorCode.OVERLOADED, send(both, "shop/log", append))
            .message()
            .startsWith("key \"shop/log\" is full: it has 3 records of "));
    assertEquals(
        "key \"shop/set\" would hold too much; the limit is " + (16 << 20),
        failed(ErrorCode.VALUE_TOO_LARGE, send(writer, "shop/set", add)).message());
    assertTrue(
        failed(ErrorCode.VALUE_TOO_LARGE, send(both, "shop/set", add))
            .message()
            .contains(" bytes; the limit is "));
    Caller full =
        new Caller(
            "full", Rights.of(List.of(grant("shop/", Role.WRITE))), new Allowance(0, 0, 0, 1));
    shard.mutate("shop/v", new Mutation.Put(bytes("secret")));
    send(full, "shop/v", new Mutation.Put(bytes("")));
    for (int tick = 0; tick < 100; tick++) {
      shard.pass(Duration.ofMillis(10)); // until all is counted
    }
    Mutation put = new Mutation.Put(Payload.of(new byte[100]));
    String message = failed(ErrorCode.OVERLOADED, send(full, "shop/v", put)).message();
    assertTrue(message.contains("this adds more than is left"), message);
  }

  // Watches, and what waits.

  @Test
  void watchesNeedTheRightToReadAndTellNothingElse() {
    shard.mutate("shop/k", new Mutation.Put(bytes("v")));
    Origin writer = of(with(Role.WRITE));
    shard.watch(writer, 1, "shop/k");
    shard.watch(writer, 2, "shop/nothing");
    List<Reply> told = shard.drain(writer);
    assertEquals(2, told.size());
    told.forEach(reply -> failed(ErrorCode.FORBIDDEN, reply));
    assertEquals(told.get(0).generation(), told.get(1).generation());
    assertEquals(told.get(0).kind(), told.get(1).kind());
    shard.mutate("shop/k", new Mutation.Put(bytes("w")));
    assertEquals(List.of(), shard.drain(writer));
    assertEquals(0, shard.core().statistics().watches());
  }

  @Test
  void whatMayNotBeReadAnyMoreEndsWithTheChangeOfRights() {
    Origin before =
        of(caller("r", grant("a/", Role.READ), grant("b/", Role.READ), grant("b/w", Role.WRITE)));
    Origin after = before.with(caller("r", grant("b/", Role.READ)));
    assertEquals(before, after);
    shard.watch(before, 1, "a/k");
    shard.watch(before, 2, "b/k");
    assertEquals(2, shard.drain(before).size());
    Threshold one = new Threshold.AtLeast(Kind.COUNTER, 1);
    long onA = shard.await(before, "a/n", one, Duration.ofMinutes(1));
    long onB = shard.await(before, "b/n", one, Duration.ofMinutes(1));
    shard.takePending();

    shard.core().callerIs(after, shard.nowMillis(), shard);
    Reply ended = shard.takeAwaited().getFirst();
    assertEquals(onA, ended.id());
    failed(ErrorCode.FORBIDDEN, ended);
    assertEquals(List.of(after), shard.takePending());
    List<Reply> told = shard.drain(after);
    assertEquals(1, told.size());
    assertEquals(1, told.getFirst().id());
    failed(ErrorCode.FORBIDDEN, told.getFirst());

    shard.mutate("a/k", new Mutation.Put(bytes("v")));
    shard.mutate("b/k", new Mutation.Put(bytes("v")));
    shard.mutate("a/n", new Mutation.Increment(1));
    shard.mutate("b/n", new Mutation.Increment(1));
    assertEquals(List.of(value("v")), shard.drainViews(after));
    List<Reply> reached = shard.takeAwaited();
    assertEquals(List.of(onB), reached.stream().map(Reply::id).toList());
    assertEquals(1, shard.core().statistics().watches());
    shard.core().disconnected(after);
    assertEquals(0, shard.core().statistics().watches());
  }

  /// The shell tells the other shards of a change one after the other.
  @Test
  void aChangeOfRightsCountsForWatchesBeforeTheShardHasHeardOfIt() {
    Origin before = of(caller("r", grant("a/", Role.READ)));
    shard.watch(before, 1, "a/k");
    assertEquals(1, shard.drain(before).size());
    shard.mutate("a/k", new Mutation.Put(bytes("secret")));
    Origin after = before.with(caller("r"));
    List<Reply> told = shard.drain(after);
    assertEquals(1, told.size());
    failed(ErrorCode.FORBIDDEN, told.getFirst());
    assertEquals(List.of(), shard.drain(after));
    shard.core().callerIs(after, shard.nowMillis(), shard);
    assertEquals(List.of(), shard.drain(after));
  }

  @Test
  void requestsThatWaitForOtherReplicasEndWithTheChangeOfRights() {
    TestCluster cluster = TestCluster.of("a");
    TestCluster.Member joining = cluster.joinWithNothing("b");
    Origin before = of(caller("w", grant("a/", Role.WRITE), grant("b/", Role.WRITE)));
    for (long id = 1; id <= 2; id++) {
      RequestContext context =
          RequestContext.mutation(id, HybridTimestamp.of(cluster.nowMillis(), (int) id));
      String key = id == 1 ? "a/k" : "b/k";
      joining
          .core()
          .handle(
              before,
              new Request(id, bytes(key), new Mutation.Increment(1), context),
              cluster.nowMillis(),
              joining);
    }
    cluster.deliver();
    assertEquals(0, joining.replies());
    Origin after = before.with(caller("w", grant("b/", Role.WRITE)));
    joining.core().callerIs(after, cluster.nowMillis(), joining);
    assertEquals(1, joining.replies());
    assertEquals(1, joining.lastReply().id());
    failed(ErrorCode.FORBIDDEN, joining.lastReply());
    cluster.release();
    cluster.pass(100);
    assertEquals(2, joining.replies());
    done(joining.lastReply());
    assertEquals(Entry.BOTTOM, joining.entryOf("a/k"));
    assertNotEquals(Entry.BOTTOM, joining.entryOf("b/k"));
  }

  // The plain way.

  private static final List<String> PARTS =
      List.of(
          "a", "a/", "a/b", "b", "ab", "", "_trellis/", "_trellis/commit/1", "_trellis/mailbox/a/");

  private static String key(RandomGenerator random) {
    String key = PARTS.get(random.nextInt(PARTS.size())) + PARTS.get(random.nextInt(3));
    return key.isEmpty() ? "a" : key;
  }

  private static Caller randomCaller(RandomGenerator random) {
    List<Grant> grants = new ArrayList<>();
    for (int number = random.nextInt(4); number > 0; number--) {
      Set<Role> roles = new HashSet<>();
      for (Role role : Role.values()) {
        if (random.nextInt(3) == 0) {
          roles.add(role);
        }
      }
      grants.add(new Grant(bytes(PARTS.get(random.nextInt(PARTS.size()))), roles));
    }
    return new Caller("c" + random.nextInt(3), Rights.of(grants), Allowance.UNLIMITED);
  }

  /// Batches of requests on the bytes in place, against the same as objects; and both against the
  /// rights.
  @Test
  void plainRequestsAreCheckedAsOthersAre() {
    Seeds.forAll(300, RightsOnShardTest::checkPlain);
  }

  private static void checkPlain(RandomGenerator random) {
    TestShard plainly = new TestShard();
    TestShard ordinarily = new TestShard();
    PlainRequests plain = new PlainRequests(plainly.config().limits());
    for (int round = 0; round < 10; round++) {
      Origin origin = of(randomCaller(random));
      List<Request> batch = new ArrayList<>();
      for (int number = 1 + random.nextInt(6); number > 0; number--) {
        boolean isPut = random.nextBoolean();
        batch.add(
            new Request(
                number,
                bytes(key(random)),
                isPut ? new Mutation.Put(bytes("v" + random.nextInt(9))) : Read.Get.ANY,
                isPut ? plainly.next() : RequestContext.READ));
      }
      List<Reply> expected = new ArrayList<>();
      Replies two = new Replies(expected);
      batch.forEach(one -> ordinarily.core().handle(origin, one, ordinarily.nowMillis(), two));
      List<Reply> replies = new ArrayList<>();
      Replies out = new Replies(replies);
      byte[] frame = FrameCodec.encode(new Frame.Batch(batch));
      assertTrue(plain.accept(frame, 0, frame.length));
      while (plain.next()) {
        plainly.core().handle(origin, plain, plainly.nowMillis(), out);
      }
      assertEquals(expected, replies);
      for (int at = 0; at < batch.size(); at++) {
        Request request = batch.get(at);
        Role role = request.operation() instanceof Read ? Role.READ : Role.WRITE;
        assertEquals(
            origin.caller().rights().allow(role, request.key()),
            !isForbidden(replies.get(at)),
            request + " of " + origin);
      }
    }
  }

  private record Replies(List<Reply> all) implements Outbox {
    @Override
    public void reply(Origin origin, Reply reply) {
      all.add(reply);
    }

    @Override
    public void changesPending(Origin origin) {}
  }

  @Test
  void aBatchHasOneOutcomePerKey() {
    PlainRequests plain = new PlainRequests(shard.config().limits());
    List<Request> batch = new ArrayList<>();
    for (String key : List.of("shop/a", "other", "shop/b", "shop")) {
      batch.add(new Request(batch.size(), bytes(key), new Mutation.Put(bytes("v")), shard.next()));
    }
    byte[] frame = FrameCodec.encode(new Frame.Batch(batch));
    assertTrue(plain.accept(frame, 0, frame.length));
    List<Reply> replies = new ArrayList<>();
    while (plain.next()) {
      shard.core().handle(of(with(Role.WRITE)), plain, shard.nowMillis(), new Replies(replies));
    }
    assertInstanceOf(Outcome.Done.class, replies.get(0).outcome());
    assertTrue(isForbidden(replies.get(1)));
    assertInstanceOf(Outcome.Done.class, replies.get(2).outcome());
    assertTrue(isForbidden(replies.get(3)));
    assertEquals(missing(), shard.get("other"));
    assertEquals(value("v"), shard.get("shop/b"));
    assertEquals(2, shard.core().statistics().refusals(ErrorCode.FORBIDDEN));
  }
}
