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
}
