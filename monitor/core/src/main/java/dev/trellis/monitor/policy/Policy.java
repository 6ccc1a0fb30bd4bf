package dev.trellis.monitor.policy;

import java.util.List;

/// One concern of the monitor. Pure: equal views and settings lead to equal decisions.
public interface Policy {
  /// As in `hot-keys`: what decisions are attributed to.
  String name();

  /// What is to be done now; empty if all is well.
  List<Decision> decide(ClusterView view, PolicySettings settings);
}
