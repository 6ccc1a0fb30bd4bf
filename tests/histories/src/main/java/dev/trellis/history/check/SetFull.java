package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Follows each element of a set that only grows, as Jepsen's `set-full` does.
///
/// Form: `:add v`, each v once; `:read` → the elements, as a set or a vector. One set.
///
/// An element is *known* from the moment when its add was acknowledged, or a read that saw it
/// ended. It is
/// - *stable* if the last reads all saw it; its stable latency is the time from known to the start
///   of the last read that did not see it, or 0;
/// - *lost* if it was known before the last reads began and none of them saw it;
/// - *never read* otherwise: nothing was read that had to show it;
/// - *stale* if it is stable, but a read that began when it was known did not see it.
///
/// Invalid: lost elements; elements seen twice in one read, never added, or whose add failed; and
/// stale ones where the set must be linearizable. Unknown: no element is stable.
///
/// @see <a href="https://jepsen-io.github.io/jepsen/jepsen.checker.html">jepsen.checker</a>
public final class SetFull implements Checker {
  private static final double NANOS_PER_MILLI = 1e6;
  private static final double[] QUANTILES = {0, 0.5, 0.95, 0.99, 1};

  private final boolean linearizable;
  private final boolean seenIsKnown;

  /// For a set of which reads may lag behind.
  public SetFull() {
    this(false);
  }

  /// @param linearizable whether a read must see what was known when it began
  public SetFull(boolean linearizable) {
    this(linearizable, true);
  }

  private SetFull(boolean linearizable, boolean seenIsKnown) {
    this.linearizable = linearizable;
    this.seenIsKnown = seenIsKnown;
  }

  /// For a set of which reads may show what is not safe yet: an element is known from when its add
  /// was acknowledged, whoever saw it before.
  public static SetFull ofAcknowledged() {
    return new SetFull(false, false);
  }

  private record Read(Call call, Set<Object> elements) {}

  /// What became of the elements.
  private static final class Outcomes {
    final List<@Nullable Object> lost = new ArrayList<>();
    final List<@Nullable Object> neverRead = new ArrayList<>();
    final List<@Nullable Object> stale = new ArrayList<>();
    final List<Double> stableLatencies = new ArrayList<>();
    final List<Anomaly> anomalies = new ArrayList<>();
    long stable;
  }

  @Override
  public String name() {
    return "set-full";
  }

  @Override
  public CheckResult check(History history) {
    Outcomes outcomes = new Outcomes();
    List<Read> reads = new ArrayList<>();
    Map<Object, Call> firstSeen = new HashMap<>(); // by the read that ended first
    Map<Object, Call> adds = new LinkedHashMap<>();
    for (Call add : history.calls("add")) {
      if (adds.put(key(add.argument()), add) != null) {
        throw Forms.wrong(add.invoke(), "the element is added twice; each should be added once");
      }
    }
    List<Call> ended = new ArrayList<>(history.calls("read").stream().filter(Call::isOk).toList());
    ended.sort(Comparator.comparingInt(Call::completedAt));
    for (Call read : ended) {
      Collection<?> elements = Forms.elements(read);
      Set<Object> seen = new HashSet<>();
      for (Object element : elements) {
        if (!seen.add(key(element))) {
          outcomes.anomalies.add(
              anomaly("duplicate", element, " stands twice in what was read", read));
        }
        if (firstSeen.putIfAbsent(key(element), read) == null) {
          checkOrigin(element, adds.get(key(element)), read, outcomes);
        }
      }
      reads.add(new Read(read, seen));
    }
    reads.sort(Comparator.comparingInt(read -> read.call.invokedAt()));
    adds.forEach(
        (key, add) -> follow(key, add, Optional.ofNullable(firstSeen.get(key)), reads, outcomes));
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("attempt-count", (long) adds.size());
    details.put("stable-count", outcomes.stable);
    details.put("lost-count", (long) outcomes.lost.size());
    details.put("lost", outcomes.lost);
    details.put("never-read-count", (long) outcomes.neverRead.size());
    details.put("stale-count", (long) outcomes.stale.size());
    details.put("stale", outcomes.stale);
    if (!outcomes.stableLatencies.isEmpty()) {
      details.put("stable-latencies", quantiles(outcomes.stableLatencies));
    }
    return CheckResult.of(outcomes.anomalies, outcomes.stable == 0, details);
  }

  /// nil is an element like any other.
  private static Object key(@Nullable Object element) {
    return Optional.ofNullable(element);
  }

  private static void checkOrigin(
      @Nullable Object element, @Nullable Call add, Call read, Outcomes outcomes) {
    if (add == null || add.invokedAt() > read.completedAt()) {
      outcomes.anomalies.add(anomaly("unexpected", element, " was read and not added", read));
    } else if (add.isFailed()) {
      outcomes.anomalies.add(
          anomaly("failed-add", element, " was read, and its add had failed", add, read));
    }
  }

  private void follow(
      Object key, Call add, Optional<Call> firstSeen, List<Read> reads, Outcomes outcomes) {
    Object element = add.argument();
    Call present = null; // the last reads, by their invocations
    Call absent = null;
    for (int at = reads.size() - 1; at >= 0 && (present == null || absent == null); at--) {
      Read read = reads.get(at);
      if (read.call.completedAt() < add.invokedAt()) {
        continue;
      }
      if (read.elements.contains(key)) {
        present = present == null ? read.call : present;
      } else {
        absent = absent == null ? read.call : absent;
      }
    }
    int knownAt = add.isOk() ? add.completedAt() : Call.NEVER;
    long knownTime = add.completedTime();
    if (seenIsKnown && firstSeen.isPresent() && firstSeen.get().completedAt() < knownAt) {
      knownAt = firstSeen.get().completedAt();
      knownTime = firstSeen.get().completedTime();
    }
    int presentAt = present == null ? -1 : present.invokedAt();
    int absentAt = absent == null ? -1 : absent.invokedAt();
    if (present != null && presentAt > absentAt) {
      outcomes.stable++;
      boolean stale = absent != null && absentAt > knownAt;
      double latency = 0;
      if (stale && absent != null) {
        outcomes.stale.add(element);
        latency = Math.max(0, absent.invokedTime() - knownTime) / NANOS_PER_MILLI;
        if (linearizable) {
          outcomes.anomalies.add(
              anomaly("stale", element, " was known and a later read missed it", add, absent));
        }
      }
      if (knownTime != Operation.NOT_STATED) {
        outcomes.stableLatencies.add(latency);
      }
    } else if (absent != null && absentAt > knownAt) {
      outcomes.lost.add(element);
      outcomes.anomalies.add(
          anomaly(
              "lost",
              element,
              present == null ? " was added and never seen" : " was seen and is gone",
              add,
              present == null ? absent : present,
              absent));
    } else {
      outcomes.neverRead.add(element);
    }
  }

  private static Anomaly anomaly(
      String kind, @Nullable Object element, String what, Call... calls) {
    return new Anomaly(kind, "element " + Edn.write(element) + what, Forms.operations(calls));
  }

  private static Map<Object, Object> quantiles(List<Double> milliseconds) {
    List<Double> sorted = new ArrayList<>(milliseconds);
    Collections.sort(sorted);
    Map<Object, Object> quantiles = new LinkedHashMap<>();
    Arrays.stream(QUANTILES)
        .forEach(
            q -> {
              int at = Math.min(sorted.size() - 1, (int) (sorted.size() * q));
              quantiles.put(q, sorted.get(at));
            });
    return quantiles;
  }
}
