package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.Reply;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// A write that is merged here and waits until enough distinct nodes have merged it too.
final class PendingWrite implements Link.Waiter {
  /// What is answered when it is done.
  sealed interface Answer {
    /// Of whatever mutation.
    record General(Reply reply) implements Answer {}

    /// Of a plain `put`.
    record Plain(PlainReply reply) implements Answer {}
  }

  private final Origin origin;
  private final Payload key;
  private final Answer answer;
  private final Optional<PeerMessage.Change> change;
  private int needed;
  private final Acknowledgement level;
  private final long deadlineMillis;

  // Peers, each once; there are few.
  private final List<Peer> copies = new ArrayList<>(); // that stay, this shard included if it does
  private final List<Peer> leavingCopies = new ArrayList<>();
  private final List<Peer> targets = new ArrayList<>(); // to which it was given
  private final List<Peer> durable = new ArrayList<>(); // of all copies, those on disk

  private final Predicate<Peer> keepsOnDisk;
  private final boolean perShard;
  private final Consumer<PendingWrite> progressed;

  /// @param needed distinct nodes, this one included
  /// @param self this shard
  /// @param leaving whether this node is about to leave
  /// @param keepsOnDisk whether a shard keeps what it merges on disk
  /// @param perShard counts shards instead of nodes: a defect for tests
  /// @param progressed is told of each acknowledgement
  PendingWrite(
      Origin origin,
      Payload key,
      Answer answer,
      Optional<PeerMessage.Change> change,
      int needed,
      Acknowledgement level,
      long deadlineMillis,
      Peer self,
      boolean leaving,
      Predicate<Peer> keepsOnDisk,
      boolean perShard,
      Consumer<PendingWrite> progressed) {
    this.origin = origin;
    this.key = key;
    this.answer = answer;
    this.change = change;
    this.needed = needed;
    this.level = level;
    this.deadlineMillis = deadlineMillis;
    this.keepsOnDisk = keepsOnDisk;
    this.perShard = perShard;
    this.progressed = progressed;
    (leaving ? leavingCopies : copies).add(self);
  }

  @Override
  public void acknowledged(Peer peer, boolean leaving, long ringVersion) {
    note(peer, leaving ? leavingCopies : copies);
    targets.remove(peer);
    progressed.accept(this);
  }

  @Override
  public boolean awaitsDisk() {
    return level == Acknowledgement.DURABLE;
  }

  @Override
  public void durable(Peer peer) {
    note(peer, durable);
    progressed.accept(this);
  }

  private static void note(Peer peer, List<Peer> peers) {
    if (!peers.contains(peer)) {
      peers.add(peer);
    }
  }

  /// How many nodes have it on disk, those that leave left out unless nobody stays who keeps what
  /// it has there: once others have in memory what a leaving node has, it goes, and its disk with
  /// it.
  ///
  /// @param diskStays whether some member that keeps its data on disk does not leave
  int durableCopies(boolean diskStays) {
    return diskStays ? count(durable, leavingCopies) : count(durable);
  }

  /// Whether some copy is yet to reach the disk.
  boolean mayBecomeDurable() {
    return Stream.concat(copies.stream(), leavingCopies.stream())
        .anyMatch(peer -> keepsOnDisk.test(peer) && !durable.contains(peer));
  }

  Origin origin() {
    return origin;
  }

  Payload key() {
    return key;
  }

  Answer answer() {
    return answer;
  }

  /// What others are to merge; empty if they are to have what is here already.
  Optional<PeerMessage.Change> change() {
    return change;
  }

  int needed() {
    return needed;
  }

  /// Takes note that the cluster now keeps this many copies, if it is more.
  void need(int copies) {
    needed = Math.max(needed, copies);
  }

  Acknowledgement level() {
    return level;
  }

  long deadlineMillis() {
    return deadlineMillis;
  }

  /// How many nodes have merged the write, those that leave left out unless too few others stay. At
  /// least one: who leaves hands on what it has.
  ///
  /// @param staying how many members there are that do not leave
  int copies(int staying) {
    int stay = count(copies, leavingCopies);
    boolean leaversCount = stay < needed && stay >= Math.min(needed, staying);
    return Math.max(1, leaversCount ? stay + count(leavingCopies) : stay);
  }

  private int count(List<Peer> peers) {
    return count(peers, List.of());
  }

  /// How many nodes there are among the peers, those left out of which a shard is among others: the
  /// shards of a node need not hear at one time that it leaves.
  private int count(List<Peer> peers, List<Peer> but) {
    if (perShard || (peers.size() < 2 && but.isEmpty())) {
      return peers.size();
    }
    Set<String> nodes = new HashSet<>();
    peers.forEach(peer -> nodes.add(peer.nodeId()));
    but.forEach(peer -> nodes.remove(peer.nodeId()));
    return nodes.size();
  }

  /// Whether nodes have merged it that leave: others are to take their place, of whom this node may
  /// have yet to hear.
  boolean awaitsHeirs() {
    return !leavingCopies.isEmpty();
  }

  /// @param staying how many members there are that do not leave
  /// @param diskStays whether one of them keeps its data on disk
  boolean isDone(int staying, boolean diskStays) {
    return copies(staying) >= needed && (!awaitsDisk() || durableCopies(diskStays) > 0);
  }

  /// The peers that have been given the change and have not acknowledged it.
  List<Peer> targets() {
    return targets;
  }

  /// Takes note that a peer is given the change.
  void give(Peer peer) {
    note(peer, targets);
  }

  /// Whether a peer has merged the write.
  boolean has(Peer peer) {
    return copies.contains(peer) || leavingCopies.contains(peer);
  }
}
