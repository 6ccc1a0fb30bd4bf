package dev.trellis.node.shard;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The state of one shard: the one writer of its keys. A state machine: requests and the time come
/// in as arguments, replies go out through an [Outbox]. Reads no clock, opens no socket, starts no
/// thread; Netty's event loop drives it in production and a seeded simulator in tests.
///
/// The way of a mutation: is the key ours and the request well-formed, was it carried out before
/// ([RepeatWindow]), is its stamp believable, is its generation the entry's; then [Writer] makes a
/// delta of it, which is merged, stored, and told to the watchers. All refusals happen before
/// anything is changed, so a definite failure leaves no trace.
///
/// Confined to one thread; only [#statistics] may be read by others.
public final class ShardCore {
  /// What a tick examines, at most, for the dead whose memory can be freed: so many slots, and no
  /// more once they weigh so much, as looking through a map costs time for each field.
  private static final int SWEEP_SLOTS = 256;

  private static final long SWEEP_BYTES = 1 << 20;

  /// The dead are looked for this many times within the grace period, and not less often than once
  /// in so long.
  private static final int SWEEPS_PER_GRACE = 16;

  private static final Duration SWEEP_PAUSE_MAX = Duration.ofMinutes(1);

  /// Weight at which a page of a scan is full, whatever its limit.
  private static final long SCAN_PAGE_BYTES = 1 << 20;

  /// What a value's fixed parts may add to its payload before it counts as too large.
  private static final long WEIGHT_ALLOWANCE = 1 << 10;

  /// The only ring there is while a node stands alone.
  public static final long RING_VERSION = 1;

  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  private final ShardConfig config;
  private final Store store;
  private final HybridLogicalClock clock;
  private final RepeatWindow repeats;
  private final Watches watches = new Watches();
  private final ShardStatistics statistics = new ShardStatistics();
  private long nextBirth; // counts up; never reused within an incarnation
  private Optional<Payload> sweptTo = Optional.empty(); // where the next tick goes on, in a round
  private long sweepMillis; // when the last round through the store began

  public ShardCore(ShardConfig config, Store store) {
    this.config = config;
    this.store = store;
    this.clock = new HybridLogicalClock(config.clockSkewMax().toMillis());
    this.repeats = new RepeatWindow(config.clientsMax());
  }

  /// Handles one request that arrived at `nowMillis`, and answers it exactly once.
  public void handle(Origin origin, Request request, long nowMillis, Outbox out) {
    RequestContext context = request.context();
    clock.observe(context.timestamp(), nowMillis);
    Reply reply;
    try {
      requireOurs(request.key());
      reply =
          switch (request.operation()) {
            case Read read -> read(request, read, nowMillis);
            case Mutation mutation -> mutate(origin, request, mutation, nowMillis, out);
          };
    } catch (Refusal refusal) {
      reply = refused(request, refusal, nowMillis);
    }
    count(request, reply);
    out.reply(origin, reply);
  }

  /// Starts to tell the origin the state of a key, now and after each change.
  public void watch(Origin origin, Frame.Watch watch, long nowMillis, Outbox out) {
    boolean wasIdle;
    try {
      requireOurs(watch.key());
      if (watches.has(origin, watch.id())) {
        throw new Refusal(
            ErrorCode.BAD_REQUEST, "watch " + watch.id() + " exists; choose another id");
      }
      if (watches.countOf(origin) >= config.watchesMax()) {
        throw new Refusal(
            ErrorCode.OVERLOADED,
            "this connection has " + config.watchesMax() + " watches already; open another one");
      }
      wasIdle = watches.add(origin, watch);
      watches.expires(watch.key(), entryOf(watch.key()).nextExpiry(nowMillis));
    } catch (Refusal refusal) {
      Request asked = asRead(watch);
      Frame.Changed ended = new Frame.Changed(refused(asked, refusal, nowMillis));
      wasIdle = watches.refuse(origin, ended);
    }
    levelStatistics();
    if (wasIdle) {
      out.changesPending(origin);
    }
  }

