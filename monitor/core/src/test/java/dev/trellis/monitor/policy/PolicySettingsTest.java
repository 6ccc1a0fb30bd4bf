package dev.trellis.monitor.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.monitor.policy.PolicySettings.Statistic;
import dev.trellis.process.ConfigurationException;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What is refused, with the name, the value and the range.
class PolicySettingsTest {
  private static PolicySettings with(
      Optional<Double> budget, double deviations, Band use, double step, Counts nodes) {
    return new PolicySettings(
        PolicySettings.PAPER.objective(),
        budget,
        1,
        1,
        deviations,
        2,
        Duration.ofSeconds(60),
        use,
        new Band(0.5, 0.75),
        new Band(0.5, 0.75),
        new Band(0.05, 0.2),
        step,
        Duration.ofSeconds(120),
        Duration.ofSeconds(60),
        nodes,
        new Counts(0, 10));
  }

  private static void assertRefused(
      String message,
      Optional<Double> budget,
      double deviations,
      Band use,
      double step,
      Counts nodes) {
    assertEquals(
        message,
        assertThrows(ConfigurationException.class, () -> with(budget, deviations, use, step, nodes))
            .getMessage());
  }

  @Test
  void whatIsOutsideItsRangeIsRefused() {
    Band use = new Band(0.3, 0.6);
    Counts nodes = new Counts(1, 10);
    assertRefused(
        "budget.per-hour -1 is outside 0 to 1000000000", Optional.of(-1.0), 3, use, 1.5, nodes);
    assertRefused(
        "hot.deviations NaN is outside 0 to 100", Optional.empty(), Double.NaN, use, 1.5, nodes);
    assertRefused(
        "memory.use.low 0.7 is outside 0 to 0.54",
        Optional.empty(),
        3,
        new Band(0.7, 0.6),
        1.5,
        nodes);
    assertRefused(
        "memory.use.high 1.2 is outside 0.01 to 1",
        Optional.empty(),
        3,
        new Band(0.3, 1.2),
        1.5,
        nodes);
    assertRefused("step.factor 1 is outside 1.01 to 10", Optional.empty(), 3, use, 1, nodes);
    assertRefused(
        "memory.nodes.min 11 is outside 1 to 10",
        Optional.empty(),
        3,
        use,
        1.5,
        new Counts(11, 10));
    assertRefused(
        "memory.nodes.min 0 is outside 1 to 10", Optional.empty(), 3, use, 1.5, new Counts(0, 10));
  }

  @Test
  void anObjectiveOfNothingIsRefused() {
    assertThrows(ConfigurationException.class, () -> new Objective(Statistic.MEAN, Duration.ZERO));
  }

  @Test
  void aTierThatGrewStaysForFourGracePeriodsUnlessItIsSaidOtherwise() {
    PolicySettings settings = with(Optional.empty(), 3, new Band(0.3, 0.6), 1.5, new Counts(1, 10));
    assertEquals(Duration.ofMinutes(8), settings.shrinkAfter());
  }
}
