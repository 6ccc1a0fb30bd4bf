package dev.trellis.process;

import java.util.concurrent.CompletableFuture;

/// A process at work, from its successful start to its stop.
public interface RunningProcess extends AutoCloseable {
  /// Completes, with the reason, if the process finds that it must not go on.
  CompletableFuture<Throwable> failure();

  /// Completes when the process has done what it was there for: then it is to be closed.
  default CompletableFuture<Void> finished() {
    return new CompletableFuture<>();
  }

  /// Stops in order: takes nothing new, answers what it took, lets go of its ports. Bounded in
  /// time.
  @Override
  void close();
}
