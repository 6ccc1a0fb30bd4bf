package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// What holds for every lattice: a new kind gets the laws by extending this. The laws say that
/// replicas agree; that they are right, the [Model] says.
abstract class LatticeLaws<L extends Lattice<L>> {
  /// Random cases for each law and kind.
  static final int CASES = 3_000;

  /// Random runs of several replicas for each kind.
  static final int RUNS = 200;

  private final Laws<L> laws = new Laws<>(this::generate, Lattice::merge);

  /// Draws a state from few ids, few timestamps and few bytes, so that ties are common: equal
  /// stamps with different content, tombstones, dots that two states know differently.
  abstract L generate(RandomGenerator random);

  /// The same kind, written down a second time in the plainest way; a fresh one for each run.
  abstract Model<L> model();

  @Test
  final void mergeIsCommutative() {
    Seeds.forAll(CASES, laws::mergeIsCommutative);
  }

  @Test
  final void mergeIsAssociative() {
    Seeds.forAll(CASES, laws::mergeIsAssociative);
  }

  @Test
  final void mergeIsIdempotent() {
    Seeds.forAll(CASES, laws::mergeIsIdempotent);
  }

  /// What arrives twice was decoded twice: it is equal to what was merged before, not the same.
  @Test
  final void mergeReturnsTheStateItselfIfNothingIsNew() {
    Seeds.forAll(
        CASES,
        random -> {
          L a = generate(random);
          long seed = random.nextLong();
          L merged = a.merge(generate(new SplittableRandom(seed)));
          assertSame(merged, merged.merge(a));
          assertSame(merged, merged.merge(merged));
          assertSame(merged, merged.merge(generate(new SplittableRandom(seed))));
        });
  }

  @Test
  final void equalStatesWeighTheSame() {
    Seeds.forAll(
        CASES,
        random -> {
          L a = generate(random);
          long seed = random.nextLong();
          L b = generate(new SplittableRandom(seed));
          assertEquals(b.weight(), generate(new SplittableRandom(seed)).weight());
          assertEquals(a.merge(b).weight(), b.merge(a).weight());
          assertEquals(a.merge(b).memoryBytes(), b.merge(a).memoryBytes());
        });
  }

  @Test
  final void partsMergeToTheWholeInAnyOrder() {
    Seeds.forAll(
        CASES,
        random -> {
          L whole = generate(random).merge(generate(random)).merge(generate(random));
          long weightMax = random.nextLong(1, 100);
          List<L> parts = new ArrayList<>(whole.split(weightMax).toList());
          for (L part : parts) {
            assertSame(whole, whole.merge(part), "more than the whole");
            assertTrue(
                part.weight() <= weightMax || part.split(weightMax).count() == 1,
                () -> part + " weighs more than " + weightMax);
          }
          parts.addAll(parts.subList(0, random.nextInt(parts.size() + 1))); // some come twice
          Collections.shuffle(parts, Random.from(random));
          L merged = parts.get(0);
          for (L part : parts) {
            merged = merged.merge(part);
          }
          assertEquals(whole, merged);
        });
  }

  @Test
  final void replicasShowWhatTheModelShowsAfterEveryWriteAndMerge() {
    Seeds.forAll(RUNS, random -> new ModelRun<>(model(), random).run());
  }
}
