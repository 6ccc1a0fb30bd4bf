package dev.trellis.node.shard;

import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.store.BrokenRecordException;
import dev.trellis.node.store.Slot;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// How changes come to the other replicas of their keys, and theirs to this one: a [Link] to each
/// peer, and for each peer the number of the last batch merged.
final class Replication {
  private static final int OWN_ON_THEIR_WAY = 1_024;

  private final ShardConfig config;
  private final Entries entries;
  private final HybridLogicalClock clock;
  private final ShardStatistics statistics;
  private final Set<Sabotage> sabotage;
  private final Budget budget;
  private final Predicate<Slot> isComplete;
  private final BiConsumer<PendingWrite, String> finish;
  private final BiConsumer<PendingWrite, Peer> assure;
  private final LongConsumer broken;
  private final Map<Peer, Link> links = new LinkedHashMap<>();
  private int turn; // whose link has the first go at the budget
  private final Map<Peer, Long> sessions = new HashMap<>(); // the last one of each peer
  private final Map<Peer, Long> merged = new HashMap<>(); // the last sequence, by sender
  private final Map<Peer, Long> mergedBefore = new HashMap<>(); // the same when the view came
  private final Map<Peer, Long> heardMillis = new HashMap<>(); // when changes came last
  private final Set<PendingWrite> pending = new LinkedHashSet<>();
  private final ArrayDeque<PendingWrite> progressed = new ArrayDeque<>();

  // What is merged and not on disk yet, where the store keeps it there.
  private final ArrayDeque<OnItsWay> ownOnTheirWay = new ArrayDeque<>();
  private final Map<Peer, ArrayDeque<MergedIn>> onTheirWay = new HashMap<>(); // by sender
  private final Map<Peer, Long> durable = new HashMap<>(); // the last sequence on disk, by sender
  private final Set<Peer> toCompare = new LinkedHashSet<>(); // what was for them has been dropped
  private final Map<Peer, HybridTimestamp> watermarks = new HashMap<>(); // by the present ring
  private Roles roles;

  /// A write that was carried out here, and the batch of the store that it is in.
  private record OnItsWay(PendingWrite write, long storeBatch) {}

  /// A batch of a peer, and the batch of the store that it is in.
  private record MergedIn(long sequence, long storeBatch) {}

  /// @param isComplete whether a slot is all that there is of its key
  /// @param finish answers a write; the text says what was in the way, empty if nothing was
  /// @param assure has a write told once a peer surely has what is here of its key
  /// @param broken is told the hashes of keys whose records can't be read
  Replication(
      ShardConfig config,
      Entries entries,
      HybridLogicalClock clock,
      ShardStatistics statistics,
      Set<Sabotage> sabotage,
      Roles roles,
      Predicate<Slot> isComplete,
      BiConsumer<PendingWrite, String> finish,
      BiConsumer<PendingWrite, Peer> assure,
      LongConsumer broken) {
    this.broken = broken;
    this.config = config;
    this.entries = entries;
    this.clock = clock;
    this.statistics = statistics;
    this.sabotage = sabotage;
    this.roles = roles;
    this.isComplete = isComplete;
    this.finish = finish;
    this.assure = assure;
    this.budget = new Budget(config.replication().handoffBytesPerSecond());
  }

  Roles roles() {
    return roles;
  }

  /// Takes a new view: forgets peers that are not members any more, and gives what waits for copies
  /// to those who hold its key now.
  void view(MembershipView view, long nowMillis, Outbox out) {
    if (view.topology().version() != roles.version()) {
      mergedBefore.clear();
      mergedBefore.putAll(merged);
      watermarks.clear(); // by this ring there may be more to have
    }
    roles = Roles.of(config, view);
    links.values().forEach(Link::openGap);
    links.keySet().removeIf(peer -> !roles.isMember(peer));
    merged
        .keySet()
        .removeIf(
            peer ->
                roles.isGone(peer)
                    || roles
                        .topology()
                        .member(peer.nodeId())
                        .filter(node -> node.incarnation() != peer.incarnation())
                        .isPresent());
    heardMillis.keySet().removeIf(peer -> !roles.isMember(peer));
    durable.keySet().retainAll(merged.keySet());
    onTheirWay.keySet().retainAll(merged.keySet());
    watermarks.keySet().removeIf(peer -> !roles.isMember(peer));
    roles.partners().forEach(this::link); // who are to be told a watermark, if nothing else
    for (PendingWrite write : List.copyOf(pending)) {
      write.targets().removeIf(peer -> !roles.isMember(peer));
      write.need(roles.topology().faultTolerance() + 1);
      for (Peer target : targetsOf(write.key())) {
        if (!write.has(target) && !write.targets().contains(target)) {
          give(target, write, nowMillis);
        }
      }
      progressed.add(write);
    }
    settle();
    flush(nowMillis, out);
  }

