package dev.trellis.monitor.policy;

import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.List;

/// A view together with what every policy makes of it first, so that it is reckoned once: a view
/// may have ten thousand nodes.
record Situation(
    ClusterView view,
    PolicySettings settings,
    TierView memory,
    TierView ssd,
    Objectives objectives,
    History history) {
  /// A policy that looks at situations.
  interface Concern extends Policy {
    List<Decision> decide(Situation now);

    @Override
    default List<Decision> decide(ClusterView view, PolicySettings settings) {
      return decide(Situation.of(view, settings));
    }
  }

  static Situation of(ClusterView view, PolicySettings settings) {
    TierView memory = TierView.of(view, Tier.MEMORY);
    TierView ssd = TierView.of(view, Tier.SSD);
    return new Situation(
        view,
        settings,
        memory,
        ssd,
        Objectives.of(view, settings),
        new History(view, settings, Math.max(memory.sinceMillis(), ssd.sinceMillis())));
  }

  Room room(Tier tier) {
    return tier == Tier.MEMORY ? new Room(this, memory, ssd) : new Room(this, ssd, memory);
  }
}
