package dev.trellis.monitor.console;

import dev.trellis.lattice.VisibleText;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Decisions as phrases.
final class DecisionWords {
  private DecisionWords() {}

  static String of(Decision decision) {
    return switch (decision) {
      case Decision.Resize resize -> of(resize);
      case Decision.Place place -> of(place);
    };
  }

  private static String of(Decision.Resize resize) {
    String change =
        " the "
            + name(resize.tier())
            + " tier from "
            + resize.from()
            + " to "
            + count(resize.to(), "node");
    if (resize.to() >= resize.from()) {
      return "Grow" + change;
    }
    String leaving = String.join(", ", resize.leaving());
    return "Shrink"
        + change
        + (leaving.isEmpty()
            ? ""
            : "; " + leaving + (resize.leaving().size() == 1 ? " leaves" : " leave"));
  }

  private static String of(Decision.Place place) {
    String key = "“" + VisibleText.of(place.key()) + "”";
    String keys =
        place.count() == 1
            ? key
            : String.format(Locale.ROOT, "%,d keys like %s", place.count(), key);
    String where = place.toDefault() ? "the default, " + of(place.to()) : of(place.to());
    return switch (place.move()) {
      case REPLICATE -> "Replicate " + keys + " to " + where;
      case DEREPLICATE -> "Take replicas of " + keys + " away, down to " + where;
      case PROMOTE -> "Promote " + keys + " to memory: " + where;
      case DEMOTE -> "Demote " + keys + " to SSD: " + where;
    };
  }

  /// As in `3 memory nodes and 1 SSD node, 2 shards each`.
  static String of(Placement placement) {
    List<String> nodes = new ArrayList<>();
    if (placement.memoryNodes() > 0) {
      nodes.add(count(placement.memoryNodes(), "memory node"));
    }
    if (placement.ssdNodes() > 0) {
      nodes.add(count(placement.ssdNodes(), "SSD node"));
    }
    return String.join(" and ", nodes)
        + (placement.shardsPerNode() == 1 ? "" : ", " + placement.shardsPerNode() + " shards each");
  }

  private static String name(Tier tier) {
    return switch (tier) {
      case MEMORY -> "memory";
      case SSD -> "SSD";
    };
  }

  private static String count(int count, String of) {
    return count + " " + of + (count == 1 ? "" : "s");
  }
}
