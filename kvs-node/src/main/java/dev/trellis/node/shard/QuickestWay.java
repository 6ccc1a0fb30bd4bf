package dev.trellis.node.shard;

import java.util.Arrays;

/// How soon a peer acknowledges what it is sent when nothing waits on the way: the shortest time of
/// the last two to three minutes, since the network may change.
///
/// @see "Shalunov et al., Low Extra Delay Background Transport (LEDBAT), RFC 6817, §3.4.2"
final class QuickestWay {
  private static final long MINUTE_MILLIS = 60_000;
  private static final int MINUTES = 3;

  private final long[] shortest = new long[MINUTES]; // the current minute first
  private long minute; // which one that is

  QuickestWay() {
    Arrays.fill(shortest, Long.MAX_VALUE);
  }

  /// Takes note of how long an acknowledgement took.
  ///
  /// @return how much longer than the quickest, 0 if none was quicker
  long extraMillis(long nowMillis, long delayMillis) {
    long current = Math.floorDiv(nowMillis, MINUTE_MILLIS);
    long passed = current - minute;
    minute = current;
    if (passed < 0 || passed >= MINUTES) {
      Arrays.fill(shortest, Long.MAX_VALUE);
    } else {
      System.arraycopy(shortest, 0, shortest, (int) passed, MINUTES - (int) passed);
      Arrays.fill(shortest, 0, (int) passed, Long.MAX_VALUE);
    }
    shortest[0] = Math.min(shortest[0], delayMillis);
    return delayMillis - Arrays.stream(shortest).min().orElseThrow();
  }
}
