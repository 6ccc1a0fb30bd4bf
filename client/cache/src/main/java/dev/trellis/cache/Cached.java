package dev.trellis.cache;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Confirmation;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The copy of one key: a state, and what is known of how new it is. Immutable; each change makes
/// another one.
///
/// Problem: what a reader saw, and what was written here, must be seen by the next reader, although
/// states come from several replicas, each of which may be behind. Merging all of them would do,
/// but for one thing: what all replicas have deleted and forgotten would come back with the next
/// merge, and stay. So a state that is told on one connection replaces the one before, which came
/// from the same replica, and merged into it is only a *floor*: what others have told, or what was
/// written here, and only until the replica says that it has all of a time later than that.
final class Cached {
  /// Of what is not counted otherwise: the cache's own node, this object, the key's.
  private static final int OVERHEAD_BYTES = 320;

  private static final long NANOS_PER_MILLI = 1_000_000;

  private final Payload key;
  private final Hold hold;
  private final Entry base; // what the replica told that is subscribed to, or was asked last
  private final boolean isTold; // the former: what it tells next is the same and more
  private final @Nullable Entry floor; // what must be seen beside that, if anything
  private final HybridTimestamp floorUntil; // when a base is as of a later time, the floor is in it
  private final Entry visible; // both together
  private final HybridTimestamp clock; // the latest of the shards that told them
  private final HybridTimestamp asOf; // all that was first written up to then is visible
  private final Confirmation known; // by the last question, or by a connection that is gone
  private @Nullable Answer last; // any thread's, and immutable: whichever is seen will do

  /// An answer that time does not change, good until more is known of its age.
  private record Answer(Read read, Confirmation confirmation, Reply reply) {}

  private Cached(
      Payload key,
      Hold hold,
      Entry base,
      boolean isTold,
      @Nullable Entry floor,
      HybridTimestamp floorUntil,
      HybridTimestamp clock,
      HybridTimestamp asOf,
      Confirmation known) {
    Entry merged = floor == null ? base : base.merge(floor);
    boolean needed = merged != base;
    this.key = key;
    this.hold = hold;
    this.base = base;
    this.isTold = isTold;
    this.floor = needed ? floor : null;
    this.floorUntil = needed ? floorUntil : HybridTimestamp.ZERO;
    this.visible = merged;
    this.clock = clock;
    this.asOf = asOf;
    this.known = known;
  }

  /// What was answered to a question that was sent at a time.
  ///
  /// @param reply to a `State`, with a receipt
  static Cached loaded(Payload key, Hold hold, Reply reply, long sentNanos, long sentMillis) {
    HybridTimestamp asOf = reply.receipt().asOf();
    return new Cached(
        key,
        hold,
        stateOf(reply),
        false,
        null,
        HybridTimestamp.ZERO,
        reply.clock(),
        asOf,
        new Confirmation(true, sentNanos, sentMillis, reply.clock(), asOf));
  }

  private static Entry stateOf(Reply reply) {
    return ((Outcome.Done) reply.outcome()).view() instanceof View.State state
        ? state.entry()
        : Entry.BOTTOM;
  }

  /// This with what was loaded after it. That may come from another replica than the one that is
  /// subscribed to, which will not tell it next, so it becomes the floor then.
  Cached with(Cached loaded) {
    boolean isWhole = loaded.asOf.isAfter(clock); // and has all that is here
    if (isWhole && !isTold) {
      return new Cached(
          key,
          hold,
          loaded.base,
          false,
          null,
          HybridTimestamp.ZERO,
          loaded.clock,
          loaded.asOf,
          loaded.known);
    }
    Entry more = isWhole || floor == null ? loaded.visible : floor.merge(loaded.visible);
    return new Cached(
        key,
        hold,
        base,
        isTold,
        more,
        floorUntil.max(loaded.clock),
        clock.max(loaded.clock),
        asOf.max(loaded.asOf),
        loaded.known);
  }

  /// This with what was written here.
  ///
  /// @param at the clock of the shard when it was done
  Cached withWritten(Entry delta, HybridTimestamp at) {
    return new Cached(
        key,
        hold,
        base,
        isTold,
        floor == null ? delta : floor.merge(delta),
        floorUntil.max(at),
        clock.max(at),
        asOf,
        known);
  }

  /// This with a state that a subscription told.
  ///
  /// @param first whether it may come from another replica than the one before
  Cached told(Reply reply, boolean first) {
    HybridTimestamp upTo = reply.receipt().asOf();
    Entry kept = floor;
    HybridTimestamp keptUntil = floorUntil;
    Confirmation knownNow = known;
    if (first || !isTold) {
      kept = visible;
      keptUntil = clock;
      knownNow = later(known, hold.confirmation());
    }
    if (kept != null && upTo.isAfter(keptUntil)) {
      kept = null;
    }
    return new Cached(
        key,
        hold,
        stateOf(reply),
        true,
        kept,
        keptUntil,
        clock.max(reply.clock()),
        asOf.max(upTo).max(knownNow.asOf()),
        knownNow);
  }

