package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Disk;
import dev.trellis.node.store.Slot;
import dev.trellis.placement.KeyHash;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PeerMessage.KeyDigest;
import dev.trellis.wire.PeerMessage.RangeDigest;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.IntPredicate;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// Finds out what two replicas differ in, and evens it out: one protocol for what has several
/// names. *Anti-entropy* compares what two holders both must hold, from time to time and when they
/// meet again. *Handoff* to a new holder is the same per partition, and done when it has compared
/// with all holders of which one was complete. *Handing back* is the same without taking: a shard
/// that has what it shall not hold gives it to the owners, and drops it once enough of them have
/// it.
///
/// Who compares asks, the other one answers and keeps no state. Digests of ever smaller ranges lead
/// to the keys that differ; each side then sends whole states, and merging does the rest.
///
/// @see "DeCandia et al., Dynamo, SOSP 2007, §4.7"
final class Repairs {
  private static final int ROOT = 0;
  private static final int GROUP = 1;
  private static final int PARTITION = 2;
  private static final int BUCKET = 3;

  /// As [#PARTITION], of nothing but the keys with a placement of their own.
  private static final int PLACED = 4;

  private static final int GROUPS = 128;
  private static final int ACTIVE_MAX = 256;
  private static final int BUCKETS = 1 << Digests.BUCKET_BITS;

  /// Under which the disk remembers what is whole.
  private static final String WHOLE = "whole";

  /// Above so many keys of both sides together, a partition is compared by buckets.
  private static final int KEYS_LISTED_MAX = 256;

  /// Keys of a partition that are asked for together, unlisted.
  private static final int KEYS_AT_ONCE_MAX = 4_096;

  private static final long ANSWER_MILLIS_MAX = 2_000;

  /// How much longer an exchange may take before it is begun anew, which costs another look at the
  /// digests, and the keys that are still to come.
  private static final long EXCHANGE_MILLIS_MAX = 2_000;

  /// So many exchanges are expected to be over in that time.
  private static final int EXCHANGES_AT_ONCE = 16;

  /// Time between comparisons with a peer that may not have been given something: until then it is
  /// told no watermark.
  private static final long GAP_MILLIS = 1_000;

  /// How soon who did not have all of a partition is asked again, at first: it may have been about
  /// to hear who holds it, or to get the rest. Later ever less often, since it may take an absent
  /// node.
  private static final long ASK_AGAIN_MILLIS_MIN = 200;

  /// Time between looks at what is to be done; what can be done at once is, without a look.
  private static final long LOOK_MILLIS = 50;

  /// Digests computed a tick though nobody has asked for them, at least.
  private static final int AHEAD = 256;

  /// With more digests than this to be computed, comparing would hold up everybody else; it waits
  /// for a quieter time, but not for ever.
  private static final int BACKLOG_MAX = 4_096;

  private static final long QUIET_MILLIS_MAX = 60_000;

  /// One comparison of a partition with one peer.
  private static final class Comparison {
    private final Peer peer;
    private final int partition;
    private final int level;
    private final long id;
    private final long changesBefore;
    private long deadlineMillis;
    private boolean peerComplete;
    private boolean peerKnows; // that this shard holds the partition
    private boolean peerHolds;
    private long peerVersion; // of its view
    private final Set<Integer> listing = new HashSet<>(); // ranges whose keys are still to come
    private final Set<Long> wanted = new LinkedHashSet<>(); // hashes of keys
    private boolean wantsAll; // of the partition's keys
    private final Set<Payload> given = new LinkedHashSet<>();
    private boolean awaitsSent;
    private long sentSequence = -1; // of the peer's last batch for us
    private boolean awaitsMerge; // of what we gave
    private boolean exchanged; // it is known what differs, and on its way

    Comparison(Peer peer, int partition, int level, long id, long changesBefore, long deadline) {
      this.peer = peer;
      this.partition = partition;
      this.level = level;
      this.id = id;
      this.changesBefore = changesBefore;
      this.deadlineMillis = deadline;
    }
  }

  /// What a peer has of a partition.
  private enum Has {
    ALL,
    PART,
    /// All there was when it held the partition before, and it finds out itself what came since.
    ONCE,
    /// The same, but it does not hold it now, and only gives what it has.
    EARLIER,
    /// It may have all, or know who has, but sees another cluster.
    UNKNOWN
  }

  private record Pair(Peer peer, int partition) {}

  /// Somebody who waits until a peer surely has what this shard has of a partition.
  ///
  /// @param fromId the first comparison that tells
  private record Assurance(Link.Waiter waiter, long fromId, long deadlineMillis) {}

  /// A comparison of all that is shared with a peer, from the root down: once it is through, the
  /// peer has all that this shard had when it began.
  private static final class Round {
    private final long id;
    private final long gaps; // of the link when it began
    private final Set<Pair> pairs = new HashSet<>(); // still to be compared

    Round(long id, long gaps) {
      this.id = id;
      this.gaps = gaps;
    }
  }

  private final ShardConfig config;
  private final Entries entries;
  private final Replication replication;
  private final ShardStatistics statistics;
  private final Set<Sabotage> sabotage;
  private final BitSet complete = new BitSet(); // partitions held, and all of them
  private final BitSet formerly = new BitSet(); // not whole, but when they were held before
  private final PlacedKeys placedKeys;
  private final BitSet incomplete = new BitSet(); // held, but not whole
  private final BitSet recalled = new BitSet(); // of those, what was so in an earlier life
  private final BitSet noted = new BitSet(); // what the disk was last told of the first two
  private final Map<Integer, Map<Peer, Has>> synced = new HashMap<>(); // of incomplete ones
  private final Map<Integer, Map<Peer, Long>> handed = new TreeMap<>(); // changes when it had all
  private final Map<Pair, Long> toDisk = new HashMap<>(); // the last of it on its way to its disk
  private long agreement; // what was agreed before it was counted up does not count
  private final Map<Pair, Comparison> active = new LinkedHashMap<>();
  private final Map<Pair, Integer> queue = new LinkedHashMap<>(); // to compare, with the level
  private final Map<Peer, Long> comparedMillis = new HashMap<>(); // when the root was asked last
  private final Map<Peer, Round> rounds = new HashMap<>();
  private final Set<Peer> soon = new HashSet<>(); // to be compared with at once
  private final Set<Payload> placedUnderWay = new HashSet<>(); // being handed back
  private final Set<Payload> placedGiven = new HashSet<>(); // by a node that leaves
  private final Map<Pair, List<Assurance>> assurances = new LinkedHashMap<>();
  private final Set<Integer> first = new LinkedHashSet<>(); // incomplete ones that are asked for
  private final Set<Integer> hopeless = new HashSet<>(); // partitions that nobody had all of
  private int held;
  private int surplus;
  private boolean owes = true; // whether it may have what others shall have instead, and may lack
  private final Set<Peer> settled = new HashSet<>(); // peers that owe nothing, by the present ring
  private boolean allSettled; // whether everybody else is one of them
  private boolean othersSettled; // whether all those of other nodes are
  private final Set<Peer> returned = new HashSet<>(); // and not compared with since
  private boolean handedOver; // all that a leaving node has, what is under way left out
  private boolean alone = true; // before the first view
  private long nextId = 1;
  private final Map<Peer, Long> answered = new HashMap<>(); // their last comparison
  // By partition of which something was lost: of each peer the last comparison that began before.
  private final Map<Integer, Map<Peer, Long>> belied = new HashMap<>();
  private final IntPredicate isBroken;
  private long idleMillis; // when something was under way last
  private long askAgainMillis = ASK_AGAIN_MILLIS_MIN;
  private long lookedMillis;
  private long quietMillis; // when few digests were to be computed
  private boolean mayHaveToNote = true; // whether other partitions are whole than before
  private boolean syncDue; // whether something may be done for what is incomplete
  private boolean mayHaveSurplus; // whether a look may find anything to hand back