  /// All other shards that hold a key or stand in for those that do.
  List<Peer> targetsOf(Payload key) {
    Optional<Slot> slot = entries.find(key);
    return roles.targets(entries.digests().partitionOf(key), slot.flatMap(Slot::placement));
  }

  Link link(Peer peer) {
    Link known = links.get(peer);
    if (known == null) {
      boolean retransmits = !sabotage.contains(Sabotage.NO_RETRANSMISSION);
      known =
          new Link(
              peer,
              config.replication(),
              partBytesMax(),
              () -> roles.keepsOnDisk(peer),
              above -> sessions.merge(peer, above + 1, (last, one) -> Math.max(last + 1, one)),
              retransmits);
      links.put(peer, known);
    }
    return known;
  }

  private void give(Peer peer, PendingWrite write, long nowMillis) {
    write.give(peer);
    write
        .change()
        .ifPresentOrElse(
            change -> offer(peer, change, write, nowMillis), () -> assure.accept(write, peer));
  }

  /// The weight above which a state is sent in parts. A part takes up to four times its weight on
  /// the wire, and shares a message with others.
  long partBytesMax() {
    return config.limits().frameBytesMax() / 8;
  }

  private void offer(
      Peer peer, PeerMessage.Change change, @Nullable PendingWrite write, long nowMillis) {
    if (!link(peer).offer(change, write, nowMillis)) {
      link(peer).drop();
      toCompare.add(peer);
      statistics.countLinkOverflow();
    }
  }

  /// Sends a change that was merged here to the other replicas, nobody waiting for it.
  void spread(PeerMessage.Change change, List<Peer> targets, long nowMillis) {
    targets.forEach(peer -> offer(peer, change, null, nowMillis));
  }

  /// Sends a change at once, and has `write` answered when enough have it.
  void replicate(PendingWrite write, List<Peer> targets, long nowMillis, Outbox out) {
    pending.add(write);
    if (write.awaitsDisk()) {
      entries.store().disk().ifPresent(d -> ownOnTheirWay.add(new OnItsWay(write, d.batch())));
    }
    targets.forEach(peer -> give(peer, write, nowMillis));
    progressed.add(write);
    targets.forEach(peer -> flush(link(peer), nowMillis, out));
    settle();
  }

  int pendingCount() {
    return pending.size();
  }

  /// The connection's answers are not wanted any more.
  void disconnected(Origin origin) {
    pending.removeIf(write -> write.origin().equals(origin));
  }

  /// Merges a batch and acknowledges it.
  ///
  /// @return whether all of it has been merged, now or before
  boolean receive(Peer from, PeerMessage.Changes batch, long nowMillis, Outbox out) {
    clock.observe(batch.clock(), nowMillis);
    long sequence = batch.sequence();
    if (batch.changes().isEmpty()) {
      if (Link.numberOf(sequence) == 0 || hasMerged(from, sequence)) {
        noteWatermark(from, batch);
        if (durable.containsKey(from)) {
          acknowledge(from, nowMillis, out); // what it was told of the disk may have got lost
        }
      } else {
        acknowledge(from, nowMillis, out); // so that it learns what is missing
      }
      return true;
    }
    heardMillis.put(from, nowMillis);
    long last = merged.getOrDefault(from, 0L);
    boolean next =
        Link.sessionOf(sequence) == Link.sessionOf(last)
            ? sequence == last + 1
            : sequence > last && Link.numberOf(sequence) == 1;
    if (next) {
      if (!hasRoomFor(batch)) {
        return false; // not acknowledged, so it comes again
      }
      merge(from, batch, nowMillis, out);
      merged.put(from, sequence);
      entries
          .store()
          .disk()
          .ifPresent(
              disk ->
                  onTheirWay
                      .computeIfAbsent(from, peer -> new ArrayDeque<>())
                      .add(new MergedIn(sequence, disk.batch())));
    }
    boolean isMerged = Link.numberOf(sequence) > 0 && hasMerged(from, sequence);
    if (isMerged) {
      noteWatermark(from, batch);
    }
    acknowledge(from, nowMillis, out);
    return isMerged;
  }

