package dev.trellis.simulation;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SessionSimulationTest {
  /// Of each level: all days four times.
  private static final int SEEDS = 40;

  private static final int DEFECT_SEEDS = 1_000;

  private static long firstSeed() {
    return Long.getLong("seed", 1);
  }

  @Test
  void everyLevelKeepsItsPromisesWhateverHappensToTheClusterAndWhereverTheTokenGoes() {
    SessionTally total = new SessionTally();
    for (SessionLevel level : SessionLevel.values()) {
      for (long seed = firstSeed(); seed < firstSeed() + SEEDS; seed++) {
        SessionSimulation.Report report = SessionSimulation.run(seed, level, SessionDefect.NONE);
        if (!report.passed()) {
          fail(
              level
                  + ", replay with -Dseed="
                  + seed
                  + " ("
                  + report.plan()
                  + "):\n"
                  + String.join("\n", report.violations()));
        }
        total.add(report.tally());
      }
    }
    System.out.println(total);
    Stream<Executable> happened =
        total.counts().entrySet().stream()
            .map(
                counted ->
                    () ->
                        assertTrue(counted.getValue() > 0, "never happened: " + counted.getKey()));
    assertAll(happened);
  }

  @Test
  void theSameSeedGivesTheSameRunEventForEvent() {
    List<String> first = events(3);
    assertTrue(first.size() > 1_000, first.size() + " events are few");
    assertEquals(first, events(3));
    assertNotEquals(first, events(4));
  }

  private static List<String> events(long seed) {
    List<String> events = new ArrayList<>();
    SessionSimulation.run(
        seed, SessionLevel.READ_ATOMIC_SESSION, SessionDefect.NONE, Optional.of(events::add));
    return events;
  }

  @ParameterizedTest
  @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
  void aDefectPutInOnPurposeIsCaughtAtEachLevelThatItBreaks(SessionDefect defect) {
    for (SessionLevel level : defect.levels()) {
      Optional<Long> caught = Optional.empty();
      for (long seed = 1; seed <= DEFECT_SEEDS && caught.isEmpty(); seed++) {
        // What fails without the defect too is not caught.
        boolean isCaught =
            !SessionSimulation.run(seed, level, defect).passed()
                && SessionSimulation.run(seed, level, SessionDefect.NONE).passed();
        caught = isCaught ? Optional.of(seed) : Optional.empty();
      }
      assertTrue(
          caught.isPresent(),
          () -> defect + " was not caught at " + level + ": the checks see too little");
      System.out.println(defect + " is caught at " + level + " by seed " + caught.get());
    }
  }

  @Test
  void everyLevelHasADefectThatBreaksIt() {
    Set<SessionLevel> broken = EnumSet.noneOf(SessionLevel.class);
    for (SessionDefect defect : SessionDefect.values()) {
      broken.addAll(defect.levels());
    }
    assertEquals(EnumSet.allOf(SessionLevel.class), broken);
  }
}
