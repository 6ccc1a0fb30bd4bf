package dev.trellis.node.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;

/// Against a model of a disk: syncs take their time, and clients theirs to write again.
class GroupWaitTest {
  private static final long SYNC_NANOS = 400_000;

  /// What came of a run.
  ///
  /// @param syncs how many there were
  /// @param meanNanos from when a write came until it was synced
  private record Run(int syncs, int writes, double meanNanos) {
    double perSync() {
      return (double) writes / syncs;
    }
  }

  /// @param firstNanos when each write comes that waits for no other
  /// @param again when a client writes again that was answered at a time; -1 for never
  private static Run run(List<Long> firstNanos, LongUnaryOperator again, int writesMax) {
    GroupWait wait = new GroupWait();
    PriorityQueue<Long> coming = new PriorityQueue<>(firstNanos);
    List<Long> waiting = new ArrayList<>();
    long now = 0;
    int syncs = 0;
    int writes = 0;
    double sum = 0;
    while (writes < writesMax && (!coming.isEmpty() || !waiting.isEmpty())) {
      if (waiting.isEmpty()) {
        now = Math.max(now, coming.peek());
      }
      take(coming, waiting, now);
      for (long pause = pause(wait, waiting, now); pause > 0; ) {
        // Woken when another one comes, as long as that is within the pause.
        long next = coming.isEmpty() ? Long.MAX_VALUE : coming.peek();
        now = Math.min(now + pause, next);
        take(coming, waiting, now);
        pause = pause(wait, waiting, now);
      }
      wait.taken(waiting.size());
      List<Long> group = List.copyOf(waiting);
      waiting.clear();
      now += SYNC_NANOS;
      take(coming, waiting, now);
      wait.synced(group.size(), SYNC_NANOS, waiting.size(), now);
      syncs++;
      for (int each = 0; each < group.size(); each++) {
        writes++;
        sum += now - group.get(each);
        long next = again.applyAsLong(now + each * 500L);
        if (next >= 0) {
          coming.add(next);
        }
      }
    }
    return new Run(syncs, writes, sum / writes);
  }

  private static long pause(GroupWait wait, List<Long> waiting, long now) {
    return wait.pauseNanos(waiting.size(), waiting.getFirst(), now);
  }

  private static void take(PriorityQueue<Long> coming, List<Long> waiting, long now) {
    while (!coming.isEmpty() && coming.peek() <= now) {
      waiting.add(coming.poll());
    }
  }

  private static List<Long> evenly(int count, long everyNanos) {
    List<Long> times = new ArrayList<>();
    for (int at = 0; at < count; at++) {
      times.add(at * everyNanos);
    }
    return times;
  }

  @Test
  void clientsThatWriteAgainOnceAnsweredShareOneSync() {
    // They begin apart, so that what comes while one is synced would go into the next for ever.
    Run run = run(evenly(64, 10_000), answered -> answered + 60_000, 64_000);
    assertTrue(run.perSync() > 60, () -> "" + run);
  }

  @Test
  void oneClientWaitsForNobody() {
    Run run = run(List.of(0L), answered -> answered + 60_000, 1_000);
    assertEquals(SYNC_NANOS, run.meanNanos());
  }

  @Test
  void writesThatComeEvenlyAreHardlyDelayed() {
    Run run = run(evenly(100_000, 10_000), _ -> -1, 100_000);
    // A sync, and on average half of the one that they came in.
    double without = SYNC_NANOS * 1.5;
    assertTrue(run.meanNanos() < without * 1.05, () -> "" + run);
  }

  @Test
  void whenClientsGoAwayTheOthersSoonWaitForThemNoMore() {
    long[] left = {6_400};
    Run run =
        run(
            evenly(64, 10_000),
            answered -> left[0]-- > 0 || answered % 64 == 0 ? answered + 60_000 : -1,
            6_400 + 64);
    assertTrue(run.writes() >= 6_400);
    // Those that are left are one or two: each waits at most once in a while.
    GroupWait wait = new GroupWait();
    wait.synced(64, SYNC_NANOS, 0, 0);
    assertTrue(wait.pauseNanos(1, 1, 1) > 0);
    wait.taken(1);
    for (int group = 0; group < 31; group++) {
      wait.synced(1, SYNC_NANOS, 0, 0);
      assertEquals(0, wait.pauseNanos(1, 1, 1));
      wait.taken(1);
    }
  }

  @Test
  void itWaitsHalfASyncAtMost() {
    GroupWait wait = new GroupWait();
    wait.synced(64, SYNC_NANOS, 3, 1_000);
    assertEquals(SYNC_NANOS / 2, wait.pauseNanos(3, 500, 1_000));
    assertEquals(0, wait.pauseNanos(3, 500, 1_000 + SYNC_NANOS / 2));
    assertEquals(0, wait.pauseNanos(67, 500, 1_000));
    assertEquals(0, wait.pauseNanos(0, 500, 1_000));
  }
}
