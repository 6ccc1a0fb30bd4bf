package dev.trellis.node.shard;

import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.Reply;

/// Where a shard puts what others shall get. The shell delivers it.
public interface Outbox {
  /// Answers a request. Called exactly once for each request handled.
  void reply(Origin origin, Reply reply);

  /// Answers a plain request, as [#reply(Origin, Reply)] does; the reply is valid during the call.
  default void reply(Origin origin, PlainReply reply) {
    reply(origin, reply.toReply());
  }

  /// Tells that [ShardCore#nextChange] has something for this origin, which had nothing before.
  void changesPending(Origin origin);

  /// Sends a message to a shard of another node, or of this one. May fail without a word, as any
  /// message may be lost: where no peers are, dropping all is right.
  default void send(Peer to, PeerMessage message) {}
}