  private void merge(Peer from, PeerMessage.Changes batch, long nowMillis, Outbox out) {
    for (PeerMessage.Change change : batch.changes()) {
      boolean held = holdsOrKeeps(change);
      Optional<PlacementSetting> before =
          change.placement().isPresent() ? entries.settingOf(change.key()) : Optional.empty();
      boolean had = !change.placement().equals(before) && hasAny(change.key());
      boolean isNew = entries.merge(change, nowMillis, out);
      Slot slot = entries.find(change.key()).orElse(null);
      if (had && slot != null && !before.equals(slot.setting())) {
        giveToNewHolders(from, slot, before, nowMillis);
      }
      if (slot != null
          && slot.setting().isPresent()
          && !slot.setting().equals(change.placement())) {
        link(from).repair(change.key()); // it does not know where the key belongs
      }
      if (!held) {
        statistics.countStandInWrite();
      } else if (isNew) {
        vouchFor(from, change.key(), slot);
      }
    }
  }

  private boolean hasAny(Payload key) {
    return entries.find(key).filter(slot -> !slot.entry().equals(Entry.BOTTOM)).isPresent();
  }

  /// Who has held a key, and learns that more shards are to, has perhaps written to it meanwhile,
  /// and not given them that: who decided knew nothing of it. By the watermarks of this shard they
  /// would take it for what they have.
  private void giveToNewHolders(
      Peer from, Slot slot, Optional<PlacementSetting> before, long nowMillis) {
    int partition = entries.digests().partitionOf(slot.key());
    Optional<Placement> formerly = before.flatMap(PlacementSetting::placement);
    if (!roles.isHolder(roles.self(), partition, formerly)) {
      return;
    }
    List<Peer> fresh = new ArrayList<>(roles.targets(partition, slot.placement()));
    fresh.removeAll(roles.targets(partition, formerly));
    fresh.remove(from);
    spread(
        new PeerMessage.Change(slot.key(), slot.entry(), slot.setting(), isComplete.test(slot)),
        fresh,
        nowMillis);
  }

  /// Whoever holds a key goes by the watermarks of the others that do. Who does not, as it stands
  /// in for one of them or handed the key back, may be gone before the others have what it sent
  /// here, or may not be known to them: so the watermarks of this shard are to tell of it too.
  private void vouchFor(Peer from, Payload key, @Nullable Slot slot) {
    int partition = entries.digests().partitionOf(key);
    Optional<Placement> placement = Optional.ofNullable(slot).flatMap(Slot::placement);
    if (roles.isHolder(from, partition, placement)) {
      return;
    }
    for (Peer target : roles.targets(partition, placement)) {
      Link link = links.get(target);
      if (link != null && !target.equals(from)) {
        link.openGap();
      }
    }
  }

  /// Also if there is nothing to acknowledge: a sender that goes on with a session which was
  /// forgotten here must learn that.
  private void acknowledge(Peer to, long nowMillis, Outbox out) {
    out.send(
        to,
        new PeerMessage.Received(
            merged.getOrDefault(to, 0L),
            clock.current(nowMillis),
            roles.isLeaving(),
            roles.version(),
            mergedBefore.getOrDefault(to, 0L),
            durable.getOrDefault(to, 0L)));
  }

  /// Takes note that the store has all of its batches up to one on disk, and tells who waits for
  /// that.
  void persisted(long storeBatch, long nowMillis, Outbox out) {
    while (!ownOnTheirWay.isEmpty() && ownOnTheirWay.element().storeBatch <= storeBatch) {
      ownOnTheirWay.remove().write.durable(roles.self());
    }
    onTheirWay.forEach(
        (peer, batches) -> {
          long last = 0;
          while (!batches.isEmpty() && batches.element().storeBatch <= storeBatch) {
            last = batches.remove().sequence;
          }
          if (last > 0) {
            durable.put(peer, last);
            acknowledge(peer, nowMillis, out);
          }
        });
    onTheirWay.values().removeIf(ArrayDeque::isEmpty);
    settle();
  }

