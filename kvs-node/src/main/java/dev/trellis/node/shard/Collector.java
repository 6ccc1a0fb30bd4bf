package dev.trellis.node.shard;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Frees the memory of what has been dead for long. What is forgotten must not come back, so the
/// first owner of a key first asks every member of the cluster, whether it holds the key or not, if
/// it too has nothing but what ended, and nothing older on its way to anybody; and only when all
/// have agreed, it has them all forget it. Nobody agrees while a node is suspected, absent, joining
/// or leaving: it may hold what the tombstone is there to suppress.
final class Collector {
  /// What a look examines, at most: so many slots, and no more once they weigh so much, as looking
  /// through a map costs time for each field.
  private static final int SWEEP_SLOTS = 256;

  /// Keys passed in a look, at most; those that cannot have ended cost next to nothing.
  private static final int SWEEP_KEYS = 4_096;

  private static final long SWEEP_BYTES = 1 << 20;

  /// The dead are looked for this many times within the grace period, and not less often than once
  /// in so long.
  private static final int SWEEPS_PER_GRACE = 16;

  private static final Duration SWEEP_PAUSE_MAX = Duration.ofMinutes(1);

  private static final long VOTE_MILLIS_MAX = 5_000;

  /// Until then the order comes, if it does.
  private static final long AGREED_MILLIS_MAX = 4 * VOTE_MILLIS_MAX;

  /// One round of asking.
  private static final class Round {
    private final long id;
    private final HybridTimestamp cutoff;
    private final long bornBefore;
    private final long behindMillis; // at its beginning
    private final long deadlineMillis;
    private final Map<Payload, Set<Peer>> missing = new LinkedHashMap<>(); // votes, by key
    private final Map<Peer, List<Payload>> asked = new LinkedHashMap<>();
    private final Set<Payload> refused = new HashSet<>();

    Round(
        long id, HybridTimestamp cutoff, long bornBefore, long behindMillis, long deadlineMillis) {
      this.id = id;
      this.cutoff = cutoff;
      this.bornBefore = bornBefore;
      this.behindMillis = behindMillis;
      this.deadlineMillis = deadlineMillis;
    }
  }

  /// What was agreed to of a key.
  ///
  /// @param part all of it that ended
  /// @param bornBefore the births of invocations whose tags are among that
  /// @param atMillis when that was
  private record Agreed(Entry part, long bornBefore, long atMillis) {}

  private final ShardConfig config;
  private final Entries entries;
  private final Replication replication;
  private final Repairs repairs;
  private final ShardStatistics statistics;
  private final Set<Sabotage> sabotage;
  private final Map<Payload, Agreed> agreed = new LinkedHashMap<>(); // by key, the eldest first
  private long sweptTo; // where the next look goes on; 0 between sweeps
  private long sweepMillis; // when the last sweep through the store began
  private Optional<Round> round = Optional.empty();
  private long nextId = 1;

  // By how much later than here others close the births of invocations, at most: their lifetimes
  // may be set longer. What they still take may not be folded.
  private long behindMillis;

  Collector(
      ShardConfig config,
      Entries entries,
      Replication replication,
      Repairs repairs,
      ShardStatistics statistics,
      Set<Sabotage> sabotage) {
    this.config = config;
    this.entries = entries;
    this.replication = replication;
    this.repairs = repairs;
    this.statistics = statistics;
    this.sabotage = sabotage;
  }

  /// What ended then or before may be forgotten by `nowMillis`, if all agree.
  long forgottenUpTo(long nowMillis) {
    return nowMillis - config.tombstoneGrace().toMillis() - config.clockSkewMax().toMillis();
  }

  /// The births before which invocations are over for all who vote by then, as far as is known
  /// here: `cutoff` is earlier than now by the grace period and the skew, and what a shard takes
  /// ends with the lifetime.
  private long bornBefore(HybridTimestamp cutoff) {
    return sabotage.contains(Sabotage.FOLDED_EARLY)
        ? cutoff.millis() + config.tombstoneGrace().toMillis()
        : config.bornBefore(cutoff.millis() - behindMillis);
  }

  /// The births before which this shard has taken nothing since the grace period began, and takes
  /// nothing any more. One who asks has left room for the skew.
  private long closedBefore(long nowMillis) {
    return Math.max(
        0, nowMillis - config.tombstoneGrace().toMillis() - config.invocationLifetime().toMillis());
  }

  /// What was agreed in another view does not count in this one.
  void view() {
    round = Optional.empty();
    agreed.clear();
    behindMillis = 0;
  }

  private void agree(Payload key, Agreed to) {
    agreed.remove(key); // so that it is the youngest
    agreed.put(key, to);
  }

  /// Forgets to what others have agreed long ago: somebody else has not, or the order got lost.
  private void dropOld(long nowMillis) {
    Iterator<Agreed> eldest = agreed.values().iterator();
    while (eldest.hasNext() && nowMillis - eldest.next().atMillis > AGREED_MILLIS_MAX) {
      eldest.remove();
    }
  }

