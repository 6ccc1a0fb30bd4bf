package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.trellis.access.Caller;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
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
import java.util.Optional;
import java.util.Set;

/// A shard that owns every key, whose time stands still until the test moves it, and a client that
/// stamps and numbers its mutations as clients must.
final class TestShard implements Outbox {
  static final long START_MILLIS = 1_700_000_000_000L;
  static final long INCARNATION = 0x5eed;
  static final Origin CLIENT = new Origin(1, 77, Caller.ANONYMOUS);
  static final Origin OTHER = new Origin(2, 78, Caller.ANONYMOUS);
  static final Origin PEER = new Origin(3, 0, Caller.PEER);

  private final ShardConfig config;
  private final MemoryStore store = new MemoryStore();
  private final ShardCore core;
  private final HybridLogicalClock clientClock = new HybridLogicalClock(Long.MAX_VALUE / 2);
  private final List<Reply> replies = new ArrayList<>();
  private final List<Origin> pending = new ArrayList<>();
  private final Set<Long> awaits = new HashSet<>(); // ids
  private final List<Reply> awaited = new ArrayList<>();
  private final PlainRequests plain;
  private long nowMillis = START_MILLIS;
  private long sequence;
  private long nextId = 1;

  TestShard() {
    this(defaults());
  }

  TestShard(ShardConfig config) {
    this.config = config;
    this.plain = new PlainRequests(config.limits());
    this.core = new ShardCore(config, store);
  }

  static ShardConfig defaults() {
    return ShardConfig.of("n1", 0, 1, INCARNATION);
  }

  static ShardConfig withMemory(long bytesMax) {
    ShardConfig d = defaults();
    return config(d.limits(), d.tombstoneGrace(), bytesMax, d.clientsMax(), d.watchesMax());
  }

  static ShardConfig withLimits(Limits limits) {
    ShardConfig d = defaults();
    return config(limits, d.tombstoneGrace(), d.bytesMax(), d.clientsMax(), d.watchesMax());
  }

  static ShardConfig withWatches(int watchesMax) {
    ShardConfig d = defaults();
    return config(d.limits(), d.tombstoneGrace(), d.bytesMax(), d.clientsMax(), watchesMax);
  }

  static ShardConfig withClients(int clientsMax) {
    ShardConfig d = defaults();
    return config(d.limits(), d.tombstoneGrace(), d.bytesMax(), clientsMax, d.watchesMax());
  }

  static ShardConfig withGrace(Duration grace) {
    ShardConfig d = defaults();
    return config(d.limits(), grace, d.bytesMax(), d.clientsMax(), d.watchesMax());
  }

  private static ShardConfig config(
      Limits limits, Duration grace, long memoryBytesMax, int clientsMax, int watchesMax) {
    ShardConfig d = defaults();
    return new ShardConfig(
        d.nodeId(),
        d.shard(),
        d.shardCount(),
        d.incarnation(),
        limits,
        d.clockSkewMax(),
        grace,
        memoryBytesMax,
        clientsMax,
        watchesMax);
  }

  static Payload bytes(String text) {
    return Payload.ofText(text);
  }

  static List<Payload> listOf(String... texts) {
    return java.util.Arrays.stream(texts).map(Payload::ofText).toList();
  }

  ShardCore core() {
    return core;
  }

  MemoryStore store() {
    return store;
  }

  ShardConfig config() {
    return config;
  }

  long nowMillis() {
    return nowMillis;
  }

  /// Lets time pass and the shard do what time brings.
  void pass(Duration time) {
    nowMillis += time.toMillis();
    core.tick(nowMillis, this);
  }

  /// Lets time pass, and ticks often enough for the shard to have gone round all it holds.
  void passAndSweep(Duration time) {
    long end = nowMillis + time.toMillis();
    for (int tick = 0; tick < 100; tick++) {
      nowMillis = Math.max(nowMillis, end - 100 + tick);
      core.tick(nowMillis, this);
    }
    nowMillis = end;
    core.tick(nowMillis, this);
  }

  /// The shard's clock goes on without a tick: as if it had just not been called.
  void passUnnoticed(Duration time) {
    nowMillis += time.toMillis();
  }

  /// What the client's next mutation carries.
  RequestContext next() {
    return RequestContext.mutation(++sequence, clientClock.tick(nowMillis));
  }

  Reply send(Origin origin, Payload key, Operation operation, RequestContext context) {
    replies.clear();
    long id = nextId++;
    Request request = new Request(id, key, operation, context);
    byte[] message = FrameCodec.encode(new Frame.Single(request));
    // A plain request must be answered alike on both ways that it can go.
    if (id % 2 == 0 && plain.accept(message, 0, message.length) && plain.next()) {
      core.handle(origin, plain, nowMillis, this);
    } else {
      core.handle(origin, request, nowMillis, this);
    }
    assertEquals(1, replies.size(), "replies to one request");
    Reply reply = replies.get(0);
    assertEquals(id, reply.id());
    return reply;
  }

