package dev.trellis.node.net;

import java.util.LinkedHashSet;
import java.util.Set;

/// An amount of memory that the connections of a shard share for one purpose. Whoever finds room
/// may take what it needs, even if that is more than there is, so that one big thing can always be
/// done; whoever finds none waits in line. Confined to the shard's thread.
final class SharedMemory {
  private final long bytesMax;
  private final Runnable wakeLater;
  private final Set<Connection> waiting = new LinkedHashSet<>(); // first come, first served
  private long used;
  private boolean waking;

  /// @param wakeLater is to have [#wake] called in a turn of its own
  SharedMemory(long bytesMax, Runnable wakeLater) {
    this.bytesMax = bytesMax;
    this.wakeLater = wakeLater;
  }

  boolean hasRoom() {
    return used < bytesMax;
  }

  void take(long bytes) {
    used += bytes;
  }

  void give(long bytes) {
    used -= bytes;
    if (hasRoom() && !waiting.isEmpty() && !waking) {
      waking = true;
      wakeLater.run();
    }
  }

  /// Puts a connection in line, unless it stands there.
  void await(Connection connection) {
    waiting.add(connection);
  }

  void forget(Connection connection) {
    waiting.remove(connection);
  }

  /// Whether somebody waits.
  boolean isContended() {
    return !waiting.isEmpty();
  }

  /// Lets those in line go on while there is room.
  void wake() {
    waking = false;
    while (hasRoom() && !waiting.isEmpty()) {
      Connection next = waiting.iterator().next();
      waiting.remove(next);
      next.resume();
    }
  }
}
