package dev.trellis.monitor.statistics;

import dev.trellis.monitor.MonitorConfig;
import dev.trellis.monitor.decisions.DecisionBook;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Policies;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeReport;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What the policies decide of a recording, as a dry run would have at the time.
public final class Replay {
  private static final Duration WINDOW = Duration.ofSeconds(5);

  private final MonitorConfig config;
  private final Observations observations;
  private final DecisionBook book;
  private final Policies policies = new Policies();
  private final Set<String> nodes = new HashSet<>();
  private Optional<Frame.ClusterMap> map = Optional.empty();
  private long reports;
  private long firstMillis = -1;
  private long lastMillis;
  private long decidedMillis;

  private Replay(MonitorConfig config) {
    this.config = config;
    this.observations = new Observations(WINDOW, config.policies().promoteWindow());
    this.book = new DecisionBook(config.settling(), DecisionBook.By.NOBODY);
  }

  /// Plays a recording.
  ///
  /// @param config whose policies and period are used
  /// @throws IOException if it can't be read, or is none
  public static Replay of(Path file, MonitorConfig config) throws IOException {
    Replay replay = new Replay(config);
    Recording.play(
        file,
        new Recording.Reader() {
          @Override
          public void report(NodeReport report, long atMillis) {
            replay.report(report, atMillis);
          }

          @Override
          public void map(Frame.ClusterMap now, long atMillis) {
            replay.pass(atMillis);
            replay.map = Optional.of(now);
          }
        });
    replay.decide(replay.lastMillis);
    return replay;
  }

  private void report(NodeReport report, long atMillis) {
    pass(atMillis);
    if (observations.accept(report, atMillis)) {
      reports++;
      nodes.add(report.nodeId());
    }
  }

  /// Decides at the ends of the periods that are over by then.
  private void pass(long atMillis) {
    if (firstMillis < 0) {
      firstMillis = atMillis;
      decidedMillis = atMillis;
    }
    while (atMillis - decidedMillis >= config.period().toMillis()) {
      decidedMillis += config.period().toMillis();
      decide(decidedMillis);
    }
    lastMillis = Math.max(lastMillis, atMillis);
  }

  private void decide(long atMillis) {
    if (map.isEmpty()) {
      return;
    }
    ClusterView view =
        observations.view(map.get(), book.taken(atMillis, config.policies()), atMillis);
    book.observe(view);
    for (Decision decision : policies.decide(view, config.policies())) {
      var _ = book.add(decision, atMillis);
    }
  }

  /// What was decided, the oldest first.
  public List<Recorded> decisions() {
    return book.latest().reversed();
  }

  public long reports() {
    return reports;
  }

  /// How many nodes told something.
  public int nodes() {
    return nodes.size();
  }

  public long spanMillis() {
    return firstMillis < 0 ? 0 : lastMillis - firstMillis;
  }
}
