package dev.trellis.causal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// A set of dots: every write event that a state, a reader or a session has seen. Immutable.
///
/// Per replica the counters are kept as sorted, disjoint, non-adjacent runs, so the usual gapless
/// history costs one run (a version vector) and dots that arrived out of order cost one run a gap
/// (a dotted version vector). One form serves both, and equal sets have equal representations.
///
/// @see "Malkhi and Terry, Concise Version Vectors in WinFS, DISC 2005"
/// @see "Preguiça et al., Dotted Version Vectors, 2010"
public final class CausalContext implements Comparable<CausalContext> {
  /// A replica's counters `from` to `to`, both inclusive.
  public record Run(ReplicaId replica, long from, long to) {
    public Run {
      if (from < 1 || to < from) {
        throw new IllegalArgumentException(
            "run " + from + ".." + to + " of " + replica + " must satisfy 1 <= from <= to");
      }
    }
  }

  /// No dot at all.
  public static final CausalContext EMPTY = new CausalContext(new ReplicaId[0], new long[0][]);

  private final ReplicaId[] replicas; // ascending, distinct
  private final long[][]
      runs; // per replica: from, to, from, to, ...; ascending, gaps of at least 1

  private CausalContext(ReplicaId[] replicas, long[][] runs) {
    this.replicas = replicas;
    this.runs = runs;
  }

  /// The set of just these dots, in any order, repeats allowed.
  public static CausalContext of(Dot... dots) {
    return ofDots(Arrays.asList(dots));
  }

  /// The set of just these dots, in any order, repeats allowed. O(n log n).
  public static CausalContext ofDots(Collection<Dot> dots) {
    if (dots.size() == 1) {
      Dot dot = dots.iterator().next();
      return new CausalContext(
          new ReplicaId[] {dot.replica()}, new long[][] {{dot.counter(), dot.counter()}});
    }
    List<Run> runs = new ArrayList<>(dots.size());
    for (Dot dot : dots) {
      runs.add(new Run(dot.replica(), dot.counter(), dot.counter()));
    }
    return ofRuns(runs);
  }

  /// The union of the runs, which may come in any order and overlap. O(n log n).
  public static CausalContext ofRuns(Collection<Run> unordered) {
    if (unordered.isEmpty()) {
      return EMPTY;
    }
    List<Run> sorted = new ArrayList<>(unordered);
    sorted.sort(
        (a, b) -> {
          int order = a.replica().compareTo(b.replica());
          return order != 0 ? order : Long.compare(a.from(), b.from());
        });
    List<ReplicaId> ids = new ArrayList<>();
    List<long[]> perReplica = new ArrayList<>();
    int start = 0;
    while (start < sorted.size()) {
      ReplicaId replica = sorted.get(start).replica();
      int end = start;
      while (end < sorted.size() && sorted.get(end).replica().equals(replica)) {
        end++;
      }
      long[] merged = new long[2 * (end - start)];
      int length = 0;
      for (Run run : sorted.subList(start, end)) {
        length = appendRun(merged, length, run.from(), run.to());
      }
      ids.add(replica);
      perReplica.add(Arrays.copyOf(merged, length));
      start = end;
    }
    return new CausalContext(ids.toArray(new ReplicaId[0]), perReplica.toArray(new long[0][]));
  }

  /// Whether the dot is in the set. O(log replicas + log runs).
  public boolean contains(Dot dot) {
    int at = indexOf(dot.replica());
    return at >= 0 && runContaining(runs[at], dot.counter()) >= 0;
  }

  /// The greatest counter seen of the replica, or 0. O(log replicas).
  public long counterOf(ReplicaId replica) {
    int at = indexOf(replica);
    return at < 0 ? 0 : runs[at][runs[at].length - 1];
  }

  /// The dot that `replica` must mint next, given this and what else it has seen.
  public Dot next(ReplicaId replica) {
    return new Dot(replica, counterOf(replica) + 1);
  }

  /// Adds a dot minted here. Dots of others may arrive with gaps; see [#with].
  ///
  /// @throws IllegalStateException if the dot does not directly follow the replica's last one
  public CausalContext withMinted(Dot dot) {
    if (dot.counter() != counterOf(dot.replica()) + 1) {
      throw new IllegalStateException(dot + " leaves a gap in or repeats a dot of " + this);
    }
    return with(dot);
  }

  /// Adds a dot, wherever it came from. O(replicas + runs of its replica).
  public CausalContext with(Dot dot) {
    return contains(dot) ? this : merge(of(dot));
  }

  /// Removes one dot, where a set of dots is meant rather than a history. O(runs).
  public CausalContext without(Dot dot) {
    if (!contains(dot)) {
      return this;
    }
    List<Run> rest = new ArrayList<>(runCount() + 1);
    for (Run run : runs()) {
      if (!run.replica().equals(dot.replica())
          || dot.counter() < run.from()
          || dot.counter() > run.to()) {
        rest.add(run);
        continue;
      }
      if (run.from() < dot.counter()) {
        rest.add(new Run(run.replica(), run.from(), dot.counter() - 1));
      }
      if (dot.counter() < run.to()) {
        rest.add(new Run(run.replica(), dot.counter() + 1, run.to()));
      }
    }
    return ofRuns(rest);
  }

