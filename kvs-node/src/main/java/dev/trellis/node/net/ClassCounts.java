package dev.trellis.node.net;

import dev.trellis.wire.NodeReport.Histogram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Counts how often something took how long, in the classes of [Histogram], until that is taken.
/// Confined to one thread.
final class ClassCounts {
  private final long[] counts = new long[Histogram.CLASSES];

  /// Counts `count` of them.
  void add(long tookNanos, int count) {
    counts[Histogram.classOf(tookNanos)] += count;
  }

  /// What was counted since the last call.
  Histogram take() {
    int end = counts.length;
    while (end > 0 && counts[end - 1] == 0) {
      end--;
    }
    List<Long> taken = new ArrayList<>(end);
    for (int number = 0; number < end; number++) {
      taken.add(counts[number]);
    }
    Arrays.fill(counts, 0);
    return new Histogram(taken);
  }
}
