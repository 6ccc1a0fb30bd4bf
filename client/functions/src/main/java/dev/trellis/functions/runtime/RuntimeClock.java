package dev.trellis.functions.runtime;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/// The time that the embedded runtime goes by: for deadlines, cold starts and pauses.
public interface RuntimeClock extends AutoCloseable {
  /// What was scheduled, and can be taken back.
  @FunctionalInterface
  interface Timer {
    /// Takes it back, if it is not due yet.
    void cancel();
  }

  Instant now();

  /// Runs a task later, which does not wait for anything.
  Timer after(Duration delay, Runnable task);

  @Override
  void close();

  /// The time of the machine.
  static RuntimeClock system() {
    ScheduledExecutorService timers =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("trellis-runtime-clock").factory());
    return new RuntimeClock() {
      @Override
      public Instant now() {
        return Instant.now();
      }

      @Override
      public Timer after(Duration delay, Runnable task) {
        ScheduledFuture<?> future = timers.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
        return () -> future.cancel(false);
      }

      @Override
      public void close() {
        timers.shutdownNow();
      }
    };
  }
}
