package dev.trellis.functions;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/// What was begun and has not ended, so that somebody can wait for all of it, also for what nobody
/// waited for. Safe for any thread.
final class InFlight {
  private final List<CompletableFuture<@Nullable Void>> waiting = new ArrayList<>();
  private long open; // guarded by this, as are the others
  private @Nullable Throwable failure; // the first one since somebody was told

  /// Counts a future in until it has ended.
  <T> CompletableFuture<T> of(CompletableFuture<T> future) {
    synchronized (this) {
      open++;
    }
    var unused = future.whenComplete((value, failed) -> ended(failed));
    return future;
  }

  private void ended(@Nullable Throwable failed) {
    List<CompletableFuture<@Nullable Void>> told;
    @Nullable Throwable first;
    synchronized (this) {
      open--;
      if (failed != null && failure == null) {
        failure =
            failed instanceof CompletionException && failed.getCause() != null
                ? failed.getCause()
                : failed;
      }
      if (open > 0 || waiting.isEmpty()) {
        return;
      }
      told = List.copyOf(waiting);
      waiting.clear();
      first = takenFailure();
    }
    for (CompletableFuture<@Nullable Void> each : told) {
      complete(each, first);
    }
  }

  /// Completes at a moment at which nothing is under way; with the first failure, if there was one
  /// since the last time.
  CompletableFuture<@Nullable Void> settled() {
    CompletableFuture<@Nullable Void> result = new CompletableFuture<>();
    @Nullable Throwable first;
    synchronized (this) {
      if (open > 0) {
        waiting.add(result);
        return result;
      }
      first = takenFailure();
    }
    complete(result, first);
    return result;
  }

  private @Nullable Throwable takenFailure() {
    Throwable taken = failure;
    failure = null;
    return taken;
  }

  private static void complete(
      CompletableFuture<@Nullable Void> future, @Nullable Throwable failed) {
    if (failed == null) {
      future.complete(null);
    } else {
      future.completeExceptionally(failed);
    }
  }
}
