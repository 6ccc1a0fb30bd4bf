package dev.trellis.faults;

import dev.trellis.history.Operation;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/// A client thread: one call at a time, at a rate, each written down before it is sent and when its
/// outcome is known. After a call of unknown outcome it goes on under another process number.
final class Caller implements Runnable {
  private final RecordedCalls calls;
  private final Workload.Steps steps;
  private final RandomGenerator random;
  private final Duration period;
  private final int callers;
  private final AtomicLong succeeded;
  private volatile boolean stopping; // set by any thread
  private final String session;
  private long process;

  /// @param number of the thread, from 0, and its first process number
  /// @param callers of this history: process numbers are counted up by it
  /// @param period mean time between two calls
  /// @param succeeded counts the calls that ended with `:ok`
  Caller(
      RecordedCalls calls,
      Workload.Steps steps,
      RandomGenerator random,
      Duration period,
      int number,
      int callers,
      AtomicLong succeeded) {
    this.calls = calls;
    this.steps = steps;
    this.random = random;
    this.period = period;
    this.process = number;
    this.session = "thread-" + number;
    this.callers = callers;
    this.succeeded = succeeded;
  }

  /// Makes this call the last. Any thread.
  void stop() {
    stopping = true;
  }

  @Override
  public void run() {
    try {
      long due = System.nanoTime();
      while (!stopping) {
        Operation.Type outcome = calls.make(process, Map.of("session", session), steps.next());
        if (outcome == Operation.Type.OK) {
          succeeded.incrementAndGet();
        } else if (outcome == Operation.Type.INFO) {
          process += callers;
        }
        // A call that took long is not made up for: then a stop would end in a storm.
        due = Math.max(System.nanoTime(), due + random.nextLong(1, 2 * period.toNanos()));
        while (!stopping && System.nanoTime() - due < 0) {
          Thread.sleep(Duration.ofNanos(Math.min(due - System.nanoTime(), 50_000_000)));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
