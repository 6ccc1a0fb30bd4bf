package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NoSuchElementException;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class PersistentMapTest {
  private static final int MANY = 100_000;

  /// A map of numbers that weighs key plus value.
  private static final PersistentMap<Integer, Integer> EMPTY =
      PersistentMap.empty((key, value) -> key + value);

  @Test
  void behavesLikeATreeMapAndNeverChangesWhatWasHandedOut() {
    Seeds.forAll(
        300,
        random -> {
          PersistentMap<Integer, Integer> map = EMPTY;
          NavigableMap<Integer, Integer> model = new TreeMap<>();
          for (int step = 0; step < 60; step++) {
            PersistentMap<Integer, Integer> before = map;
            NavigableMap<Integer, Integer> modelBefore = new TreeMap<>(model);
            int key = random.nextInt(24);
            switch (random.nextInt(5)) {
              case 4 -> {
                NavigableMap<Integer, Integer> others = draw(random);
                map = map.withAll(others.descendingMap());
                model.putAll(others);
              }
              case 0 -> {
                map = map.without(key);
                model.remove(key);
              }
              case 1 -> {
                NavigableMap<Integer, Integer> other = draw(random);
                map = map.merge(of(other), Math::max);
                other.forEach((k, v) -> model.merge(k, v, Math::max));
              }
              default -> {
                int value = random.nextInt(3);
                map = map.with(key, value);
                model.put(key, value);
              }
            }
            assertShows(modelBefore, before, random);
            assertShows(model, map, random);
          }
        });
  }

  private static void assertShows(
      NavigableMap<Integer, Integer> model,
      PersistentMap<Integer, Integer> map,
      RandomGenerator random) {
    assertEquals(List.copyOf(model.entrySet()), walked(map.iterator()));
    assertEquals(model.size(), map.size());
    assertEquals(model.isEmpty(), map.isEmpty());
    assertEquals(
        model.entrySet().stream().mapToLong(e -> e.getKey() + e.getValue()).sum(), map.weight());
    int from = random.nextInt(-1, 25);
    assertEquals(List.copyOf(model.tailMap(from, true).entrySet()), walked(map.ascending(from)));
    for (boolean exclusive : new boolean[] {true, false}) {
      assertEquals(
          List.copyOf(model.headMap(from, !exclusive).descendingMap().entrySet()),
          walked(map.descending(from, exclusive)));
    }
    assertEquals(List.copyOf(model.descendingMap().entrySet()), walked(map.descending(null, true)));
    assertEquals(model.get(from), map.find(from));
    assertEquals(model.containsKey(from), map.contains(from));
    assertEquals(of(model), map);
    assertEquals(of(model).hashCode(), map.hashCode());
    assertEquals(model.toString(), map.toString());
  }

  @Test
  void differentMapsAreNotEqual() {
    assertFalse(EMPTY.with(1, 1).equals(EMPTY.with(1, 2)));
    assertFalse(EMPTY.with(1, 1).equals(EMPTY.with(2, 1)));
    assertFalse(EMPTY.with(1, 1).equals(EMPTY));
  }

  @Test
  void walkingPastTheEndIsAnError() {
    Iterator<?> walk = EMPTY.with(1, 1).iterator();
    walk.next();
    assertThrows(NoSuchElementException.class, walk::next);
  }

  @Test
  void associationsHandedOutDoNotChangeTheMap() {
    Map.Entry<Integer, Integer> one = EMPTY.with(1, 1).iterator().next();
    assertThrows(UnsupportedOperationException.class, () -> one.setValue(2));
    assertNull(EMPTY.find(1));
  }

  /// A key that counts how often it is compared: a search compares once per level.
  private record Counted(int number, AtomicInteger comparisons) implements Comparable<Counted> {
    @Override
    public int compareTo(Counted other) {
      comparisons.incrementAndGet();
      return Integer.compare(number, other.number);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Counted counted && number == counted.number;
    }

    /// The same for all: balance must not come from hashes.
    @Override
    public int hashCode() {
      return 1;
    }
  }

  @Test
  void staysBalancedWhateverTheOrderOfKeysAndTheirHashes() {
    Comparator<Integer> zigzag = Comparator.comparingInt(n -> n % 2 == 0 ? n : MANY - n);
    List<Integer> ascending = new ArrayList<>();
    for (int number = 0; number < MANY; number++) {
      ascending.add(number);
    }
    for (List<Integer> order :
        List.of(ascending, ascending.reversed(), ascending.stream().sorted(zigzag).toList())) {
      AtomicInteger comparisons = new AtomicInteger();
      PersistentMap<Counted, Integer> map = PersistentMap.empty((key, value) -> 1);
      for (int number : order) {
        map = map.with(new Counted(number, comparisons), 0);
      }
      int depth = 0;
      for (int number : ascending) {
        comparisons.set(0);
        assertTrue(map.contains(new Counted(number, comparisons)));
        depth = Math.max(depth, comparisons.get());
      }
      double limit = 4 * Math.log(MANY) / Math.log(2);
      assertTrue(depth <= limit, depth + " levels for " + MANY + " keys");
    }
  }

  @Test
  void staysBalancedWhereManyAreAddedAtOnceAndThenOthersOneByOne() {
    AtomicInteger comparisons = new AtomicInteger();
    Map<Counted, Integer> even = new TreeMap<>();
    for (int number = 0; number < MANY; number += 2) {
      even.put(new Counted(number, comparisons), 0);
    }
    PersistentMap<Counted, Integer> map = PersistentMap.empty((key, value) -> 1);
    map = map.withAll(even);
    assertEquals(MANY / 2, map.size());
    for (int number = 1; number < MANY; number += 2) {
      map = map.with(new Counted(number, comparisons), 0);
      map = map.without(new Counted(number - 1, comparisons));
    }
    int depth = 0;
    for (int number = 1; number < MANY; number += 2) {
      comparisons.set(0);
      assertTrue(map.contains(new Counted(number, comparisons)));
      depth = Math.max(depth, comparisons.get());
    }
    assertEquals(MANY / 2, map.size());
    double limit = 4 * Math.log(MANY) / Math.log(2);
    assertTrue(depth <= limit, depth + " levels for " + MANY / 2 + " keys");
  }

  @Test
  void staysBalancedWhereMostAreRemoved() {
    AtomicInteger comparisons = new AtomicInteger();
    PersistentMap<Counted, Integer> map = PersistentMap.empty((key, value) -> 1);
    for (int number = 0; number < MANY; number++) {
      map = map.with(new Counted(number, comparisons), 0);
    }
    // From inside out, so that the two sides of the gap are joined again and again.
    for (int distance = 0; distance < MANY * 9 / 20; distance++) {
      map = map.without(new Counted(MANY / 2 + distance, comparisons));
      map = map.without(new Counted(MANY / 2 - 1 - distance, comparisons));
    }
    int depth = 0;
    for (int number = 0; number < MANY / 20; number++) {
      comparisons.set(0);
      assertTrue(map.contains(new Counted(number, comparisons)));
      assertTrue(map.contains(new Counted(MANY - 1 - number, comparisons)));
      depth = Math.max(depth, comparisons.get());
    }
    assertEquals(MANY / 10, map.size());
    // Two searches were counted together.
    double limit = 2 * 4 * Math.log(MANY) / Math.log(2);
    assertTrue(depth <= limit, depth + " levels for " + MANY / 10 + " keys");
  }

  @Test
  void whatTwoMapsShareIsNotLookedAtWhenTheyMerge() {
    AtomicInteger comparisons = new AtomicInteger();
    PersistentMap<Counted, Integer> many = PersistentMap.empty((key, value) -> 1);
    for (int number = 0; number < MANY; number++) {
      many = many.with(new Counted(number, comparisons), 0);
    }
    PersistentMap<Counted, Integer> more = many.with(new Counted(MANY / 3, comparisons), 1);
    more = more.with(new Counted(MANY, comparisons), 1);
    comparisons.set(0);
    assertEquals(MANY + 1, many.merge(more, Math::max).size());
    assertEquals(MANY + 1, more.merge(many, Math::max).size());
    assertTrue(comparisons.get() < MANY / 10, comparisons + " comparisons");
  }

  @Test
  void addingManyAtOnceMakesEachNodeOnce() {
    long[] weighed = new long[1];
    PersistentMap<Integer, Integer> counting =
        PersistentMap.empty(
            (key, value) -> {
              weighed[0]++; // once for each tree node made
              return 1;
            });
    Map<Integer, Integer> many = new TreeMap<>();
    for (int key = 0; key < MANY; key++) {
      many.put(key, 0);
    }
    assertEquals(MANY, counting.withAll(many).size());
    assertEquals(MANY, weighed[0]);
  }

  @Test
  void mergingAFewIntoManyCopiesOnlyThePathsToThem() {
    long[] weighed = new long[1];
    PersistentMap<Integer, Integer> counting =
        PersistentMap.empty(
            (key, value) -> {
              weighed[0]++; // once for each tree node made
              return 1;
            });
    PersistentMap<Integer, Integer> many = counting;
    for (int key = 0; key < MANY; key++) {
      many = many.with(2 * key, 0);
    }
    PersistentMap<Integer, Integer> few = counting.with(4, 1).with(77, 1).with(MANY, 1);
    weighed[0] = 0;
    PersistentMap<Integer, Integer> merged = many.merge(few, Math::max);
    assertTrue(weighed[0] < 3 * 6 * 17, weighed[0] + " nodes made");
    assertEquals(MANY + 1, merged.size());

    weighed[0] = 0;
    // What both share is recognised, so the cost follows from the difference alone.
    assertEquals(merged, merged.merge(many, Math::max));
    assertEquals(merged, many.merge(merged, Math::max));
    assertTrue(weighed[0] < 2 * 3 * 6 * 17, weighed[0] + " nodes made");
  }

  @Test
  void mergeAndWithReturnTheMapItselfIfTheyBringNothingNew() {
    Seeds.forAll(
        500,
        random -> {
          NavigableMap<Integer, Integer> content = draw(random);
          PersistentMap<Integer, Integer> map = of(content);
          // Values are small, so equal ones are the same object.
          content.keySet().removeIf(key -> random.nextBoolean());
          assertTrue(map == map.merge(map, Math::max));
          assertTrue(map == map.merge(of(content), (mine, theirs) -> mine));
          assertTrue(map == map.merge(of(content), Math::max));
          content.forEach((key, value) -> assertTrue(map == map.with(key, value)));
          assertTrue(map == map.without(1_000));
          assertTrue(map == map.merge(EMPTY, Math::max));
        });
  }

  private static NavigableMap<Integer, Integer> draw(RandomGenerator random) {
    NavigableMap<Integer, Integer> drawn = new TreeMap<>();
    for (int left = random.nextInt(16); left > 0; left--) {
      drawn.put(random.nextInt(24), random.nextInt(3));
    }
    return drawn;
  }

  private static PersistentMap<Integer, Integer> of(Map<Integer, Integer> content) {
    PersistentMap<Integer, Integer> map = EMPTY;
    for (Map.Entry<Integer, Integer> one : content.entrySet()) {
      map = map.with(one.getKey(), one.getValue());
    }
    return map;
  }

  private static List<Map.Entry<Integer, Integer>> walked(
      Iterator<Map.Entry<Integer, Integer>> walk) {
    List<Map.Entry<Integer, Integer>> all = new ArrayList<>();
    while (walk.hasNext()) {
      Map.Entry<Integer, Integer> next = walk.next();
      all.add(Map.entry(next.getKey(), next.getValue()));
    }
    return all;
  }
}
