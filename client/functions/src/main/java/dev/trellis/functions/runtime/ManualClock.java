package dev.trellis.functions.runtime;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/// A clock that stands still until somebody advances it. Safe for any thread.
public final class ManualClock implements RuntimeClock {
  private record Due(Instant at, long number, Runnable task) {}

  private final PriorityQueue<Due> due =
      new PriorityQueue<>(Comparator.comparing(Due::at).thenComparingLong(Due::number));
  private Instant now; // guarded by this, as is all else
  private long last;

  /// @param now what it shows first
  public ManualClock(Instant now) {
    this.now = now;
  }

  @Override
  public synchronized Instant now() {
    return now;
  }

  @Override
  public synchronized Timer after(Duration delay, Runnable task) {
    Due timer = new Due(now.plus(delay), ++last, task);
    due.add(timer);
    return () -> cancel(timer);
  }

  private synchronized void cancel(Due timer) {
    due.remove(timer);
  }

  /// How many timers are set.
  public synchronized int timers() {
    return due.size();
  }

  /// Lets time pass, and runs what becomes due meanwhile, in the order of time, on the thread that
  /// calls.
  ///
  /// @throws IllegalArgumentException if negative
  public void advance(Duration time) {
    if (time.isNegative()) {
      throw new IllegalArgumentException("a clock can't go back, by " + time);
    }
    Instant end = now().plus(time);
    for (Due next = nextUntil(end); next != null; next = nextUntil(end)) {
      next.task.run();
    }
  }

  private synchronized @Nullable Due nextUntil(Instant end) {
    Due next = due.peek();
    if (next == null || next.at.isAfter(end)) {
      now = now.isBefore(end) ? end : now;
      return null;
    }
    due.remove();
    now = now.isBefore(next.at) ? next.at : now;
    return next;
  }

  @Override
  public synchronized void close() {
    due.clear();
  }
}