  private static Confirmation later(Confirmation a, Confirmation b) {
    if (b.equals(Confirmation.NONE) || b.sentNanos() - a.sentNanos() < 0) {
      return a;
    }
    return b.asOf().compareTo(a.asOf()) >= 0 ? b : a;
  }

  Hold hold() {
    return hold;
  }

  Entry visible() {
    return visible;
  }

  /// About what it takes on the heap. O(kinds) for most.
  long bytes() {
    long own = floor == null ? 0 : base.memoryBytes();
    return OVERHEAD_BYTES + key.size() + own + visible.memoryBytes();
  }

  // ---- How new it is ----

  /// Whether a shard has confirmed this within a time.
  ///
  /// @param confirmation of the subscription
  boolean isConfirmed(Confirmation confirmation, long withinNanos, long nanos, long millis) {
    return (confirmation.live() && elapsed(confirmation, nanos, millis) <= withinNanos)
        || elapsed(known, nanos, millis) <= withinNanos;
  }

  /// Whether this surely has all that others wrote up to a time ago.
  boolean isWithin(Confirmation confirmation, long withinNanos, long nanos, long millis) {
    return staleness(confirmation, nanos, millis) <= withinNanos
        || staleness(known, nanos, millis) <= withinNanos;
  }

  /// Up to when it has all that was first written.
  HybridTimestamp asOf(Confirmation confirmation) {
    return asOf.max(confirmation.asOf());
  }

  /// Nobody has confirmed it for so long that nothing speaks for keeping it.
  boolean isForgotten(long afterNanos, long nanos, long millis) {
    Confirmation confirmation = hold.confirmation();
    return elapsed(known, nanos, millis) > afterNanos
        && (confirmation.equals(Confirmation.NONE)
            || elapsed(confirmation, nanos, millis) > afterNanos);
  }

  /// How long ago a shard was asked. The later of both clocks' words.
  private static long elapsed(Confirmation confirmation, long nanos, long millis) {
    return Math.max(
        nanos - confirmation.sentNanos(), (millis - confirmation.sentMillis()) * NANOS_PER_MILLI);
  }

  /// By how much that is behind: since the shard was asked, and what it knew itself to be behind
  /// then. Both are differences on one clock each, so this machine's may be wrong.
  private static long staleness(Confirmation confirmation, long nanos, long millis) {
    if (confirmation.asOf().equals(HybridTimestamp.ZERO)) {
      return Long.MAX_VALUE;
    }
    long lagMillis = Math.max(0, confirmation.clock().millis() - confirmation.asOf().millis());
    // A millisecond more, since that is as exact as the two times are.
    return elapsed(confirmation, nanos, millis) + (lagMillis + 1) * NANOS_PER_MILLI;
  }

  // ---- Reading ----

  /// The answer to a read, as a shard would give it that has this state.
  ///
  /// @throws Refusal if the entry holds another kind than the read needs
  Reply answer(Read read, Confirmation confirmation, long nanos, long millis) throws Refusal {
    Answer before = last;
    if (before != null && before.read == read && before.confirmation == confirmation) {
      return before.reply;
    }
    long shardMillis = shardMillis(confirmation, nanos, millis);
    Receipt receipt = Receipt.NONE.told(asOf(confirmation), Receipt.Served.CACHE);
    Reply reply = answer(read, receipt, shardMillis);
    if (isSmall(reply) && visible.nextExpiry(shardMillis).isEmpty()) {
      last = new Answer(read, confirmation, reply);
    }
    return reply;
  }

  /// As [#answer(Read, Confirmation, long, long)], of the state that was just loaded.
  Reply answer(Read read, Receipt receipt, long shardMillis) throws Refusal {
    View view = EntryReader.read(visible, read, shardMillis, "key " + key);
    List<Value<?>> live = visible.liveValues(shardMillis);
    boolean one = live.size() == 1;
    return new Reply(
        0,
        new Outcome.Done(view, 0, false),
        visible.generation(),
        one ? Kind.ofNumber(live.get(0).kindNumber()) : Optional.empty(),
        one ? EntryReader.contextOf(live.get(0)) : CausalContext.EMPTY,
        receipt,
        clock,
        0);
  }

  /// Whether keeping it takes next to nothing beside the state.
  private static boolean isSmall(Reply reply) {
    return switch (((Outcome.Done) reply.outcome()).view()) {
      case View.Bytes bytes -> true;
      case View.Whole whole -> true;
      case View.Truth truth -> true;
      case View.Prioritized prioritized -> true;
      case View.Missing missing -> true;
      case View.State state -> true;
      default -> false;
    };
  }

  static boolean isMissing(Reply reply) {
    return ((Outcome.Done) reply.outcome()).view() instanceof View.Missing;
  }

  /// About what the shards' clocks show, by which things expire: what one showed when it was asked
  /// last, and the time since.
  private long shardMillis(Confirmation confirmation, long nanos, long millis) {
    Confirmation latest = later(known, confirmation);
    return Math.max(
        clock.millis(), latest.clock().millis() + elapsed(latest, nanos, millis) / NANOS_PER_MILLI);
  }
}