  /// @param isBroken whether something of a partition was found broken, and [#lost] not told yet
  Repairs(
      ShardConfig config,
      Entries entries,
      Replication replication,
      PlacedKeys placedKeys,
      IntPredicate isBroken,
      ShardStatistics statistics,
      Set<Sabotage> sabotage) {
    this.config = config;
    this.entries = entries;
    this.replication = replication;
    this.placedKeys = placedKeys;
    this.isBroken = isBroken;
    this.statistics = statistics;
    this.sabotage = sabotage;
  }

  /// Takes what was whole when the process ended before for what was whole formerly: what came
  /// since is with others.
  void recall(Disk disk) {
    disk.noted(WHOLE).ifPresent(bits -> recalled.or(BitSet.valueOf(bits.toBytes())));
    formerly.or(recalled);
    noted.or(recalled);
  }

  /// Has the disk remember which partitions are whole, in the batch with what makes them so.
  void note(Disk disk) {
    if (!mayHaveToNote) {
      return;
    }
    mayHaveToNote = false;
    BitSet whole = (BitSet) complete.clone();
    whole.or(formerly);
    if (!whole.equals(noted)) {
      noted.clear();
      noted.or(whole);
      disk.note(WHOLE, Payload.of(whole.toByteArray()));
    }
  }

  /// Something of a partition was lost here: it must come from others.
  void lost(int partition) {
    mayHaveToNote = true;
    formerly.clear(partition);
    recalled.clear(partition);
    if (complete.get(partition)) {
      complete.clear(partition);
      incomplete.set(partition);
    }
    synced.remove(partition);
    handed.remove(partition);
    forgetWhatIsOnItsWay();
    active.keySet().removeIf(pair -> pair.partition == partition); // they began before
    belied.put(partition, Map.copyOf(answered));
    rounds.clear();
    placedKeys.lost(key -> digests().partitionOf(key) == partition);
    syncDue = true;
    mayHaveSurplus = true;
  }

  private Roles roles() {
    return replication.roles();
  }

  private Digests digests() {
    return entries.digests();
  }

  // ---- Who is complete ----

  /// Whether all that there is of a key is here.
  ///
  /// @param setting what was decided about its place, if anything
  boolean isComplete(int partition, Payload key, Optional<PlacementSetting> setting) {
    if (sabotage.contains(Sabotage.INCOMPLETE_ANSWERS_MISSING) || alone) {
      return true;
    }
    return setting.isPresent()
        ? placedKeys.isWhole(key, setting.get())
        : roles().holds(partition) && complete.get(partition);
  }

  /// Whether all that was decided about the places of a partition's keys is here.
  boolean knowsPlaces(int partition) {
    return alone || (roles().holds(partition) && complete.get(partition));
  }

  /// Whether this shard holds a partition in its default place and has all of it.
  boolean isHeldWhole(int partition) {
    return roles().holds(partition) && (alone || complete.get(partition));
  }

  /// Takes what is here for all there is.
  void found() {
    mayHaveToNote = true;
    complete.or(incomplete);
    incomplete.clear();
    formerly.andNot(complete);
    recalled.andNot(complete);
    synced.clear();
    placedKeys.found();
  }

  /// Whether the shard has not seen a view yet, and takes itself for the whole cluster.
  boolean isAlone() {
    return alone;
  }

  /// Whether this shard has all of every partition that it holds in its default place.
  boolean isWhole() {
    return alone || incomplete.isEmpty();
  }

  int held() {
    return held;
  }

  /// Partitions, and keys with a place of their own, that are held and not whole. One more while
  /// somebody has come back who may lack something of what he is taken to have.
  int incomplete() {
    return incomplete.cardinality() + placedKeys.doubtful() + (returned.isEmpty() ? 0 : 1);
  }

  /// Whether this node leaves, and others have all that it had: it takes nothing new any more, and
  /// goes once what it has yet to tell them is told.
  boolean hasHandedOver() {
    return handedOver && roles().isLeaving();
  }

  int surplus() {
    // What is to go to who has come back counts too; how much that is, is not known.
    return Math.max(surplus, returned.isEmpty() ? 0 : 1);
  }

  /// Takes note of those who hold what this shard holds and are in a view anew, though they do not
  /// join: they were taken for dead, and may not know it, nor that they lack what was written
  /// meanwhile. Until that was compared, the copies there are none.
  private void noteReturned(Roles before, Roles now) {
    returned.removeIf(peer -> !now.isMember(peer));
    for (Peer peer : now.partners()) {
      if (!before.isMember(peer) && !now.joins(peer)) {
        returned.add(peer);
      }
    }
  }

  // ---- Who may have what is to be elsewhere ----

  /// Takes note of a peer that owes nothing by a ring.
  private void settled(Peer peer, long ringVersion) {
    if (ringVersion == roles().version()) {
      settled.add(peer);
    }
  }

  /// Whether a peer has told that it owes nothing by the present ring; a watermark tells that too.
  private boolean isSettled(Peer peer) {
    return settled.contains(peer) || replication.watermark(peer).isPresent();
  }

  /// The peers that may have something of a key, first written there or not, that they do not hold
  /// any more, and that those who do may lack: of whom it is not known yet that they owe nothing.
  ///
  /// Whoever holds a key no more keeps it until the owners have it. So when nodes that had taken
  /// each other for gone meet again, asking them all finds what was written on either side. O(1)
  /// once all have told.
  ///
  /// @param placed whether anything was ever decided about the key's place, so that any shard of a
  ///   node may have it
  List<Peer> unsettled(int partition, boolean placed) {
    if (placed ? alone || allSettled : areOtherNodesSettled()) {
      return List.of();
    }
    List<Peer> unsettled = placed ? roles().everybodyElse() : roles().members(partition);
    unsettled.removeIf(this::isSettled);
    allSettled |= placed && unsettled.isEmpty();
    return unsettled;
  }