  void tick(long nowMillis, Outbox out) {
    dropOld(nowMillis);
    if (round.isPresent() && round.get().deadlineMillis <= nowMillis) {
      conclude(round.get(), out);
    }
    long cutoff = forgottenUpTo(nowMillis);
    if (cutoff <= 0 || round.isPresent()) {
      return;
    }
    if (sweptTo == 0) {
      if (Math.abs(nowMillis - sweepMillis) < sweepPauseMillis()) {
        return;
      }
      sweepMillis = nowMillis;
    }
    List<Slot> candidates = new ArrayList<>();
    HybridTimestamp ended = HybridTimestamp.ofMillis(cutoff);
    Sweep sweep = new Sweep(ended, bornBefore(ended), candidates);
    sweptTo = Math.max(0, entries.store().sweep(sweptTo, SWEEP_KEYS, sweep));
    if (!candidates.isEmpty()) {
      ask(candidates, HybridTimestamp.ofMillis(cutoff), nowMillis, out);
    }
  }

  /// One look.
  private static final class Sweep implements Predicate<Slot> {
    private final HybridTimestamp cutoff;
    private final long bornBefore;
    private final List<Slot> candidates;
    private int examined;
    private long weight;

    Sweep(HybridTimestamp cutoff, long bornBefore, List<Slot> candidates) {
      this.cutoff = cutoff;
      this.bornBefore = bornBefore;
      this.candidates = candidates;
    }

    @Override
    public boolean test(Slot slot) {
      examined++;
      weight += slot.entry().memoryBytes();
      if (hasEnded(slot.entry(), cutoff, bornBefore)) {
        candidates.add(slot);
      }
      return examined < SWEEP_SLOTS && weight < SWEEP_BYTES;
    }
  }

  private static boolean hasEnded(Entry entry, HybridTimestamp cutoff, long bornBefore) {
    return isOver(entry, cutoff) || entry.withoutTombstones(cutoff, bornBefore) != entry;
  }

  private static boolean isOver(Entry entry, HybridTimestamp cutoff) {
    return !entry.equals(Entry.BOTTOM)
        && entry.isDead(cutoff.millis())
        && !entry.endedAt().isAfter(cutoff);
  }

  private long sweepPauseMillis() {
    return Math.min(
        config.tombstoneGrace().toMillis() / SWEEPS_PER_GRACE, SWEEP_PAUSE_MAX.toMillis());
  }

  private void ask(List<Slot> candidates, HybridTimestamp cutoff, long nowMillis, Outbox out) {
    Roles roles = replication.roles();
    long bornBefore = bornBefore(cutoff);
    Round asking =
        new Round(nextId++, cutoff, bornBefore, behindMillis, nowMillis + VOTE_MILLIS_MAX);
    Map<Peer, List<PeerMessage.Change>> questions = new LinkedHashMap<>();
    for (Slot slot : candidates) {
      Payload key = slot.key();
      int partition = entries.digests().partitionOf(key);
      if (!isFirstOwner(partition, slot)
          || !isWritten(key)
          || (!isSettled() && !sabotage.contains(Sabotage.COLLECT_WITHOUT_VOTE))) {
        continue;
      }
      Set<Peer> voters = new HashSet<>();
      // Where shards of a node share a key, any of them may have been one.
      List<Peer> asked =
          slot.setting().isPresent() ? roles.everybodyElse() : roles.liveMembers(partition);
      if (sabotage.contains(Sabotage.COLLECT_WITHOUT_VOTE)) {
        asked = List.of();
      }
      boolean over = isOver(slot.entry(), cutoff);
      if (sabotage.contains(Sabotage.FOLDED_EARLY) && !over) {
        asked = List.of();
      }
      Entry part = over ? Entry.BOTTOM : slot.entry().tombstones(cutoff, bornBefore);
      if (!over && part.equals(Entry.BOTTOM)) {
        // What is left are parts that everybody finds expired by himself.
        asked = List.of();
      }
      if (!asked.isEmpty() && replication.isUnderWay(key)) {
        continue;
      }
      for (Peer voter : asked) {
        voters.add(voter);
        asking.asked.computeIfAbsent(voter, peer -> new ArrayList<>()).add(key);
        questions
            .computeIfAbsent(voter, peer -> new ArrayList<>())
            .add(new PeerMessage.Change(key, part, Optional.empty(), false));
      }
      agree(key, new Agreed(part, bornBefore, nowMillis));
      asking.missing.put(key, voters);
    }
    if (asking.missing.isEmpty()) {
      return;
    }
    round = Optional.of(asking);
    questions.forEach(
        (peer, ended) ->
            out.send(peer, new PeerMessage.CollectAsked(asking.id, ended, bornBefore)));
    concludeIfAllVoted(asking, out);
  }

