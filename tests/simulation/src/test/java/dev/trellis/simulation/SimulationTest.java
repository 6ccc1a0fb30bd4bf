package dev.trellis.simulation;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SimulationTest {
  private static final int SEEDS = 500;

  private static long firstSeed() {
    return Long.getLong("seed", 1);
  }

  @Test
  void noAcknowledgedWriteIsLostOrCountedTwiceWhateverHappensToTheCluster() {
    Tally total = new Tally();
    for (long seed = firstSeed(); seed < firstSeed() + SEEDS; seed++) {
      Simulation.Report report = Simulation.run(FaultPlan.of(seed), Defect.NONE);
      if (!report.passed()) {
        fail(
            "replay with -Dseed="
                + seed
                + " ("
                + report.plan()
                + "):\n"
                + String.join("\n", report.violations()));
      }
      total.add(report.tally());
    }
    System.out.println(total);
    Map<String, Long> counts = total.counts();
    Stream<Executable> happened =
        counts.entrySet().stream()
            .filter(counted -> !Tally.MAY_NEVER_HAPPEN.contains(counted.getKey()))
            .map(
                counted ->
                    () ->
                        assertTrue(counted.getValue() > 0, "never happened: " + counted.getKey()));
    assertAll(happened);
  }

  @Test
  void theSameSeedGivesTheSameRunEventForEvent() {
    List<String> first = events(8);
    assertTrue(first.size() > 1_000, first.size() + " events are few");
    assertEquals(first, events(8));
    assertNotEquals(first, events(17));
  }

  private static List<String> events(long seed) {
    List<String> events = new ArrayList<>();
    Simulation.run(FaultPlan.of(seed), Defect.NONE, Optional.of(events::add));
    return events;
  }

  @ParameterizedTest
  @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
  void aDefectPutInOnPurposeIsCaught(Defect defect) {
    for (long seed = 1; seed <= SEEDS; seed++) {
      if (!Simulation.run(FaultPlan.of(seed), defect).passed()) {
        System.out.println(defect + " is caught by seed " + seed);
        return;
      }
    }
    fail(defect + " was not caught by " + SEEDS + " seeds: the checks see too little");
  }
}
