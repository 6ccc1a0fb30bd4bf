package dev.trellis.causal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class CausalContextTest {
  private static final int CASES = 3_000;
  private static final ReplicaId A = new ReplicaId(-5, 0);
  private static final ReplicaId B = new ReplicaId(9, 3);

  @Test
  void behavesLikeASetOfDots() {
    Seeds.forAll(
        CASES,
        random -> {
          Set<Dot> model = new HashSet<>();
          CausalContext context = CausalContext.EMPTY;
          for (int step = 0; step < 20; step++) {
            CausalContext before = context;
            Set<Dot> others = dots(random);
            switch (random.nextInt(4)) {
              case 0 -> {
                context = context.merge(CausalContext.ofDots(others));
                model.addAll(others);
              }
              case 1 -> {
                Dot dot = dot(random);
                context = context.without(dot);
                model.remove(dot);
              }
              case 2 -> {
                Dot next = context.next(replica(random));
                context = context.withMinted(next);
                assertTrue(model.add(next));
              }
              default -> {
                Dot dot = dot(random);
                context = context.with(dot);
                model.add(dot);
              }
            }
            assertIs(model, context, random);
            assertTrue(context == before || !context.equals(before), "same set, other object");
          }
        });
  }

  private static void assertIs(Set<Dot> model, CausalContext context, RandomGenerator random) {
    assertEquals(CausalContext.ofDots(model), context);
    assertEquals(CausalContext.ofDots(model).hashCode(), context.hashCode());
    assertEquals(0, CausalContext.ofDots(model).compareTo(context));
    assertEquals(model, expanded(context));
    assertEquals(model.size(), context.dotCount());
    assertEquals(model.isEmpty(), context.isEmpty());
    assertEquals(context.runs().size(), context.runCount());
    assertEquals(context, CausalContext.ofRuns(context.runs()));
    Dot dot = dot(random);
    assertEquals(model.contains(dot), context.contains(dot));
    long greatest =
        model.stream()
            .filter(d -> d.replica().equals(dot.replica()))
            .mapToLong(Dot::counter)
            .max()
            .orElse(0);
    assertEquals(greatest, context.counterOf(dot.replica()));
    assertEquals(new Dot(dot.replica(), greatest + 1), context.next(dot.replica()));
    long end = dot.counter();
    while (model.contains(new Dot(dot.replica(), end))) {
      end++;
    }
    assertEquals(end == dot.counter() ? 0 : end - 1, context.runEnd(dot));
    Set<Dot> others = random.nextBoolean() ? dots(random) : someOf(model, random);
    CausalContext other = CausalContext.ofDots(others);
    Set<Dot> rest = new HashSet<>(model);
    rest.removeAll(others);
    assertEquals(CausalContext.ofDots(rest), context.less(other));
    int runsMax = random.nextInt(1, 4);
    List<CausalContext> parts = context.split(runsMax).toList();
    parts.forEach(part -> assertTrue(part.runCount() <= runsMax && !part.isEmpty()));
    assertEquals(context, parts.stream().reduce(CausalContext.EMPTY, CausalContext::merge));
    assertEquals(model.containsAll(others), context.includes(other));
    assertEquals(others.containsAll(model), other.includes(context));
    if (model.containsAll(others)) {
      assertSame(context, context.merge(other));
    }
    long incarnation = dot.replica().incarnation();
    long birthMin = random.nextLong(3);
    long birthEnd = random.nextLong(5);
    assertEquals(
        model.stream()
            .map(Dot::replica)
            .filter(
                id ->
                    id.incarnation() == incarnation
                        && id.birth() >= birthMin
                        && id.birth() < birthEnd)
            .max(ReplicaId::compareTo),
        context.latestOf(incarnation, birthMin, birthEnd));
  }

  @Test
  void anyOrderAndOverlapOfRunsGivesOneForm() {
    Seeds.forAll(
        CASES,
        random -> {
          List<CausalContext.Run> runs = new ArrayList<>();
          Set<Dot> model = new HashSet<>();
          for (int left = random.nextInt(8); left > 0; left--) {
            Dot first = dot(random);
            long to = first.counter() + random.nextInt(4);
            runs.add(new CausalContext.Run(first.replica(), first.counter(), to));
            LongStream.rangeClosed(first.counter(), to)
                .forEach(counter -> model.add(new Dot(first.replica(), counter)));
          }
          assertEquals(CausalContext.ofDots(model), CausalContext.ofRuns(runs));
        });
  }

  @Test
  void theOrderIsTotal() {
    Seeds.forAll(
        CASES,
        random -> {
          CausalContext a = CausalContext.ofDots(dots(random));
          CausalContext b = CausalContext.ofDots(dots(random));
          CausalContext c = CausalContext.ofDots(dots(random));
          assertEquals(Integer.signum(a.compareTo(b)), -Integer.signum(b.compareTo(a)));
          assertEquals(a.equals(b), a.compareTo(b) == 0);
          if (a.compareTo(b) <= 0 && b.compareTo(c) <= 0) {
            assertTrue(a.compareTo(c) <= 0);
          }
        });
  }

  @Test
  void aGaplessHistoryIsOneRunAndAGapCostsOneMore() {
    CausalContext context = CausalContext.of(new Dot(A, 1), new Dot(A, 3), new Dot(A, 2));
    assertEquals(List.of(new CausalContext.Run(A, 1, 3)), context.runs());
    assertEquals(2, context.with(new Dot(A, 5)).runCount());
    assertEquals(1, context.with(new Dot(A, 5)).with(new Dot(A, 4)).runCount());
    assertEquals(3, context.with(new Dot(A, 5)).with(new Dot(B, 4)).runCount());
  }

  @Test
  void countersReachTheGreatestLong() {
    CausalContext whole =
        CausalContext.ofRuns(List.of(new CausalContext.Run(A, 1, Long.MAX_VALUE)));
    assertEquals(Long.MAX_VALUE, whole.dotCount());
    assertEquals(Long.MAX_VALUE, whole.merge(CausalContext.of(new Dot(B, 1))).dotCount());
    assertTrue(whole.contains(new Dot(A, Long.MAX_VALUE)));
    assertEquals(
        List.of(new CausalContext.Run(A, 1, Long.MAX_VALUE - 1)),
        whole.without(new Dot(A, Long.MAX_VALUE)).runs());
    assertSame(whole, whole.merge(CausalContext.of(new Dot(A, Long.MAX_VALUE))));
    assertEquals(Long.MAX_VALUE, whole.runEnd(new Dot(A, 7)));
  }

  @Test
  void aDotThatDoesNotFollowTheLastIsNotTakenAsMinted() {
    CausalContext context = CausalContext.of(new Dot(A, 1));
    assertThrows(IllegalStateException.class, () -> context.withMinted(new Dot(A, 3)));
    assertThrows(IllegalStateException.class, () -> context.withMinted(new Dot(A, 1)));
    assertEquals(2, context.withMinted(new Dot(A, 2)).dotCount());
  }

  @Test
  void illegalPartsAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> new CausalContext.Run(A, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> new CausalContext.Run(A, 2, 1));
    assertThrows(IllegalArgumentException.class, () -> new Dot(A, 0));
    assertThrows(IllegalArgumentException.class, () -> new ReplicaId(1, -1));
  }

  @Test
  void latestOfFindsAnIncarnationBetweenOthers() {
    CausalContext context =
        CausalContext.of(
            new Dot(new ReplicaId(1, 2), 1),
            new Dot(new ReplicaId(1, 7), 1),
            new Dot(new ReplicaId(3, 1), 1));
    assertEquals(Optional.of(new ReplicaId(1, 7)), context.latestOf(1, 3, Long.MAX_VALUE));
    assertEquals(Optional.empty(), context.latestOf(1, 8, Long.MAX_VALUE));
    assertEquals(Optional.of(new ReplicaId(1, 2)), context.latestOf(1, 0, 7));
    assertEquals(Optional.empty(), context.latestOf(1, 0, 2));
    assertEquals(Optional.empty(), context.latestOf(2, 0, Long.MAX_VALUE));
    assertEquals(Optional.empty(), context.latestOf(Long.MIN_VALUE, 0, Long.MAX_VALUE));
    assertEquals(Optional.of(new ReplicaId(3, 1)), context.latestOf(3, 1, Long.MAX_VALUE));
  }

  @Test
  void printsRunsSoThatPeopleCanReadThem() {
    assertEquals(
        "{fffffffffffffffb.0:1-2, fffffffffffffffb.0:9, 9.3:4}",
        CausalContext.of(new Dot(A, 1), new Dot(A, 2), new Dot(A, 9), new Dot(B, 4)).toString());
    assertNotEquals(CausalContext.of(new Dot(A, 1)), CausalContext.of(new Dot(B, 1)));
    assertFalse(CausalContext.EMPTY.contains(new Dot(A, 1)));
  }

  private static ReplicaId replica(RandomGenerator random) {
    return new ReplicaId(random.nextInt(-1, 2), random.nextInt(2));
  }

  private static Dot dot(RandomGenerator random) {
    return new Dot(replica(random), random.nextInt(1, 9));
  }

  private static Set<Dot> dots(RandomGenerator random) {
    Set<Dot> dots = new HashSet<>();
    for (int left = random.nextInt(6); left > 0; left--) {
      dots.add(dot(random));
    }
    return dots;
  }

  private static Set<Dot> someOf(Set<Dot> dots, RandomGenerator random) {
    return new TreeSet<>(dots)
        .stream().filter(dot -> random.nextBoolean()).collect(Collectors.toSet());
  }

  private static Set<Dot> expanded(CausalContext context) {
    Set<Dot> dots = new HashSet<>();
    for (CausalContext.Run run : context.runs()) {
      for (long counter = run.from(); counter <= run.to(); counter++) {
        assertTrue(dots.add(new Dot(run.replica(), counter)), "runs overlap");
      }
    }
    return dots;
  }
}
