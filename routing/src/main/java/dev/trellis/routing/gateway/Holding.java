package dev.trellis.routing.gateway;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/// What one request, or one watch, holds of the memory that all share. It is given back when the
/// connection has ended and nobody works on the request any more. For any thread.
final class Holding {
  private final MemoryBudget budget;
  private final Optional<AtomicLong> share; // of the principal
  private long held; // guarded by this, as what follows
  private boolean isWorkedOn;
  private boolean isOver;

  Holding(MemoryBudget budget, Optional<AtomicLong> share) {
    this.budget = budget;
    this.share = share;
  }

  /// Takes bytes if there are so many left, and anybody waits for them still.
  synchronized boolean tryTake(long bytes) {
    if (isOver || !budget.tryTake(share, bytes)) {
      return false;
    }
    held += bytes;
    return true;
  }

  /// Takes bytes for writing down what is held already, if the others leave anything: else nobody
  /// could ever have an answer that is longer as a document than there is room for.
  synchronized boolean tryGrow(long bytes) {
    if (isOver || budget.isSpent(share, held)) {
      return false;
    }
    take(bytes);
    return true;
  }

  /// Takes bytes in any case.
  synchronized void take(long bytes) {
    if (!isOver || isWorkedOn) {
      budget.take(share, bytes);
      held += bytes;
    }
  }

  /// Gives bytes back, as far as they are held.
  synchronized void give(long bytes) {
    long given = Math.min(bytes, held);
    budget.take(share, -given);
    held -= given;
  }

  /// Holds so many from now on, neither more nor less.
  synchronized void settle(long bytes) {
    if (bytes > held) {
      take(bytes - held);
    } else {
      give(held - bytes);
    }
  }

  /// Whether there is no room for anything.
  synchronized boolean isSpent() {
    return budget.isSpent(share, held);
  }

  /// Whether the connection has ended, so that nobody waits for what could be taken.
  synchronized boolean isOver() {
    return isOver;
  }

  /// Somebody works on the request, up to [#finish].
  synchronized void begin() {
    isWorkedOn = true;
  }

  synchronized void finish() {
    isWorkedOn = false;
    if (isOver) {
      give(held);
    }
  }

  /// The connection has ended.
  synchronized void end() {
    isOver = true;
    if (!isWorkedOn) {
      give(held);
    }
  }
}
