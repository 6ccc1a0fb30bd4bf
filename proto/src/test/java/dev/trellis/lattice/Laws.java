package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/// The laws of a join-semilattice, for any states with a merge function: [Lattice] is sealed, and
/// broken lattices, by which the tests are tested, live outside it.
record Laws<L>(Function<RandomGenerator, L> generate, BinaryOperator<L> merge) {
  /// How many random cases each type of state was held to; see [LawsCanaryTest].
  static final Map<Class<?>, LongAdder> CHECKED = new ConcurrentHashMap<>();

  void mergeIsCommutative(RandomGenerator random) {
    L a = draw(random);
    L b = draw(random);
    assertSameState(merge(a, b), merge(b, a), () -> "a = " + a + ", b = " + b);
  }

  void mergeIsAssociative(RandomGenerator random) {
    L a = draw(random);
    L b = draw(random);
    L c = draw(random);
    assertSameState(
        merge(merge(a, b), c),
        merge(a, merge(b, c)),
        () -> "a = " + a + ", b = " + b + ", c = " + c);
  }

  void mergeIsIdempotent(RandomGenerator random) {
    L a = draw(random);
    L b = draw(random);
    assertSameState(a, merge(a, a), () -> "a = " + a);
    L merged = merge(a, b);
    assertSameState(merged, merge(merged, a), () -> "a = " + a + ", b = " + b);
    assertSameState(merged, merge(merged, b), () -> "a = " + a + ", b = " + b);
  }

  private L draw(RandomGenerator random) {
    L state = generate.apply(random);
    CHECKED.computeIfAbsent(state.getClass(), type -> new LongAdder()).increment();
    return state;
  }

  private L merge(L a, L b) {
    return merge.apply(a, b);
  }

  private static void assertSameState(Object expected, Object actual, Supplier<String> operands) {
    assertEquals(expected, actual, operands);
    assertEquals(actual, expected, operands);
    assertEquals(expected.hashCode(), actual.hashCode(), operands);
  }
}
