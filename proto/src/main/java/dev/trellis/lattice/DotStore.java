package dev.trellis.lattice;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Items that were each written once, under a dot, and the dots ever seen: what is seen but not
/// here was removed. The body of every kind that can forget. Immutable.
///
/// Merging keeps an item if both sides hold it, or if one holds it and the other has not seen it.
/// Items are sorted by dot, so a merge visits only the items whose dots the other side's context
/// covers: O(log n) for a delta of one write, O(n) for whole states.
///
/// @param <T> an item; ordered, so that even two items under one dot, which only a reused replica
///   id could bring about, merge the same way everywhere
/// @see "Almeida, Shoker, Baquero, Delta State Replicated Data Types, JPDC 2018, §7.2"
final class DotStore<T extends Comparable<T>> {
  /// Is told how a merge changed the left operand, to keep an index in step.
  interface Changes<T> {
    void added(Dot dot, T item);

    void removed(Dot dot, T item);
  }

  private static final int WEIGHT_PER_RUN = 12;

  private final PersistentMap<Dot, T> items; // every key is in `context`
  private final CausalContext context;

  private DotStore(PersistentMap<Dot, T> items, CausalContext context) {
    this.items = items;
    this.context = context;
  }

  static <T extends Comparable<T>> DotStore<T> empty(PersistentMap.Weigher<Dot, T> weigher) {
    return new DotStore<>(PersistentMap.empty(weigher), CausalContext.EMPTY);
  }

  /// The dots seen: those of the items and those of what was removed.
  CausalContext context() {
    return context;
  }

  int size() {
    return items.size();
  }

  long weight() {
    return items.weight() + (long) WEIGHT_PER_RUN * context.runCount();
  }

  /// The parts of the items, and one for each replica in the context.
  int parts() {
    return items.parts() + context.replicaCount();
  }

  /// The items by dot.
  Iterable<Map.Entry<Dot, T>> items() {
    return items;
  }

  /// For who keeps no index.
  static <T> Changes<T> unwatched() {
    return new Changes<>() {
      @Override
      public void added(Dot dot, T item) {}

      @Override
      public void removed(Dot dot, T item) {}
    };
  }

  /// This store with more items, and having seen their dots and `seen`.
  DotStore<T> holding(Map<Dot, T> additions, CausalContext seen) {
    return new DotStore<>(
        items.withAll(additions),
        context.merge(seen).merge(CausalContext.ofDots(additions.keySet())));
  }

  /// This store less the item under a dot, which stays seen.
  DotStore<T> without(Dot dot) {
    PersistentMap<Dot, T> rest = items.without(dot);
    return rest == items ? this : new DotStore<>(rest, context);
  }

  /// The dots of invocations born before `bornBefore` under which nothing is here any more.
  CausalContext goneOfInvocations(long bornBefore) {
    CausalContext old = context.ofInvocationsBefore(bornBefore);
    if (old.isEmpty()) {
      return old;
    }
    List<Dot> held = new ArrayList<>();
    for (CausalContext.Run run : old.runs()) {
      Iterator<Map.Entry<Dot, T>> walk = items.ascending(new Dot(run.replica(), run.from()));
      while (walk.hasNext()) {
        Dot dot = walk.next().getKey();
        if (!dot.replica().equals(run.replica()) || dot.counter() > run.to()) {
          break;
        }
        held.add(dot);
      }
    }
    return held.isEmpty() ? old : old.less(CausalContext.ofDots(held));
  }

  /// This store as if it had never seen the dots, under which nothing is here. Loses what a merge
  /// would need.
  DotStore<T> unaware(CausalContext dots) {
    return dots.isEmpty() ? this : new DotStore<>(items, context.less(dots));
  }

  /// A store that has seen these dots, and holds nothing.
  DotStore<T> aware(CausalContext dots) {
    return new DotStore<>(items.none(), dots);
  }

  /// The item under a dot, or null. O(log n).
  @Nullable T find(Dot dot) {
    return items.find(dot);
  }

  DotStore<T> merge(DotStore<T> other, Changes<T> changes) {
    if (this == other) {
      return this;
    }
    PersistentMap<Dot, T> merged = items;
    for (CausalContext.Run run : other.context.runs()) {
      Iterator<Map.Entry<Dot, T>> mine = items.ascending(new Dot(run.replica(), run.from()));
      while (mine.hasNext()) {
        Map.Entry<Dot, T> item = mine.next();
        Dot dot = item.getKey();
        if (!dot.replica().equals(run.replica()) || dot.counter() > run.to()) {
          break;
        }
        if (!other.items.contains(dot)) {
          merged = merged.without(dot);
          changes.removed(dot, item.getValue());
        }
      }
    }
    for (Map.Entry<Dot, T> item : other.items) {
      Dot dot = item.getKey();
      @Nullable T mine = items.find(dot);
      if (mine == null && !context.contains(dot)) {
        merged = merged.with(dot, item.getValue());
        changes.added(dot, item.getValue());
      } else if (mine != null && mine.compareTo(item.getValue()) < 0) {
        merged = merged.with(dot, item.getValue());
        changes.removed(dot, mine);
        changes.added(dot, item.getValue());
      }
    }
    CausalContext seen = context.merge(other.context);
    return merged == items && seen == context ? this : new DotStore<>(merged, seen);
  }

  /// States whose merge is this one, see [Lattice#split]: the items in parts, each of which has
  /// seen just their own dots, so that it removes nothing; then, in parts too, what was removed.
  Stream<DotStore<T>> split(long weightMax) {
    if (weight() <= weightMax) {
      return Stream.of(this);
    }
    CausalContext removed = context.less(dotsOf(items));
    return Stream.concat(
        items.ranges(weightMax, WEIGHT_PER_RUN).map(range -> new DotStore<>(range, dotsOf(range))),
        removed
            .split(Math.max(1, weightMax / WEIGHT_PER_RUN))
            .map(dots -> new DotStore<>(items.none(), dots)));
  }

  private static CausalContext dotsOf(PersistentMap<Dot, ?> items) {
    List<Dot> dots = new ArrayList<>(items.size());
    PersistentMap.keysOf(items).forEach(dots::add);
    return CausalContext.ofDots(dots);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DotStore<?> store
        && items.equals(store.items)
        && context.equals(store.context);
  }

  @Override
  public int hashCode() {
    return 31 * items.hashCode() + context.hashCode();
  }

  @Override
  public String toString() {
    return items + " of " + context;
  }
}
