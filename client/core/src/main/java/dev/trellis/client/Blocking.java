package dev.trellis.client;

import dev.trellis.wire.ErrorCode;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/// How the blocking forms wait for the asynchronous ones.
final class Blocking {
  private Blocking() {}

  /// Waits for the outcome. Every call has a deadline, so this ends.
  ///
  /// @throws TrellisException as the future failed, with the stack trace of the caller; if the
  ///   thread is interrupted, `OUTCOME_UNKNOWN`, with the thread's interrupt flag still set
  /// @throws IllegalStateException on one of the client's own threads, which would wait for itself
  static <T> T await(CompletableFuture<T> future) {
    if (Thread.currentThread() instanceof EventLoops.ClientThread && !future.isDone()) {
      future.cancel(false);
      throw new IllegalStateException(
          "a blocking call on "
              + Thread.currentThread().getName()
              + ", which carries the answers: use the …Async form in callbacks");
    }
    try {
      return future.get();
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof TrellisException failure) {
        throw failure.here();
      }
      throw new IllegalStateException("a call failed unexpectedly: " + cause, cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      future.cancel(false);
      throw TrellisException.of(
          new TrellisException.Failure(
              ErrorCode.OUTCOME_UNKNOWN,
              "interrupted while waiting for an answer; the call may or may not have been carried"
                  + " out",
              e));
    }
  }
}
