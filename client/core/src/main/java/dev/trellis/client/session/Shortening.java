package dev.trellis.client.session;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.SessionImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;

/// What a session's image can go without, step by step, each of which costs something and no
/// promise: first values, the largest first; then keys, those that were touched longest ago first;
/// then the names of causes; then what was read since the last commit, and last that it was. Writes
/// that wait for the commit stay: nobody else has them.
///
/// The order of the steps does not depend on how short the image is to be, and each makes it
/// shorter, so who looks for the first that does need not try them one by one.
final class Shortening {
  private static final int NEVER = Integer.MAX_VALUE;

  private final SessionImage whole;
  private final List<Map.Entry<Payload, SessionState.Cause>> causes; // the oldest first
  private final int[] valueSteps; // of what is remembered, when its value goes
  private final int[] readSteps; // of what was read, when that goes
  private final int values;
  private final int reads;

  /// @param whole with nothing left out
  /// @param causes those of its past, the oldest first
  Shortening(SessionImage whole, List<Map.Entry<Payload, SessionState.Cause>> causes) {
    this.whole = whole;
    this.causes = causes;
    long least = Entry.BOTTOM.weight();
    this.valueSteps =
        largestFirst(
            whole.remembered(), known -> known.entry().map(Entry::weight).orElse(0L) - least);
    this.readSteps =
        largestFirst(whole.seen(), read -> read.entry().map(Entry::weight).orElse(-1L) + 1);
    this.values = count(valueSteps);
    this.reads = count(readSteps);
  }

  /// Of each part its place among all that weigh more than nothing, the heaviest first.
  private static <T> int[] largestFirst(List<T> parts, ToLongFunction<T> weight) {
    long[] weights = parts.stream().mapToLong(weight).toArray();
    int[] steps = new int[weights.length];
    Arrays.fill(steps, NEVER);
    int next = 0;
    List<Integer> order =
        IntStream.range(0, weights.length)
            .filter(i -> weights[i] > 0)
            .boxed()
            .sorted(Comparator.comparingLong((Integer i) -> weights[i]).reversed())
            .toList();
    for (int i : order) {
      steps[i] = next++;
    }
    return steps;
  }

  private static int count(int[] steps) {
    return (int) Arrays.stream(steps).filter(step -> step != NEVER).count();
  }

  /// How many there are.
  int steps() {
    int forgetting = whole.seen().isEmpty() ? 0 : 1;
    return values + whole.remembered().size() + causes.size() + reads + forgetting;
  }

  /// The image after so many steps. O(size of the whole).
  SessionImage image(int steps) {
    if (steps == 0) {
      return whole;
    }
    int left = steps - values;
    int keysGone = Math.clamp(left, 0, whole.remembered().size());
    left -= keysGone;
    int causesGone = Math.clamp(left, 0, causes.size());
    left -= causesGone;
    boolean forgetful = left > reads;

    HybridTimestamp floor = whole.floor();
    List<SessionImage.Remembered> remembered = new ArrayList<>();
    for (int i = 0; i < whole.remembered().size(); i++) {
      SessionImage.Remembered known = whole.remembered().get(i);
      if (i < keysGone) {
        floor = floor.max(known.at());
      } else {
        boolean gone = valueSteps[i] < steps;
        remembered.add(
            gone ? new SessionImage.Remembered(known.key(), known.at(), Optional.empty()) : known);
      }
    }
    HybridTimestamp horizon = whole.horizon();
    Map<Payload, CausalContext> past = new LinkedHashMap<>();
    for (int i = 0; i < causes.size(); i++) {
      SessionState.Cause cause = causes.get(i).getValue();
      if (i < causesGone) {
        horizon = horizon.max(cause.at());
      } else {
        past.put(causes.get(i).getKey(), cause.version());
      }
    }
    List<SessionImage.Seen> seen = new ArrayList<>();
    for (int i = 0; i < whole.seen().size() && !forgetful; i++) {
      SessionImage.Seen read = whole.seen().get(i);
      boolean gone = readSteps[i] < left;
      seen.add(gone ? new SessionImage.Seen(read.key(), read.clock(), Optional.empty()) : read);
    }
    return new SessionImage(
        whole.id(),
        whole.guarantees(),
        whole.clock(),
        floor,
        remembered,
        seen,
        writeSets(remembered, seen),
        whole.waiting(),
        past,
        horizon,
        whole.begun(),
        true,
        whole.seenForgotten() || forgetful);
  }

  /// Of the commits that are named still.
  private SortedMap<CommitId, Payload> writeSets(
      List<SessionImage.Remembered> remembered, List<SessionImage.Seen> seen) {
    SortedMap<CommitId, Payload> named = new TreeMap<>();
    remembered.forEach(each -> each.entry().ifPresent(entry -> note(entry, named)));
    seen.forEach(each -> each.entry().ifPresent(entry -> note(entry, named)));
    return named;
  }

  private void note(Entry entry, Map<CommitId, Payload> named) {
    for (CommitId id : entry.commits().parts().keySet()) {
      named.put(id, whole.writeSets().get(id));
    }
  }
}