  /// Ends a watch; ids that name none are ignored.
  public void unwatch(Origin origin, long watchId) {
    watches.remove(origin, watchId);
    levelStatistics();
  }

  /// The next state that the origin has yet to be told; empty if it knows all. Several changes of
  /// one key since the last call are one. A watch whose read is refused ends with that.
  public Optional<Frame.Changed> nextChange(Origin origin, long nowMillis) {
    Frame.Changed refusal = watches.takeRefused(origin);
    if (refusal != null) {
      return Optional.of(refusal);
    }
    Watches.Watch watch = watches.takeChanged(origin);
    if (watch == null) {
      return Optional.empty();
    }
    statistics.countChange();
    Request asked = asRead(watch.asked());
    try {
      return Optional.of(new Frame.Changed(read(asked, (Read) asked.operation(), nowMillis)));
    } catch (Refusal refused) {
      watches.remove(origin, watch.asked().id());
      levelStatistics();
      return Optional.of(new Frame.Changed(refused(asked, refused, nowMillis)));
    }
  }

  /// Ends all watches of a connection that is gone.
  public void disconnected(Origin origin) {
    watches.removeAll(origin);
    levelStatistics();
  }

  /// A page of the live keys in byte order. Keys written while a scan is under way appear if they
  /// lie beyond its last page; keys that were there all the time appear exactly once.
  public Frame.Scanned scan(Frame.Scan scan, long nowMillis) {
    statistics.countScan();
    if (scan.limit() < 1 || scan.limit() > Limits.SCAN_KEYS_MAX) {
      return new Frame.Scanned(
          scan.id(),
          List.of(),
          false,
          Optional.of(
              new Outcome.Failed(
                  ErrorCode.BAD_REQUEST,
                  "scan limit " + scan.limit() + " is outside 1 to " + Limits.SCAN_KEYS_MAX)));
    }
    List<Frame.ScannedKey> found = new ArrayList<>();
    long weight = 0;
    Iterator<Slot> walk = store.scan(scan.prefix(), scan.after());
    while (walk.hasNext()) {
      Slot slot = walk.next();
      List<Value<?>> live = slot.entry().liveValues(nowMillis);
      if (live.isEmpty()) {
        continue;
      }
      if (found.size() == scan.limit() || weight >= SCAN_PAGE_BYTES) {
        return new Frame.Scanned(scan.id(), found, true, Optional.empty());
      }
      boolean shown = scan.withValues() && live.size() == 1;
      View view = shown ? Reader.whole(live.get(0), nowMillis) : new View.Nothing();
      weight += slot.key().size() + (shown ? live.get(0).weight() : 0);
      found.add(new Frame.ScannedKey(slot.key(), kindsOf(live), view));
    }
    return new Frame.Scanned(scan.id(), found, false, Optional.empty());
  }

  /// Does what time brings: tells watchers of expiries, frees the memory of the long dead. To be
  /// called about every 10 ms.
  public void tick(long nowMillis, Outbox out) {
    for (Map.Entry<Payload, Long> due = watches.takeExpired(nowMillis);
        due != null;
        due = watches.takeExpired(nowMillis)) {
      Payload key = due.getKey();
      Entry entry = entryOf(key);
      // The expiry may have been put off since it was noted.
      Optional<Long> expired = entry.nextExpiry(due.getValue() - 1);
      if (expired.isPresent() && expired.get() <= nowMillis) {
        watches.changed(key, out);
      }
      watches.expires(key, entry.nextExpiry(nowMillis));
    }
    sweep(nowMillis);
    levelStatistics();
  }

  /// Takes note of who belongs to the cluster. Before the first view the shard takes itself for the
  /// whole of it.
  public void membership(MembershipView view, long nowMillis, Outbox out) {}

