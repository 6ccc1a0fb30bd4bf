package dev.trellis.lattice;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `orset`: a set whose elements can be removed and added again. A remove takes away the adds that
/// the remover has observed; an add that is concurrent with it wins.
///
/// @see "Bieniusa et al., An Optimized Conflict-free Replicated Set, INRIA RR-8083, 2012"
public final class ObservedRemoveSet implements Value<ObservedRemoveSet> {
  private static final int WEIGHT_PER_ELEMENT = 24;
  private static final DotStore<Payload> NO_DOTS =
      DotStore.empty((dot, element) -> WEIGHT_PER_ELEMENT + element.size());
  private static final PersistentMap<Payload, CausalContext> NO_ELEMENTS =
      PersistentMap.empty((element, dots) -> 0);

  public static final ObservedRemoveSet EMPTY = new ObservedRemoveSet(NO_DOTS, NO_ELEMENTS);

  private final DotStore<Payload> adds; // dot of the add -> element
  private final PersistentMap<Payload, CausalContext> elements; // the same, by element; derived

  private ObservedRemoveSet(
      DotStore<Payload> adds, PersistentMap<Payload, CausalContext> elements) {
    this.adds = adds;
    this.elements = elements;
  }

  /// A state of just these adds, having seen `context` besides; for codecs and tests. O(n log n).
  public static ObservedRemoveSet of(Map<Dot, Payload> adds, CausalContext context) {
    if (adds.isEmpty() && context.isEmpty()) {
      return EMPTY;
    }
    return new ObservedRemoveSet(NO_DOTS.holding(adds, context), indexOf(adds.entrySet()));
  }

  private static PersistentMap<Payload, CausalContext> indexOf(
      Iterable<Map.Entry<Dot, Payload>> adds) {
    Map<Payload, List<Dot>> dots = new TreeMap<>();
    for (Map.Entry<Dot, Payload> add : adds) {
      dots.computeIfAbsent(add.getValue(), element -> new ArrayList<>(1)).add(add.getKey());
    }
    Map<Payload, CausalContext> elements = new TreeMap<>();
    dots.forEach((element, several) -> elements.put(element, CausalContext.ofDots(several)));
    return NO_ELEMENTS.withAll(elements);
  }

  /// The delta by which `replica` adds the elements, each under a dot of its own. The new dot takes
  /// the place of those that the element had here, so repeated adds leave nothing behind.
  public ObservedRemoveSet add(ReplicaId replica, Collection<Payload> added) {
    Map<Dot, Payload> minted = new HashMap<>();
    long counter = adds.context().counterOf(replica);
    SortedSet<Payload> distinct = new TreeSet<>(added);
    for (Payload element : distinct) {
      minted.put(new Dot(replica, ++counter), element);
    }
    return of(minted, dotsOf(distinct));
  }

  /// The delta by which a mutation adds the elements, each under a dot of its tag. What the tag has
  /// brought here already comes again; what of that was removed or replaced since does not.
  ///
  /// The new dots take the place of those by shards alone: were they to replace those of tags, two
  /// that are carried out again in another order elsewhere would replace each other.
  public ObservedRemoveSet add(Tag tag, Collection<Payload> added) {
    Map<Dot, Payload> named = new HashMap<>();
    List<Payload> fresh = new ArrayList<>();
    List<Dot> gone = new ArrayList<>();
    int position = 0;
    for (Payload element : new TreeSet<>(added)) {
      Dot dot = tag.dot(position++);
      if (!adds.context().contains(dot)) {
        fresh.add(element);
        named.put(dot, element);
      } else if (adds.find(dot) != null) {
        named.put(dot, element);
      } else {
        gone.add(dot);
      }
    }
    CausalContext replaced = dotsOf(fresh);
    replaced = replaced.less(replaced.ofInvocationsBefore(Long.MAX_VALUE));
    return of(named, replaced.merge(CausalContext.ofDots(gone)));
  }

  /// The delta by which a mutation removes the elements as observed here, once: where it is known
  /// to have done so, nothing else is removed. Empty if none of them is here.
  public ObservedRemoveSet remove(Tag tag, Collection<Payload> removed) {
    CausalContext done = CausalContext.of(tag.dot(0));
    if (adds.context().includes(done)) {
      return of(Map.of(), done);
    }
    CausalContext observed = dotsOf(removed);
    return of(Map.of(), observed.isEmpty() ? observed : observed.merge(done));
  }

