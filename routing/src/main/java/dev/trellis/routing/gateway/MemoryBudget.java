package dev.trellis.routing.gateway;

import java.util.concurrent.atomic.AtomicLong;

/// Bounds the memory that all connections together hold in bodies that arrive and answers that
/// leave. Used by every event loop.
final class MemoryBudget {
  private final long bytesMax;
  private final AtomicLong used = new AtomicLong();

  MemoryBudget(long bytesMax) {
    this.bytesMax = bytesMax;
  }

  /// Takes bytes if there are so many left.
  boolean tryTake(long bytes) {
    if (used.addAndGet(bytes) <= bytesMax) {
      return true;
    }
    used.addAndGet(-bytes);
    return false;
  }

  /// Takes bytes in any case: an answer that exists already cannot be refused any more, but keeps
  /// others from being asked for.
  void take(long bytes) {
    used.addAndGet(bytes);
  }

  void giveBack(long bytes) {
    used.addAndGet(-bytes);
  }

  boolean isSpent() {
    return used.get() >= bytesMax;
  }

  long used() {
    return used.get();
  }
}
