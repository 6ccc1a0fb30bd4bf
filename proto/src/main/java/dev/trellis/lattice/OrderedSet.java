package dev.trellis.lattice;

import java.util.Collection;
import java.util.Iterator;
import java.util.Optional;
import java.util.stream.Stream;

/// `oset`: a set that only grows and that is read in ranges of byte order.
public final class OrderedSet implements Value<OrderedSet> {
  public static final OrderedSet EMPTY = new OrderedSet(PayloadSet.EMPTY);

  private final PayloadSet set;

  private OrderedSet(PayloadSet set) {
    this.set = set;
  }

  /// The set of these elements; also the delta that adds them.
  public static OrderedSet of(Collection<Payload> elements) {
    return elements.isEmpty() ? EMPTY : new OrderedSet(PayloadSet.of(elements));
  }

  /// O(log n).
  public boolean contains(Payload element) {
    return set.contains(element);
  }

  public int size() {
    return set.size();
  }

  /// All elements in byte order.
  public Iterable<Payload> elements() {
    return set.ascending();
  }

  /// The elements from `from` (inclusive) to `to` (exclusive); O(log n) to start.
  ///
  /// @param descending from the end towards the start
  public Iterator<Payload> range(Optional<Payload> from, Optional<Payload> to, boolean descending) {
    return set.range(from, to, descending);
  }

  @Override
  public OrderedSet merge(OrderedSet other) {
    PayloadSet merged = set.merge(other.set);
    return merged == set ? this : new OrderedSet(merged);
  }

  @Override
  public Stream<OrderedSet> split(long weightMax) {
    return weight() <= weightMax ? Stream.of(this) : set.split(weightMax).map(OrderedSet::new);
  }

  @Override
  public int kindNumber() {
    return Kind.OSET.number();
  }

  @Override
  public long weight() {
    return set.weight();
  }

  @Override
  public int parts() {
    return set.size();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof OrderedSet that && set.equals(that.set);
  }

  @Override
  public int hashCode() {
    return set.hashCode();
  }

  @Override
  public String toString() {
    return "OrderedSet" + set;
  }
}