  /// The dots that are not in `other`. O((runs + runs of the other) log).
  public CausalContext less(CausalContext other) {
    List<Run> rest = new ArrayList<>();
    for (int at = 0; at < replicas.length; at++) {
      int theirs = other.indexOf(replicas[at]);
      long[] taken = theirs < 0 ? new long[0] : other.runs[theirs];
      int next = 0;
      for (int run = 0; run < runs[at].length; run += 2) {
        long from = runs[at][run];
        long to = runs[at][run + 1];
        while (next < taken.length && taken[next + 1] < from) {
          next += 2;
        }
        // A run of theirs may reach into the next one of ours too, so `next` stays at it.
        for (int cut = next; from <= to && cut < taken.length && taken[cut] <= to; cut += 2) {
          if (taken[cut] > from) {
            rest.add(new Run(replicas[at], from, taken[cut] - 1));
          }
          if (taken[cut + 1] >= to) {
            from = to;
            to = from - 1;
          } else {
            from = taken[cut + 1] + 1;
          }
        }
        if (from <= to) {
          rest.add(new Run(replicas[at], from, to));
        }
      }
    }
    return ofRuns(rest);
  }

  /// Sets of at most so many runs that together are this one; none for the empty set. Lazily.
  ///
  /// @param runsMax at least 1
  public Stream<CausalContext> split(long runsMax) {
    List<Run> all = runs();
    int step = (int) Math.min(runsMax, Math.max(1, all.size()));
    return IntStream.iterate(0, from -> from < all.size(), from -> from + step)
        .mapToObj(from -> ofRuns(all.subList(from, Math.min(all.size(), from + step))));
  }

  /// The last counter of the run that contains the dot; 0 if none does. O(log replicas + log runs).
  public long runEnd(Dot dot) {
    int at = indexOf(dot.replica());
    int run = at < 0 ? -1 : runContaining(runs[at], dot.counter());
    return run < 0 ? 0 : runs[at][run + 1];
  }

  /// The union. O(replicas + runs) of both; returns one of the two where it includes the other.
  public CausalContext merge(CausalContext other) {
    if (this == other || other.replicas.length == 0) {
      return this;
    }
    if (replicas.length == 0) {
      return other;
    }
    ReplicaId[] ids = new ReplicaId[replicas.length + other.replicas.length];
    long[][] merged = new long[ids.length][];
    int count = 0;
    int mine = 0;
    int theirs = 0;
    while (mine < replicas.length || theirs < other.replicas.length) {
      int order = order(this, mine, other, theirs);
      if (order < 0) {
        ids[count] = replicas[mine];
        merged[count++] = runs[mine++];
      } else if (order > 0) {
        ids[count] = other.replicas[theirs];
        merged[count++] = other.runs[theirs++];
      } else {
        ids[count] = replicas[mine];
        merged[count++] = union(runs[mine++], other.runs[theirs++]);
      }
    }
    CausalContext union =
        new CausalContext(Arrays.copyOf(ids, count), Arrays.copyOf(merged, count));
    // Keeping the identity of an unchanged operand lets callers see cheaply that nothing was new.
    return union.equals(this) ? this : union.equals(other) ? other : union;
  }

  /// Whether every dot of `other` is in this set. O(replicas + runs).
  public boolean includes(CausalContext other) {
    for (int at = 0; at < other.replicas.length; at++) {
      int mine = indexOf(other.replicas[at]);
      if (mine < 0 || !covers(runs[mine], other.runs[at])) {
        return false;
      }
    }
    return true;
  }

  public boolean isEmpty() {
    return replicas.length == 0;
  }

  /// The number of dots in the set; saturates at the greatest long.
  public long dotCount() {
    long count = 0;
    for (long[] pairs : runs) {
      for (int at = 0; at < pairs.length; at += 2) {
        count += pairs[at + 1] - pairs[at] + 1;
        if (count < 0) {
          return Long.MAX_VALUE;
        }
      }
    }
    return count;
  }

  /// The dots here of just these replicas. O(replicas asked for).
  public CausalContext ofReplicas(Collection<ReplicaId> wanted) {
    List<Run> found = new ArrayList<>();
    for (ReplicaId replica : wanted) {
      int at = indexOf(replica);
      for (int run = 0; at >= 0 && run < runs[at].length; run += 2) {
        found.add(new Run(replica, runs[at][run], runs[at][run + 1]));
      }
    }
    return ofRuns(found);
  }

  /// The dots here of invocations that were born before then. O(log replicas + replicas with
  /// incarnations up to those of such invocations).
  ///
  /// @param bornMillis in milliseconds since the epoch
  public CausalContext ofInvocationsBefore(long bornMillis) {
    if (bornMillis <= 0) {
      return EMPTY;
    }
    int at = firstFrom(InvocationId.firstBorn(0));
    int end = firstFrom(InvocationId.firstBorn(bornMillis));
    List<Run> found = new ArrayList<>();
    for (; at < end; at++) {
      if (InvocationId.isOne(replicas[at])) {
        for (int run = 0; run < runs[at].length; run += 2) {
          found.add(new Run(replicas[at], runs[at][run], runs[at][run + 1]));
        }
      }
    }
    return ofRuns(found);
  }

