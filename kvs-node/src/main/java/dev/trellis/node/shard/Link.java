package dev.trellis.node.shard;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/// The way from this shard to one peer: changes that wait, merged per key; batches that were sent
/// and not acknowledged; and the keys whose whole state the peer shall get, which is read when
/// there is room to send it. What waits is bounded; see [#offer] and [#afterRepairs].
///
/// Batches are numbered and received in order, so whoever has acknowledged one has merged all
/// before it. Only a few are under way: while they are, further changes gather and merge, so the
/// more there is to do the larger batches are. A change too large for a message goes in parts,
/// states themselves; only with the last of them is it told that the whole has come.
///
/// A batch that leaves nothing behind is a watermark: all that was first written here is in it or
/// before it. That does not hold while there is a *gap*, something that may not have been given to
/// the peer: since changes were dropped, since the view changed, since something came from one who
/// does not hold it, and at first. Comparing with the peer closes it.
final class Link {
  /// Markers that wait, at most: twice as many as comparisons may be under way each way.
  static final int MARKERS_MAX = 4_096;

  /// Batches that may be under way. Where some get lost or overtake each other the next few go
  /// again and again, so that more of them would take longer to come.
  private static final int WINDOW_BATCHES = 8;

  /// With so many under way repairs wait, as long as any are under way: changes that somebody waits
  /// for must find room, and not much before them. One batch has room for repairs always, or they
  /// would never find any beside large writes.
  private static final int REPAIR_BATCHES = 4;

  /// A batch is merged at once, and whoever comes meanwhile waits: for a fraction of a millisecond.
  private static final long BATCH_BYTES = 64 << 10;

  private static final int BATCH_CHANGES = 256;
  private static final int SESSION_SHIFT = 40;
  private static final int BACKOFF_MAX = 8;

  /// About what a waiter takes besides its change.
  private static final int WAITER_BYTES = 512;

  /// An idle link tells its watermark so often, and once in the time between comparisons if that is
  /// shorter: about 30 bytes.
  private static final long WATERMARK_MILLIS = 1_000;

  /// Is told when the peer has merged what it waits for.
  interface Waiter {
    /// Takes note that the peer has merged it.
    ///
    /// @param leaving whether the peer is about to leave, so that it does not count as a holder
    /// @param ringVersion of the view of the cluster under which it merged; 0 if that is not known
    void acknowledged(Peer peer, boolean leaving, long ringVersion);

    /// Whether it also waits until the peer has it on disk.
    default boolean awaitsDisk() {
      return false;
    }

    /// Takes note that the peer has it on disk.
    default void durable(Peer peer) {}
  }

  /// Those who wait until the peer has all up to a batch on disk, which it has merged.
  private record Undurable(long sequence, List<Waiter> waiters) {}

  /// What waits for one key.
  private record Waiting(Entry entry, Optional<PlacementSetting> setting, boolean whole) {
    /// Whole is whole under one decision about the key's place only.
    Waiting merge(PeerMessage.Change change) {
      Optional<PlacementSetting> later = PlacementSetting.later(setting, change.placement());
      return new Waiting(
          entry.merge(change.entry()),
          later,
          (whole && setting.equals(later)) || (change.whole() && change.placement().equals(later)));
    }

    long weight(Payload key) {
      return weightOf(key, entry);
    }
  }

  /// A change that is being put into batches, part by part.
  private static final class Cut {
    private final PeerMessage.Change change;
    private final Iterator<Entry> parts;

    Cut(PeerMessage.Change change, long partBytesMax) {
      this.change = change;
      this.parts = change.entry().split(partBytesMax).iterator();
    }

    boolean isOf(Payload key) {
      return change.key().equals(key);
    }

    boolean hasNext() {
      return parts.hasNext();
    }

    PeerMessage.Change next() {
      Entry part = parts.next();
      boolean whole = change.whole() && !parts.hasNext();
      return new PeerMessage.Change(change.key(), part, change.placement(), whole);
    }
  }

  /// A batch under way.
  private static final class Batch {
    private final PeerMessage.Changes message;
    private final List<Waiter> waiters;
    private final Set<Payload> keys = new HashSet<>();
    private final boolean hasChanges;
    private final boolean hasRepairs;
    private final boolean large;
    private boolean timed; // whether its acknowledgement tells how free the way is
    private long sentMillis;

    Batch(
        PeerMessage.Changes message,
        List<Waiter> waiters,
        int fromBuffer,
        boolean large,
        boolean timed,
        long sentMillis) {
      this.message = message;
      this.waiters = waiters;
      this.hasChanges = fromBuffer > 0;
      this.hasRepairs = message.changes().size() > fromBuffer;
      this.large = large;
      this.timed = timed;
      this.sentMillis = sentMillis;
      message.changes().forEach(change -> keys.add(change.key()));
    }
  }

