package dev.trellis.monitor.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.monitor.policy.PolicySettings.Statistic;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.time.Duration;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// What must hold of any view and any legal settings.
class PolicyPropertiesTest {
  private static final int VIEWS = 20_000;
  private static final long SEED = Long.getLong("seed", 7);

  private final Policies policies = new Policies();

  private int resizes;
  private int shrinks;
  private int places;

  @Test
  void whateverIsSeenDecisionsAreWithinTheirBounds() {
    for (long seed = SEED; seed < SEED + VIEWS; seed++) {
      RandomGenerator random = new SplittableRandom(seed);
      ClusterView view = view(random);
      PolicySettings settings = settings(random);
      List<Decision> decisions = policies.decide(view, settings);
      String run = "-Dseed=" + seed;
      assertEquals(decisions, policies.decide(view, settings), run);
      Set<Object> subjects = new HashSet<>();
      for (Decision decision : decisions) {
        assertExplained(decision, run);
        switch (decision) {
          case Resize resize -> {
            assertTrue(subjects.add(resize.tier()), run);
            check(resize, view, settings, run);
          }
          case Place place -> {
            assertTrue(subjects.add(place.key()), run);
            check(place, view, run);
          }
        }
      }
    }
    // Each hard case did happen.
    assertTrue(
        resizes > 500 && shrinks > 50 && places > 500, resizes + " " + shrinks + " " + places);
  }

  private void check(Resize resize, ClusterView view, PolicySettings settings, String run) {
    resizes++;
    Counts counts = settings.nodes(resize.tier());
    int others = view.staying(resize.tier() == Tier.MEMORY ? Tier.SSD : Tier.MEMORY).size();
    assertEquals(view.staying(resize.tier()).size(), resize.from(), run);
    assertTrue(resize.to() != resize.from(), run);
    assertTrue(resize.to() <= Math.max(counts.max(), resize.from()), run);
    boolean isGrowth = resize.to() > resize.from();
    if (!isGrowth) {
      shrinks++;
      assertTrue(resize.to() >= counts.min(), run);
      assertTrue(resize.to() + others >= view.faultTolerance() + 1, run);
      assertTrue(view.nodes().stream().noneMatch(ClusterView.Node::isSuspected), run);
      assertTrue(view.isWhole(), run);
      assertEquals(resize.from() - resize.to(), new HashSet<>(resize.leaving()).size(), run);
      assertTrue(
          resize.to() >= Math.min(resize.from() - 1, resize.from() / settings.stepFactor() - 1e-9),
          run);
    } else {
      int needed = Math.max(counts.min(), view.faultTolerance() + 1);
      assertTrue(
          resize.to()
              <= Math.max(
                  Math.max(needed, 1),
                  Math.max(resize.from() + 1, resize.from() * settings.stepFactor() + 1e-9)),
          run);
      assertEquals(List.of(), resize.leaving(), run);
    }
  }

  private void check(Place place, ClusterView view, String run) {
    places++;
    assertTrue(!place.to().equals(place.from()), run);
    assertTrue(place.count() >= 1, run);
    assertTrue(
        place.to().memoryNodes() + place.to().ssdNodes() >= 1
            && place.to().memoryNodes() <= Math.max(1, view.active(Tier.MEMORY).size()),
        run);
  }

  private static void assertExplained(Decision decision, String run) {
    Explanation why = decision.explanation();
    assertTrue(!why.policy().isEmpty() && !why.because().isEmpty(), run);
    assertTrue(!why.threshold().isEmpty() && !why.expected().isEmpty(), run);
    why.inputs().forEach((name, value) -> assertTrue(Double.isFinite(value), run + name));
    why.expected().forEach((name, value) -> assertTrue(Double.isFinite(value), run + name));
  }

