package dev.trellis.monitor.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Policy;
import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.monitor.simulation.SimulationReport.Made;
import dev.trellis.monitor.simulation.SimulationReport.Miss;
import dev.trellis.monitor.simulation.SimulationReport.Sample;
import dev.trellis.process.ConfigurationException;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The model by itself, and what the policies make of it.
class PolicySimulationTest {
  private static final long SEED = Long.getLong("seed", 1);

  /// Looks and does nothing.
  private static final Policy IDLE =
      new Policy() {
        @Override
        public String name() {
          return "idle";
        }

        @Override
        public List<Decision> decide(ClusterView view, PolicySettings settings) {
          return List.of();
        }
      };

  private static SimulationReport run(String scenario, String... settings) {
    Scenario named = Scenario.named(scenario).orElseThrow();
    return PolicySimulation.run(named, named.config(Arrays.asList(settings)), SEED);
  }

  private static Sample at(SimulationReport report, int minute) {
    return report.samples().get(minute * 60);
  }

  // The model.

  @Test
  void withoutPoliciesTheModelPassesThroughThePapersFigure() {
    Scenario scenario = Scenario.named(PaperCurve.SCENARIO).orElseThrow();
    SimulationReport twelve =
        PolicySimulation.run(scenario, scenario.config(List.of()), IDLE, SEED);
    SimulationReport sixteen =
        PolicySimulation.run(scenario, scenario.config(List.of("nodes.memory = 16")), IDLE, SEED);
    assertEquals(1_260, at(twelve, 1).latencyMicros(), 30);
    assertEquals(800, at(twelve, 1).operationsPerSecond(), 20);
    assertEquals(3_310, at(twelve, 15).latencyMicros(), 100);
    assertEquals(52_000, at(twelve, 15).operationsPerSecond(), 1_500);
    assertEquals(2_430, at(sixteen, 25).latencyMicros(), 50);
    assertEquals(70_700, at(sixteen, 25).operationsPerSecond(), 1_000);
  }

  @Test
  void oneServerAgreesWithTheory() {
    // M/M/1 at 0.5: 200 µs of network, 20 of service, 20 of waiting.
    SimulationReport report =
        PolicySimulation.run(
            Scenario.named("steady").orElseThrow(),
            Scenario.named("steady")
                .orElseThrow()
                .config(
                    List.of(
                        "noise = 0", "nodes.unevenness = 0", "write.share = 0", "nodes.ssd = 0")),
            IDLE,
            SEED);
    // At 0.4 waiting is 20 x 0.4 / 0.6; single keys sit on some shards, and make it a little more.
    assertEquals(200 + 20 + 13.3, at(report, 1).latencyMicros(), 2);
    assertEquals(0.4 * 10 * 4 * 50_000, at(report, 1).operationsPerSecond(), 2_000);
  }

  @Test
  void theSameSeedGivesTheSameRun() {
    assertEquals(run("hot-spot").decisions(), run("hot-spot").decisions());
    assertEquals(run("failures").samples(), run("failures").samples());
  }

  @Test
  void anIllegalSettingIsRefusedByName() {
    Scenario steady = Scenario.named("steady").orElseThrow();
    assertEquals(
        "nodes.memory 0 is outside 1 to 100000",
        assertThrows(ConfigurationException.class, () -> steady.config(List.of("nodes.memory = 0")))
            .getMessage());
    assertTrue(
        assertThrows(ConfigurationException.class, () -> steady.config(List.of("node.memory = 1")))
            .getMessage()
            .contains("nodes.memory"));
  }

  // The paper.

  @Test
  void thePapersHalfHourMeetsTheObjectiveInNinetySevenPercentOfTheTimeWithNoMoreNodes() {
    SimulationReport report = run(PaperCurve.SCENARIO);
    assertTrue(report.shareWithinObjective() >= 0.97, report.misses().toString());
    assertTrue(report.mostMemoryNodes() <= 16, report.decisions().toString());
    assertTrue(report.memoryNodeMinutes() <= PaperCurve.nodeMinutes(32));
    assertEquals(0, report.flaps());
    // After the load went, so do nodes.
    assertTrue(report.samples().getLast().memoryNodes() < 16);
  }

  @Test
  void hotKeysAreAbsorbedWithinFifteenSeconds() {
    Miss miss = run("paper-hot-key", "period = 5s").misses().getFirst();
    assertEquals(180, miss.fromSecond());
    assertTrue(miss.seconds() <= 15, miss.toString());
  }