  /// The element added under a dot that stands; empty if none does.
  public Optional<Payload> elementOf(Dot dot) {
    return Optional.ofNullable(adds.find(dot));
  }

  /// The delta that removes the elements as observed here. Empty if none of them is here.
  public ObservedRemoveSet remove(Collection<Payload> removed) {
    return of(Map.of(), dotsOf(removed));
  }

  /// O(log n).
  public boolean contains(Payload element) {
    return elements.contains(element);
  }

  public int size() {
    return elements.size();
  }

  /// All elements in byte order.
  public Iterable<Payload> elements() {
    return PersistentMap.keysOf(elements);
  }

  /// The elements from `from` (inclusive) to `to` (exclusive); O(log n) to start.
  ///
  /// @param descending from the end towards the start
  public Iterator<Payload> range(Optional<Payload> from, Optional<Payload> to, boolean descending) {
    return PayloadSet.rangeOf(elements, from, to, descending);
  }

  /// The adds that stand, by dot.
  public Iterable<Map.Entry<Dot, Payload>> adds() {
    return adds.items();
  }

  /// The dots seen, of elements here and of removed ones.
  public CausalContext context() {
    return adds.context();
  }

  /// The dots of removed elements that only invocations born before `bornBefore` could ask for, as
  /// a state of its own.
  ObservedRemoveSet tombstones(long bornBefore) {
    CausalContext gone = adds.goneOfInvocations(bornBefore);
    return gone.isEmpty() ? EMPTY : new ObservedRemoveSet(NO_DOTS.aware(gone), NO_ELEMENTS);
  }

  ObservedRemoveSet withoutTombstones(long bornBefore) {
    DotStore<Payload> kept = adds.unaware(adds.goneOfInvocations(bornBefore));
    return kept == adds ? this : new ObservedRemoveSet(kept, elements);
  }

  @Override
  public ObservedRemoveSet merge(ObservedRemoveSet other) {
    ElementIndex index = new ElementIndex(elements);
    DotStore<Payload> merged = adds.merge(other.adds, index);
    return merged == adds ? this : new ObservedRemoveSet(merged, index.elements);
  }

  @Override
  public Stream<ObservedRemoveSet> split(long weightMax) {
    return weight() <= weightMax
        ? Stream.of(this)
        : adds.split(weightMax).map(part -> new ObservedRemoveSet(part, indexOf(part.items())));
  }

  @Override
  public int kindNumber() {
    return Kind.ORSET.number();
  }

  @Override
  public long weight() {
    return adds.weight();
  }

  @Override
  public int parts() {
    return adds.parts() + 2 * elements.parts();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ObservedRemoveSet set && adds.equals(set.adds);
  }

  @Override
  public int hashCode() {
    return adds.hashCode();
  }

  @Override
  public String toString() {
    return "ObservedRemoveSet[" + adds + "]";
  }

  /// The dots under which the elements stand here.
  private CausalContext dotsOf(Collection<Payload> wanted) {
    // All at once: merging context by context would copy what was gathered for each element.
    List<CausalContext.Run> runs = new ArrayList<>(wanted.size());
    for (Payload element : wanted) {
      @Nullable CausalContext dots = elements.find(element);
      if (dots != null) {
        runs.addAll(dots.runs());
      }
    }
    return CausalContext.ofRuns(runs);
  }

  /// Keeps the index by element in step with the store by dot.
  private static final class ElementIndex implements DotStore.Changes<Payload> {
    private PersistentMap<Payload, CausalContext> elements;

    ElementIndex(PersistentMap<Payload, CausalContext> elements) {
      this.elements = elements;
    }

    @Override
    public void added(Dot dot, Payload element) {
      @Nullable CausalContext dots = elements.find(element);
      elements = elements.with(element, dots == null ? CausalContext.of(dot) : dots.with(dot));
    }

    @Override
    public void removed(Dot dot, Payload element) {
      @Nullable CausalContext dots = elements.find(element);
      if (dots == null) {
        throw new IllegalStateException("no dots of " + element + " though " + dot + " stood");
      }
      CausalContext rest = dots.without(dot);
      elements = rest.isEmpty() ? elements.without(element) : elements.with(element, rest);
    }
  }
}
