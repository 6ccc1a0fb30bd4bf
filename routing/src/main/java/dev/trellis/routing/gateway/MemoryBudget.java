package dev.trellis.routing.gateway;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/// Bounds the memory that all connections together hold in bodies that arrive, in what nodes have
/// answered and in answers that leave; and what of it is held for one principal, so that nobody can
/// have all of it. Used by every event loop.
///
/// Nothing is taken for a read before it is answered: how much it will be nobody knows, and the
/// most it may be, for each of thousands of small ones, would be far more than there is. What comes
/// is taken at once, on the thread that has decoded it, or thrown away if there is no room. So
/// there is never more than `bytesMax`, and beside it one frame for each client of the cluster, as
/// its thread decodes one at a time, and one JSON document for each event loop that writes one
/// ([Holding#tryGrow]). A state of a watch is counted a moment later, on the thread that tells it:
/// there is one at most for each watch.
final class MemoryBudget {
  private final long bytesMax;
  private final long shareMax;
  private final AtomicLong used = new AtomicLong();
  private final Map<String, AtomicLong> shares = new ConcurrentHashMap<>(); // by principal

  /// @param shareMax of it, that may be held for one principal
  MemoryBudget(long bytesMax, long shareMax) {
    this.bytesMax = bytesMax;
    this.shareMax = shareMax;
  }

  /// What a request, or a watch, will hold: nothing yet.
  ///
  /// @param principal for whom it is; empty where nobody is told apart
  Holding holding(Optional<String> principal) {
    return new Holding(
        this, principal.map(name -> shares.computeIfAbsent(name, _ -> new AtomicLong())));
  }

  /// Takes bytes if there are so many left.
  boolean tryTake(Optional<AtomicLong> share, long bytes) {
    if (share.isPresent() && share.get().addAndGet(bytes) > shareMax) {
      share.get().addAndGet(-bytes);
      return false;
    }
    if (used.addAndGet(bytes) <= bytesMax) {
      return true;
    }
    used.addAndGet(-bytes);
    share.ifPresent(of -> of.addAndGet(-bytes));
    return false;
  }

  /// Takes bytes in any case: what exists already and can't be refused any more keeps others from
  /// being asked for.
  void take(Optional<AtomicLong> share, long bytes) {
    used.addAndGet(bytes);
    share.ifPresent(of -> of.addAndGet(bytes));
  }

  void take(long bytes) {
    used.addAndGet(bytes);
  }

  void giveBack(long bytes) {
    used.addAndGet(-bytes);
  }

  /// Whether somebody can't have anything now.
  ///
  /// @param held of it by who asks
  boolean isSpent(Optional<AtomicLong> share, long held) {
    return used.get() - held >= bytesMax
        || (share.isPresent() && share.get().get() - held >= shareMax);
  }

  /// Whether so much is held that whoever holds it has to hurry.
  boolean isContended() {
    return used.get() >= bytesMax / 2;
  }

  long used() {
    return used.get();
  }

  /// Why there is no room, for people.
  Problem spent() {
    return Problem.overloaded(
        "requests and answers under way fill the "
            + bytesMax
            + " bytes that gateway.memory.max allows, or your share of them");
  }
}
