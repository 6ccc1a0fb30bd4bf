package dev.trellis.node.net;

import dev.trellis.node.membership.MembershipView;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The ways from a shard to its peers. Confined to the shard's thread.
final class PeerLinks {
  /// Where a peer listens.
  record Address(String host, int port) {}

  /// Messages of its siblings that a shard has yet to take, at most; what comes on top is dropped.
  static final int SIBLING_MESSAGES_MAX = 4_096;

  private static final int CONNECT_MILLIS_MAX = 2_000;

  private final ShardServer shard;
  private final EventLoopGroup group;
  private final Transport transport;
  private final Map<Peer, PeerLink> links = new HashMap<>();
  private final List<PeerLink> touched = new ArrayList<>(); // may hold one several times
  private @Nullable MembershipView view;
  private boolean closed;

  PeerLinks(ShardServer shard, EventLoopGroup group, Transport transport) {
    this.shard = shard;
    this.group = group;
    this.transport = transport;
  }

  /// Closes the ways to those who are no members any more.
  void membership(MembershipView latest) {
    view = latest;
    for (Peer peer : List.copyOf(links.keySet())) {
      if (address(peer).isEmpty()) {
        close(peer);
      }
    }
  }

  /// Sends a message at the end of the turn, if it can be sent.
  void send(Peer to, PeerMessage message) {
    Peer self = shard.self();
    if (to.nodeId().equals(self.nodeId()) && to.incarnation() == self.incarnation()) {
      handOver(to, message);
      return;
    }
    PeerLink link = links.get(to);
    if (link == null) {
      if (closed || address(to).isEmpty()) {
        shard.tallies().peerMessagesDropped.add(1);
        return;
      }
      link = new PeerLink(this, shard, to);
      links.put(to, link);
      link.open();
    }
    link.send(message);
  }

  private void handOver(Peer to, PeerMessage message) {
    DataPlane plane = shard.plane();
    if (to.shard() < plane.shardCount() && plane.shard(to.shard()).takeOver(shard, message)) {
      shard.tallies().peerMessagesSent.add(1);
    } else {
      shard.tallies().peerMessagesDropped.add(1);
    }
  }

  /// Sends what was written in this turn.
  void flush() {
    touched.forEach(PeerLink::flush);
    touched.clear();
  }

  /// Notes that something was written to a link.
  void touch(PeerLink link) {
    touched.add(link);
  }

  void close(Peer peer) {
    PeerLink link = links.remove(peer);
    if (link != null) {
      link.close();
    }
  }

  /// Looks again at whether those on the other side are who they should be.
  void review() {
    List.copyOf(links.values()).forEach(PeerLink::review);
  }

  /// Closes all for good.
  void close() {
    closed = true;
    List.copyOf(links.keySet()).forEach(this::close);
  }

  /// Where a peer listens, as long as it is a member in this life.
  Optional<Address> address(Peer peer) {
    if (view == null) {
      return Optional.empty();
    }
    Optional<NodeDescriptor> node = view.topology().member(peer.nodeId());
    return node.filter(
            known ->
                known.incarnation() == peer.incarnation()
                    && peer.shard() < known.shardPorts().size())
        .map(known -> new Address(known.host(), known.shardPorts().get(peer.shard())));
  }

  Bootstrap bootstrap() {
    Bootstrap bootstrap =
        new Bootstrap()
            .group(group)
            .channel(transport.channel())
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.SO_KEEPALIVE, true)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS_MAX)
            .option(
                ChannelOption.WRITE_BUFFER_WATER_MARK,
                new WriteBufferWaterMark(PeerLink.UNREAD_BYTES_MAX / 2, PeerLink.UNREAD_BYTES_MAX));
    transport.giveUpSoon(bootstrap);
    return bootstrap;
  }
}