  /// Either a key whose state is to be sent, or something to do when all keys before it are in
  /// batches.
  private record Repair(@Nullable Payload key, @Nullable LongConsumer marker) {}

  /// Repairs that wait, in order.
  private static final class RepairQueue {
    private final ArrayDeque<Repair> waiting = new ArrayDeque<>();
    private final Set<Payload> keys = new HashSet<>(); // of those that are still to be sent
    private @Nullable Cut cut; // the next to go

    void add(Payload key) {
      if (keys.add(key)) {
        waiting.add(new Repair(key, null));
      }
    }

    boolean isEmpty() {
      return cut == null && waiting.isEmpty();
    }

    boolean concerns(Payload key) {
      return keys.contains(key) || (cut != null && cut.isOf(key));
    }
  }

  private final Peer peer;
  private final ReplicationConfig config;
  private final long partBytesMax;
  private final BooleanSupplier keepsOnDisk;
  private final boolean retransmits;
  private final LongUnaryOperator newSession;
  private final Map<Payload, Waiting> buffer = new LinkedHashMap<>();
  private List<Waiter> waiters = new ArrayList<>(); // of what is in the buffer
  private long bufferBytes;
  private long waiterBytes;
  private final ArrayDeque<Batch> window = new ArrayDeque<>();
  private final ArrayDeque<Undurable> undurable = new ArrayDeque<>();
  private long durable; // the peer has all batches up to this one on disk
  private int changeBatches; // in the window, those with changes
  private int repairBatches; // likewise those with repairs; may be the same
  private int largeBatches; // likewise those far beyond their goal
  private final QuickestWay quickest = new QuickestWay();
  private final RepairQueue awaited = new RepairQueue(); // those that somebody waits for
  private final RepairQueue repairs = new RepairQueue(); // all others
  private int markers; // in both
  private @Nullable Cut changeCut; // the next to go of the changes
  private long session;
  private long number; // of the last batch
  private long acknowledged; // the number up to which the peer has acknowledged
  private long bufferedMillis; // when the oldest in the buffer came
  private boolean urgent; // whether somebody waits for what is in the buffer
  private int backoff = 1;
  private long gaps = 1; // how often something may have been kept from the peer
  private long gapsClosed; // of those, how many have been made good, the first ones
  private long watermarkMillis = Long.MIN_VALUE; // when the last one was sent

  /// @param partBytesMax weight above which a state is sent in parts, at least 1
  /// @param keepsOnDisk whether the peer keeps what it merges on disk, and so tells of it
  /// @param newSession draws the number of a new session, greater than any before and than its
  ///   argument
  Link(
      Peer peer,
      ReplicationConfig config,
      long partBytesMax,
      BooleanSupplier keepsOnDisk,
      LongUnaryOperator newSession,
      boolean retransmits) {
    this.peer = peer;
    this.config = config;
    this.partBytesMax = partBytesMax;
    this.keepsOnDisk = keepsOnDisk;
    this.newSession = newSession;
    this.retransmits = retransmits;
    this.session = newSession.applyAsLong(0);
  }

  Peer peer() {
    return peer;
  }

  private static long weightOf(PeerMessage.Change change) {
    return weightOf(change.key(), change.entry());
  }

  private static long weightOf(Payload key, Entry entry) {
    return 64 + key.size() + entry.weight();
  }

  /// Takes a change in, to be sent within the epoch, or at once if `waiter` is given.
  ///
  /// @return whether there was room; else all that waits has to be dropped, and the peer compared
  ///   with
  boolean offer(PeerMessage.Change change, @Nullable Waiter waiter, long nowMillis) {
    put(change, nowMillis);
    if (waiter != null) {
      waiters.add(waiter);
      // It holds on to its change, while the one that waits here may be replaced.
      waiterBytes += WAITER_BYTES + change.entry().weight();
      urgent = true;
    }
    return bufferBytes + waiterBytes <= config.linkBytesMax();
  }

  private void put(PeerMessage.Change change, long nowMillis) {
    if (buffer.isEmpty()) {
      bufferedMillis = nowMillis;
    }
    Waiting before = buffer.get(change.key());
    Waiting after =
        before == null
            ? new Waiting(change.entry(), change.placement(), change.whole())
            : before.merge(change);
    buffer.put(change.key(), after);
    bufferBytes += after.weight(change.key()) - (before == null ? 0 : before.weight(change.key()));
  }

