package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/// Waits for a cluster to come into a state, and shows on a terminal how far it is.
///
/// @param report tells how the cluster is
/// @param patience how long nothing may change in what is shown before it gives up
record Waiting<R>(Console console, Supplier<R> report, Duration patience) {
  private static final Duration POLL = Duration.ofMillis(100);

  /// Returns the first report that is `done`.
  ///
  /// @param progress a line that tells how far it is
  /// @param giveUp what is wrong when nothing has changed for too long
  /// @throws CommandFailure that of `giveUp`
  R until(Predicate<R> done, Function<R, String> progress, Function<R, CommandFailure> giveUp)
      throws InterruptedException {
    String shown = "";
    long changed = System.nanoTime();
    try {
      while (true) {
        R now = report.get();
        if (done.test(now)) {
          return now;
        }
        String line = progress.apply(now);
        if (!line.equals(shown)) {
          shown = line;
          changed = System.nanoTime();
          console.progress(line);
        } else if (System.nanoTime() - changed > patience.toNanos()) {
          throw giveUp.apply(now);
        }
        Thread.sleep(POLL);
      }
    } finally {
      console.progress("");
    }
  }
}
