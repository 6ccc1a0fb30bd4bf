package dev.trellis.node.shard;

import java.util.Arrays;

/// How soon a peer acknowledges what it is sent when nothing waits on the way: the shortest time of
/// the last two to three minutes, since the network may change. And how much longer it takes at
/// present: by the shortest time of the last few, since a way on which something waits makes all of
/// them late, and one that is merely uneven does not.
///
/// @see "Shalunov et al., Low Extra Delay Background Transport (LEDBAT), RFC 6817, §3.4.2"
final class QuickestWay {
  /// There is too little to tell yet.
  static final long UNKNOWN = -1;

  private static final long MINUTE_MILLIS = 60_000;
  private static final int MINUTES = 3;

  /// What is taken together: so many at least, and for so long at least.
  private static final int TOGETHER = 8;

  private static final long TOGETHER_MILLIS = 100;

  private final long[] shortest = new long[MINUTES]; // the current minute first
  private long minute; // which one that is
  private long least = Long.MAX_VALUE; // of those that are taken together
  private int count; // how many those are
  private long begunMillis; // when the first of them came

  QuickestWay() {
    Arrays.fill(shortest, Long.MAX_VALUE);
  }

  /// Takes note of how long an acknowledgement took.
  ///
  /// @return how much longer than the quickest the last few took, 0 if none was quicker; or
  ///   [#UNKNOWN] until there are enough of them
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
    if (count == 0 || nowMillis < begunMillis) {
      begunMillis = nowMillis;
    }
    least = Math.min(least, delayMillis);
    count++;
    if (count < TOGETHER || nowMillis - begunMillis < TOGETHER_MILLIS) {
      return UNKNOWN;
    }
    long extra = Math.max(0, least - Arrays.stream(shortest).min().orElseThrow());
    least = Long.MAX_VALUE;
    count = 0;
    return extra;
  }
}
