package dev.trellis.node.net;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;

/// What one shard passes on to another on behalf of a connection. Immutable.
sealed interface Errand {
  record Handling(Request request) implements Errand {}

  /// A request that may be answered long after it was taken, which is told by [Done].
  record Awaiting(Request request) implements Errand {}

  record Watching(Frame.Watch watch) implements Errand {}

  record Unwatching(long watchId) implements Errand {}

  /// A page of this shard.
  ///
  /// @param scan whose page is wanted; touched by the connection's shard only
  record Scanning(Frame.Scan asked, NodeScan scan) implements Errand {}

  /// How new all is that the connection was told by this shard. Changes are told before.
  ///
  /// @param pong that waits for it; touched by the connection's shard only
  record Confirming(NodePong pong) implements Errand {}

  /// What comes back. Every errand is answered by exactly one of these but [Change], which come in
  /// any number.
  sealed interface Delivery {
    /// About the size of what has to be written because of it.
    long bytes();
  }

  record Answered(Reply reply, long bytes) implements Delivery {}

  record Page(NodeScan scan, Frame.Scanned page, long bytes) implements Delivery {}

  record Change(Frame.Changed changed, long bytes) implements Delivery {}

  record Confirmed(NodePong pong, HybridTimestamp asOf) implements Delivery {
    @Override
    public long bytes() {
      return 0;
    }
  }

  record Done() implements Delivery {
    @Override
    public long bytes() {
      return 0;
    }
  }
}
