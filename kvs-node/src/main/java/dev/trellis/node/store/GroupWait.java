package dev.trellis.node.store;

import java.util.concurrent.TimeUnit;

/// How long a group of writes waits for those that are about to come, before it is synced.
///
/// Clients that wait for a sync before they write again come back together: all of those whose
/// writes were in the last group write anew as soon as it is answered. What came while it was
/// synced waits by then. Syncing that at once would split the clients in two halves for good, which
/// take turns, and each sync would serve one half. Waiting for the other half a moment, the time
/// until the answers have gone out and the next writes have come in, makes one group of them all.
///
/// That pays only where clients do come back; where writes come when they come, it just delays
/// them. So whether it has paid is looked at each time, and for a while it isn't tried again if it
/// has not. Pure; not for several threads.
final class GroupWait {
  /// Of the time that a sync takes, the share that a group waits at most.
  private static final double WAIT_SHARE = 0.5;

  private static final long WAIT_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(2);

  /// Of those in the last group, the share that must have come back for it to have paid. Writes
  /// that come evenly bring [#WAIT_SHARE] of them in that time.
  private static final double BACK_SHARE = 0.75;

  /// Groups for which it is not tried after it has not paid.
  private static final int REST = 32;

  /// The weight of the latest sync in the mean.
  private static final double SMOOTHING = 0.2;

  private double syncNanos; // mean
  private int lastGroup; // writes in the group that was synced last
  private int leftOver; // writes that waited when that was done
  private long endedNanos; // when that was
  private int rest;

  /// Takes note of a group that was synced.
  ///
  /// @param size writes in it
  /// @param leftOver writes that wait now
  void synced(int size, long tookNanos, int leftOver, long nowNanos) {
    syncNanos += syncNanos == 0 ? tookNanos : (tookNanos - syncNanos) * SMOOTHING;
    this.lastGroup = size;
    this.leftOver = leftOver;
    this.endedNanos = nowNanos;
  }

  /// How many writes are worth waiting for; as many as wait already make it pointless to wait.
  int wanted() {
    return rest > 0 ? 0 : leftOver + lastGroup;
  }

  /// How much longer the writes that wait should wait for others.
  ///
  /// @param waiting how many they are; what comes without any, as notes do, waits for nothing
  /// @param sinceNanos when the first of them came
  /// @return 0 if they should be synced now
  long pauseNanos(int waiting, long sinceNanos, long nowNanos) {
    if (waiting == 0 || waiting >= wanted()) {
      return 0;
    }
    long began = sinceNanos - endedNanos > 0 ? sinceNanos : endedNanos;
    long most = Math.min((long) (syncNanos * WAIT_SHARE), WAIT_NANOS_MAX);
    return Math.max(0, began + most - nowNanos);
  }

  /// Takes note that a group is about to be synced, after it has waited or not.
  ///
  /// @param waiting writes in it
  void taken(int waiting) {
    if (rest > 0) {
      rest--;
    } else if (waiting > 0 && waiting < leftOver + lastGroup * BACK_SHARE) {
      rest = REST;
    }
  }
}
