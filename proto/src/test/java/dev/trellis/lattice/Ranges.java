package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NavigableSet;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.random.RandomGenerator;

/// Compares ranges of elements with those of a `java.util` set.
final class Ranges {
  /// The `range` of a set: from inclusive, to exclusive, descending or not.
  interface Ranged {
    Iterator<Payload> range(Optional<Payload> from, Optional<Payload> to, boolean descending);
  }

  private Ranges() {}

  static void assertAsIn(NavigableSet<Payload> model, Ranged set, RandomGenerator random) {
    Optional<Payload> from = bound(random);
    Optional<Payload> to = bound(random);
    NavigableSet<Payload> expected = model;
    if (from.isPresent()) {
      expected = expected.tailSet(from.get(), true);
    }
    if (to.isPresent()) {
      // A range that ends before it starts is empty; TreeSet would throw.
      boolean inverted = from.isPresent() && from.get().compareTo(to.get()) > 0;
      expected = inverted ? new java.util.TreeSet<>() : expected.headSet(to.get(), false);
    }
    assertEquals(List.copyOf(expected), walked(set.range(from, to, false)));
    assertEquals(List.copyOf(expected.descendingSet()), walked(set.range(from, to, true)));
  }

  private static Optional<Payload> bound(RandomGenerator random) {
    return random.nextInt(4) == 0 ? Optional.empty() : Optional.of(Samples.payload(random));
  }

  private static List<Payload> walked(Iterator<Payload> walk) {
    List<Payload> all = new ArrayList<>();
    walk.forEachRemaining(all::add);
    assertThrows(NoSuchElementException.class, walk::next);
    return all;
  }
}
