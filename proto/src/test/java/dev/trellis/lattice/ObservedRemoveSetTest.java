package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.testing.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ObservedRemoveSetTest extends LatticeLaws<ObservedRemoveSet> {
  @Override
  ObservedRemoveSet generate(RandomGenerator random) {
    return Samples.observedRemoveSet(random);
  }

  @Override
  Model<ObservedRemoveSet> model() {
    return new Models.AddWinsSet();
  }

  @Test
  void rangesAreThoseOfASortedSet() {
    Seeds.forAll(
        3_000,
        random -> {
          ObservedRemoveSet set = generate(random);
          TreeSet<Payload> model = new TreeSet<>(Models.BYTES);
          set.elements().forEach(model::add);
          assertEquals(model.size(), set.size());
          Payload asked = Samples.payload(random);
          assertEquals(model.contains(asked), set.contains(asked));
          Ranges.assertAsIn(model, set::range, random);
        });
  }

  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);
  private static final Payload X = Payload.ofText("x");
  private static final Payload Y = Payload.ofText("y");

  @Test
  void anAddWinsOverAConcurrentRemove() {
    ObservedRemoveSet both = ObservedRemoveSet.EMPTY.add(A, List.of(X));
    ObservedRemoveSet removed = both.merge(both.remove(List.of(X)));
    ObservedRemoveSet addedAgain = both.merge(both.add(B, List.of(X)));
    assertFalse(removed.contains(X));
    assertTrue(removed.merge(addedAgain).contains(X));
    assertTrue(addedAgain.merge(removed).contains(X));
  }

  @Test
  void aRemoveTakesWhatItsAuthorSawAndStaysRemovedWhenOldAddsArriveLate() {
    ObservedRemoveSet add = ObservedRemoveSet.EMPTY.add(A, List.of(X, Y));
    ObservedRemoveSet remove = add.remove(List.of(X));
    ObservedRemoveSet elsewhere = remove.merge(add).merge(add);
    assertEquals(add.merge(remove), elsewhere);
    assertFalse(elsewhere.contains(X));
    assertTrue(elsewhere.contains(Y));
    assertEquals(1, elsewhere.size());
  }

  @Test
  void anElementIsAddedAgainAfterItsRemoval() {
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY.add(A, List.of(X));
    set = set.merge(set.remove(List.of(X)));
    set = set.merge(set.add(A, List.of(X)));
    assertTrue(set.contains(X));
  }

  @Test
  void removingWhatIsNotThereIsNothing() {
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY.add(A, List.of(X));
    assertSame(ObservedRemoveSet.EMPTY, set.remove(List.of(Y)));
    assertEquals(0, set.remove(List.of(Y)).weight());
  }

  @Test
  void addingAndRemovingForEverLeavesNothingBehind() {
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY;
    for (int round = 0; round < 1_001; round++) {
      set = set.merge(set.add(round % 2 == 0 ? A : B, List.of(X, X, Y)));
      set = round % 3 == 0 ? set.merge(set.remove(List.of(Y))) : set;
    }
    // One run of dots for each writer, and what stands: X once, Y once.
    assertEquals(2, set.size());
    assertEquals(2, set.context().runCount());
    assertTrue(set.weight() < 100, "weighs " + set.weight());
  }

  @Test
  void twoElementsUnderOneDotWhichOnlyAReusedNameCouldMakeMergeTheSameEverywhere() {
    CausalContext none = CausalContext.EMPTY;
    ObservedRemoveSet x = ObservedRemoveSet.of(Map.of(new Dot(A, 1), X), none);
    ObservedRemoveSet y = ObservedRemoveSet.of(Map.of(new Dot(A, 1), Y), none);
    assertEquals(y, x.merge(y));
    assertEquals(y, y.merge(x));
    assertEquals(1, x.merge(y).size());
    assertFalse(x.merge(y).contains(X));
  }

  /// Quadratic work would take minutes, and the shard's one thread with it.
  @Test
  void manyElementsWhoseDotsLieApartAreRemovedAndAddedAgainInOneGo() {
    Map<Dot, Payload> scattered = new HashMap<>();
    List<Payload> elements = new ArrayList<>();
    for (int number = 1; number <= 100_000; number++) {
      Payload element = Payload.ofText("element " + number);
      elements.add(element);
      scattered.put(new Dot(A, 2L * number), element);
    }
    ObservedRemoveSet set = ObservedRemoveSet.of(scattered, CausalContext.EMPTY);
    assertTimeout(
        Duration.ofSeconds(30),
        () -> {
          assertEquals(0, set.merge(set.remove(elements)).size());
          assertEquals(100_000, set.merge(set.add(B, elements)).size());
        });
  }

  /// A part that had seen more than its own dots would take away what the other parts bring.
  @Test
  void whoMergesPartsInOrderNeverLacksWhatIsInBothStates() {
    Seeds.forAll(
        1_000,
        random -> {
          List<Payload> all = Samples.payloads(random);
          ObservedRemoveSet mine = ObservedRemoveSet.EMPTY.add(new ReplicaId(1, 0), all);
          ObservedRemoveSet other = mine.merge(mine.remove(Samples.payloads(random)));
          other = other.merge(other.add(new ReplicaId(2, 0), Samples.payloads(random)));
          ObservedRemoveSet result = mine.merge(other);
          ObservedRemoveSet merged = mine;
          for (ObservedRemoveSet part : other.split(random.nextLong(1, 80)).toList()) {
            merged = merged.merge(part);
            for (Payload element : all) {
              assertTrue(
                  merged.contains(element) || !result.contains(element),
                  element + " is away for a while");
            }
          }
          assertEquals(result, merged);
        });
  }

  @Test
  void aLargeSetIsCutIntoPartsOfTheWeightAskedFor() {
    List<Payload> elements =
        IntStream.range(0, 10_000).mapToObj(at -> Payload.ofText("element " + at)).toList();
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY.add(new ReplicaId(1, 1), elements);
    set = set.merge(set.remove(elements.subList(3_000, 6_000)));
    List<ObservedRemoveSet> parts = set.split(10_000).toList();
    assertTrue(parts.size() < 2 * set.weight() / 10_000 + 3, parts.size() + " parts");
    parts.forEach(part -> assertTrue(part.weight() <= 10_000, part.weight() + " bytes"));
    assertEquals(
        set, parts.reversed().stream().reduce(ObservedRemoveSet.EMPTY, (a, b) -> a.merge(b)));
  }
}
