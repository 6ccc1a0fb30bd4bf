package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.testing.Seeds;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class CausalRegisterTest extends LatticeLaws<CausalRegister> {
  @Override
  CausalRegister generate(RandomGenerator random) {
    return Samples.causal(random, false);
  }

  @Override
  Model<CausalRegister> model() {
    return new Models.Causal();
  }

  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);
  private static final CausalContext NOTHING = CausalContext.EMPTY;

  private static CausalRegister.Sibling value(String text) {
    return new CausalRegister.Sibling(Payload.ofText(text), Expiry.NEVER, new TreeMap<>());
  }

  private static List<String> texts(CausalRegister register) {
    return register.liveSiblings(0).stream().map(sibling -> sibling.payload().text()).toList();
  }

  @Test
  void aPutReplacesExactlyWhatItsWriterHadRead() {
    CausalRegister state = CausalRegister.EMPTY;
    state = state.merge(state.put(A, value("first"), NOTHING));
    CausalContext read = state.context();
    state = state.merge(state.put(B, value("unread"), NOTHING));
    assertEquals(List.of("first", "unread"), texts(state));
    state = state.merge(state.put(A, value("second"), read));
    assertEquals(List.of("second", "unread"), texts(state));
    state = state.merge(state.put(B, value("all"), state.context()));
    assertEquals(List.of("all"), texts(state));
  }

  @Test
  void putsOfOneWriterThatReadNothingStandSideBySide() {
    CausalRegister state = CausalRegister.EMPTY;
    for (String text : List.of("a", "b", "a")) {
      state = state.merge(state.put(A, value(text), NOTHING));
    }
    assertEquals(List.of("a", "a", "b"), texts(state));
  }

  @Test
  void concurrentPutsOnTwoReplicasStandUntilBothWereRead() {
    CausalRegister start = CausalRegister.EMPTY.put(A, value("start"), NOTHING);
    CausalRegister left = start.merge(start.put(A, value("left"), start.context()));
    CausalRegister right = start.merge(start.put(B, value("right"), start.context()));
    CausalRegister both = left.merge(right);
    assertEquals(List.of("left", "right"), texts(both));
    assertEquals(
        List.of("right"), texts(right.merge(right.put(B, value("right"), both.context()))));
    assertEquals(List.of("one"), texts(both.merge(both.put(A, value("one"), both.context()))));
  }

  /// The writer read from a replica that was ahead of the one it writes to.
  @Test
  void aPutReplacesWhatItsWriterReadElsewhereEvenIfThatArrivesLater() {
    CausalRegister elsewhere = CausalRegister.EMPTY.put(B, value("old"), NOTHING);
    CausalRegister here = CausalRegister.EMPTY.put(A, value("new"), elsewhere.context());
    assertEquals(List.of("new"), texts(here.merge(elsewhere)));
    assertEquals(List.of("new"), texts(elsewhere.merge(here)));
  }

  @Test
  void aPutTakesNoDotThatItsContextAlreadyNames() {
    CausalContext claimed = CausalContext.of(new Dot(A, 1), new Dot(A, 5));
    CausalRegister put = CausalRegister.EMPTY.put(A, value("new"), claimed);
    assertEquals(new Dot(A, 6), put.siblings().iterator().next().getKey());
  }

  @Test
  void expiredSiblingsAreNotShownAndStillReplaced() {
    CausalRegister.Sibling brief =
        new CausalRegister.Sibling(Payload.ofText("brief"), 10, new TreeMap<>());
    CausalRegister state = CausalRegister.EMPTY.put(A, brief, NOTHING);
    state = state.merge(state.put(B, value("lasting"), NOTHING));
    assertEquals(2, state.liveSiblings(9).size());
    assertEquals(1, state.liveSiblings(10).size());
    assertEquals(2, state.size());
    assertEquals(1, state.merge(state.put(A, value("next"), state.context())).size());
  }

  @Test
  void siblingsAreInATotalOrderThatAgreesWithEquality() {
    Seeds.forAll(
        3_000,
        random -> {
          List<CausalRegister.Sibling> three =
              List.of(sibling(random), sibling(random), sibling(random));
          CausalRegister.Sibling a = three.get(0);
          CausalRegister.Sibling b = three.get(1);
          CausalRegister.Sibling c = three.get(2);
          assertEquals(Integer.signum(a.compareTo(b)), -Integer.signum(b.compareTo(a)));
          assertEquals(a.equals(b), a.compareTo(b) == 0);
          if (a.compareTo(b) <= 0 && b.compareTo(c) <= 0) {
            assertEquals(true, a.compareTo(c) <= 0);
          }
        });
  }

  private static CausalRegister.Sibling sibling(RandomGenerator random) {
    return new CausalRegister.Sibling(
        Payload.ofText("ab".substring(random.nextInt(2))),
        random.nextInt(2),
        Samples.dependencies(random));
  }

  /// Equal siblings must be encoded alike, so their dependencies stand in byte order.
  @Test
  void theOrderOfDependenciesIsNotThatOfTheMapGiven() {
    TreeMap<Payload, CausalContext> reversed = new TreeMap<>(Comparator.reverseOrder());
    reversed.put(Payload.ofText("a"), CausalContext.of(new Dot(A, 1)));
    reversed.put(Payload.ofText("b"), CausalContext.of(new Dot(B, 1)));
    CausalRegister.Sibling given = new CausalRegister.Sibling(Payload.EMPTY, 0, reversed);
    CausalRegister.Sibling sorted =
        new CausalRegister.Sibling(Payload.EMPTY, 0, new TreeMap<>(Map.copyOf(reversed)));
    assertEquals(sorted, given);
    assertEquals(0, sorted.compareTo(given));
    assertEquals(
        List.copyOf(sorted.dependencies().keySet()), List.copyOf(given.dependencies().keySet()));
    reversed.clear();
    assertNotEquals(0, given.dependencies().size());
  }

  @Test
  void anExpiryThatIsNoTimeIsRefused() {
    for (long instant : new long[] {-1, Long.MAX_VALUE}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> new CausalRegister.Sibling(Payload.EMPTY, instant, new TreeMap<>()));
    }
  }
}
