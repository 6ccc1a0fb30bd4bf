package dev.trellis.node.shard;

import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Consumer;

/// A write that is merged here and waits until enough distinct nodes have merged it too.
final class PendingWrite implements Link.Waiter {
  private final Origin origin;
  private final Request request;
  private final Reply reply; // for when it is done
  private final PeerMessage.Change change;
  private final int needed;
  private final Acknowledgement level;
  private final long deadlineMillis;
  private final Set<Object> copies = new HashSet<>(); // node ids
  private final Set<Peer> targets = new HashSet<>(); // to which it was given
  private final boolean perShard;
  private final Consumer<PendingWrite> progressed;

  /// @param needed distinct nodes, this one included
  /// @param perShard counts shards instead of nodes: a defect for tests
  /// @param progressed is told of each acknowledgement
  PendingWrite(
      Origin origin,
      Request request,
      Reply reply,
      PeerMessage.Change change,
      int needed,
      Acknowledgement level,
      long deadlineMillis,
      String nodeId,
      boolean perShard,
      Consumer<PendingWrite> progressed) {
    this.origin = origin;
    this.request = request;
    this.reply = reply;
    this.change = change;
    this.needed = needed;
    this.level = level;
    this.deadlineMillis = deadlineMillis;
    this.perShard = perShard;
    this.progressed = progressed;
    copies.add(nodeId);
  }

  @Override
  public void acknowledged(Peer peer) {
    copies.add(perShard ? peer : peer.nodeId());
    targets.remove(peer);
    progressed.accept(this);
  }

  Origin origin() {
    return origin;
  }

  Request request() {
    return request;
  }

  Reply reply() {
    return reply;
  }

  PeerMessage.Change change() {
    return change;
  }

  int needed() {
    return needed;
  }

  Acknowledgement level() {
    return level;
  }

  long deadlineMillis() {
    return deadlineMillis;
  }

  int copies() {
    return copies.size();
  }

  boolean isDone() {
    return copies.size() >= needed;
  }

  /// The peers that have been given the change and have not acknowledged it.
  Set<Peer> targets() {
    return targets;
  }

  /// Whether a node counts already.
  boolean has(Peer peer) {
    return copies.contains(perShard ? peer : peer.nodeId()) && !targets.contains(peer);
  }
}
