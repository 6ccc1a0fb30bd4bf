package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.IdleVisitor;
import dev.trellis.node.store.Store;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/// Finds keys that nobody asks for any more, so that they can go where memory is cheaper. The store
/// marks what is asked for; rounds through the store take the marks off, and show what has none
/// since the round before. Only while the store is so full that it matters; and each step of a
/// round is of bounded work.
final class IdleKeys implements IdleVisitor {
  private static final long STEP_MILLIS = 50;

  /// Keys passed in a step, and up to a few hundred more: about a fifth of a millisecond where all
  /// are idle.
  private static final int STEP_KEYS = 2_048;

  /// From the end of a round to the start of the next: the least time that a key is idle.
  private static final long PAUSE_MILLIS = 10_000;

  private static final class Candidate {
    private final Payload key;
    private final long bytes;
    private final long sinceMillis;

    Candidate(Payload key, long bytes, long sinceMillis) {
      this.key = key;
      this.bytes = bytes;
      this.sinceMillis = sinceMillis;
    }
  }

  /// A key that is idle.
  ///
  /// @param bytes that it takes
  /// @param sinceMillis when it surely was idle already
  record Idle(Payload key, long bytes, long sinceMillis) {}

  private final Store store;
  private final double bytesFrom;
  private final int max;
  private final Map<Payload, Candidate> candidates = new HashMap<>();
  private final PriorityQueue<Candidate> leastFirst =
      new PriorityQueue<>(Comparator.comparingLong((Candidate candidate) -> candidate.bytes));
  private long cursor; // 0 between rounds
  private long endedMillis; // when the last round ended; 0 if there was none
  private long steppedMillis;

  /// @param bytesFrom what the store must hold before idle keys are looked for
  /// @param max how many of them are remembered
  IdleKeys(Store store, double bytesFrom, int max) {
    this.store = store;
    this.bytesFrom = bytesFrom;
    this.max = max;
  }

  /// Does a step, if it is time for one; to be called often.
  void tick(long nowMillis) {
    if (store.weight() < bytesFrom) {
      forget();
      return;
    }
    if (Math.abs(nowMillis - steppedMillis) < STEP_MILLIS
        || (cursor == 0 && Math.abs(nowMillis - endedMillis) < PAUSE_MILLIS)) {
      return;
    }
    steppedMillis = nowMillis;
    dismissAccessed(); // the round may take the marks off
    cursor = Math.max(0, store.sweepIdle(cursor, STEP_KEYS, this));
    if (cursor == 0) {
      endedMillis = nowMillis;
    }
  }

  private void forget() {
    candidates.clear();
    leastFirst.clear();
    cursor = 0;
    endedMillis = 0;
  }

  private void dismissAccessed() {
    for (Candidate candidate : List.copyOf(candidates.values())) {
      if (!store.isIdle(candidate.key)) {
        dismiss(candidate);
      }
    }
  }

  private void dismiss(Candidate candidate) {
    candidates.remove(candidate.key);
    leastFirst.remove(candidate);
  }

  @Override
  public long bytesMin() {
    if (endedMillis == 0) {
      return Long.MAX_VALUE; // marks have yet to be taken off
    }
    Candidate least = leastFirst.peek();
    return least == null || candidates.size() < max ? 0 : least.bytes + 1;
  }

  @Override
  public void visit(Payload key, long bytes) {
    Candidate known = candidates.get(key);
    Candidate least = leastFirst.peek();
    if (known != null) {
      dismiss(known);
    } else if (least != null && candidates.size() == max) {
      dismiss(least);
    }
    Candidate found = new Candidate(key, bytes, known == null ? endedMillis : known.sinceMillis);
    candidates.put(key, found);
    leastFirst.add(found);
  }

  /// The keys that are idle now, and have not been placed elsewhere since: those that take most
  /// first.
  List<Idle> idle() {
    dismissAccessed();
    for (Candidate candidate : List.copyOf(candidates.values())) {
      if (store.outline(candidate.key).filter(one -> one.placement().isEmpty()).isEmpty()) {
        dismiss(candidate);
      }
    }
    List<Idle> all = new ArrayList<>();
    candidates.values().forEach(one -> all.add(new Idle(one.key, one.bytes, one.sinceMillis)));
    all.sort(Comparator.comparingLong(Idle::bytes).reversed().thenComparing(Idle::key));
    return all;
  }
}