  @Test
  void newNodesAreThereAfterFiveMinutesAndHaveTheirDataHalfAMinuteLater() {
    SimulationReport report = run("paper-new-nodes", "period = 5s");
    Made growth = report.resizes().getFirst();
    assertTrue(growth.second() <= 130, growth.toString());
    long done =
        report.samples().stream()
            .filter(sample -> sample.second() > growth.second() + 310)
            .filter(Sample::isWithinObjective)
            .findFirst()
            .orElseThrow()
            .second();
    assertTrue(done - growth.second() <= 300 + 40, growth.second() + " to " + done);
  }

  // Loads.

  @Test
  void aSteadyHourBringsNoDecision() {
    assertEquals(List.of(), run("steady").decisions());
    assertEquals(
        List.of(),
        run("steady", "nodes.memory = 300", "nodes.ssd = 60", "keys = 300000000").decisions());
    assertEquals(1, run("steady").shareWithinObjective());
  }

  @Test
  void aLoadThatGoesUpAndDownIsFollowedOnceAndThenNoMore() {
    SimulationReport report = run("oscillation");
    // Once it shrinks for nothing, as it can't know; and then not again for a day.
    assertTrue(report.flaps() <= 1, report.resizes().toString());
    assertTrue(
        report.resizes().stream().allMatch(made -> made.second() < 1_800),
        report.resizes().toString());
    assertTrue(report.shareWithinObjective() > 0.95, report.misses().toString());
  }

  @Test
  void aSpikeIsMetAndTheNodesGoAgain() {
    SimulationReport report = run("spike");
    assertTrue(report.mostMemoryNodes() > 10, report.decisions().toString());
    assertTrue(report.samples().getLast().memoryNodes() < report.mostMemoryNodes());
    assertTrue(report.shareWithinObjective() > 0.9, report.misses().toString());
    assertEquals(0, report.flaps());
  }

  @Test
  void aDayIsFollowed() {
    SimulationReport report = run("diurnal");
    assertTrue(report.shareWithinObjective() > 0.99, report.misses().toString());
    assertEquals(0, report.flaps());
    int least = report.samples().stream().mapToInt(Sample::memoryNodes).min().orElseThrow();
    assertTrue(report.mostMemoryNodes() > least);
  }

  @Test
  void aHotSpotThatMovesIsPromotedAndWhatItLeftIsDemoted() {
    SimulationReport report = run("hot-spot");
    assertTrue(isThere(report, Decision.Move.PROMOTE), report.decisions().toString());
    assertTrue(report.shareWithinObjective() > 0.9, report.misses().toString());
  }

  @Test
  void fewerKeysWithAllTheLoadGetMoreReplicasAndLoseThemAgain() {
    SimulationReport report = run("zipf-shift");
    assertTrue(isThere(report, Decision.Move.REPLICATE), report.decisions().toString());
    assertTrue(isThere(report, Decision.Move.DEREPLICATE), report.decisions().toString());
    assertTrue(report.shareWithinObjective() > 0.95, report.misses().toString());
  }

  @Test
  void nodesThatDieAreNoReasonForMoreOrFewer() {
    SimulationReport report = run("failures");
    assertEquals(List.of(), report.resizes());
    assertEquals(10, report.samples().getLast().memoryNodes());
  }

  @Test
  void dataThatGrowsGetsRoom() {
    SimulationReport report = run("growth");
    assertTrue(
        report.resizes().stream()
            .anyMatch(
                made ->
                    made.decision() instanceof Decision.Resize resize && resize.tier() == Tier.SSD),
        report.resizes().toString());
    // What is asked for now and then goes to disks as far as these can serve it.
    assertTrue(isThere(report, Decision.Move.DEMOTE), report.decisions().toString());
    assertTrue(report.mostMemoryNodes() > 10, report.resizes().toString());
    assertTrue(report.shareWithinObjective() > 0.95, report.misses().toString());
  }

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void anHourOfTenThousandNodesAndABillionKeysTakesLessThanAMinute() {
    SimulationReport report =
        run("spike", "nodes.memory = 10000", "nodes.ssd = 2000", "keys = 1000000000");
    assertTrue(report.mostMemoryNodes() > 10_000);
  }

  private static boolean isThere(SimulationReport report, Decision.Move move) {
    return report.decisions().stream()
        .anyMatch(made -> made.decision() instanceof Decision.Place place && place.move() == move);
  }
}