  /// Drops the changes that wait. Those who waited for them will not be told.
  void drop() {
    buffer.clear();
    changeCut = null;
    waiters.clear();
    bufferBytes = 0;
    waiterBytes = 0;
    urgent = false;
    gaps++;
  }

  /// Has the whole state of a key sent when there is room.
  void repair(Payload key) {
    repairs.add(key);
  }

  /// Has the whole states of keys sent, before any that nobody waits for, and then `marker` told as
  /// [#afterRepairs] does.
  ///
  /// @return false if too many wait already; then the marker will not be told
  boolean repairFirst(Collection<Payload> keys, LongConsumer marker) {
    for (Payload key : keys) {
      repairs.keys.remove(key); // once is enough
      awaited.add(key);
    }
    return mark(awaited, marker);
  }

  /// Has `marker` told the number of the batch that completes all repairs asked for so far.
  ///
  /// @return false if too many wait already, as with a peer that takes nothing; then this one will
  ///   not be told
  boolean afterRepairs(LongConsumer marker) {
    return mark(repairs, marker);
  }

  private boolean mark(RepairQueue queue, LongConsumer marker) {
    if (markers >= MARKERS_MAX) {
      return false;
    }
    markers++;
    queue.waiting.add(new Repair(null, marker));
    return true;
  }

  /// Has `waiter` told when all changes that were sent or wait so far are acknowledged; repairs
  /// count once they are in a batch, see [#afterRepairs].
  void afterAll(Waiter waiter) {
    if (hasChanges()) {
      waiters.add(waiter);
      waiterBytes += WAITER_BYTES;
      urgent = true;
    } else if (!window.isEmpty()) {
      window.getLast().waiters.add(waiter);
    } else {
      waiter.acknowledged(peer, false, 0);
      awaitDisk(session << SESSION_SHIFT | acknowledged, List.of(waiter));
    }
  }

  /// Has those who wait for that told when the peer has a batch on disk that it has merged. Of a
  /// peer without a disk nobody would ever hear, and all who wait would be kept.
  private void awaitDisk(long sequence, List<Waiter> told) {
    if (!keepsOnDisk.getAsBoolean()) {
      return;
    }
    List<Waiter> waiting = told.stream().filter(Waiter::awaitsDisk).toList();
    if (waiting.isEmpty()) {
      return;
    }
    if (durable >= sequence) {
      waiting.forEach(waiter -> waiter.durable(peer));
    } else {
      undurable.add(new Undurable(sequence, waiting));
    }
  }

  private void noteDurable(long sequence) {
    durable = Math.max(durable, sequence);
    while (!undurable.isEmpty() && undurable.element().sequence <= durable) {
      undurable.remove().waiters.forEach(waiter -> waiter.durable(peer));
    }
  }

  /// How many wait until the peer has something on disk.
  int awaitedOnDisk() {
    return undurable.size();
  }

  private boolean hasChanges() {
    return changeCut != null || !buffer.isEmpty();
  }

  private boolean hasRepairs() {
    return !awaited.isEmpty() || !repairs.isEmpty();
  }

  /// Whether anything waits or is under way.
  boolean isIdle() {
    return !hasChanges() && window.isEmpty() && !hasRepairs();
  }

  /// Whether anything of a key waits or is under way.
  boolean concerns(Payload key) {
    return buffer.containsKey(key)
        || awaited.concerns(key)
        || repairs.concerns(key)
        || (changeCut != null && changeCut.isOf(key))
        || window.stream().anyMatch(batch -> batch.keys.contains(key));
  }

  // ---- What the peer may not have been given ----

  /// Takes note that something first written here may not have been given to the peer.
  void openGap() {
    gaps++;
  }

  /// How many gaps there have been.
  long gaps() {
    return gaps;
  }

  boolean hasGap() {
    return gapsClosed < gaps;
  }

  /// Takes note that a comparison that began after so many gaps has made them good.
  void closeGaps(long count) {
    gapsClosed = Math.max(gapsClosed, count);
  }

  // ---- Sending ----