  /// Has the shard take what it has for all there is: a new cluster starts with it.
  public void found() {}

  /// Takes a message of another replica.
  public void receive(Peer from, PeerMessage message, long nowMillis, Outbox out) {}

  /// Tells that messages to a peer may get through again, after some may have been lost.
  public void connected(Peer peer, long nowMillis, Outbox out) {}

  /// How far the shard has come with what the view asks of it; may be read by any thread.
  public ShardProgress progress() {
    return ShardProgress.NONE;
  }

  /// The shard's time: later than all it has seen, within the skew that it accepts.
  public HybridTimestamp clock(long nowMillis) {
    return clock.current(nowMillis);
  }

  /// What the shard has counted; may be read by any thread.
  public ShardStatistics statistics() {
    return statistics;
  }

  /// The entry of a key as it stands, dead ones included; for the simulator's checks.
  public Entry entryOf(Payload key) {
    return store.find(key).map(Slot::entry).orElse(Entry.BOTTOM);
  }

  private Reply read(Request request, Read read, long nowMillis) throws Refusal {
    Entry entry = entryOf(request.key());
    View view = Reader.read(entry, read, nowMillis, "key " + request.key());
    List<Value<?>> live = entry.liveValues(nowMillis);
    CausalContext seen = live.size() == 1 ? Reader.contextOf(live.get(0)) : CausalContext.EMPTY;
    return new Reply(
        request.id(),
        new Outcome.Done(view, 0, false),
        entry.generation(),
        kindOf(live),
        seen,
        Receipt.NONE,
        clock.current(nowMillis),
        RING_VERSION);
  }

