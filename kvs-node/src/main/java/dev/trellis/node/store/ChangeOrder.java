package dev.trellis.node.store;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// Brings changes into the order in which they stand on disk. Comparing keys would go to two
/// objects for each, most of which no cache has any more, some fifteen times; so what is sorted is
/// numbers, each with the highest bits of a hash and the place of its change.
final class ChangeOrder {
  private static final int PLACE_BITS = 24;
  private static final long PLACE = (1L << PLACE_BITS) - 1;

  private ChangeOrder() {}

  /// Of changes that came one after the other, the last one of each key, in the order of the keys.
  /// O(n log n).
  static List<DiskChange> lastOfEach(List<DiskChange> changes) {
    List<DiskChange> last = new ArrayList<>(changes.size());
    if (changes.size() > PLACE) {
      List<DiskChange> all = new ArrayList<>(changes);
      addLasts(all, last);
      return last;
    }
    long[] order = new long[changes.size()];
    for (int at = 0; at < order.length; at++) {
      long hash =
          changes.get(at).key().hash() ^ Long.MIN_VALUE; // so that they are in order as signed
      order[at] = (hash & ~PLACE) | at;
    }
    Arrays.sort(order);
    int from = 0;
    while (from < order.length) {
      int to = from + 1;
      while (to < order.length && (order[to] & ~PLACE) == (order[from] & ~PLACE)) {
        to++;
      }
      if (to == from + 1) {
        last.add(changes.get((int) (order[from] & PLACE)));
      } else {
        List<DiskChange> alike = new ArrayList<>(to - from); // a key's, as a rule, as they came
        for (int at = from; at < to; at++) {
          alike.add(changes.get((int) (order[at] & PLACE)));
        }
        addLasts(alike, last);
      }
      from = to;
    }
    return last;
  }

  private static void addLasts(List<DiskChange> changes, List<DiskChange> last) {
    changes.sort(Comparator.comparing(DiskChange::key)); // keeps those of a key as they came
    for (int at = 0; at < changes.size(); at++) {
      DiskChange change = changes.get(at);
      if (at + 1 == changes.size() || !changes.get(at + 1).key().equals(change.key())) {
        last.add(change);
      }
    }
  }
}
