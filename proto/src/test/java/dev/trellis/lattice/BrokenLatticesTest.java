package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.testing.Seeds;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Tests of the tests: lattices with the defects that Anna's had, or that are easily made, are
/// caught.
class BrokenLatticesTest {
  private static final int CASES = 200;

  /// Anna's register: the incumbent goes on equal timestamps, and no writer or bytes decide.
  private record ForgetfulOfWriters(HybridTimestamp timestamp, Payload payload) {
    static ForgetfulOfWriters draw(RandomGenerator random) {
      return new ForgetfulOfWriters(Samples.timestamp(random), Samples.payload(random));
    }

    ForgetfulOfWriters merge(ForgetfulOfWriters other) {
      return other.timestamp.compareTo(timestamp) >= 0 ? other : this;
    }
  }

  @Test
  void aRegisterThatLetsTheLaterArrivalWinATieIsCaughtByTheLaws() {
    Laws<ForgetfulOfWriters> laws = new Laws<>(ForgetfulOfWriters::draw, ForgetfulOfWriters::merge);
    assertCaught(laws::mergeIsCommutative);
  }

  /// Anna's maximum went through an `int`.
  private record Narrow(long value) {
    Narrow merge(Narrow other) {
      return new Narrow((int) Math.max(value, other.value));
    }
  }

  @Test
  void aMaximumThatNarrowsIsCaughtByTheLaws() {
    Laws<Narrow> laws = new Laws<>(r -> new Narrow(Samples.whole(r)), Narrow::merge);
    assertCaught(laws::mergeIsIdempotent);
  }

  @Test
  void aMaximumThatNarrowsIsCaughtByTheModel() {
    assertCaughtByModel(
        new Models.Max(), (a, b) -> new MaxRegister((int) Math.max(a.value(), b.value())));
  }

  /// A lattice without fault, but not the one that was asked for.
  @Test
  void aMinimumInPlaceOfAMaximumPassesTheLawsAndIsCaughtByTheModel() {
    Laws<Long> laws = new Laws<>(Samples::whole, Math::min);
    Seeds.forAll(CASES, laws::mergeIsCommutative);
    Seeds.forAll(CASES, laws::mergeIsAssociative);
    Seeds.forAll(CASES, laws::mergeIsIdempotent);
    assertCaughtByModel(
        new Models.Max(), (a, b) -> new MaxRegister(Math.min(a.value(), b.value())));
  }

  /// An observed-remove set that keeps unseen or common dots, as it should, but then remembers only
  /// the dots of what it kept.
  private record ForgetfulOfRemovals(Set<Integer> present, Set<Integer> seen) {
    static ForgetfulOfRemovals draw(RandomGenerator random) {
      Set<Integer> present = new TreeSet<>();
      Set<Integer> seen = new TreeSet<>();
      for (int dot = 0; dot < 4; dot++) {
        if (random.nextBoolean()) {
          seen.add(dot);
          if (random.nextBoolean()) {
            present.add(dot);
          }
        }
      }
      return new ForgetfulOfRemovals(present, seen);
    }

    ForgetfulOfRemovals merge(ForgetfulOfRemovals other) {
      Set<Integer> kept =
          Stream.concat(present.stream(), other.present.stream())
              .filter(dot -> keeps(this, dot) && keeps(other, dot))
              .collect(Collectors.toCollection(TreeSet::new));
      return new ForgetfulOfRemovals(kept, kept);
    }

    private static boolean keeps(ForgetfulOfRemovals side, int dot) {
      return side.present.contains(dot) || !side.seen.contains(dot);
    }
  }

  @Test
  void aSetThatForgetsWhatWasRemovedIsCaughtByTheLaws() {
    Laws<ForgetfulOfRemovals> laws =
        new Laws<>(ForgetfulOfRemovals::draw, ForgetfulOfRemovals::merge);
    Seeds.forAll(CASES, laws::mergeIsCommutative);
    assertCaught(laws::mergeIsAssociative);
  }

  @Test
  void aSetThatForgetsWhatWasRemovedIsCaughtByTheModel() {
    assertCaughtByModel(
        new Models.AddWinsSet(),
        (a, b) -> {
          Map<Dot, Payload> adds = new HashMap<>();
          a.merge(b).adds().forEach(add -> adds.put(add.getKey(), add.getValue()));
          return ObservedRemoveSet.of(adds, CausalContext.EMPTY);
        });
  }

  private static <S> void assertCaughtByModel(Model<S> model, BinaryOperator<S> merge) {
    Model<S> broken = new Remerged<>(model, merge);
    assertCaught(random -> new ModelRun<>(broken, random).run());
  }

  /// Fails unless the check does, for one of the first seeds.
  private static void assertCaught(Consumer<RandomGenerator> check) {
    assertThrows(
        AssertionError.class,
        () -> {
          for (long seed = 0; seed < CASES; seed++) {
            check.accept(new SplittableRandom(seed));
          }
        });
  }

  /// A model whose states are merged in another way.
  private record Remerged<S>(Model<S> model, BinaryOperator<S> merge) implements Model<S> {
    @Override
    public S merge(S mine, S theirs) {
      return merge.apply(mine, theirs);
    }

    @Override
    public Step<S> act(RandomGenerator random, Site<S> site) {
      return model.act(random, site);
    }

    @Override
    public Object shown(S state, long nowMillis) {
      return model.shown(state, nowMillis);
    }

    @Override
    public Object expected(Set<Event> seen, long nowMillis) {
      return model.expected(seen, nowMillis);
    }
  }
}