  private void noteWatermark(Peer from, PeerMessage.Changes batch) {
    if (batch.ringVersion() == roles.version()) {
      watermarks.merge(from, batch.clock(), HybridTimestamp::max);
    }
  }

  /// The peer's clock up to which everything that was first written there, and that this shard
  /// shall hold, is here; empty if that is not known. Where this shard is complete, that is: what
  /// it shall hold only since the last view it may have yet to get.
  Optional<HybridTimestamp> watermark(Peer peer) {
    return Optional.ofNullable(watermarks.get(peer));
  }

  /// For how many milliseconds there has been no watermark of the partner whose last one is the
  /// oldest; -1 if some partner has not told any, 0 if there is no partner.
  private long watermarkAgeMillis(long nowMillis) {
    long age = 0;
    for (Peer partner : roles.partners()) {
      HybridTimestamp told = watermarks.get(partner);
      if (told == null) {
        return -1;
      }
      age = Math.max(age, nowMillis - told.millis());
    }
    return age;
  }

  private boolean holdsOrKeeps(PeerMessage.Change change) {
    int partition = entries.digests().partitionOf(change.key());
    return roles.holds(
            partition,
            change
                .placement()
                .flatMap(setting -> setting.placement())
                .or(() -> entries.find(change.key()).flatMap(Slot::placement)))
        || roles.isHome(partition);
  }

  /// A part of the memory is kept for what was let in elsewhere.
  private boolean hasRoomFor(PeerMessage.Changes batch) {
    if (entries
        .store()
        .disk()
        .filter(d -> d.waitingBytes() > config.waitingBytesMax())
        .isPresent()) {
      return false;
    }
    if (entries.store().weight() <= config.bytesMax()) {
      return true;
    }
    long bytes = 0;
    for (PeerMessage.Change change : batch.changes()) {
      bytes += change.entry().weight();
    }
    return entries.store().weight() + bytes <= config.bytesMax() + config.bytesMax() / 20;
  }

  void received(Peer from, PeerMessage.Received message, long nowMillis, Outbox out) {
    clock.observe(message.clock(), nowMillis);
    Link link = links.get(from);
    if (link != null) {
      if (!link.received(message, nowMillis, budget)) {
        toCompare.add(from);
      }
      // What gathered while the window was full goes now.
      flush(link, nowMillis, out);
    }
    settle();
  }

  /// Whether all up to a sequence of a peer has been merged here.
  boolean hasMerged(Peer from, long sequence) {
    long last = merged.getOrDefault(from, 0L);
    // In another session nothing says that what was sent in this one has come.
    return sequence == 0 || (Link.sessionOf(last) == Link.sessionOf(sequence) && last >= sequence);
  }

  /// When changes of a peer came last; 0 for never.
  long heardMillis(Peer peer) {
    return heardMillis.getOrDefault(peer, 0L);
  }

  /// Peers of which something was dropped since the last call: compare with them.
  List<Peer> takeToCompare() {
    List<Peer> peers = List.copyOf(toCompare);
    toCompare.clear();
    return peers;
  }

  /// Whether something first written here may not have been given to a peer; comparing shows.
  boolean hasGap(Peer peer) {
    Link link = links.get(peer);
    return link != null && link.hasGap();
  }

  /// How many times there was reason to think so; 0 if there is no link.
  long gaps(Peer peer) {
    Link link = links.get(peer);
    return link == null ? 0 : link.gaps();
  }

  /// Takes note of a comparison by which the peer got all it lacked, and that began after so many
  /// gaps.
  void compared(Peer peer, long gaps) {
    Link link = links.get(peer);
    if (link != null) {
      link.closeGaps(gaps);
    }
  }

  /// Whether something of a key waits for, or is under way to, any peer.
  boolean isUnderWay(Payload key) {
    return links.values().stream().anyMatch(link -> link.concerns(key));
  }

