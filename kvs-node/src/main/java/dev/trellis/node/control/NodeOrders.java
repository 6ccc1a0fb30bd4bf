package dev.trellis.node.control;

import dev.trellis.node.membership.ShardProgress;
import java.util.List;

/// What orders need of the node. Any thread may call it; nothing waits.
public interface NodeOrders {
  /// How far each shard has come, in shard order.
  List<ShardProgress> progress();

  /// Begins to hand over what the node holds, so as to leave.
  void leave();
}
