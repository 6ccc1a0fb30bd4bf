package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.check.Anomaly;
import dev.trellis.history.edn.Edn;
import dev.trellis.plot.Svg;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;

/// The calls on one key around an anomaly: a row for each process, a bar from each invocation to
/// its completion. Those that show the anomaly are outlined.
final class Timeline {
  private static final int WIDTH = 1_000;
  private static final int LEFT = 90;
  private static final int RIGHT = 10;
  private static final int TOP = 16;
  private static final int ROW = 20;
  private static final int BOTTOM = 22;
  private static final int CALLS_MAX = 60;
  private static final int WORDS_MAX = 40;
  private static final int TICKS = 8;
  private static final long AROUND_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long MARGIN_NANOS = Duration.ofMillis(100).toNanos();
  private static final double NANOS_PER_SECOND = 1e9;
  private static final double CHARACTER_WIDTH = 6.5;

  private final History all;
  private final Anomaly anomaly;
  private final List<Call> calls;
  private final long from;
  private final long to;

  private Timeline(History all, History key, Anomaly anomaly) {
    this.all = all;
    this.anomaly = anomaly;
    this.calls = chosen(key, anomaly);
    long first = Long.MAX_VALUE;
    long last = 0;
    for (Call call : calls) {
      first = Math.min(first, call.invokedTime());
      last = Math.max(last, Math.max(call.invokedTime(), call.completedTime()));
    }
    from = Math.max(0, first - MARGIN_NANOS);
    to = last + MARGIN_NANOS;
  }

  /// Draws the calls around one anomaly.
  ///
  /// @param all with what the nemesis did
  /// @param key the history in which it was found
  /// @return empty if there is nothing to draw
  static String of(History all, History key, Anomaly anomaly) {
    Timeline timeline = new Timeline(all, key, anomaly);
    return timeline.calls.isEmpty() ? "" : timeline.draw();
  }

  /// Those of the anomaly, and those nearest to any of them.
  private static List<Call> chosen(History key, Anomaly anomaly) {
    List<Long> times = anomaly.operations().stream().map(Operation::time).toList();
    Comparator<Call> byDistance =
        Comparator.comparingLong(
            call ->
                times.stream()
                    .mapToLong(
                        time ->
                            Math.min(
                                Math.abs(call.invokedTime() - time),
                                Math.abs(call.completedTime() - time)))
                    .min()
                    .orElse(0));
    long first = times.stream().mapToLong(time -> time).min().orElse(0) - AROUND_NANOS;
    long last = times.stream().mapToLong(time -> time).max().orElse(0) + AROUND_NANOS;
    List<Call> nearest =
        key.calls().stream()
            .filter(call -> call.invokedTime() < last)
            .filter(call -> call.completedTime() > first)
            .sorted(byDistance)
            .limit(CALLS_MAX)
            .toList();
    return nearest.stream().sorted(Comparator.comparingInt(Call::invokedAt)).toList();
  }

  private String draw() {
    TreeMap<Long, Integer> rows = new TreeMap<>();
    calls.forEach(call -> rows.put(call.process(), 0));
    int number = 0;
    for (Long process : new ArrayList<>(rows.keySet())) {
      rows.put(process, number++);
    }
    int height = TOP + rows.size() * ROW + BOTTOM;
    Svg svg = new Svg(WIDTH, height, "calls around: " + anomaly.explanation());
    for (Shade shade : Shade.of(all.operations(), to)) {
      if (shade.to() > from && shade.from() < to) {
        double begin = x(Math.max(from, shade.from()));
        svg.box(
            "shade",
            begin,
            TOP,
            x(Math.min(to, shade.to())) - begin,
            height - TOP - BOTTOM,
            shade.hint());
      }
    }
    rows.forEach(
        (process, row) ->
            svg.label("tick", LEFT - 6, TOP + row * ROW + 14, "end", name(process))
                .line("grid", LEFT, TOP + row * ROW, WIDTH - RIGHT, TOP + row * ROW));
    Set<Long> marked = new HashSet<>();
    anomaly.operations().forEach(operation -> marked.add(operation.index()));
    for (Call call : calls) {
      draw(svg, call, TOP + rows.getOrDefault(call.process(), 0) * ROW, marked);
    }
    for (int tick = 0; tick <= TICKS; tick++) {
      long at = from + (to - from) * tick / TICKS;
      svg.label(
          "tick",
          x(at),
          height - 4,
          tick == TICKS ? "end" : "middle",
          String.format(Locale.ROOT, "%.3f s", at / NANOS_PER_SECOND));
    }
    return svg.toString();
  }

  private static String name(long process) {
    return process < Column.FINAL_PROCESS ? "process " + process : "in the end";
  }

  private double x(long nanos) {
    return LEFT + (double) (nanos - from) / (to - from) * (WIDTH - LEFT - RIGHT);
  }

  private void draw(Svg svg, Call call, double top, Set<Long> marked) {
    boolean isMarked =
        marked.contains(call.invoke().index())
            || call.completion().map(Operation::index).filter(marked::contains).isPresent();
    String kind = call.isOk() ? "ok" : call.isFailed() ? "fail" : "info";
    double begin = x(call.invokedTime());
    double end = call.completion().isEmpty() ? x(to) : x(call.completedTime());
    String words = words(call);
    svg.box(
        "call " + kind + (isMarked ? " marked" : ""),
        begin,
        top + 3,
        Math.max(3, end - begin),
        ROW - 6,
        words + " " + call);
    boolean fits = begin + words.length() * CHARACTER_WIDTH < WIDTH - RIGHT;
    if (isMarked) {
      svg.label("call", fits ? begin + 2 : begin - 2, top + 14, fits ? "start" : "end", words);
    }
  }

  private static String words(Call call) {
    String words =
        call.invoke().f().name()
            + " "
            + (call.isOk() ? Edn.write(call.result()) : Edn.write(call.argument()));
    return words.length() <= WORDS_MAX ? words : words.substring(0, WORDS_MAX) + "…";
  }
}