  /// Whether the shards of all other nodes have told that nothing is owed; those of this node may
  /// have no more of a key in its default place than this one lets them. O(1) once all have.
  boolean areOtherNodesSettled() {
    if (!alone && !othersSettled) {
      othersSettled =
          roles().everybodyElse().stream()
              .filter(peer -> !peer.nodeId().equals(config.nodeId()))
              .allMatch(this::isSettled);
    }
    return alone || othersSettled;
  }

  /// Takes a new view.
  void view(@Nullable Roles before) {
    mayHaveToNote = true;
    Roles now = roles();
    boolean first = alone;
    alone = false;
    held = 0;
    for (int partition = 0; partition < config.partitions().count(); partition++) {
      boolean holds = now.holds(partition);
      boolean held = !first && before != null && before.holds(partition);
      if (holds) {
        this.held++;
      }
      if (holds && !held) {
        // What it had, it has still if it was not taken over: so formerly whole is what it stays.
        complete.clear(partition);
        incomplete.set(partition);
        synced.remove(partition);
      } else if (held && !holds) {
        formerly.set(partition, vouchesFor(partition));
        complete.clear(partition);
        incomplete.clear(partition);
        synced.remove(partition);
      }
    }
    placedKeys.view(first);
    askAgain();
    hopeless.clear();
    handedOver = false;
    // What was agreed under another view does not count under this one.
    handed.clear();
    forgetWhatIsOnItsWay();
    queue.clear();
    active.clear();
    rounds.clear();
    placedUnderWay.clear();
    placedGiven.clear();
    syncDue = true;
    askAgainMillis = ASK_AGAIN_MILLIS_MIN;
    mayHaveSurplus = true;
    surplus = 1; // not known before the next look, which is due
    owes = true;
    lookedMillis = Long.MIN_VALUE / 2;
    comparedMillis.keySet().removeIf(peer -> !now.isMember(peer));
    answered.keySet().removeIf(peer -> !now.isMember(peer));
    if (before == null || before.version() != now.version()) {
      settled.clear();
      allSettled = false;
      othersSettled = false;
    }
    if (before != null && before.version() != now.version()) {
      // Who learns late that another one holds something has not written to it.
      soon.addAll(now.everybodyElse());
      noteReturned(before, now);
    }
    soon.removeIf(peer -> !now.isMember(peer));
  }

  /// Has `waiter` told once a peer that holds a partition surely has what this shard has of it now.
  /// Costs a round trip, and what differs.
  void assure(Peer peer, int partition, Link.Waiter waiter, long deadlineMillis) {
    assurances
        .computeIfAbsent(new Pair(peer, partition), pair -> new ArrayList<>())
        .add(new Assurance(waiter, nextId, deadlineMillis));
    enqueue(peer, partition, PARTITION);
  }

  /// Compares with a peer soon: something may have got lost between the two.
  void compareSoon(Peer peer) {
    soon.add(peer);
  }

  // ---- What time brings ----

  void tick(long nowMillis, Outbox out) {
    if (alone) {
      return;
    }
    digests().computeAhead(AHEAD);
    List<Peer> dropped = replication.takeToCompare();
    dropped.forEach(this::compareSoon);
    if (!dropped.isEmpty()) {
      // With what was dropped went those who waited for it to be acknowledged.
      placedUnderWay.clear();
      forgetWhatIsOnItsWay();
      // Nor have they got all that they were known to have.
      handed.values().forEach(have -> have.keySet().removeAll(dropped));
      placedGiven.clear();
      mayHaveSurplus = true;
    }
    // The more is exchanged, the longer the last of it takes.
    long exchangeMillisMax = EXCHANGE_MILLIS_MAX * (1 + active.size() / EXCHANGES_AT_ONCE);
    for (Comparison late : List.copyOf(active.values())) {
      long heard = replication.heardMillis(late.peer);
      // Much may have to come; but what says that all has come may get lost, however much else
      // does.
      long patience =
          late.exchanged
              ? Math.min(heard + ANSWER_MILLIS_MAX, late.deadlineMillis + exchangeMillisMax)
              : 0;
      if (Math.max(late.deadlineMillis, patience) <= nowMillis) {
        active.remove(new Pair(late.peer, late.partition));
        rounds.remove(late.peer); // another one may tell more
        syncDue = true;
      } else {
        advance(late);
      }
    }
    if (nowMillis - lookedMillis >= LOOK_MILLIS || nowMillis < lookedMillis) {
      lookedMillis = nowMillis;
      compareRoots(nowMillis, out);
      if (digests().takeAppeared() || mayHaveSurplus) {
        handBack();
      }
    }
    // Going through what is incomplete costs as much as starting it, so it is done for many at
    // once, and not again while nothing has happened since.
    if (syncDue && queue.isEmpty() && active.size() <= ACTIVE_MAX / 2) {
      syncDue = syncIncomplete();
    }
    askAgain(nowMillis);
    renewAssurances(nowMillis);
    start(nowMillis, out);
  }

  /// Begins anew what got lost, and forgets who does not wait any more.
  private void renewAssurances(long nowMillis) {
    assurances
        .entrySet()
        .removeIf(
            entry -> {
              Pair pair = entry.getKey();
              entry.getValue().removeIf(one -> one.deadlineMillis <= nowMillis);
              boolean over = entry.getValue().isEmpty() || !roles().isMember(pair.peer);
              if (!over) {
                enqueue(pair.peer, pair.partition, PARTITION);
              }
              return over;
            });
  }

  /// Asks each peer with which something is shared for the digest of all of it, from time to time.
  /// One of the two is enough: the one whose name comes first.
  private void compareRoots(long nowMillis, Outbox out) {
    if (!isQuiet(nowMillis)) {
      return;
    }
    long period = config.replication().antiEntropyPeriod().toMillis();
    for (Peer peer : roles().everybodyElse()) {
      if (!roles().isAlive(peer)) {
        continue;
      }
      // First the other one asks; then there is little left to find.
      long patience = asks(peer) ? GAP_MILLIS : 3 * GAP_MILLIS;
      if (!asks(peer)) {
        comparedMillis.putIfAbsent(peer, nowMillis);
      }
      Long last = comparedMillis.get(peer);
      boolean due = last == null || nowMillis - last >= period || nowMillis < last;
      boolean hasGap =
          replication.hasGap(peer)
              && (last == null || nowMillis - last >= patience)
              && isBetweenRounds(peer);
      boolean isAwaited =
          (!isSettled(peer) || returned.contains(peer))
              && (last == null || nowMillis - last >= GAP_MILLIS)
              && isBetweenRounds(peer);
      if ((due && asks(peer)) || soon.remove(peer) || hasGap || isAwaited) {
        comparedMillis.put(peer, nowMillis);
        rounds.put(peer, new Round(nextId, replication.gaps(peer)));
        out.send(peer, new PeerMessage.DigestsAsked(nextId++, ROOT, List.of(0)));
      }
    }
  }