  /// The index of the first replica that is not before this one.
  private int firstFrom(ReplicaId replica) {
    int at = indexOf(replica);
    return at >= 0 ? at : -at - 1;
  }

  /// The runs, ordered by replica, then counter; disjoint and not adjacent.
  public List<Run> runs() {
    List<Run> all = new ArrayList<>(runCount());
    for (int at = 0; at < replicas.length; at++) {
      for (int run = 0; run < runs[at].length; run += 2) {
        all.add(new Run(replicas[at], runs[at][run], runs[at][run + 1]));
      }
    }
    return all;
  }

  /// The number of replicas that have dots in the set.
  public int replicaCount() {
    return replicas.length;
  }

  /// The number of runs: what the set costs in memory and on the wire.
  public int runCount() {
    int count = 0;
    for (long[] pairs : runs) {
      count += pairs.length / 2;
    }
    return count;
  }

  /// The id with the greatest birth among those of `incarnation` with at least `birthMin`, and less
  /// than `birthEnd`: the name under which that shard already speaks here, if any. O(log replicas).
  public Optional<ReplicaId> latestOf(long incarnation, long birthMin, long birthEnd) {
    if (birthEnd <= birthMin) {
      return Optional.empty();
    }
    int at = Arrays.binarySearch(replicas, new ReplicaId(incarnation, birthEnd - 1));
    int candidate = at >= 0 ? at : -at - 2;
    if (candidate < 0
        || replicas[candidate].incarnation() != incarnation
        || replicas[candidate].birth() < birthMin) {
      return Optional.empty();
    }
    return Optional.of(replicas[candidate]);
  }

  /// An arbitrary total order by content, for ties that must break the same way everywhere.
  @Override
  public int compareTo(CausalContext other) {
    int order = Arrays.compare(replicas, other.replicas);
    for (int at = 0; order == 0 && at < runs.length; at++) {
      order = Arrays.compare(runs[at], other.runs[at]);
    }
    return order;
  }

  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof CausalContext context
            && Arrays.equals(replicas, context.replicas)
            && Arrays.deepEquals(runs, context.runs));
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(replicas) + Arrays.deepHashCode(runs);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("{");
    for (Run run : runs()) {
      text.append(text.length() > 1 ? ", " : "").append(run.replica()).append(':');
      text.append(run.from() == run.to() ? "" + run.from() : run.from() + "-" + run.to());
    }
    return text.append('}').toString();
  }

  private int indexOf(ReplicaId replica) {
    return Arrays.binarySearch(replicas, replica);
  }

  private static int order(CausalContext a, int atA, CausalContext b, int atB) {
    if (atA == a.replicas.length) {
      return 1;
    }
    return atB == b.replicas.length ? -1 : a.replicas[atA].compareTo(b.replicas[atB]);
  }

  /// Where in `pairs` the run starts that contains the counter; -1 if none does.
  private static int runContaining(long[] pairs, long counter) {
    int low = 0;
    int high = pairs.length / 2 - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (counter < pairs[2 * middle]) {
        high = middle - 1;
      } else if (counter > pairs[2 * middle + 1]) {
        low = middle + 1;
      } else {
        return 2 * middle;
      }
    }
    return -1;
  }

  /// Whether every run of `inner` lies within one run of `outer`; enough, as runs never touch.
  private static boolean covers(long[] outer, long[] inner) {
    int at = 0;
    for (int run = 0; run < inner.length; run += 2) {
      while (at < outer.length && outer[at + 1] < inner[run]) {
        at += 2;
      }
      if (at == outer.length || outer[at] > inner[run] || outer[at + 1] < inner[run + 1]) {
        return false;
      }
    }
    return true;
  }

  private static long[] union(long[] a, long[] b) {
    if (Arrays.equals(a, b)) {
      return a;
    }
    long[] merged = new long[a.length + b.length];
    int length = 0;
    int atA = 0;
    int atB = 0;
    while (atA < a.length || atB < b.length) {
      boolean takeA = atB == b.length || (atA < a.length && a[atA] <= b[atB]);
      if (takeA) {
        length = appendRun(merged, length, a[atA], a[atA + 1]);
        atA += 2;
      } else {
        length = appendRun(merged, length, b[atB], b[atB + 1]);
        atB += 2;
      }
    }
    return Arrays.copyOf(merged, length);
  }

  /// Appends a run that starts no earlier than the last one, joining the two where they touch.
  private static int appendRun(long[] pairs, int length, long from, long to) {
    // `from - 1` cannot overflow: counters start at 1.
    if (length > 0 && from - 1 <= pairs[length - 1]) {
      pairs[length - 1] = Math.max(pairs[length - 1], to);
      return length;
    }
    pairs[length] = from;
    pairs[length + 1] = to;
    return length + 2;
  }
}
