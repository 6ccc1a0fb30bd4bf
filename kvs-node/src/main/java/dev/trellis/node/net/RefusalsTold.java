package dev.trellis.node.net;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/// Which refusals are logged. Whoever is refused comes again and again, and strangers may make up
/// reasons without end: so a reason is not told twice within [#AGAIN_MILLIS], and there are
/// [#LINES_MAX] lines at once, and as many a minute, at most. All others are counted, and the count
/// is told. Reads no clock; confined to the thread of a shard.
final class RefusalsTold {
  static final int LINES_MAX = 60;
  static final long AGAIN_MILLIS = TimeUnit.MINUTES.toMillis(10);

  /// How long what was counted waits for a line that it is told before.
  static final long COUNT_MILLIS = TimeUnit.MINUTES.toMillis(1);

  private static final double LINES_PER_MILLI = LINES_MAX / (double) TimeUnit.MINUTES.toMillis(1);
  private static final int REASONS_MAX = 1_000;

  private final Map<String, Long> told = new LinkedHashMap<>(); // when; the first is the eldest
  private double lines = LINES_MAX; // that there may be
  private long filledMillis;
  private long untold;
  private long untoldSinceMillis;

  /// Takes note of a refusal.
  ///
  /// @return empty if it is not to be logged, else how many came before it that were not
  OptionalLong note(String reason, long nowMillis) {
    lines = Math.min(LINES_MAX, lines + Math.max(0, nowMillis - filledMillis) * LINES_PER_MILLI);
    filledMillis = nowMillis;
    Long before = told.get(reason);
    boolean isNew = before == null || nowMillis - before >= AGAIN_MILLIS || nowMillis < before;
    if (!isNew || lines < 1) {
      if (untold++ == 0) {
        untoldSinceMillis = nowMillis;
      }
      return OptionalLong.empty();
    }
    lines--;
    told.remove(reason); // so that it is the youngest
    told.put(reason, nowMillis);
    if (told.size() > REASONS_MAX) {
      Iterator<String> eldest = told.keySet().iterator();
      eldest.next();
      eldest.remove();
    }
    return OptionalLong.of(takeUntold());
  }

  /// How many were refused without a line, if that is to be told now.
  OptionalLong overdue(long nowMillis) {
    return untold > 0 && nowMillis - untoldSinceMillis >= COUNT_MILLIS
        ? OptionalLong.of(takeUntold())
        : OptionalLong.empty();
  }

  private long takeUntold() {
    long count = untold;
    untold = 0;
    return count;
  }
}
