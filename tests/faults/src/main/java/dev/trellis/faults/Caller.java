package dev.trellis.faults;

import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.faults.Workload.Step;
import dev.trellis.history.HistoryWriter;
import dev.trellis.history.Operation;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// A client thread: one call at a time, at a rate, each written down before it is sent and when its
/// outcome is known. After a call of unknown outcome it goes on under another process number.
final class Caller implements Runnable {
  private final Trellis client;
  private final HistoryWriter history;
  private final Workload.Steps steps;
  private final RandomGenerator random;
  private final Duration period;
  private final int callers;
  private final AtomicLong succeeded;
  private volatile boolean stopping; // set by any thread
  private long process;

  /// @param number of the thread, from 0, and its first process number
  /// @param callers of this history: process numbers are counted up by it
  /// @param period mean time between two calls
  /// @param succeeded counts the calls that ended with `:ok`
  Caller(
      Trellis client,
      HistoryWriter history,
      Workload.Steps steps,
      RandomGenerator random,
      Duration period,
      int number,
      int callers,
      AtomicLong succeeded) {
    this.client = client;
    this.history = history;
    this.steps = steps;
    this.random = random;
    this.period = period;
    this.process = number;
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
        Operation.Type outcome = call(client, history, process, steps.next(), false);
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

  /// Makes a call and writes it down.
  ///
  /// @param isFinal whether all is mended and at rest
  static Operation.Type call(
      Trellis client, HistoryWriter history, long process, Step step, boolean isFinal) {
    Operation invocation =
        Operation.invoke(process, step.f(), Workload.keyed(step.key(), step.argument()));
    if (isFinal) {
      invocation = invocation.with(Workload.FINAL, true);
    }
    history.append(invocation);
    try {
      Object result = step.action().perform(client);
      history.append(invocation.completed(Operation.Type.OK, Workload.keyed(step.key(), result)));
      return Operation.Type.OK;
    } catch (TrellisException e) {
      return failed(history, invocation, step, outcome(e, step), e.code().name(), e);
    } catch (RuntimeException e) {
      // The client promises to tell which of the two it was.
      return failed(history, invocation, step, Operation.Type.INFO, "DEFECT", e);
    }
  }

  private static Operation.Type failed(
      HistoryWriter history,
      Operation invocation,
      Step step,
      Operation.Type outcome,
      String error,
      RuntimeException failure) {
    @Nullable Object value = Workload.keyed(step.key(), step.argument());
    history.append(
        invocation
            .completed(outcome, value)
            .with("error", error)
            .with("message", String.valueOf(failure.getMessage())));
    return outcome;
  }

  /// A read that failed changed nothing; nor did a write that no replica took.
  private static Operation.Type outcome(TrellisException failure, Step step) {
    return switch (failure) {
      case DefiniteException definite -> Operation.Type.FAIL;
      case IndefiniteException indefinite when step.isRead() -> Operation.Type.FAIL;
      case IndefiniteException.NotEnoughReplicas few when !few.isKept() -> Operation.Type.FAIL;
      case IndefiniteException indefinite -> Operation.Type.INFO;
    };
  }
}
