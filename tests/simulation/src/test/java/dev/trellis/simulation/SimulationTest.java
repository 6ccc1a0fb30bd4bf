package dev.trellis.simulation;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SimulationTest {
  private static final int SEEDS = 250;

  private static long firstSeed() {
    return Long.getLong("seed", 1);
  }

  @Test
  void noAcknowledgedWriteIsLostOrCountedTwiceWhateverTheNetworkDoes() {
    Tally total = new Tally();
    for (long seed = firstSeed(); seed < firstSeed() + SEEDS; seed++) {
      for (Layout layout : Layout.values()) {
        Simulation.Report report = Simulation.run(FaultPlan.of(seed), layout, Defect.NONE);
        if (!report.passed()) {
          fail(
              "replay with -Dseed="
                  + seed
                  + " ("
                  + layout
                  + ", "
                  + report.plan()
                  + "):\n"
                  + String.join("\n", report.violations()));
        }
        total.add(report.tally());
      }
    }
    System.out.println(total);
    assertAll(
        () -> assertTrue(total.repeats > 0, "no repeat was recognised"),
        () -> assertTrue(total.unknownEndings > 0, "no outcome was unknown"),
        () -> assertTrue(total.clockSkews > 0, "no clock was refused"),
        () -> assertTrue(total.superseded > 0, "no request was superseded"),
        () -> assertTrue(total.kindMismatches > 0, "no kind was refused"),
        () -> assertTrue(total.twoKinds > 0, "no key got two kinds"),
        () -> assertTrue(total.generationsStarted > 0, "no generation was started"),
        () -> assertTrue(total.collected > 0, "no tombstone was collected"),
        () -> assertTrue(total.restarts > 0, "no shard was restarted"));
  }

  @Test
  void theSameSeedGivesTheSameRun() {
    Simulation.Report one = Simulation.run(FaultPlan.of(7), Layout.REPLICATED, Defect.NONE);
    Simulation.Report two = Simulation.run(FaultPlan.of(7), Layout.REPLICATED, Defect.NONE);
    assertEquals(one.tally().toString(), two.tally().toString());
    assertNotEquals(
        one.tally().toString(),
        Simulation.run(FaultPlan.of(8), Layout.REPLICATED, Defect.NONE).tally().toString());
  }

  @ParameterizedTest
  @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
  void aDefectPutInOnPurposeIsCaught(Defect defect) {
    for (long seed = 1; seed <= 500; seed++) {
      for (Layout layout : List.of(Layout.PARTITIONED, Layout.REPLICATED)) {
        if (!Simulation.run(FaultPlan.of(seed), layout, defect).passed()) {
          return;
        }
      }
    }
    fail(defect + " was not caught by 500 seeds: the checks see too little");
  }
}