  private boolean isBetweenRounds(Peer peer) {
    Round round = rounds.get(peer);
    return round == null || round.pairs.isEmpty();
  }

  private boolean isQuiet(long nowMillis) {
    if (digests().backlog() <= BACKLOG_MAX) {
      quietMillis = nowMillis;
      return true;
    }
    return nowMillis - quietMillis > QUIET_MILLIS_MAX;
  }

  private boolean asks(Peer peer) {
    int order = config.nodeId().compareTo(peer.nodeId());
    return order < 0 || (order == 0 && config.shard() < peer.shard());
  }

  /// Forgets, once nothing is under way any more, who did not have all of a partition that is still
  /// incomplete, so that it is asked again.
  private void askAgain(long nowMillis) {
    // What is handed back may go on for as long as those who take it over are incomplete, too.
    boolean isAsking =
        queue.keySet().stream().anyMatch(pair -> incomplete.get(pair.partition))
            || active.keySet().stream().anyMatch(pair -> incomplete.get(pair.partition));
    if (syncDue || incomplete.isEmpty() || isAsking) {
      idleMillis = nowMillis;
    } else if (nowMillis - idleMillis >= askAgainMillis || nowMillis < idleMillis) {
      // Who had all once finds out the rest in a moment; others may take as long as an absent node.
      boolean isSoon = synced.values().stream().anyMatch(done -> done.containsValue(Has.ONCE));
      if (!isSoon) {
        askAgainMillis =
            Math.min(2 * askAgainMillis, config.replication().antiEntropyPeriod().toMillis());
      }
      askAgain();
      syncDue = true;
    }
  }

  private void askAgain() {
    synced.values().forEach(done -> done.values().removeIf(has -> has != Has.ALL));
  }

  /// Has a partition fetched before others, since keys of it are asked for.
  void fetchFirst(int partition) {
    if (incomplete.get(partition) && first.add(partition)) {
      syncDue = true;
    }
  }

  /// @return whether anything could be started or ended
  private boolean syncIncomplete() {
    boolean moved = false;
    first.removeIf(partition -> !incomplete.get(partition));
    for (int partition : first) {
      moved |= sync(partition);
    }
    for (int partition = incomplete.nextSetBit(0);
        partition >= 0 && queue.size() < ACTIVE_MAX;
        partition = incomplete.nextSetBit(partition + 1)) {
      moved |= sync(partition);
    }
    return moved;
  }

  /// @return whether anything could be started or ended
  private boolean sync(int partition) {
    Map<Peer, Has> done = synced.getOrDefault(partition, Map.of());
    boolean moved = false;
    boolean waits = false;
    boolean whole = false;
    // Who has nothing gets all from one, and finds little left with the next.
    boolean oneByOne = digests().isEmpty(partition);
    for (Peer holder : roles().liveHolders(partition)) {
      if (!done.containsKey(holder)) {
        moved |= !(waits && oneByOne) && enqueue(holder, partition, PARTITION);
        waits = true;
      }
      whole |= done.get(holder) == Has.ALL;
    }
    if (!waits && whole) {
      completed(partition);
      return true;
    }
    return (!waits && askEverybody(partition, done)) || moved;
  }

  private void completed(int partition) {
    mayHaveToNote = true;
    incomplete.clear(partition);
    complete.set(partition);
    formerly.clear(partition);
    recalled.clear(partition);
    synced.remove(partition);
    hopeless.remove(partition);
  }

  /// None of the holders has all of the partition. Who held it before may; and if nobody does, all
  /// of whom see the same cluster and are asked twice, and nobody is away who could, what is left
  /// is all there is. Unless one of them had all until it ceased to hold the partition, and those
  /// who took it over never told that they had, what had more is lost.
  ///
  /// @return whether anything could be started or ended
  private boolean askEverybody(int partition, Map<Peer, Has> done) {
    boolean founded =
        roles().topology().members().stream()
            .anyMatch(node -> node.state() != NodeDescriptor.State.JOINING);
    if (!founded || !roles().view().absent().isEmpty() || !roles().view().suspected().isEmpty()) {
      return false; // they may have it
    }
    boolean moved = false;
    boolean waits = false;
    boolean whole = false;
    for (Peer member : roles().liveMembers(partition)) {
      if (!done.containsKey(member)) {
        moved |= enqueue(member, partition, PARTITION);
        waits = true;
      }
      whole |= done.get(member) == Has.ALL;
    }
    if (waits || (!whole && done.containsValue(Has.UNKNOWN))) {
      return moved; // those who see another cluster are asked again
    }
    boolean once = formerly.get(partition);
    if (!whole && !once && done.containsValue(Has.ONCE)) {
      return moved; // it will have all
    }
    if (!whole && hopeless.add(partition)) {
      return moved; // it may just have gone from one that had yet to answer to one that had
    }
    if (!whole && !once && !done.containsValue(Has.EARLIER)) {
      statistics.countPartitionLost();
    }
    completed(partition);
    return true;
  }

  // ---- What is held no more ----

  private void handBack() {
    int left = 0;
    boolean leaving = roles().isLeaving();
    mayHaveSurplus = leaving;
    owes = false;
    for (int partition : toHandBack(leaving)) {
      boolean mustStay = roles().holds(partition);
      boolean goes = leaving && mustStay && !roles().owns(partition, Optional.empty());
      boolean has = digests().countOf(partition) > 0 || (leaving && vouchesFor(partition));
      if (has && (!mustStay || goes)) {
        boolean standsIn = !mustStay && roles().standsIn(partition, Optional.empty());
        if (standsIn && !leaving) {
          mayHaveSurplus = true; // once it does not any more
          owes = true;
          continue;
        }
        int todo = handBack(partition, !mustStay && !standsIn, goes || standsIn);
        owes |= todo > 0 && !mustStay;
        left += todo;
      }
      for (PlacedGroup group : digests().placedOf(partition)) {
        left += handBackPlaced(partition, group, leaving);
      }
    }
    handedOver = leaving && left == 0;
    if (leaving && !replication.isIdle()) {
      left++;
    }
    surplus = left;
    mayHaveSurplus |= left > 0;
  }

  /// The partitions of which something is here, ascending. With who leaves it counts as something
  /// that there is no more than that: once nobody is left who has all of a partition, empty ones
  /// included, nobody can tell that a key of it is missing.
  private Set<Integer> toHandBack(boolean leaving) {
    Set<Integer> partitions = new TreeSet<>(digests().partitionsWithKeys());
    if (leaving) {
      complete.stream().forEach(partitions::add);
      formerly.stream().forEach(partitions::add);
    }
    return partitions;
  }