  /// From few values, extremes among them, so that marks are met exactly now and then.
  private static ClusterView view(RandomGenerator random) {
    Views views = new Views();
    views.faultTolerance = random.nextInt(4);
    views.isWhole = random.nextInt(4) > 0;
    double occupancy = pick(random, 0, 0.01, 0.1, 0.2, 0.6, 0.7, 0.9, 1);
    double use = pick(random, 0, 0.1, 0.3, 0.45, 0.6, 0.61, 0.9, 1);
    for (Tier tier : Tier.values()) {
      int nodes = (int) pick(random, 0, 1, 2, 3, 10, 31);
      for (int node = 0; node < nodes; node++) {
        boolean isOdd = random.nextInt(40) == 0;
        views.node(
            tier,
            isOdd ? any(State.class, random) : State.ACTIVE,
            random.nextInt(60) == 0,
            Math.clamp(occupancy * (0.8 + 0.4 * random.nextDouble()), 0, 1),
            use * (0.8 + 0.4 * random.nextDouble()));
      }
    }
    for (int key = random.nextInt(6); key > 0; key--) {
      Placement placement =
          switch (random.nextInt(4)) {
            case 0 -> new Placement(0, views.faultTolerance + 1, 1);
            case 1 -> new Placement(1 + random.nextInt(12), views.faultTolerance, 1);
            case 2 -> new Placement(1 + random.nextInt(12), views.faultTolerance, 4);
            default -> Placement.ofDefault(views.faultTolerance);
          };
      double reads = pick(random, 0, 0.1, 100, 60_000, 1e7, Double.NaN);
      double writes = pick(random, 0, 0.1, 1_000, 60_000, 1e7);
      views.key(
          "key" + key,
          random.nextInt(3) == 0 ? 100_000 : 1,
          placement,
          reads,
          writes,
          pick(random, 0, 50, 1_000, 1e6, 1e9),
          pick(random, 0, 1, 2, 1_000));
    }
    views.keys = pick(random, 0, 1, 5, 1e6, 1e9);
    views.keyMean = pick(random, 0, 0.1, 1_000);
    views.keyDeviation = pick(random, 0, 1, 1e5);
    views.latency =
        random.nextInt(4) == 0
            ? Latency.NONE
            : Views.micros(pick(random, 0, 100, 1_250, 1_900, 2_500, 1e6, Double.NaN));
    if (random.nextInt(3) == 0) {
      Tier tier = any(Tier.class, random);
      Decision resize = Views.resize(tier, 2 + random.nextInt(4), 2 + random.nextInt(4));
      long secondsAgo = (long) pick(random, 1, 100, 130, 700, 5_000);
      if (random.nextBoolean()) {
        views.done(resize, secondsAgo);
      } else {
        views.pending(resize, secondsAgo);
      }
    }
    return views.view();
  }

  private static PolicySettings settings(RandomGenerator random) {
    int most = (int) pick(random, 1, 2, 5, 12, 1_000);
    return new PolicySettings(
        new Objective(
            any(Statistic.class, random), Duration.ofNanos((long) pick(random, 1e5, 2.5e6, 1e9))),
        random.nextBoolean() ? Optional.empty() : Optional.of(pick(random, 0, 3, 10.5, 1e6)),
        pick(random, 0, 0.5, 1),
        pick(random, 0, 0.25),
        pick(random, 0, 3),
        1 + random.nextInt(3),
        Duration.ofSeconds(60),
        new Band(0.3, 0.6),
        new Band(0.5, 0.75),
        new Band(0.5, 0.75),
        random.nextBoolean() ? new Band(0.05, 0.2) : new Band(0.2, 0.6),
        pick(random, 1.1, 1.5, 2),
        Duration.ofSeconds(120),
        Duration.ofSeconds(60),
        new Counts(1 + random.nextInt(most), most),
        new Counts(0, (int) pick(random, 0, 1, 5, 1_000)));
  }

  private static <E extends Enum<E>> E any(Class<E> type, RandomGenerator random) {
    List<E> all = List.copyOf(EnumSet.allOf(type));
    return all.get(random.nextInt(all.size()));
  }

  private static double pick(RandomGenerator random, double... values) {
    return values[random.nextInt(values.length)];
  }
}
