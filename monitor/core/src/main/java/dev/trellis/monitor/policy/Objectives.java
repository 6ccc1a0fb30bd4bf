package dev.trellis.monitor.policy;

import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.PolicySettings.Statistic;

/// The latency beside the objective.
///
/// @param isKnown whether anything was measured
/// @param micros the statistic of the latency that the objective is about
/// @param objectiveMicros what it is to be at most
record Objectives(boolean isKnown, double micros, double objectiveMicros) {
  static Objectives of(ClusterView view, PolicySettings settings) {
    Latency latency = view.latency();
    double micros =
        Numbers.measured(
            settings.objective().statistic() == Statistic.P95
                ? latency.p95Micros()
                : latency.meanMicros());
    return new Objectives(
        latency.samples() > 0 && micros > 0, micros, settings.objective().micros());
  }

  /// The latency as a multiple of a share of the objective; 0 if it is not known.
  double against(double fraction) {
    return isKnown ? micros / (objectiveMicros * fraction) : 0;
  }

  boolean isAbove(double fraction) {
    return against(fraction) > 1;
  }

  void describe(Reasons reasons) {
    if (isKnown) {
      reasons.input("latencyMicros", micros).input("objectiveMicros", objectiveMicros);
    }
  }
}