  /// Sends what is due: changes somebody waits for at once, others when their epoch is over,
  /// repairs as far as `budget` goes, and now and then a watermark if there is nothing else.
  ///
  /// @param ringVersion of the view by which changes are given to the peer
  /// @param state reads the whole state of a key; null if it is not there any more
  void flush(
      long nowMillis,
      HybridTimestamp clock,
      long ringVersion,
      Budget budget,
      Function<Payload, PeerMessage.@Nullable Change> state,
      Outbox out) {
    resend(nowMillis, budget, out);
    boolean due =
        changeCut != null
            || (!buffer.isEmpty()
                && (urgent || isOver(bufferedMillis, config.gossipEpoch().toMillis(), nowMillis)));
    boolean mayRepair = true;
    while (window.size() < WINDOW_BATCHES) {
      boolean isKept = hasRepairs() && repairBatches == 0; // the last one, for repairs
      boolean takesChanges = due && changeBatches < (isKept ? WINDOW_BATCHES - 1 : WINDOW_BATCHES);
      boolean begins = repairBatches == 0 || window.size() < REPAIR_BATCHES;
      boolean takesRepairs = mayRepair && hasRepairs() && (takesChanges || begins);
      if (!takesChanges && !takesRepairs) {
        break;
      }
      List<PeerMessage.Change> changes = new ArrayList<>();
      long bytes = takesChanges ? takeChanges(changes) : 0;
      due = due && hasChanges();
      int fromBuffer = changes.size();
      List<LongConsumer> told = new ArrayList<>();
      mayRepair = takesRepairs && takeRepairs(changes, bytes, told, budget, state);
      if (!changes.isEmpty()) {
        send(changes, fromBuffer, nowMillis, clock, ringVersion, out);
      }
      told.forEach(marker -> marker.accept(number == 0 ? 0 : sequence()));
    }
    tellWatermark(nowMillis, clock, ringVersion, out);
  }

  /// Whether so long has passed; also if the clock was set back meanwhile, as nobody knows then.
  private static boolean isOver(long sinceMillis, long forMillis, long nowMillis) {
    return nowMillis - sinceMillis >= forMillis || nowMillis < sinceMillis;
  }

  /// @param by 1 for a batch that is under way now, -1 for one that is not any more
  private void count(Batch batch, int by) {
    changeBatches += batch.hasChanges ? by : 0;
    repairBatches += batch.hasRepairs ? by : 0;
    largeBatches += batch.large ? by : 0;
  }

  /// @param fromBuffer how many of the changes are not repairs, the first ones
  private void send(
      List<PeerMessage.Change> changes,
      int fromBuffer,
      long nowMillis,
      HybridTimestamp clock,
      long ringVersion,
      Outbox out) {
    number++;
    List<Waiter> told = new ArrayList<>(); // those of what is in the buffer with the last of it
    boolean leavesNothing = !hasChanges();
    if (leavesNothing) {
      told = waiters;
      waiters = new ArrayList<>();
      waiterBytes = 0;
      urgent = false;
    }
    boolean isWatermark = leavesNothing && !hasGap();
    if (isWatermark) {
      watermarkMillis = nowMillis;
    }
    // A large batch takes longer by itself, and so does what comes behind it.
    boolean large = changes.stream().mapToLong(Link::weightOf).sum() > 2 * BATCH_BYTES;
    boolean timed = !large && largeBatches == 0;
    Batch batch =
        new Batch(
            new PeerMessage.Changes(sequence(), clock, changes, isWatermark ? ringVersion : 0),
            told,
            fromBuffer,
            large,
            timed,
            nowMillis);
    window.add(batch);
    count(batch, 1);
    out.send(peer, batch.message);
  }

  private void tellWatermark(long nowMillis, HybridTimestamp clock, long ringVersion, Outbox out) {
    if (hasChanges() || !window.isEmpty() || hasGap()) {
      return;
    }
    long period = Math.min(WATERMARK_MILLIS, config.antiEntropyPeriod().toMillis());
    if (nowMillis >= watermarkMillis && nowMillis - period < watermarkMillis) {
      return;
    }
    watermarkMillis = nowMillis;
    out.send(peer, new PeerMessage.Changes(sequence(), clock, List.of(), ringVersion));
  }

  private long sequence() {
    return session << SESSION_SHIFT | number;
  }

  /// The session that a sequence belongs to.
  static long sessionOf(long sequence) {
    return sequence >>> SESSION_SHIFT;
  }

  /// The number of a batch within its session.
  static long numberOf(long sequence) {
    return sequence & (1L << SESSION_SHIFT) - 1;
  }

  private long takeChanges(List<PeerMessage.Change> changes) {
    long bytes = 0;
    while (hasChanges() && changes.size() < BATCH_CHANGES && bytes < BATCH_BYTES) {
      Cut cut = changeCut;
      if (cut == null) {
        var waiting = buffer.entrySet().iterator();
        Map.Entry<Payload, Waiting> next = waiting.next();
        Waiting change = next.getValue();
        waiting.remove();
        bufferBytes -= change.weight(next.getKey());
        cut =
            new Cut(
                new PeerMessage.Change(next.getKey(), change.entry, change.setting, change.whole),
                partBytesMax);
      }
      PeerMessage.Change part = cut.next();
      changes.add(part);
      bytes += weightOf(part);
      changeCut = cut.hasNext() ? cut : null;
    }
    return bytes;
  }

