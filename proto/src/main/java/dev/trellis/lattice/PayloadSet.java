package dev.trellis.lattice;

import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A persistent set of payloads in byte order: the body of the grow-only sets.
final class PayloadSet {
  static final int WEIGHT_PER_ELEMENT = 4;
  static final PayloadSet EMPTY =
      new PayloadSet(
          PersistentMap.empty((element, ignored) -> WEIGHT_PER_ELEMENT + element.size()));

  private final PersistentMap<Payload, Boolean> elements;

  private PayloadSet(PersistentMap<Payload, Boolean> elements) {
    this.elements = elements;
  }

  static PayloadSet of(Collection<Payload> elements) {
    Map<Payload, Boolean> distinct = new TreeMap<>();
    for (Payload element : elements) {
      distinct.put(element, Boolean.TRUE);
    }
    return new PayloadSet(EMPTY.elements.withAll(distinct));
  }

  PayloadSet merge(PayloadSet other) {
    PersistentMap<Payload, Boolean> merged = elements.merge(other.elements, (mine, theirs) -> mine);
    return merged == elements ? this : new PayloadSet(merged);
  }

  boolean contains(Payload element) {
    return elements.contains(element);
  }

  int size() {
    return elements.size();
  }

  long weight() {
    return elements.weight();
  }

  /// This set in parts of at most this weight, or of one element.
  Stream<PayloadSet> split(long weightMax) {
    return elements.ranges(weightMax, 0).map(PayloadSet::new);
  }

  Iterable<Payload> ascending() {
    return PersistentMap.keysOf(elements);
  }

  Iterator<Payload> range(Optional<Payload> from, Optional<Payload> to, boolean descending) {
    return rangeOf(elements, from, to, descending);
  }

  /// The keys of a map from `from` (inclusive) to `to` (exclusive), in either direction.
  static Iterator<Payload> rangeOf(
      PersistentMap<Payload, ?> map,
      Optional<Payload> from,
      Optional<Payload> to,
      boolean descending) {
    Iterator<? extends Map.Entry<Payload, ?>> walk =
        descending ? map.descending(to.orElse(null), true) : map.ascending(from.orElse(null));
    Optional<Payload> bound = descending ? from : to;
    return new Iterator<>() {
      private @Nullable Payload next = advance();

      private @Nullable Payload advance() {
        if (!walk.hasNext()) {
          return null;
        }
        Payload candidate = walk.next().getKey();
        boolean within =
            bound.isEmpty()
                || (descending
                    ? candidate.compareTo(bound.get()) >= 0
                    : candidate.compareTo(bound.get()) < 0);
        return within ? candidate : null;
      }

      @Override
      public boolean hasNext() {
        return next != null;
      }

      @Override
      public Payload next() {
        Payload current = next;
        if (current == null) {
          throw new java.util.NoSuchElementException("walked past the end of the range");
        }
        next = advance();
        return current;
      }
    };
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PayloadSet set && elements.equals(set.elements);
  }

  @Override
  public int hashCode() {
    return elements.hashCode();
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("[");
    for (Payload element : ascending()) {
      text.append(text.length() > 1 ? ", " : "").append(element);
    }
    return text.append(']').toString();
  }
}
