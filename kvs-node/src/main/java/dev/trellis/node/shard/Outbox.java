package dev.trellis.node.shard;

import dev.trellis.wire.Reply;

/// Where a shard puts what others shall get. The shell delivers it.
public interface Outbox {
  /// Answers a request. Called exactly once for each request handled.
  void reply(Origin origin, Reply reply);

  /// Tells that [ShardCore#nextChange] has something for this origin, which had nothing before.
  void changesPending(Origin origin);
}
