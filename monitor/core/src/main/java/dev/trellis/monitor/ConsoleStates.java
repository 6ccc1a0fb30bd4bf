package dev.trellis.monitor;

import dev.trellis.monitor.console.ConsoleState;
import dev.trellis.monitor.console.ConsoleState.Handoff;
import dev.trellis.monitor.console.DecisionEntry;
import dev.trellis.monitor.console.RingShares;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.decisions.Recorded.Progress;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.statistics.Observations;
import dev.trellis.placement.Topology;
import dev.trellis.wire.Frame;
import java.util.List;
import java.util.OptionalLong;

/// What the console shows, made of what the monitor knows. Not for several threads.
final class ConsoleStates {
  private static final int DECISIONS_MAX = 50;

  private final MonitorConfig config;
  private RingShares shares = new RingShares(java.util.Map.of());
  private long sharesVersion = -1; // of the map that they are of

  ConsoleStates(MonitorConfig config) {
    this.config = config;
  }

  /// @param decisions the latest first
  ConsoleState of(
      ClusterView view,
      Frame.ClusterMap map,
      Observations observations,
      Leadership leadership,
      List<Recorded> decisions) {
    if (map.version() != sharesVersion) {
      shares = RingShares.of(Topology.of(map.nodes(), map.faultTolerance()));
      sharesVersion = map.version();
    }
    List<Handoff> handoffs =
        observations.handoffs().stream()
            .map(
                one ->
                    new Handoff(
                        one.nodeId(), one.why(), one.sinceMillis(), one.done(), one.total()))
            .toList();
    return ConsoleState.of(
        config.clusterName(),
        view,
        shares,
        config.policies(),
        new ConsoleState.Monitor(
            config.scaler(), config.dryRun(), leadership.highest(), leadership.leads()),
        handoffs,
        decisions.stream().limit(DECISIONS_MAX).map(ConsoleStates::entry).toList());
  }

  static DecisionEntry entry(Recorded recorded) {
    Progress state = recorded.state();
    boolean isDone = state == Progress.DONE;
    return new DecisionEntry(
        recorded.id(),
        recorded.atMillis(),
        recorded.decision(),
        switch (state) {
          case DRY_RUN -> DecisionEntry.State.DRY_RUN;
          case ORDERED -> DecisionEntry.State.ORDERED;
          case DONE -> DecisionEntry.State.DONE;
          case OVERTAKEN, FAILED -> DecisionEntry.State.FAILED;
        },
        recorded.problem(),
        isDone ? OptionalLong.of(recorded.stateMillis()) : OptionalLong.empty(),
        recorded.effect());
  }
}
