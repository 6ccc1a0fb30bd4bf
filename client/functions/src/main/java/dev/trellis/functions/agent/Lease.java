package dev.trellis.functions.agent;

import java.time.Duration;
import java.util.Optional;

/// A lease that was granted. Immutable: renewing gives another one.
public final class Lease {
  private final Leases leases;
  private final String name;
  private final String holder;
  private final FencingToken token;
  private final Duration time;
  private final long askedNanos;

  Lease(
      Leases leases,
      String name,
      String holder,
      FencingToken token,
      Duration time,
      long askedNanos) {
    this.leases = leases;
    this.name = name;
    this.holder = holder;
    this.token = token;
    this.time = time;
    this.askedNanos = askedNanos;
  }

  /// What to show to whom it may concern.
  public FencingToken token() {
    return token;
  }

  /// How long it is good for, by this machine's clock: negative once it has run out. A thread that
  /// stands still after it has looked does not know.
  public Duration left() {
    return time.minusNanos(System.nanoTime() - askedNanos);
  }

  /// The same for as long again; empty if it has run out and somebody else has it. With another
  /// token, if somebody else had it in between.
  ///
  /// @throws NoReplyException if no host answers in time
  public Optional<Lease> renew() {
    return leases.acquire(name, holder, time);
  }

  /// Gives it up, if it still is this holder's.
  ///
  /// @throws NoReplyException if no host answers in time; then it runs out
  public void release() {
    leases.release(name, holder);
  }

  @Override
  public String toString() {
    return "Lease[" + name + " " + token + "]";
  }
}