  Reply send(String key, Operation operation, RequestContext context) {
    return send(CLIENT, bytes(key), operation, context);
  }

  Reply mutate(String key, Mutation mutation) {
    return send(key, mutation, next());
  }

  Reply mutateFor(String key, Mutation mutation, Duration ttl) {
    return send(key, mutation, next().withTtlMillis(ttl.toMillis()));
  }

  /// As a replica of the same cluster.
  Reply merge(String key, Entry entry) {
    RequestContext context = RequestContext.mutation(0, HybridTimestamp.ZERO);
    return send(PEER, bytes(key), new Mutation.Merge(entry), context);
  }

  Reply read(String key, Read read) {
    return send(key, read, RequestContext.READ);
  }

  /// What a reader of any kind sees.
  View get(String key) {
    return viewOf(read(key, Read.Get.ANY));
  }

  /// What a reader of a field sees.
  View field(String key, String field) {
    return viewOf(read(key, new Read.Field(bytes(field), Read.Get.ANY)));
  }

  Entry entry(String key) {
    return core.entryOf(bytes(key));
  }

  static Outcome.Done done(Reply reply) {
    return assertInstanceOf(Outcome.Done.class, reply.outcome(), reply::toString);
  }

  static View viewOf(Reply reply) {
    return done(reply).view();
  }

  static long changed(Reply reply) {
    return done(reply).changed();
  }

  static Outcome.Failed failed(ErrorCode code, Reply reply) {
    Outcome.Failed failed =
        assertInstanceOf(Outcome.Failed.class, reply.outcome(), reply::toString);
    assertEquals(code, failed.code(), failed.message());
    return failed;
  }

  // Threshold reads.

  /// Waits for a threshold.
  ///
  /// @return the id of the request
  long await(Origin origin, String key, Threshold threshold, Duration timeout) {
    long id = nextId++;
    RequestContext read = RequestContext.READ;
    RequestContext context =
        new RequestContext(
            0,
            false,
            read.timestamp(),
            read.generation(),
            read.acknowledgement(),
            read.read(),
            0,
            timeout.toMillis(),
            0);
    Request request = new Request(id, bytes(key), new Read.Await(threshold), context);
    awaits.add(id);
    core.handle(origin, request, nowMillis, this);
    return id;
  }

  /// The answers to threshold reads since the last call.
  List<Reply> takeAwaited() {
    List<Reply> told = List.copyOf(awaited);
    awaited.clear();
    return told;
  }

  // Watches.

  void watch(Origin origin, long id, String key) {
    core.watch(origin, new Frame.Watch(id, bytes(key), Optional.empty()), nowMillis, this);
  }

  /// The origins that were told since the last call that there are changes.
  List<Origin> takePending() {
    List<Origin> told = List.copyOf(pending);
    pending.clear();
    return told;
  }

  /// All that the origin has yet to be told.
  List<Reply> drain(Origin origin) {
    List<Reply> told = new ArrayList<>();
    for (Optional<Frame.Changed> change = core.nextChange(origin, nowMillis);
        change.isPresent();
        change = core.nextChange(origin, nowMillis)) {
      told.add(change.get().reply());
    }
    return told;
  }

  List<View> drainViews(Origin origin) {
    return drain(origin).stream().map(TestShard::viewOf).toList();
  }

  // Scans.

  Frame.Scanned scan(String prefix, Optional<Payload> after, int limit, boolean withValues) {
    return scan(new Frame.Scan(nextId++, bytes(prefix), after, limit, withValues));
  }

  /// The page of a scan, in as many turns as it takes.
  Frame.Scanned scan(Frame.Scan scan) {
    return scan(Caller.ANONYMOUS, scan);
  }

  Frame.Scanned scan(Caller caller, Frame.Scan scan) {
    Frame.Scan left = scan;
    while (true) {
      switch (core.scan(caller, left, nowMillis)) {
        case ScanTurn.Done(Frame.Scanned page) -> {
          return page;
        }
        case ScanTurn.Unfinished(Frame.Scan rest) -> left = rest;
      }
    }
  }

  @Override
  public void reply(Origin origin, Reply reply) {
    (awaits.remove(reply.id()) ? awaited : replies).add(reply);
  }

  @Override
  public void changesPending(Origin origin) {
    pending.add(origin);
  }

  // Views, to compare with.

  static View missing() {
    return new View.Missing();
  }

  static View whole(long value) {
    return new View.Whole(value);
  }

  static View value(String text) {
    return new View.Bytes(bytes(text), 0);
  }

  static View elements(String... texts) {
    return new View.Elements(listOf(texts));
  }

  static CausalContext nothingSeen() {
    return CausalContext.EMPTY;
  }
}
