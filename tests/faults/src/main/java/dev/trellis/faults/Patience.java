package dev.trellis.faults;

import java.time.Duration;
import java.util.function.Supplier;

/// Waiting for what others do.
final class Patience {
  private static final Duration POLL = Duration.ofMillis(50);

  private Patience() {}

  /// Waits until there is nothing in the way any more.
  ///
  /// @param obstacle what is in the way; empty for nothing
  /// @return what was in the way in the end; empty if the wait was a success
  static String await(Duration patience, Supplier<String> obstacle) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      String current = obstacle.get();
      if (current.isEmpty() || System.nanoTime() - deadline > 0) {
        return current;
      }
      Thread.sleep(POLL);
    }
  }
}
