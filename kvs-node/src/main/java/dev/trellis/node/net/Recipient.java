package dev.trellis.node.net;

import dev.trellis.wire.PlainReply;
import dev.trellis.wire.Reply;

/// Where a shard's answers to one connection go. Confined to the shard's thread.
sealed interface Recipient permits Connection, PassedConnection {
  /// Takes the answer to a request.
  void reply(Reply reply);

  /// Takes the answer to a plain request, which is valid during the call.
  void reply(PlainReply reply);

  /// Learns that the shard has changes of watched keys for this connection.
  void changesPending();

  /// Sends what it was given since the last time: called at the end of a turn, so that what comes
  /// together goes together.
  void settle();
}
