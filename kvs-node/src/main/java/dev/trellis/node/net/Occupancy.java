package dev.trellis.node.net;

import java.util.HashMap;
import java.util.Map;

/// How many connections each principal has to a node, all its shards together. For any thread.
final class Occupancy {
  private final Map<String, Long> connections = new HashMap<>(); // by principal; guarded by this

  /// Counts one more, if there may be.
  ///
  /// @param most 0 for any number
  synchronized boolean enter(String principal, long most) {
    long known = connections.getOrDefault(principal, 0L);
    if (most != 0 && known >= most) {
      return false;
    }
    connections.put(principal, known + 1);
    return true;
  }

  /// Counts one less.
  synchronized void leave(String principal) {
    connections.computeIfPresent(principal, (name, known) -> known == 1 ? null : known - 1);
  }
}