  /// Whether nothing waits for anybody.
  boolean isIdle() {
    return pending.isEmpty() && links.values().stream().allMatch(Link::isIdle);
  }

  /// Anything that comes from a peer shows that the way to it is free again.
  void heard(Peer peer) {
    Link link = links.get(peer);
    if (link != null) {
      link.heard();
    }
  }

  void connected(Peer peer, long nowMillis, Outbox out) {
    Link link = links.get(peer);
    if (link != null) {
      link.resendAll(nowMillis, out);
    }
  }

  void tick(long nowMillis, Outbox out) {
    budget.fill(nowMillis);
    // While the disk stands still, what was answered without it need not be remembered.
    if (ownOnTheirWay.size() > OWN_ON_THEIR_WAY + 2 * pending.size()) {
      ownOnTheirWay.removeIf(one -> !pending.contains(one.write));
    }
    flush(nowMillis, out);
    statistics.levelWatermarkAge(watermarkAgeMillis(nowMillis));
    for (PendingWrite write : pending) {
      if (write.deadlineMillis() <= nowMillis) {
        progressed.add(write);
      }
    }
    settle(nowMillis);
  }

  private void flush(long nowMillis, Outbox out) {
    // Another one has the first go at the budget each time.
    List<Link> all = new ArrayList<>(links.values());
    Collections.rotate(all, turn++);
    all.forEach(link -> flush(link, nowMillis, out));
  }

  private void flush(Link link, long nowMillis, Outbox out) {
    HybridTimestamp time = clock.current(nowMillis);
    link.flush(nowMillis, time, roles.version(), budget, this::wholeState, out);
  }

  /// All that there is of a key here; null if nothing is.
  ///
  /// It is read while batches are put together, of which nothing may get lost: so what is broken is
  /// noted, and mended when the turn ends.
  PeerMessage.@Nullable Change wholeState(Payload key) {
    Slot slot;
    try {
      slot = entries.find(key).orElse(null);
    } catch (BrokenRecordException e) {
      broken.accept(e.keyHash());
      return null;
    }
    if (slot == null) {
      return null;
    }
    statistics.countEntrySent();
    return new PeerMessage.Change(key, slot.entry(), slot.setting(), isComplete.test(slot));
  }

  private void settle() {
    settle(Long.MIN_VALUE);
  }

  /// Answers the writes that are done, or have nobody left to wait for, or are too late.
  private void settle(long nowMillis) {
    // Writes make progress in Link, by a call on each acknowledgement.
    for (PendingWrite write = progressed.poll(); write != null; write = progressed.poll()) {
      if (!pending.contains(write)) {
        continue;
      }
      if (write.isDone(roles.staying(), roles.diskStays())) {
        pending.remove(write);
        finish.accept(write, "");
      } else if (write.targets().stream().noneMatch(roles::isMember)
          && !write.awaitsHeirs()
          && !(write.awaitsDisk() && write.mayBecomeDurable())) {
        // Whoever is merely suspected may just be slow.
        pending.remove(write);
        finish.accept(write, missing());
      } else if (write.deadlineMillis() <= nowMillis) {
        pending.remove(write);
        List<Peer> silent = new ArrayList<>(write.targets());
        finish.accept(write, silent.isEmpty() ? missing() : "no answer from " + names(silent));
      }
    }
  }

  /// Notes that a write may be done.
  void progressed(PendingWrite write) {
    progressed.add(write);
  }

  private String missing() {
    Set<String> unwell = new LinkedHashSet<>(roles.view().suspected());
    roles.view().absent().forEach(node -> unwell.add(node.nodeId()));
    if (!unwell.isEmpty()) {
      return "of the nodes known, " + String.join(", ", unwell) + " cannot be reached";
    }
    return roles.topology().members().size() == 1
        ? "node " + config.nodeId() + " is the only one of its cluster"
        : "the cluster has " + roles.topology().members().size() + " nodes";
  }

  private static String names(List<Peer> peers) {
    Set<String> nodes = new HashSet<>();
    peers.forEach(peer -> nodes.add(peer.nodeId()));
    return "node " + String.join(", ", nodes.stream().sorted().toList());
  }
}
