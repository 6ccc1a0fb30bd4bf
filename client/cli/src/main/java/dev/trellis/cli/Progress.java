package dev.trellis.cli;

import java.time.Duration;
import java.util.Locale;

/// A line on standard error that tells how far a long command is. Shown on a terminal only.
public final class Progress {
  private static final long PERIOD_NANOS = Duration.ofMillis(200).toNanos();
  private static final int BAR_CHARACTERS = 20;

  private final Console console;
  private final String unit;
  private final long total;
  private final boolean isShown;
  private final long beganNanos = System.nanoTime();
  private long shownNanos = beganNanos;

  /// @param unit what is counted, such as `keys`
  /// @param total how much there is to do, in the measure of `done` below; 0 if that is unknown
  public Progress(Console console, String unit, long total) {
    this.console = console;
    this.unit = unit;
    this.total = total;
    this.isShown = console.errorIsTerminal();
  }

  /// Tells how far it is; cheap unless it is time to show it.
  ///
  /// @param done of the total
  public void at(long done, long count) {
    if (!isShown || System.nanoTime() - shownNanos < PERIOD_NANOS) {
      return;
    }
    shownNanos = System.nanoTime();
    double seconds = seconds();
    StringBuilder line = new StringBuilder();
    if (total > 0) {
      double share = Math.min(1, (double) done / total);
      int filled = (int) (share * BAR_CHARACTERS);
      line.append('[').append("#".repeat(filled)).append(" ".repeat(BAR_CHARACTERS - filled));
      line.append(String.format(Locale.ROOT, "] %3.0f%%  ", share * 100));
    }
    line.append(
        String.format(Locale.ROOT, "%,d %s  %,.0f %s/s", count, unit, count / seconds, unit));
    if (total > 0 && done > 0) {
      long left = Math.round((total - done) * seconds / done);
      line.append(String.format(Locale.ROOT, "  %d:%02d left", left / 60, left % 60));
    }
    console.progress(line.toString());
  }

  /// Takes the line away.
  public void end() {
    console.progress("");
  }

  /// The time since the start.
  public double seconds() {
    return Math.max(1e-9, (System.nanoTime() - beganNanos) / 1e9);
  }
}
