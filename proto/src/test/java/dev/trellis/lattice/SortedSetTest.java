package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.OptionalDouble;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class SortedSetTest extends LatticeLaws<SortedSet> {
  @Override
  SortedSet generate(RandomGenerator random) {
    return Samples.sortedSet(random);
  }

  @Override
  Model<SortedSet> model() {
    return new Models.Ranking();
  }

  private static final double INFINITY = Double.POSITIVE_INFINITY;

  @Test
  void rangesAreWhatTheirDefinitionSays() {
    Seeds.forAll(
        5_000,
        random -> {
          SortedSet set = generate(random);
          List<SortedSet.Ranked> all = walked(set.range(-INFINITY, INFINITY, false));
          assertEquals(set.size(), all.size());
          double min = Samples.number(random);
          double max = Samples.number(random);
          List<SortedSet.Ranked> expected = new ArrayList<>(all);
          expected.removeIf(
              one -> Double.compare(one.score(), min) < 0 || Double.compare(one.score(), max) > 0);
          assertEquals(expected, walked(set.range(min, max, false)));
          Collections.reverse(expected);
          assertEquals(expected, walked(set.range(min, max, true)));
          for (SortedSet.Ranked one : all) {
            assertEquals(OptionalDouble.of(one.score()), set.score(one.member()));
          }
        });
  }

  private static List<SortedSet.Ranked> walked(Iterator<SortedSet.Ranked> walk) {
    List<SortedSet.Ranked> all = new ArrayList<>();
    walk.forEachRemaining(all::add);
    assertThrows(NoSuchElementException.class, walk::next);
    return all;
  }

  private static SortedSet of(String member, long millis, double score) {
    return SortedSet.of(
        Map.of(
            Payload.ofText(member),
            new SortedSet.Score(HybridTimestamp.ofMillis(millis), 1, OptionalDouble.of(score))));
  }

  private static SortedSet removed(String member, long millis) {
    return SortedSet.of(
        Map.of(
            Payload.ofText(member),
            new SortedSet.Score(HybridTimestamp.ofMillis(millis), 1, OptionalDouble.empty())));
  }

  @Test
  void aMemberStandsAtItsLatestScoreOnly() {
    SortedSet set = of("a", 1, 5).merge(of("b", 1, 4)).merge(of("a", 2, 3)).merge(of("a", 1, 9));
    assertEquals(
        List.of(
            new SortedSet.Ranked(3, Payload.ofText("a")),
            new SortedSet.Ranked(4, Payload.ofText("b"))),
        walked(set.range(-INFINITY, INFINITY, false)));
  }

  @Test
  void anOlderAddDoesNotBringARemovedMemberBack() {
    SortedSet set = removed("a", 2).merge(of("a", 1, 5));
    assertEquals(0, set.size());
    assertEquals(OptionalDouble.empty(), set.score(Payload.ofText("a")));
    assertEquals(1, set.merge(of("a", 3, 5)).size());
  }

  @Test
  void infinitiesAndBothZerosHaveTheirPlaces() {
    SortedSet set =
        of("zero", 1, 0.0)
            .merge(of("minus", 1, -0.0))
            .merge(of("top", 1, INFINITY))
            .merge(of("bottom", 1, -INFINITY));
    assertEquals(List.of("bottom", "minus", "zero", "top"), names(set, -INFINITY, INFINITY));
    assertEquals(List.of("zero"), names(set, 0.0, 1));
    assertEquals(List.of("minus"), names(set, -1, -0.0));
    assertEquals(List.of("top"), names(set, INFINITY, INFINITY));
    assertEquals(List.of("bottom"), names(set, -INFINITY, -INFINITY));
  }

  private static List<String> names(SortedSet set, double min, double max) {
    return walked(set.range(min, max, false)).stream().map(one -> one.member().text()).toList();
  }

  @Test
  void aScoreThatIsNoNumberIsRefused() {
    assertEquals(
        "a score of NaN has no order; give a number",
        assertThrows(IllegalArgumentException.class, () -> of("a", 1, Double.NaN)).getMessage());
  }

  @Test
  void collectingTombstonesTakesTheOldOnesOnlyAndLeavesTheMembers() {
    SortedSet set =
        of("a", 9, 1).merge(removed("b", 4)).merge(removed("c", 6)).merge(of("d", 1, 2));
    Entry entry = Entry.of(HybridTimestamp.ZERO, set);
    Entry pruned = entry.withoutTombstones(HybridTimestamp.ofMillis(4));
    assertEquals(
        Entry.of(HybridTimestamp.ZERO, of("a", 9, 1).merge(removed("c", 6)).merge(of("d", 1, 2))),
        pruned);
    assertEquals(pruned, pruned.withoutTombstones(HybridTimestamp.ofMillis(5)));
    assertEquals(
        2,
        ((SortedSet) pruned.withoutTombstones(HybridTimestamp.MAX).value(Kind.SORTEDSET).get())
            .size());
  }
}
