package dev.trellis.monitor.decisions;

import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What is measured of a cluster some time after something was done, to be held beside what was
/// expected of it.
final class Effects {
  private Effects() {}

  static Map<String, Double> of(Decision decision, ClusterView view) {
    Map<String, Double> seen = new LinkedHashMap<>();
    if (view.latency().samples() > 0) {
      seen.put("meanMicros", view.latency().meanMicros());
      seen.put("p95Micros", view.latency().p95Micros());
    }
    switch (decision) {
      case Decision.Place place -> ofKey(place, view, seen);
      case Decision.Resize resize -> ofTier(resize.tier(), view, seen);
    }
    return seen;
  }

  private static void ofKey(Decision.Place place, ClusterView view, Map<String, Double> seen) {
    Optional<ClusterView.Key> now =
        view.keys().stream().filter(key -> key.key().equals(place.key())).findFirst();
    seen.put("readsPerSecond", now.map(ClusterView.Key::readsPerSecond).orElse(0.0));
    seen.put("writesPerSecond", now.map(ClusterView.Key::writesPerSecond).orElse(0.0));
    seen.put(
        "replicas",
        (double)
            now.map(ClusterView.Key::placement)
                .map(
                    placement ->
                        (placement.memoryNodes() + placement.ssdNodes())
                            * placement.shardsPerNode())
                .orElse(0));
    ofTier(Tier.MEMORY, view, seen);
  }

  private static void ofTier(Tier tier, ClusterView view, Map<String, Double> seen) {
    List<Node> nodes = view.active(tier);
    seen.put("nodes", (double) nodes.size());
    seen.put("occupancy", nodes.stream().mapToDouble(Node::occupancy).average().orElse(0));
    seen.put(
        "occupancyMax",
        nodes.stream()
            .flatMap(node -> node.shards().stream())
            .mapToDouble(ClusterView.Shard::occupancy)
            .max()
            .orElse(0));
    double bytesMax = nodes.stream().mapToDouble(Node::bytesMax).sum();
    double bytes = nodes.stream().mapToDouble(Node::bytes).sum();
    seen.put("use", bytesMax == 0 ? 0 : bytes / bytesMax);
  }
}