  private boolean isFirstOwner(int partition, Slot slot) {
    Roles roles = replication.roles();
    List<String> owners = roles.topology().owners(partition, slot.placement());
    return !owners.isEmpty()
        && owners.get(0).equals(config.nodeId())
        && config.partitions().shardOf(partition, config.shardCount()) == config.shard()
        // All that all members have is all there is, of a key with a place of its own too.
        && (slot.setting().isPresent()
            || repairs.isComplete(partition, slot.key(), Optional.empty()));
  }

  private boolean isSettled() {
    return repairs.isAlone()
        || (replication.roles().view().isSettled() && repairs.incomplete() == 0);
  }

  /// Answers whether what is asked about may be forgotten.
  void asked(Peer from, PeerMessage.CollectAsked question, long nowMillis, Outbox out) {
    List<Integer> votes = new ArrayList<>();
    HybridTimestamp cutoff = HybridTimestamp.ofMillis(forgottenUpTo(nowMillis));
    long closedBefore = closedBefore(nowMillis);
    // Where tags are asked about that this shard may still take, it agrees to what has none.
    long bornBefore = question.bornBefore() <= closedBefore ? question.bornBefore() : 0;
    for (int index = 0; index < question.ended().size(); index++) {
      PeerMessage.Change ended = question.ended().get(index);
      if (mayForget(ended, cutoff, bornBefore)) {
        votes.add(index);
        agree(ended.key(), new Agreed(ended.entry(), question.bornBefore(), nowMillis));
      }
    }
    out.send(from, new PeerMessage.CollectVoted(question.id(), votes, closedBefore));
  }

  /// What is on disk may be older than what is here, and would come back with a loss of power.
  private boolean isWritten(Payload key) {
    return entries.store().disk().filter(disk -> !disk.isWritten(key)).isEmpty();
  }

  private boolean mayForget(PeerMessage.Change ended, HybridTimestamp cutoff, long bornBefore) {
    if (!isSettled() || replication.isUnderWay(ended.key()) || !isWritten(ended.key())) {
      return false;
    }
    Entry held = entries.entryOf(ended.key());
    if (ended.entry().equals(Entry.BOTTOM)) {
      return held.equals(Entry.BOTTOM) || isOver(held, cutoff);
    }
    if (held.equals(Entry.BOTTOM)) {
      Payload key = ended.key();
      Optional<Placement> placement = entries.settingOf(key).flatMap(PlacementSetting::placement);
      return !replication.roles().holds(entries.digests().partitionOf(key), placement);
    }
    return held.tombstones(cutoff, bornBefore).equals(ended.entry());
  }

  /// Counts the votes of a member.
  void voted(Peer from, PeerMessage.CollectVoted votes, Outbox out) {
    if (round.isEmpty() || round.get().id != votes.id()) {
      return;
    }
    Round current = round.get();
    List<Payload> asked = current.asked.remove(from);
    if (asked == null) {
      return;
    }
    behindMillis =
        Math.max(behindMillis, current.behindMillis + current.bornBefore - votes.closedBefore());
    Set<Integer> yes = new HashSet<>(votes.agreed());
    for (int index = 0; index < asked.size(); index++) {
      Payload key = asked.get(index);
      if (yes.contains(index)) {
        current.missing.getOrDefault(key, new HashSet<>()).remove(from);
      } else {
        current.refused.add(key);
      }
    }
    concludeIfAllVoted(current, out);
  }

  private void concludeIfAllVoted(Round current, Outbox out) {
    if (current.asked.isEmpty()) {
      conclude(current, out);
    }
  }

  private void conclude(Round current, Outbox out) {
    round = Optional.empty();
    List<Payload> unanimous = new ArrayList<>();
    current.missing.forEach(
        (key, voters) -> {
          if (voters.isEmpty() && !current.refused.contains(key)) {
            unanimous.add(key);
          }
        });
    if (unanimous.isEmpty()) {
      return;
    }
    PeerMessage.Collect order =
        new PeerMessage.Collect(current.cutoff, unanimous, current.bornBefore);
    replication.roles().everybodyElse().forEach(peer -> out.send(peer, order));
    forget(order);
  }

  /// Forgets what all have agreed to forget: all the same.
  void forget(PeerMessage.Collect order) {
    long bornBefore = order.bornBefore();
    for (Payload key : order.keys()) {
      Agreed to = agreed.get(key);
      if (to == null || to.bornBefore != bornBefore) {
        continue;
      }
      agreed.remove(key);
      Entry part = to.part;
      Slot slot = entries.find(key).orElse(null);
      if (slot == null) {
        continue;
      }
      if (part.equals(Entry.BOTTOM) && isOver(slot.entry(), order.cutoff())) {
        entries.removeEntry(slot);
        statistics.countCollected();
        continue;
      }
      Entry kept = slot.entry().withoutTombstones(order.cutoff(), bornBefore);
      if (kept != slot.entry()
          && slot.entry().tombstones(order.cutoff(), bornBefore).equals(part)) {
        entries.put(slot.withEntry(kept));
      }
    }
  }
}