  /// @return 1 if there is still something to be done
  private int handBack(int partition, boolean drops, boolean stays) {
    if (sabotage.contains(Sabotage.DROP_UNACKNOWLEDGED) && drops) {
      drop(partition);
      return 0;
    }
    List<Peer> owners = roles().owners(partition);
    Map<Peer, Long> have = handed.getOrDefault(partition, Map.of());
    long changes = digests().changesOf(partition);
    boolean waits = false;
    for (Peer owner : owners) {
      // A leaving node is still written to, but so are those who take over.
      Long then = have.get(owner);
      if (then == null || (!stays && then != changes)) {
        Long onItsWay = toDisk.get(new Pair(owner, partition));
        if (onItsWay == null || (!stays && onItsWay != changes)) {
          enqueue(owner, partition, PARTITION);
        }
        waits = true;
      }
    }
    if (waits || owners.isEmpty()) {
      return 1;
    }
    if (drops) {
      drop(partition);
    }
    return 0;
  }

  private void drop(int partition) {
    mayHaveToNote = true;
    formerly.clear(partition);
    recalled.clear(partition);
    handed.remove(partition);
    for (Payload key : digests().keysOf(partition)) {
      if (digests().placedWith(key).isEmpty()) {
        placedKeys.forget(key);
        entries.remove(key);
        statistics.countHandedBack();
      }
    }
  }

  /// @return how many keys are still to be given away
  private int handBackPlaced(int partition, PlacedGroup group, boolean leaving) {
    Optional<Placement> placement = Optional.of(group.placement());
    boolean holds = roles().holds(partition, placement);
    boolean home = roles().isHome(partition);
    boolean stays = holds || home || roles().standsIn(partition, placement);
    boolean goes = leaving && stays && !roles().owns(partition, placement);
    if (stays && !goes && (holds || !home)) {
      mayHaveSurplus |= !holds; // once it does not stand in any more
      owes |= !holds;
      return 0;
    }
    int left = 0;
    // A home that does not hold the keys keeps what was decided about them.
    for (Payload key : stays && !goes ? group.withEntry() : group.keys()) {
      if (placedUnderWay.contains(key)) {
        left++;
      } else if (!leaving || !placedGiven.contains(key)) {
        left += handBackPlaced(partition, key, leaving);
      }
    }
    owes |= left > 0 && !holds;
    return left;
  }

  private int handBackPlaced(int partition, Payload key, boolean leaving) {
    Slot slot = entries.find(key).orElse(null);
    if (slot == null) {
      return 0;
    }
    // Others stand in, and would give it back, or are about to leave themselves.
    List<String> owners = roles().topology().owners(partition, slot.placement());
    List<Peer> heirs = new ArrayList<>(roles().targets(partition, slot.placement()));
    heirs.removeIf(target -> !owners.contains(target.nodeId()));
    Set<String> waiting = new HashSet<>();
    heirs.forEach(heir -> waiting.add(heir.nodeId()));
    placedUnderWay.add(key);
    boolean taken = !heirs.isEmpty();
    for (Peer heir : heirs) {
      Link link = replication.link(heir);
      link.repair(key);
      Taken told =
          new Taken(
              roles().keepsOnDisk(heir),
              (peer, isGood) -> {
                if (!isGood) {
                  placedUnderWay.remove(key);
                  return;
                }
                waiting.remove(peer.nodeId());
                if (waiting.isEmpty() && placedUnderWay.remove(key)) {
                  if (leaving) {
                    placedGiven.add(key);
                  } else {
                    dropPlaced(partition, key, slot);
                  }
                }
              });
      taken &= link.afterRepairs(sequence -> link.afterAll(told));
    }
    if (!taken) {
      placedUnderWay.remove(key); // later, when less waits
    }
    return 1;
  }

  /// Is told, of an heir, whether it has taken something over: who sees another cluster, or leaves
  /// it, may be about to give it away, to this node perhaps. What it keeps on disk must be there
  /// first, or a loss of power would take what was durable here.
  private final class Taken implements Link.Waiter {
    private final boolean awaitsDisk;
    private final BiConsumer<Peer, Boolean> then;
    private boolean isGood;

    Taken(boolean awaitsDisk, BiConsumer<Peer, Boolean> then) {
      this.awaitsDisk = awaitsDisk;
      this.then = then;
    }

    @Override
    public void acknowledged(Peer peer, boolean leaving, long ringVersion) {
      isGood = !leaving && ringVersion == roles().version();
      if (!isGood || !awaitsDisk) {
        then.accept(peer, isGood);
      }
    }

    @Override
    public boolean awaitsDisk() {
      return awaitsDisk;
    }

    @Override
    public void durable(Peer peer) {
      if (isGood) {
        then.accept(peer, true);
      }
    }
  }

  /// Has `then` run once a peer has on disk what it has merged so far. For that a key is sent
  /// again, as it is batches that are acknowledged.
  private boolean onDisk(Peer peer, Payload key, Runnable then) {
    Link link = replication.link(peer);
    link.repair(key);
    return link.afterRepairs(
        sequence ->
            link.afterAll(
                new Link.Waiter() {
                  @Override
                  public void acknowledged(Peer by, boolean leaving, long ringVersion) {}

                  @Override
                  public boolean awaitsDisk() {
                    return true;
                  }

                  @Override
                  public void durable(Peer by) {
                    then.run();
                  }
                }));
  }

  private void dropPlaced(int partition, Payload key, Slot before) {
    Slot slot = entries.find(key).orElse(null);
    if (slot == null || !slot.equals(before) || roles().holds(partition, slot.placement())) {
      return;
    }
    statistics.countHandedBack();
    placedKeys.forget(key);
    if (roles().isHome(partition)) {
      entries.removeEntry(slot);
    } else {
      entries.remove(key);
    }
  }

  // ---- Comparing: the asking side ----

  /// @return whether it was not to be compared already
  private boolean enqueue(Peer peer, int partition, int level) {
    Pair pair = new Pair(peer, partition);
    return !active.containsKey(pair) && queue.putIfAbsent(pair, level) == null;
  }

  /// Starts what waits, asking each peer for many partitions at once.
  private void start(long nowMillis, Outbox out) {
    Map<Peer, Map<Integer, List<Integer>>> asked = new LinkedHashMap<>();
    var waiting = queue.entrySet().iterator();
    long id = nextId++;
    while (waiting.hasNext() && active.size() < ACTIVE_MAX) {
      Map.Entry<Pair, Integer> next = waiting.next();
      waiting.remove();
      Pair pair = next.getKey();
      active.put(
          pair,
          new Comparison(
              pair.peer,
              pair.partition,
              next.getValue(),
              id,
              digests().changesOf(pair.partition),
              nowMillis + ANSWER_MILLIS_MAX));
      asked
          .computeIfAbsent(pair.peer, peer -> new TreeMap<>())
          .computeIfAbsent(next.getValue(), level -> new ArrayList<>())
          .add(pair.partition);
    }
    asked.forEach(
        (peer, byLevel) ->
            byLevel.forEach(
                (level, partitions) ->
                    out.send(peer, new PeerMessage.DigestsAsked(id, level, partitions))));
  }

