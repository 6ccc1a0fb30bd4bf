package dev.trellis.node.net;

import dev.trellis.access.Caller;
import dev.trellis.node.shard.Origin;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/// What the other shards of a node know of a connection that passes requests on to them: who asks,
/// the way back, and how much waits there.
///
/// The shards stop working for a connection while more than its bound waits to be written, so a
/// client that does not read costs at most that and one value per shard.
final class Passage {
  private volatile Origin origin; // replaced by home, read by the others
  private final Connection connection;
  private final ShardServer home;
  private final long bytesMax;
  private final AtomicLong unwritten = new AtomicLong(); // added to by the others, taken by home

  Passage(Origin origin, Connection connection, ShardServer home, long bytesMax) {
    this.origin = origin;
    this.connection = connection;
    this.home = home;
    this.bytesMax = bytesMax;
  }

  Origin origin() {
    return origin;
  }

  /// Has another caller from now on.
  ///
  /// @return the connection as it is now
  Origin callerIs(Caller caller) {
    Origin changed = origin.with(caller);
    origin = changed;
    return changed;
  }

  /// Whether more may be done for the connection.
  boolean hasRoom() {
    return unwritten.get() < bytesMax;
  }

  /// Notes that something will have to be written.
  void promise(long bytes) {
    unwritten.addAndGet(bytes);
  }

  /// Notes that something was written.
  ///
  /// @return whether that made room where there was none: then shards may be waiting
  boolean keep(long bytes) {
    long before = unwritten.getAndAdd(-bytes);
    return before >= bytesMax && before - bytes < bytesMax;
  }

  /// Brings results to the connection.
  void deliver(List<Errand.Delivery> deliveries) {
    home.execute(() -> connection.delivered(deliveries));
  }
}
