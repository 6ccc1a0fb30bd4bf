package dev.trellis.monitor.console;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// Numbers over time in fixed memory: the recent past in fine steps, what was before in coarse
/// ones. Each step keeps the least, the greatest and the mean of what was added within it. Reads no
/// clock; not safe for more than one thread.
///
/// Time may jump: a value that is older than all that is kept is taken as the first after the clock
/// was put back, and what was there is forgotten.
public final class TimeSeries {
  /// 1 s for a quarter of an hour, 5 s for an hour, 30 s for six.
  public static final List<Resolution> STANDARD =
      List.of(
          new Resolution(Duration.ofSeconds(1), Duration.ofMinutes(15)),
          new Resolution(Duration.ofSeconds(5), Duration.ofHours(1)),
          new Resolution(Duration.ofSeconds(30), Duration.ofHours(6)));

  /// How finely how much is kept.
  ///
  /// @param step the time that one point stands for, 1 ms or more
  /// @param span how long points are kept, a multiple of `step`
  public record Resolution(Duration step, Duration span) {
    public Resolution {
      if (step.toMillis() < 1 || span.toMillis() % step.toMillis() != 0 || span.isZero()) {
        throw new IllegalArgumentException(
            "a span of " + span + " is no number of steps of " + step + ", whole and above 0");
      }
    }
  }

  /// What was added within one step.
  ///
  /// @param atMillis the beginning of the step
  public record Point(long atMillis, double min, double mean, double max) {}

  /// Points of one resolution.
  ///
  /// @param stepMillis the time that each stands for
  /// @param points ascending in time; steps in which nothing was added have none
  public record Slice(long stepMillis, List<Point> points) {
    public Slice {
      points = List.copyOf(points);
    }
  }

  private final List<Ring> rings; // the finest first
  private long newestMillis = Long.MIN_VALUE;

  public TimeSeries() {
    this(STANDARD);
  }

  /// An empty series.
  ///
  /// @param resolutions at least one; it takes about 40 bytes for each point of each
  public TimeSeries(List<Resolution> resolutions) {
    if (resolutions.isEmpty()) {
      throw new IllegalArgumentException("a series without a resolution keeps nothing");
    }
    rings =
        resolutions.stream()
            .sorted(Comparator.comparing(Resolution::step))
            .map(resolution -> new Ring(resolution.step.toMillis(), resolution.span.toMillis()))
            .toList();
  }

  /// Adds a value; one that is no finite number is left out, and makes a gap.
  ///
  /// @param atMillis when it was so, 0 or more
  public void add(long atMillis, double value) {
    if (!Double.isFinite(value)) {
      return;
    }
    if (newestMillis != Long.MIN_VALUE && rings.stream().allMatch(ring -> ring.isPast(atMillis))) {
      rings.forEach(Ring::clear);
      newestMillis = atMillis;
    }
    newestMillis = Math.max(newestMillis, atMillis);
    rings.forEach(ring -> ring.add(atMillis, value));
  }

  /// The points from one time to another, both included, in the finest resolution that reaches back
  /// so far, or else the coarsest. Which one that is depends on the two times alone, so series of
  /// equal resolutions have equal steps.
  public Slice slice(long fromMillis, long toMillis) {
    Ring ring =
        rings.stream()
            .filter(candidate -> toMillis - fromMillis <= candidate.spanMillis)
            .findFirst()
            .orElse(rings.getLast());
    return new Slice(ring.stepMillis, ring.points(fromMillis, toMillis));
  }

  /// The points of one resolution: each step has its place, which it shares with those that are a
  /// whole span away.
  private static final class Ring {
    final long stepMillis;
    final long spanMillis;
    private final long[] starts; // of the step that holds the place; -1 for none
    private final double[] mins;
    private final double[] maxs;
    private final double[] sums;
    private final int[] counts;
    private long newestStart = -1;

    Ring(long stepMillis, long spanMillis) {
      this.stepMillis = stepMillis;
      this.spanMillis = spanMillis;
      int places = Math.toIntExact(spanMillis / stepMillis);
      starts = new long[places];
      Arrays.fill(starts, -1);
      mins = new double[places];
      maxs = new double[places];
      sums = new double[places];
      counts = new int[places];
    }

    private long startOf(long atMillis) {
      return atMillis - Math.floorMod(atMillis, stepMillis);
    }

    private int placeOf(long start) {
      return (int) (start / stepMillis % starts.length);
    }

    /// Whether a time is before all that is kept.
    boolean isPast(long atMillis) {
      return startOf(atMillis) <= newestStart - spanMillis;
    }

    void add(long atMillis, double value) {
      if (isPast(atMillis)) {
        return; // a coarser resolution may still have room for it
      }
      long start = startOf(atMillis);
      int place = placeOf(start);
      if (starts[place] != start) {
        starts[place] = start;
        mins[place] = value;
        maxs[place] = value;
        sums[place] = 0;
        counts[place] = 0;
      }
      mins[place] = Math.min(mins[place], value);
      maxs[place] = Math.max(maxs[place], value);
      sums[place] += value;
      counts[place]++;
      newestStart = Math.max(newestStart, start);
    }

    void clear() {
      Arrays.fill(starts, -1);
      newestStart = -1;
    }

    List<Point> points(long fromMillis, long toMillis) {
      List<Point> points = new ArrayList<>();
      long first =
          Math.max(startOf(Math.max(fromMillis, 0)), newestStart - spanMillis + stepMillis);
      long last = Math.min(toMillis, newestStart);
      for (long start = Math.max(first, 0); start <= last; start += stepMillis) {
        int place = placeOf(start);
        if (starts[place] == start) {
          points.add(new Point(start, mins[place], sums[place] / counts[place], maxs[place]));
        }
      }
      return points;
    }
  }
}