  void digests(Peer from, PeerMessage.Digests told, long nowMillis, Outbox out) {
    switch (told.level()) {
      case ROOT -> {
        if (told.digests().stream().anyMatch(RangeDigest::complete)) {
          settled(from, told.ringVersion());
        }
        RangeDigest mine = rangeDigest(from, ROOT, 0);
        if (told.digests().stream().anyMatch(theirs -> differs(mine, theirs))) {
          List<Integer> groups = new ArrayList<>();
          for (int group = 0; group < GROUPS; group++) {
            groups.add(group);
          }
          out.send(from, new PeerMessage.DigestsAsked(told.id(), GROUP, groups));
        } else {
          roundOf(from, told).ifPresent(round -> through(from, round));
        }
      }
      case GROUP -> {
        List<RangeDigest> mine = groupDigests(from);
        Optional<Round> round = roundOf(from, told);
        for (RangeDigest theirs : told.digests()) {
          if (theirs.range() < 0
              || theirs.range() >= GROUPS
              || !differs(mine.get(theirs.range()), theirs)) {
            continue;
          }
          for (int partition : partitionsOfGroup(theirs.range())) {
            // Where they share nothing else, keys with a place of their own, of which the other
            // one may know alone.
            int level = roles().share(from, partition) ? PARTITION : PLACED;
            Pair pair = new Pair(from, partition);
            round.ifPresent(all -> all.pairs.add(pair));
            if (!enqueue(from, partition, level) && active.containsKey(pair)) {
              rounds.remove(from); // that one began too early
            }
          }
        }
        round.filter(all -> all.pairs.isEmpty()).ifPresent(all -> through(from, all));
        start(nowMillis, out);
      }
      case PARTITION, PLACED -> told.digests().forEach(d -> partitionTold(from, told, d, out));
      case BUCKET -> bucketsTold(from, told, out);
      default -> {} // of a newer version
    }
  }

  private Optional<Round> roundOf(Peer peer, PeerMessage.Digests told) {
    return Optional.ofNullable(rounds.get(peer)).filter(round -> round.id == told.id());
  }

  /// All that is shared with a peer has been compared.
  private void through(Peer peer, Round round) {
    if (!rounds.remove(peer, round)) {
      return; // another one has taken its place
    }
    returned.remove(peer);
    // What is yet to be handed over is not among what is shared, nor is what is kept for others.
    if (surplus == 0 && !owes) {
      replication.compared(peer, round.gaps);
    }
  }

  private static boolean differs(RangeDigest mine, RangeDigest theirs) {
    return mine.digest() != theirs.digest() || mine.keys() != theirs.keys();
  }

  private @Nullable Comparison comparison(Peer from, int partition, long id) {
    Comparison found = active.get(new Pair(from, partition));
    return found == null || found.id != id ? null : found;
  }

  private void partitionTold(Peer from, PeerMessage.Digests told, RangeDigest theirs, Outbox out) {
    Comparison comparison = comparison(from, theirs.range(), told.id());
    if (comparison == null || comparison.level != told.level() || !comparison.listing.isEmpty()) {
      return;
    }
    comparison.peerComplete = theirs.complete();
    comparison.peerKnows = theirs.knows();
    comparison.peerHolds = theirs.holder();
    comparison.peerVersion = told.ringVersion();
    RangeDigest mine = rangeDigest(from, told.level(), theirs.range());
    if (!differs(mine, theirs)) {
      finished(comparison);
    } else if (told.level() == PARTITION
        && roles().holds(theirs.range())
        && mine.keys() == 0
        && theirs.keys() <= KEYS_AT_ONCE_MAX) {
      comparison.wantsAll = true; // which need not be listed
      exchange(comparison, out);
    } else if (theirs.keys() + mine.keys() <= KEYS_LISTED_MAX || told.level() == PLACED) {
      comparison.listing.add(theirs.range());
      out.send(from, new PeerMessage.KeysAsked(comparison.id, told.level(), theirs.range()));
    } else {
      List<Integer> buckets = new ArrayList<>();
      for (int bucket = 0; bucket < BUCKETS; bucket++) {
        buckets.add(theirs.range() << Digests.BUCKET_BITS | bucket);
      }
      out.send(from, new PeerMessage.DigestsAsked(comparison.id, BUCKET, buckets));
    }
  }

  private void bucketsTold(Peer from, PeerMessage.Digests told, Outbox out) {
    if (told.digests().isEmpty()) {
      return;
    }
    int partition = told.digests().get(0).range() >> Digests.BUCKET_BITS;
    Comparison comparison = comparison(from, partition, told.id());
    if (comparison == null || !comparison.listing.isEmpty()) {
      return;
    }
    Set<Integer> differing = new LinkedHashSet<>();
    for (RangeDigest theirs : told.digests()) {
      if (theirs.range() >> Digests.BUCKET_BITS == partition
          && differs(rangeDigest(from, BUCKET, theirs.range()), theirs)) {
        differing.add(theirs.range());
      }
    }
    comparison.listing.addAll(differing);
    differing.forEach(
        bucket -> out.send(from, new PeerMessage.KeysAsked(comparison.id, BUCKET, bucket)));
    if (differing.isEmpty()) {
      finished(comparison);
    }
  }

  void keys(Peer from, PeerMessage.Keys told, Outbox out) {
    int partition = partitionOf(told.level(), told.range());
    Comparison comparison = comparison(from, partition, told.id());
    // The same list may come twice, but only once for each range is one awaited.
    if (comparison == null || !comparison.listing.remove(told.range())) {
      return;
    }
    Map<Long, Long> theirs = new HashMap<>();
    for (KeyDigest key : told.keys()) {
      theirs.merge(key.hash(), key.digest(), Long::sum);
    }
    Collection<Payload> held = keysOf(from, told.level(), told.range());
    Map<Long, Long> mine = new HashMap<>();
    for (Payload key : held) {
      mine.merge(KeyHash.of(key), pairDigest(from, key), Long::sum);
    }
    for (Payload key : held) {
      long hash = KeyHash.of(key);
      if (!Objects.equals(theirs.get(hash), mine.get(hash))) {
        comparison.given.add(key);
      }
    }
    theirs.forEach(
        (hash, digest) -> {
          if (!digest.equals(mine.get(hash))) {
            comparison.wanted.add(hash);
          }
        });
    if (comparison.listing.isEmpty()) {
      exchange(comparison, out);
    }
  }

  /// Now that it is known what differs: gives, and takes what this shard is to have.
  private void exchange(Comparison comparison, Outbox out) {
    comparison.exchanged = true;
    boolean takes = comparison.level == PLACED || roles().holds(comparison.partition);
    if (takes && (comparison.wantsAll || !comparison.wanted.isEmpty())) {
      comparison.awaitsSent = true;
      out.send(
          comparison.peer,
          new PeerMessage.Wanted(
              comparison.id, comparison.partition, List.copyOf(comparison.wanted)));
    }
    if (!comparison.given.isEmpty()) {
      comparison.awaitsMerge = true;
      Link link = replication.link(comparison.peer);
      LongConsumer marker =
          sequence ->
              link.afterAll(
                  (peer, leaving, version) -> {
                    comparison.awaitsMerge = false;
                    advance(comparison);
                  });
      if (assurances.containsKey(new Pair(comparison.peer, comparison.partition))) {
        link.repairFirst(comparison.given, marker);
      } else {
        comparison.given.forEach(link::repair);
        link.afterRepairs(marker);
      }
    }
    advance(comparison);
  }

