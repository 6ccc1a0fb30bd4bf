package dev.trellis.lattice;

import java.util.Collection;
import java.util.Iterator;
import java.util.Optional;
import java.util.stream.Stream;

/// `gset`: a set that only grows.
public final class GrowSet implements Value<GrowSet> {
  public static final GrowSet EMPTY = new GrowSet(PayloadSet.EMPTY);

  private final PayloadSet set;

  private GrowSet(PayloadSet set) {
    this.set = set;
  }

  /// The set of these elements; also the delta that adds them.
  public static GrowSet of(Collection<Payload> elements) {
    return elements.isEmpty() ? EMPTY : new GrowSet(PayloadSet.of(elements));
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
  public GrowSet merge(GrowSet other) {
    PayloadSet merged = set.merge(other.set);
    return merged == set ? this : new GrowSet(merged);
  }

  @Override
  public Stream<GrowSet> split(long weightMax) {
    return weight() <= weightMax ? Stream.of(this) : set.split(weightMax).map(GrowSet::new);
  }

  @Override
  public int kindNumber() {
    return Kind.GSET.number();
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
    return other instanceof GrowSet that && set.equals(that.set);
  }

  @Override
  public int hashCode() {
    return set.hashCode();
  }

  @Override
  public String toString() {
    return "GrowSet" + set;
  }
}
