package dev.trellis.node.shard;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// The way from this shard to one peer: changes that wait, merged per key; batches that were sent
/// and not acknowledged; and the keys whose whole state the peer shall get, which is read when
/// there is room to send it. What waits is bounded; see [#offer].
///
/// Batches are numbered and received in order, so whoever has acknowledged one has merged all
/// before it. Only a few are under way: while they are, further changes gather and merge, so the
/// more there is to do the larger batches are.
final class Link {
  private static final int WINDOW_BATCHES = 4;
  private static final long BATCH_BYTES = 256 << 10;
  private static final int BATCH_CHANGES = 1_000;
  private static final int SESSION_SHIFT = 40;
  private static final int BACKOFF_MAX = 8;

  /// Is told when the peer has merged what it waits for.
  interface Waiter {
    /// Takes note that the peer has merged it.
    ///
    /// @param leaving whether the peer is about to leave, so that it does not count as a holder
    /// @param ringVersion of the view of the cluster under which it merged; 0 if that is not known
    void acknowledged(Peer peer, boolean leaving, long ringVersion);
  }

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
      return 64 + key.size() + entry.weight();
    }
  }

  /// A batch under way.
  private static final class Batch {
    private final PeerMessage.Changes message;
    private final List<Waiter> waiters;
    private final Set<Payload> keys = new HashSet<>();
    private long sentMillis;

    Batch(PeerMessage.Changes message, List<Waiter> waiters, long sentMillis) {
      this.message = message;
      this.waiters = waiters;
      this.sentMillis = sentMillis;
      message.changes().forEach(change -> keys.add(change.key()));
    }
  }

  /// Either a key whose state is to be sent, or something to do when all keys before it are in
  /// batches.
  private record Repair(@Nullable Payload key, @Nullable LongConsumer marker) {}

  private final Peer peer;
  private final ReplicationConfig config;
  private final boolean retransmits;
  private final long session;
  private final Map<Payload, Waiting> buffer = new LinkedHashMap<>();
  private List<Waiter> waiters = new ArrayList<>(); // of what is in the buffer
  private long bufferBytes;
  private final ArrayDeque<Batch> window = new ArrayDeque<>();
  private final ArrayDeque<Repair> repairs = new ArrayDeque<>();
  private final Set<Payload> repairKeys = new HashSet<>();
  private long number; // of the last batch
  private long bufferedMillis; // when the oldest in the buffer came
  private boolean urgent; // whether somebody waits for what is in the buffer
  private int backoff = 1;

  Link(Peer peer, ReplicationConfig config, long session, boolean retransmits) {
    this.peer = peer;
    this.config = config;
    this.session = session;
    this.retransmits = retransmits;
  }

  Peer peer() {
    return peer;
  }

  /// Takes a change in, to be sent within the epoch, or at once if `waiter` is given.
  ///
  /// @return whether there was room; else all that waited is dropped, and what [#takeDropped] names
  ///   has to be compared
  boolean offer(PeerMessage.Change change, @Nullable Waiter waiter, long nowMillis) {
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
    if (waiter != null) {
      waiters.add(waiter);
      urgent = true;
    }
    return bufferBytes <= config.linkBytesMax();
  }

  /// Empties the buffer, whose keys are returned. Those who waited for them will not be told.
  List<Payload> takeDropped() {
    List<Payload> dropped = List.copyOf(buffer.keySet());
    buffer.clear();
    waiters.clear();
    bufferBytes = 0;
    urgent = false;
    return dropped;
  }

  /// Has the whole state of a key sent when there is room.
  void repair(Payload key) {
    if (repairKeys.add(key)) {
      repairs.add(new Repair(key, null));
    }
  }

  /// Has `marker` told the number of the batch that completes all repairs asked for so far.
  void afterRepairs(LongConsumer marker) {
    repairs.add(new Repair(null, marker));
  }

  /// Has `waiter` told when all changes that were sent or wait so far are acknowledged; repairs
  /// count once they are in a batch, see [#afterRepairs].
  void afterAll(Waiter waiter) {
    if (!buffer.isEmpty()) {
      waiters.add(waiter);
      urgent = true;
    } else if (!window.isEmpty()) {
      window.getLast().waiters.add(waiter);
    } else {
      waiter.acknowledged(peer, false, 0);
    }
  }

  /// Whether anything waits or is under way.
  boolean isIdle() {
    return buffer.isEmpty() && window.isEmpty() && repairs.isEmpty();
  }

  /// Whether anything of a key waits or is under way.
  boolean concerns(Payload key) {
    return buffer.containsKey(key)
        || repairKeys.contains(key)
        || window.stream().anyMatch(batch -> batch.keys.contains(key));
  }

  /// Sends what is due: changes somebody waits for at once, others when their epoch is over,
  /// repairs as far as `budget` goes.
  ///
  /// @param state reads the whole state of a key; null if it is not there any more
  void flush(
      long nowMillis,
      HybridTimestamp clock,
      Budget budget,
      Function<Payload, PeerMessage.@Nullable Change> state,
      Outbox out) {
    resend(nowMillis, out);
    boolean due =
        !buffer.isEmpty()
            && (urgent || nowMillis - bufferedMillis >= config.gossipEpoch().toMillis());
    while (window.size() < WINDOW_BATCHES && (due || !repairs.isEmpty())) {
      List<PeerMessage.Change> changes = new ArrayList<>();
      long bytes = due ? takeChanges(changes) : 0;
      due = due && !buffer.isEmpty();
      List<LongConsumer> markers = new ArrayList<>();
      boolean exhausted = !takeRepairs(changes, bytes, markers, budget, state);
      if (!changes.isEmpty()) {
        number++;
        List<Waiter> told = waiters;
        if (buffer.isEmpty()) {
          waiters = new ArrayList<>();
          urgent = false;
        } else {
          told = new ArrayList<>(); // told with the last of what is in the buffer now
        }
        Batch batch =
            new Batch(new PeerMessage.Changes(sequence(), clock, changes), told, nowMillis);
        window.add(batch);
        out.send(peer, batch.message);
      }
      markers.forEach(marker -> marker.accept(number == 0 ? 0 : sequence()));
      if (exhausted && !due) {
        return;
      }
    }
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
    var waiting = buffer.entrySet().iterator();
    while (waiting.hasNext() && changes.size() < BATCH_CHANGES && bytes < BATCH_BYTES) {
      Map.Entry<Payload, Waiting> next = waiting.next();
      Waiting change = next.getValue();
      changes.add(
          new PeerMessage.Change(next.getKey(), change.entry, change.setting, change.whole));
      bytes += change.weight(next.getKey());
      waiting.remove();
    }
    bufferBytes -= bytes;
    return bytes;
  }

  /// @return whether there may be more to take at once
  private boolean takeRepairs(
      List<PeerMessage.Change> changes,
      long bytesBefore,
      List<LongConsumer> markers,
      Budget budget,
      Function<Payload, PeerMessage.@Nullable Change> state) {
    long bytes = bytesBefore;
    while (!repairs.isEmpty()) {
      Repair next = repairs.element();
      if (next.marker != null) {
        repairs.remove();
        markers.add(next.marker);
        continue;
      }
      if (changes.size() >= BATCH_CHANGES || bytes >= BATCH_BYTES) {
        return true;
      }
      if (!budget.hasAny()) {
        return false;
      }
      repairs.remove();
      Payload key = next.key;
      if (key == null) {
        throw new IllegalStateException("neither a key nor a marker");
      }
      repairKeys.remove(key);
      PeerMessage.Change change = state.apply(key);
      if (change != null) {
        long weight = 64 + key.size() + change.entry().weight();
        budget.take(weight);
        bytes += weight;
        changes.add(change);
      }
    }
    return false;
  }

  private void resend(long nowMillis, Outbox out) {
    Batch oldest = window.peek();
    long patience = config.retransmitAfter().toMillis() * backoff;
    if (oldest == null || nowMillis - oldest.sentMillis < patience || !retransmits) {
      return;
    }
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
      out.send(peer, batch.message);
    }
  }

  /// Takes note of what the peer has merged.
  void received(PeerMessage.Received message) {
    long sequence = message.sequence();
    if (sessionOf(sequence) != session) {
      return;
    }
    while (!window.isEmpty() && window.element().message.sequence() <= sequence) {
      backoff = 1;
      Batch done = window.remove();
      long version = done.message.sequence() > message.since() ? message.ringVersion() : 0;
      done.waiters.forEach(waiter -> waiter.acknowledged(peer, message.leaving(), version));
    }
  }
}