  /// @return whether there may be more to take at once
  private boolean takeRepairs(
      List<PeerMessage.Change> changes,
      long bytesBefore,
      List<LongConsumer> told,
      Budget budget,
      Function<Payload, PeerMessage.@Nullable Change> state) {
    long bytes = bytesBefore;
    while (hasRepairs()) {
      RepairQueue queue = awaited.isEmpty() ? repairs : awaited;
      Cut cut = queue.cut;
      if (cut == null) {
        LongConsumer marker = queue.waiting.element().marker;
        if (marker != null) {
          queue.waiting.remove();
          markers--;
          told.add(marker);
          continue;
        }
      }
      if (changes.size() >= BATCH_CHANGES || bytes >= BATCH_BYTES) {
        return true;
      }
      if (!budget.hasAny()) {
        return false;
      }
      if (cut == null) {
        Payload key = queue.waiting.remove().key;
        if (key == null) {
          throw new IllegalStateException("neither a key nor a marker");
        }
        PeerMessage.Change change = queue.keys.remove(key) ? state.apply(key) : null;
        if (change == null) {
          continue; // it is not there any more, or somebody waited for it and it has gone
        }
        cut = new Cut(change, partBytesMax);
      }
      PeerMessage.Change part = cut.next();
      long weight = weightOf(part);
      budget.take(weight);
      bytes += weight;
      changes.add(part);
      queue.cut = cut.hasNext() ? cut : null;
    }
    return false;
  }

  private void resend(long nowMillis, Budget budget, Outbox out) {
    Batch oldest = window.peek();
    long patience = config.retransmitAfter().toMillis() * backoff;
    if (oldest == null || !isOver(oldest.sentMillis, patience, nowMillis) || !retransmits) {
      return;
    }
    budget.answered(nowMillis, patience); // not even that
    backoff = Math.min(BACKOFF_MAX, backoff * 2);
    resendAll(nowMillis, out);
  }

  /// Takes note that the peer is there: what gets lost now is sent again soon.
  void heard() {
    backoff = 1;
  }

  /// Sends again what was not acknowledged: the way is free again.
  void resendAll(long nowMillis, Outbox out) {
    if (!retransmits) {
      return;
    }
    for (Batch batch : window) {
      batch.sentMillis = nowMillis;
      batch.timed = false; // or it would not be known which sending an acknowledgement answers
      out.send(peer, batch.message);
    }
  }

  /// Takes note of what the peer has merged.
  ///
  /// @param budget is told how late that is
  /// @return false if the peer has forgotten what it had of this session, or knows a later one.
  ///   Then all that it has not acknowledged goes again, in a new session
  boolean received(PeerMessage.Received message, long nowMillis, Budget budget) {
    long sequence = message.sequence();
    long theirs = sessionOf(sequence);
    if (theirs != session) {
      if (theirs < session && acknowledged == 0) {
        return true; // it has not got the first batch of this session yet
      }
      startAnew(theirs, nowMillis);
      return false;
    }
    acknowledged = Math.max(acknowledged, numberOf(sequence));
    while (!window.isEmpty() && window.element().message.sequence() <= sequence) {
      backoff = 1;
      Batch done = window.remove();
      count(done, -1);
      if (done.timed) {
        long delayMillis = Math.max(0, nowMillis - done.sentMillis);
        long extraMillis = quickest.extraMillis(nowMillis, delayMillis);
        if (extraMillis != QuickestWay.UNKNOWN) {
          budget.answered(nowMillis, extraMillis);
        }
      }
      long version = done.message.sequence() > message.since() ? message.ringVersion() : 0;
      done.waiters.forEach(waiter -> waiter.acknowledged(peer, message.leaving(), version));
      awaitDisk(done.message.sequence(), done.waiters);
    }
    if (sessionOf(message.durable()) == session) {
      noteDurable(message.durable());
    }
    return true;
  }

  private void startAnew(long theirSession, long nowMillis) {
    session = newSession.applyAsLong(theirSession);
    undurable.clear(); // nobody will tell; they wait in vain, and say so
    number = 0;
    acknowledged = 0;
    backoff = 1;
    gaps++;
    for (Batch batch : window) {
      count(batch, -1);
      batch.message.changes().forEach(change -> put(change, nowMillis));
      waiters.addAll(batch.waiters);
      waiterBytes += (long) WAITER_BYTES * batch.waiters.size();
      urgent = true;
    }
    window.clear();
  }
}