  private Reply mutate(
      Origin origin, Request request, Mutation mutation, long nowMillis, Outbox out)
      throws Refusal {
    RequestContext context = request.context();
    if (context.sequence() < 0) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "the sequence " + context.sequence() + " is negative; clients count from 1");
    }
    switch (isRepeat(origin, context, mutation, nowMillis)) {
      case SEEN -> {
        statistics.countRepeat();
        return repeated(request, mutation, nowMillis);
      }
      case UNKNOWN ->
          throw new Refusal(
              ErrorCode.OUTCOME_UNKNOWN,
              "whether mutation "
                  + context.sequence()
                  + " was carried out before is no longer known here");
      case NEW -> {}
    }
    requireBelievable(context, mutation, nowMillis);
    if (mutation instanceof Mutation.Merge && !origin.principal().equals(Origin.PEER)) {
      throw new Refusal(
          ErrorCode.FORBIDDEN, "only replicas of the cluster merge entries as they stand");
    }
    Optional<Slot> slot = store.find(request.key());
    Entry held = slot.map(Slot::entry).orElse(Entry.BOTTOM);
    Entry before = inGeneration(held, request, mutation, nowMillis);
    long birth = slot.map(Slot::birth).orElse(nextBirth);
    Writer writer =
        new Writer(
            new WriteContext(
                context.timestamp(),
                origin.clientId(),
                context.ttlMillis(),
                nowMillis,
                clock.tick(nowMillis),
                config.incarnation(),
                birth,
                () -> nextBirth++));
    Writer.Written written = writer.write(before, mutation, "key " + request.key(), 0);
    // What changes nothing starts no generation either.
    Entry after = written.delta().equals(Entry.BOTTOM) ? held : written.after();
    // By identity: merging keeps an entry to which nothing new came, and comparing large sets costs
    // as much as their size.
    if (after != held) {
      requireRoom(slot, before, after, mutation, request.key());
      store.put(new Slot(request.key(), after, birth));
      if (watches.isWatched(request.key())) {
        watches.changed(request.key(), out);
        if (mutation instanceof Mutation.Merge) {
          watches.expires(request.key(), after.nextExpiry(nowMillis));
        } else {
          // Going through all fields of a map for each change of one would be too dear.
          writer.expiryGivenBy(mutation).ifPresent(at -> watches.expiresBy(request.key(), at));
        }
      }
    }
    if (context.sequence() != 0) {
      repeats.add(origin.clientId(), context.sequence(), context.repeat());
    }
    return new Reply(
        request.id(),
        acknowledged(
            context.acknowledgement(), new Outcome.Done(written.view(), written.changed(), false)),
        after.generation(),
        kindOf(after.liveValues(nowMillis)),
        written.dots(),
        new Receipt(1, 0),
        clock.current(nowMillis),
        RING_VERSION);
  }

  private RepeatWindow.Verdict isRepeat(
      Origin origin, RequestContext context, Mutation mutation, long nowMillis) {
    RepeatWindow.Verdict verdict =
        context.sequence() == 0
            // Without a number nobody can tell.
            ? context.repeat() ? RepeatWindow.Verdict.UNKNOWN : RepeatWindow.Verdict.NEW
            : repeats.verdict(origin.clientId(), context.sequence(), context.repeat());
    // What is idempotent may be done again, with its first stamp. One too old for that must not be
    // refused for it: the client would take it for not carried out, and stamp it anew.
    boolean harmless =
        mutation.isIdempotent()
            && (mutation instanceof Mutation.Merge
                || clock.withinSkew(context.timestamp(), nowMillis));
    return verdict == RepeatWindow.Verdict.UNKNOWN && harmless ? RepeatWindow.Verdict.NEW : verdict;
  }

  /// The answer to a mutation that was carried out before: the value as it is now.
  private Reply repeated(Request request, Mutation mutation, long nowMillis) {
    Entry entry = entryOf(request.key());
    View view = Reader.answer(entry, mutation, nowMillis);
    return new Reply(
        request.id(),
        acknowledged(request.context().acknowledgement(), new Outcome.Done(view, 0, true)),
        entry.generation(),
        kindOf(entry.liveValues(nowMillis)),
        CausalContext.EMPTY,
        new Receipt(1, 0),
        clock.current(nowMillis),
        RING_VERSION);
  }

  private Outcome acknowledged(Acknowledgement level, Outcome.Done done) {
    return switch (level) {
      case DEFAULT, ONE -> done;
      case REPLICATED, DURABLE ->
          new Outcome.Failed(
              ErrorCode.NOT_ENOUGH_REPLICAS,
              "1 copy reached of the 2 that '"
                  + level.word()
                  + "' asks for: node "
                  + config.nodeId()
                  + " is the only one of its cluster; it keeps the write");
    };
  }

  /// The entry as the request means it. A request for a later generation than ours starts that,
  /// unless the generation is so old that it may have been forgotten here: the key then lives again
  /// in an earlier one, which must not be lost to whoever remembers the old one.
  private Entry inGeneration(Entry entry, Request request, Mutation mutation, long nowMillis)
      throws Refusal {
    if (request.context().generation().isEmpty()) {
      return entry;
    }
    HybridTimestamp wanted = request.context().generation().get();
    // A write to an entry that has ended is made in the generation that follows, also if nobody
    // has written in that yet.
    HybridTimestamp current =
        mutation.kind().isEmpty()
            ? entry.generation()
            : Writer.writable(entry, mutation.kind().get(), nowMillis).generation();
    int order = wanted.compareTo(current);
    boolean forgotten =
        order > 0 && wanted.millis() <= forgottenUpTo(nowMillis) && !entry.isDead(nowMillis);
    if (order < 0 || forgotten) {
      throw Refusal.superseded(
          "key "
              + request.key()
              + " was deleted or expired since: the request is for generation "
              + wanted
              + ", the key is in "
              + current,
          current);
    }
    return order == 0 ? entry : Entry.empty(wanted);
  }

  /// Refuses stamps from too far away, so that one bad clock can't own a key for ever.
  private void requireBelievable(RequestContext context, Mutation mutation, long nowMillis)
      throws Refusal {
    boolean stamped = !(mutation instanceof Mutation.Merge);
    if (stamped && !clock.withinSkew(context.timestamp(), nowMillis)) {
      throw new Refusal(
          ErrorCode.CLOCK_SKEW,
          "the stamp "
              + context.timestamp()
              + " is more than "
              + clock.skewMaxMillis()
              + " ms away from this shard's time, "
              + nowMillis);
    }
    HybridTimestamp generation =
        mutation instanceof Mutation.Merge merge
            ? merge.entry().generation()
            : context.generation().orElse(HybridTimestamp.ZERO);
    if (generation.millis() - nowMillis > clock.skewMaxMillis()) {
      throw new Refusal(
          ErrorCode.CLOCK_SKEW,
          "the generation "
              + generation
              + " is more than "
              + clock.skewMaxMillis()
              + " ms ahead of this shard's time, "
              + nowMillis);
    }
    requireTtl(context.ttlMillis(), 0, "give none for a value that never expires");
    if (innermost(mutation) instanceof Mutation.Expire expire && expire.ttlMillis().isPresent()) {
      requireTtl(expire.ttlMillis().getAsLong(), 1, "expire without a ttl means never");
    }
  }

  private static void requireTtl(long millis, long min, String otherwise) throws Refusal {
    if (millis < min || millis > Limits.TTL_MILLIS_MAX) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "a ttl of " + millis + " ms is outside 1 to " + Limits.TTL_MILLIS_MAX + "; " + otherwise);
    }
  }

  /// What a mutation does in the end, in whatever field.
  private static Mutation innermost(Mutation mutation) {
    Mutation inner = mutation;
    while (inner instanceof Mutation.UpdateField update) {
      inner = update.mutation();
    }
    return inner;
  }

  /// Refuses what grows beyond the limits. What replicas send each other was let in by the first of
  /// them, so its size is not judged again.
  private void requireRoom(
      Optional<Slot> held, Entry before, Entry after, Mutation mutation, Payload key)
      throws Refusal {
    boolean merges = mutation instanceof Mutation.Merge;
    long limit = config.limits().valueBytesMax() + WEIGHT_ALLOWANCE;
    if (!merges && after.weight() > limit && after.weight() > before.weight()) {
      throw new Refusal(
          ErrorCode.VALUE_TOO_LARGE,
          "key "
              + key
              + " would hold "
              + after.weight()
              + " bytes; the limit is "
              + config.limits().valueBytesMax());
    }
    boolean frees = mutation instanceof Mutation.Delete || (merges && after.values().isEmpty());
    long growth = new Slot(key, after, 0).weight() - held.map(Slot::weight).orElse(0L);
    if (growth > 0 && !frees && store.weight() + growth > config.memoryBytesMax()) {
      throw new Refusal(
          ErrorCode.OUT_OF_MEMORY,
          "shard "
              + config.shard()
              + " of node "
              + config.nodeId()
              + " holds "
              + store.weight()
              + " of at most "
              + config.memoryBytesMax()
              + " bytes; delete something or add a node");
    }
  }

  private void requireOurs(Payload key) throws Refusal {
    if (key.isEmpty()) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "the key is empty; it must have 1 to " + config.limits().keyBytesMax() + " bytes");
    }
    if (key.size() > config.limits().keyBytesMax()) {
      throw new Refusal(
          ErrorCode.KEY_TOO_LONG,
          "the key has " + key.size() + " bytes; the limit is " + config.limits().keyBytesMax());
    }
    int owner = Partitions.STANDARD.shardOfKey(KeyHash.of(key), config.shardCount());
    if (owner != config.shard()) {
      throw new Refusal(
          ErrorCode.NOT_OWNER,
          "key "
              + key
              + " belongs to shard "
              + owner
              + " of node "
              + config.nodeId()
              + ", not to shard "
              + config.shard());
    }
  }

  private Reply refused(Request request, Refusal refusal, long nowMillis) {
    Entry entry = entryOf(request.key());
    Outcome.Failed outcome = refusal.outcome();
    boolean storageFull =
        outcome.code() == ErrorCode.OVERLOADED || outcome.code() == ErrorCode.OUT_OF_MEMORY;
    Outcome answer =
        storageFull
            ? new Outcome.Failed(outcome.code(), outcome.message(), Optional.of(RETRY_AFTER))
            : outcome;
    return new Reply(
        request.id(),
        answer,
        refusal.generation().orElse(entry.generation()),
        kindOf(entry.liveValues(nowMillis)),
        CausalContext.EMPTY,
        Receipt.NONE,
        clock.current(nowMillis),
        RING_VERSION);
  }

  private void count(Request request, Reply reply) {
    if (request.operation() instanceof Read) {
      statistics.countRead();
    } else {
      statistics.countMutation();
    }
    if (reply.outcome() instanceof Outcome.Failed failed) {
      statistics.countRefusal(failed.code());
    }
    levelStatistics();
  }

  private void levelStatistics() {
    statistics.level(store.size(), store.weight(), watches.count(), repeats.clientCount());
  }

  /// Examines some slots, going round the store, and forgets what has been dead for long. A node
  /// that stands alone is the only one that could know better, so grace and skew are all there is
  /// to wait for.
  private void sweep(long nowMillis) {
    long deadline = forgottenUpTo(nowMillis);
    if (deadline <= 0) {
      return;
    }
    if (sweptTo.isEmpty()) {
      if (Math.abs(nowMillis - sweepMillis) < sweepPauseMillis()) {
        return;
      }
      sweepMillis = nowMillis;
    }
    List<Slot> collected = new ArrayList<>();
    List<Slot> pruned = new ArrayList<>();
    Iterator<Slot> walk = store.scan(Payload.EMPTY, sweptTo);
    Payload last = null;
    long weight = 0;
    for (int examined = 0;
        examined < SWEEP_SLOTS && weight < SWEEP_BYTES && walk.hasNext();
        examined++) {
      Slot slot = walk.next();
      last = slot.key();
      weight += slot.weight();
      Entry entry = slot.entry();
      if (entry.isDead(nowMillis) && entry.endedAt().millis() <= deadline) {
        collected.add(slot);
        continue;
      }
      Entry kept = entry.withoutTombstones(HybridTimestamp.ofMillis(deadline));
      if (kept != entry) {
        pruned.add(slot.withEntry(kept));
      }
    }
    sweptTo = walk.hasNext() ? Optional.ofNullable(last) : Optional.empty();
    for (Slot slot : collected) {
      store.remove(slot.key());
      statistics.countCollected();
    }
    pruned.forEach(store::put);
  }

  private long sweepPauseMillis() {
    return Math.min(
        config.tombstoneGrace().toMillis() / SWEEPS_PER_GRACE, SWEEP_PAUSE_MAX.toMillis());
  }

  /// What ended then or before may be forgotten by `nowMillis`.
  private long forgottenUpTo(long nowMillis) {
    return nowMillis - config.tombstoneGrace().toMillis() - config.clockSkewMax().toMillis();
  }

  private Optional<Kind> kindOf(List<Value<?>> live) {
    if (live.size() > 1) {
      statistics.countKindConflict();
    }
    return live.size() == 1 ? Kind.ofNumber(live.get(0).kindNumber()) : Optional.empty();
  }

  private static List<Kind> kindsOf(List<Value<?>> live) {
    List<Kind> kinds = new ArrayList<>(live.size());
    for (Value<?> value : live) {
      @Nullable Kind kind = Kind.ofNumber(value.kindNumber()).orElse(null);
      if (kind != null) {
        kinds.add(kind);
      }
    }
    return kinds;
  }

  private static Request asRead(Frame.Watch watch) {
    return new Request(watch.id(), watch.key(), new Read.Get(watch.kind()), RequestContext.READ);
  }
}