  void sent(Peer from, PeerMessage.Sent told) {
    Comparison comparison = comparison(from, told.partition(), told.id());
    if (comparison != null && comparison.awaitsSent) {
      comparison.awaitsSent = false;
      comparison.sentSequence = told.sequence();
      advance(comparison);
    }
  }

  /// Ends a comparison when all has come and all has gone.
  private void advance(Comparison comparison) {
    if (!comparison.exchanged || comparison.awaitsSent || comparison.awaitsMerge) {
      return;
    }
    if (comparison.sentSequence < 0
        || replication.hasMerged(comparison.peer, comparison.sentSequence)) {
      finished(comparison);
    }
  }

  private void finished(Comparison comparison) {
    if (!active.remove(new Pair(comparison.peer, comparison.partition), comparison)) {
      return;
    }
    Round round = rounds.get(comparison.peer);
    if (round != null
        && round.pairs.remove(new Pair(comparison.peer, comparison.partition))
        && round.pairs.isEmpty()) {
      through(comparison.peer, round);
    }
    int partition = comparison.partition;
    if (comparison.level == PARTITION && incomplete.get(partition)) {
      syncDue = true;
      synced
          .computeIfAbsent(partition, p -> new HashMap<>())
          .put(comparison.peer, told(comparison));
    }
    // Who vouches for a partition does so until those who take it over do.
    boolean takenOver = isWhole(comparison) || !vouchesFor(partition);
    if (comparison.peerHolds && takenOver && comparison.level == PARTITION) {
      handed(comparison.peer, partition, comparison.changesBefore);
    }
    if (comparison.level == PARTITION) {
      assured(comparison);
    }
  }

  /// Takes note that a holder has what was here of a partition after so many changes; where that
  /// counts, once it has it on disk, if it keeps it there.
  private void handed(Peer peer, int partition, long changesBefore) {
    boolean goes = !roles().holds(partition) || roles().isLeaving();
    List<Payload> keys =
        goes && roles().keepsOnDisk(peer) ? digests().keysOf(partition) : List.of();
    if (keys.isEmpty()) {
      handed.computeIfAbsent(partition, p -> new HashMap<>()).put(peer, changesBefore);
      return;
    }
    Pair pair = new Pair(peer, partition);
    Long onItsWay = toDisk.put(pair, changesBefore);
    if (onItsWay != null && onItsWay == changesBefore) {
      return; // it is waited for already
    }
    // Under load the next comparison ends before this one's changes are on disk: both count.
    long agreed = agreement;
    boolean told =
        onDisk(
            peer,
            keys.getFirst(),
            () -> {
              if (agreement == agreed) {
                toDisk.remove(pair, changesBefore);
                handed
                    .computeIfAbsent(partition, p -> new HashMap<>())
                    .merge(peer, changesBefore, Math::max);
                mayHaveSurplus = true;
              }
            });
    if (!told) {
      toDisk.remove(pair);
      mayHaveSurplus = true;
    }
  }

  private void forgetWhatIsOnItsWay() {
    toDisk.clear();
    agreement++;
  }

  private Has told(Comparison comparison) {
    if (isWhole(comparison)) {
      return Has.ALL;
    }
    if (comparison.peerVersion != roles().version()) {
      return Has.UNKNOWN;
    }
    if (!comparison.peerComplete) {
      return Has.PART;
    }
    return comparison.peerHolds ? Has.ONCE : Has.EARLIER;
  }

  /// Whether the peer has all of the partition. Who does not know that this shard holds it does not
  /// write to it; and who tells so in the same view has all of it but what it may have missed.
  private boolean isWhole(Comparison comparison) {
    return comparison.peerComplete
        && (comparison.peerKnows || !roles().holds(comparison.partition));
  }

  private void assured(Comparison comparison) {
    Pair pair = new Pair(comparison.peer, comparison.partition);
    List<Assurance> waiting = assurances.get(pair);
    if (waiting == null) {
      return;
    }
    List<Assurance> done = waiting.stream().filter(one -> one.fromId <= comparison.id).toList();
    waiting.removeAll(done);
    if (waiting.isEmpty()) {
      assurances.remove(pair);
    } else {
      enqueue(pair.peer, pair.partition, PARTITION);
    }
    for (Assurance one : done) {
      one.waiter.acknowledged(pair.peer, !comparison.peerHolds, comparison.peerVersion);
      List<Payload> keys =
          one.waiter.awaitsDisk() && roles().keepsOnDisk(pair.peer)
              ? digests().keysOf(pair.partition)
              : List.of();
      if (!keys.isEmpty()) {
        var _ = onDisk(pair.peer, keys.getFirst(), () -> one.waiter.durable(pair.peer));
      }
    }
  }

  // ---- Comparing: the answering side ----

  void digestsAsked(Peer from, PeerMessage.DigestsAsked asked, Outbox out) {
    answered.merge(from, asked.id(), Math::max);
    if (asked.level() == BUCKET
        && asked.ranges().stream()
            .anyMatch(range -> isBelied(from, asked.id(), partitionOf(BUCKET, range)))) {
      return;
    }
    List<RangeDigest> digests = new ArrayList<>();
    List<RangeDigest> groups = asked.level() == GROUP ? groupDigests(from) : List.of();
    for (int range : asked.ranges()) {
      if (isLegal(asked.level(), range)) {
        digests.add(
            asked.level() == GROUP ? groups.get(range) : rangeDigest(from, asked.level(), range));
      }
    }
    out.send(from, new PeerMessage.Digests(asked.id(), asked.level(), roles().version(), digests));
  }

  private boolean isLegal(int level, int range) {
    int count = config.partitions().count();
    int ranges =
        switch (level) {
          case ROOT -> 1;
          case GROUP -> GROUPS;
          case PARTITION, PLACED -> count;
          case BUCKET -> count << Digests.BUCKET_BITS;
          default -> 0;
        };
    return range >= 0 && range < ranges;
  }

  void keysAsked(Peer from, PeerMessage.KeysAsked asked, Outbox out) {
    if (!isLegal(asked.level(), asked.range()) || asked.level() < PARTITION) {
      return;
    }
    List<KeyDigest> keys = new ArrayList<>();
    for (Payload key : keysOf(from, asked.level(), asked.range())) {
      keys.add(new KeyDigest(KeyHash.of(key), pairDigest(from, key)));
    }
    if (isBelied(from, asked.id(), partitionOf(asked.level(), asked.range()))) {
      return;
    }
    out.send(from, new PeerMessage.Keys(asked.id(), asked.level(), asked.range(), keys));
  }

