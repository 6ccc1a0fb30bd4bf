package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.console.TimeSeries.Point;
import dev.trellis.monitor.console.TimeSeries.Resolution;
import dev.trellis.monitor.console.TimeSeries.Slice;
import java.time.Duration;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class TimeSeriesTest {
  private static final Resolution FINE =
      new Resolution(Duration.ofSeconds(1), Duration.ofSeconds(10));
  private static final Resolution COARSE =
      new Resolution(Duration.ofSeconds(5), Duration.ofSeconds(60));

  private final TimeSeries series = new TimeSeries(List.of(COARSE, FINE));

  @Test
  void aStepKeepsTheLeastTheMeanAndTheGreatest() {
    series.add(20_000, 4);
    series.add(20_400, 1);
    series.add(20_999, 7);
    series.add(21_000, 5);
    assertEquals(
        new Slice(1000, List.of(new Point(20_000, 1, 4, 7), new Point(21_000, 5, 5, 5))),
        series.slice(20_000, 21_000));
  }

  @Test
  void theFinestResolutionThatReachesBackIsGivenAndElseTheCoarsest() {
    for (int second = 0; second < 100; second++) {
      series.add(1000L * second, second);
    }
    assertEquals(1000, series.slice(89_000, 99_000).stepMillis());
    Slice coarse = series.slice(60_000, 99_000);
    assertEquals(5000, coarse.stepMillis());
    assertEquals(new Point(60_000, 60, 62, 64), coarse.points().getFirst());
    Slice all = series.slice(0, 99_000);
    assertEquals(5000, all.stepMillis());
    assertEquals(12, all.points().size());
    assertEquals(40_000, all.points().getFirst().atMillis());
  }

  @Test
  void stepsWithoutValuesAndValuesThatAreNoNumbersMakeGaps() {
    series.add(1000, 1);
    series.add(2000, Double.NaN);
    series.add(3000, Double.POSITIVE_INFINITY);
    series.add(4000, 4);
    assertEquals(
        List.of(1000L, 4000L),
        series.slice(0, 5000).points().stream().map(Point::atMillis).toList());
  }

  @Test
  void aLongSilenceLeavesNothingOfWhatWasBeforeIt() {
    series.add(1000, 1);
    series.add(500_000, 2);
    assertEquals(List.of(new Point(500_000, 2, 2, 2)), series.slice(0, 500_000).points());
  }

  @Test
  void aClockPutBackALittleFillsInAndOnePutBackFarBeginsAnew() {
    series.add(100_000, 1);
    series.add(97_000, 2);
    assertEquals(2, series.slice(95_000, 100_000).points().size());
    series.add(20_000, 3);
    assertEquals(List.of(new Point(20_000, 3, 3, 3)), series.slice(15_000, 20_000).points());
    assertTrue(series.slice(95_000, 100_000).points().isEmpty());
  }

  @Test
  void anEmptySeriesHasNoPoints() {
    assertTrue(series.slice(0, 1_000_000).points().isEmpty());
  }

  @Test
  void aSpanThatIsNoNumberOfStepsIsRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new Resolution(Duration.ofSeconds(2), Duration.ofSeconds(5)));
    assertThrows(IllegalArgumentException.class, () -> new TimeSeries(List.of()));
  }

  /// The naive model keeps everything, and forgets by the promise.
  @Test
  void whateverIsAddedInOrderTheSeriesHasWhatAModelHas() {
    long seed = Long.getLong("seed", System.nanoTime());
    Random random = new Random(seed);
    TreeMap<Long, DoubleSummaryStatistics> model = new TreeMap<>();
    long at = random.nextInt(1_000_000);
    for (int step = 0; step < 2_000; step++) {
      at += random.nextInt(10) == 0 ? random.nextInt(20_000) : random.nextInt(700);
      double value = random.nextInt(5);
      series.add(at, value);
      model.computeIfAbsent(at / 1000, _ -> new DoubleSummaryStatistics()).accept(value);
      long newest = at / 1000;
      List<Point> expected =
          model.tailMap(newest - 9).entrySet().stream()
              .map(
                  second ->
                      new Point(
                          second.getKey() * 1000,
                          second.getValue().getMin(),
                          second.getValue().getAverage(),
                          second.getValue().getMax()))
              .toList();
      assertEquals(expected, series.slice(Math.max(0, at - 10_000), at).points(), "-Dseed=" + seed);
    }
  }
}
