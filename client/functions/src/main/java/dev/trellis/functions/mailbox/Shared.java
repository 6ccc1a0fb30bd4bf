package dev.trellis.functions.mailbox;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.Calls;
import java.security.SecureRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What senders and receivers of one program have in common.
final class Shared implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Shared.class);

  private final Calls calls;
  private final LongSupplier incarnation;
  private final BooleanSupplier isClientThread;
  private final SecureRandom random = new SecureRandom();
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().daemon().name("trellis-mailboxes").factory());

  /// @param incarnation as whom the client writes now, which changes when its process is restored
  ///   from a snapshot
  /// @param isClientThread whether the calling thread completes calls, and so must not wait for one
  Shared(Calls calls, LongSupplier incarnation, BooleanSupplier isClientThread) {
    this.calls = calls;
    this.incarnation = incarnation;
    this.isClientThread = isClientThread;
    timer.setRemoveOnCancelPolicy(true);
  }

  Calls calls() {
    return calls;
  }

  /// What is named for this program only is named anew when this is another: a process that was
  /// restored from a snapshot twice is two programs, with the same names in memory.
  long incarnation() {
    return incarnation.getAsLong();
  }

  long nowMillis() {
    return System.currentTimeMillis();
  }

  InvocationId mint() {
    return InvocationId.mint(nowMillis(), random);
  }

  long randomLong() {
    return random.nextLong();
  }

  boolean isOwnThread() {
    return isClientThread.getAsBoolean();
  }

  /// Has something done later.
  ///
  /// @return to take it back; null if all is over
  @Nullable Future<?> schedule(Runnable task, long delay, TimeUnit unit) {
    try {
      return timer.schedule(() -> guarded(task), delay, unit);
    } catch (RejectedExecutionException e) {
      return null;
    }
  }

  private static void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      log.error("a mailbox's timer failed", e);
    }
  }

  /// A failure that nobody waits for.
  static void logged(CompletableFuture<?> future, String what) {
    var unused =
        future.whenComplete(
            (done, failure) -> {
              if (failure != null) {
                log.warn("{} failed: {}", what, failure.toString());
              }
            });
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