  void wanted(Peer from, PeerMessage.Wanted wanted, Outbox out) {
    if (!isLegal(PARTITION, wanted.partition())) {
      return;
    }
    Set<Long> hashes = new HashSet<>(wanted.hashes());
    Link link = replication.link(from);
    if (hashes.isEmpty()) {
      keysOf(from, PARTITION, wanted.partition()).forEach(link::repair); // all
    } else {
      for (Payload key : digests().keysOf(wanted.partition())) {
        if (hashes.contains(KeyHash.of(key))) {
          link.repair(key);
        }
      }
    }
    link.afterRepairs(
        sequence -> {
          if (!isBelied(from, wanted.id(), wanted.partition())) {
            out.send(from, new PeerMessage.Sent(wanted.id(), wanted.partition(), sequence));
          }
        });
  }

  /// Whether a peer was told more of a partition than is here: since, something of it was found
  /// broken. What lacks that is no answer to a comparison that began before, as the peer would take
  /// it for all there is. It waits in vain, and compares anew.
  private boolean isBelied(Peer from, long comparison, int partition) {
    return isBroken.test(partition)
        || comparison <= belied.getOrDefault(partition, Map.of()).getOrDefault(from, 0L);
  }

  private static int partitionOf(int level, int range) {
    return level == BUCKET ? range >>> Digests.BUCKET_BITS : range;
  }

  // ---- Digests for a pair ----

  /// The digests of all groups. O(partitions shared with the peer), of which two nodes among many
  /// have few.
  private List<RangeDigest> groupDigests(Peer peer) {
    long[] sums = new long[GROUPS];
    long[] keys = new long[GROUPS];
    for (int partition : roles().sharedWith(peer)) {
      sums[partition % GROUPS] += digests().sumOf(partition);
      keys[partition % GROUPS] += digests().countOf(partition);
    }
    for (int partition : digests().partitionsWithPlaced()) {
      for (PlacedGroup group : digests().placedOf(partition)) {
        Sharing sharing = sharing(peer, partition, group);
        if (sharing != Sharing.NONE) {
          sums[partition % GROUPS] += sumOf(group, sharing);
          keys[partition % GROUPS] += group.size();
        }
      }
    }
    List<RangeDigest> groups = new ArrayList<>(GROUPS);
    for (int group = 0; group < GROUPS; group++) {
      groups.add(new RangeDigest(group, sums[group], keys[group], false, false, false));
    }
    return groups;
  }

  private RangeDigest rangeDigest(Peer peer, int level, int range) {
    return switch (level) {
      case ROOT -> {
        long sum = 0;
        long keys = 0;
        for (RangeDigest group : groupDigests(peer)) {
          sum += group.digest();
          keys += group.keys();
        }
        yield new RangeDigest(range, sum, keys, !owes, false, false);
      }
      case BUCKET -> {
        long sum = 0;
        Collection<Payload> keys = keysOf(peer, level, range);
        for (Payload key : keys) {
          sum += pairDigest(peer, key);
        }
        yield new RangeDigest(range, sum, keys.size(), false, false, false);
      }
      default -> {
        long sum = level == PARTITION ? digests().sumOf(range) : 0;
        long keys = level == PARTITION ? digests().countOf(range) : 0;
        for (PlacedGroup group : digests().placedOf(range)) {
          Sharing sharing = sharing(peer, range, group);
          if (sharing != Sharing.NONE) {
            sum += sumOf(group, sharing);
            keys += group.size();
          }
        }
        boolean shared = roles().holds(peer, range);
        boolean earlier = recalled.get(range); // others may have had writes since
        boolean once = earlier || (incomplete.get(range) && formerly.get(range));
        // That all was here once is of use to those who hold it too. Older nodes take it for the
        // word of one that sees another cluster, and wait.
        yield new RangeDigest(
            range,
            sum,
            keys,
            once ? shared || earlier : vouchesFor(range),
            roles().owns(range, Optional.empty()) || wasOwner(range),
            shared && !once);
      }
    };
  }

  /// Whether all that there is of a partition is here, though it may not be for long.
  private boolean vouchesFor(int partition) {
    return complete.get(partition) || formerly.get(partition);
  }

  /// Whether this shard keeps the partition for good as far as it knows.
  private boolean wasOwner(int partition) {
    return roles().holds(partition) && !roles().isLeaving();
  }

  /// What this shard and a peer both have of keys with a placement of their own.
  private enum Sharing {
    NONE,
    /// What was decided about their place, as one of the two keeps nothing else.
    SETTINGS,
    ALL
  }

  private Sharing sharing(Peer peer, int partition, PlacedGroup group) {
    Optional<Placement> placement = Optional.of(group.placement());
    boolean holds = roles().holds(partition, placement);
    if (!holds && !roles().isHome(partition)) {
      return Sharing.NONE;
    }
    if (!roles().concerns(peer, partition, placement)) {
      return Sharing.NONE;
    }
    return holds && roles().isHolder(peer, partition, placement) ? Sharing.ALL : Sharing.SETTINGS;
  }

  private long sumOf(PlacedGroup group, Sharing sharing) {
    return sharing == Sharing.ALL ? digests().sumOf(group) : group.settings();
  }

  /// What a key counts in comparisons with a peer.
  private long pairDigest(Peer peer, Payload key) {
    PlacedGroup group = digests().placedWith(key).orElse(null);
    if (group == null) {
      return digests().digestOf(key);
    }
    return sharing(peer, digests().partitionOf(key), group) == Sharing.ALL
        ? digests().digestOf(key)
        : group.settingOf(key);
  }

  private List<Payload> sharedPlaced(Peer peer, int partition) {
    List<Payload> shared = new ArrayList<>();
    for (PlacedGroup group : digests().placedOf(partition)) {
      if (sharing(peer, partition, group) != Sharing.NONE) {
        shared.addAll(group.keys());
      }
    }
    return shared;
  }

  private Collection<Payload> keysOf(Peer peer, int level, int range) {
    int partition = partitionOf(level, range);
    List<Payload> keys = new ArrayList<>();
    if (level != PLACED) {
      List<PlacedGroup> placed = digests().placedOf(partition);
      keys.addAll(digests().keysOf(partition));
      keys.removeIf(key -> placed.stream().anyMatch(group -> group.contains(key)));
    }
    keys.addAll(sharedPlaced(peer, partition));
    if (level == BUCKET) {
      keys.removeIf(key -> digests().bucketOf(key) != (range & BUCKETS - 1));
    }
    return keys;
  }

  private List<Integer> partitionsOfGroup(int group) {
    List<Integer> partitions = new ArrayList<>();
    for (int p = group; p < config.partitions().count(); p += GROUPS) {
      partitions.add(p);
    }
    return partitions;
  }
}
