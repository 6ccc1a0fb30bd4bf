package dev.trellis.simulation;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
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

  /// Of these one at least must show each defect: the rarest shows in one of 150.
  private static final int SEEDS_WITH_DEFECT = 1_500;

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

  /// The order of `Set.copyOf`, for one, is drawn anew in each process.
  @Test
  void theSameSeedGivesTheSameRunInAnotherProcess() throws Exception {
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                OtherProcess.class.getName(),
                "8")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String told = new String(other.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertEquals(0, other.waitFor());
    assertEquals(String.join("\n", events(8)), told);
  }

  /// Prints the events of a run.
  static final class OtherProcess {
    private OtherProcess() {}

    public static void main(String[] arguments) {
      System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
      events(Long.parseLong(arguments[0])).forEach(System.out::println);
    }
  }

  private static List<String> events(long seed) {
    List<String> events = new ArrayList<>();
    Simulation.run(FaultPlan.of(seed), Defect.NONE, Optional.of(events::add));
    return events;
  }

  @ParameterizedTest
  @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
  void aDefectPutInOnPurposeIsCaught(Defect defect) {
    for (long seed = 1; seed <= SEEDS_WITH_DEFECT; seed++) {
      if (!Simulation.run(FaultPlan.of(seed), defect).passed()) {
        System.out.println(defect + " is caught by seed " + seed);
        return;
      }
    }
    fail(defect + " was not caught by " + SEEDS_WITH_DEFECT + " seeds: the checks see too little");
  }
}
