package dev.trellis.monitor.policy;

import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.Comparator;
import java.util.List;

/// Within what limits the number of nodes of a tier may be changed.
///
/// @param tier that is to be changed
/// @param other the other one, whose nodes count for copies and for the budget
record Room(Situation now, TierView tier, TierView other) {
  private PolicySettings settings() {
    return now.settings();
  }

  private ClusterView view() {
    return now.view();
  }

  /// The fewest nodes that there are to be, by what the user says and what k needs: k+1 altogether,
  /// one of them with memory. Memory nodes are asked for first, and no more than the user allows.
  int needed() {
    Counts counts = settings().nodes(tier.tier());
    int copies = view().faultTolerance() + 1;
    int needed =
        tier.tier() == Tier.MEMORY
            ? Math.max(1, copies - other.nodes())
            : copies - settings().memoryNodes().max();
    return Math.min(counts.max(), Math.max(counts.min(), needed));
  }

  /// The fewest nodes that may be left when others go, whatever the user says: for all copies, with
  /// one node of memory, and so many with disks that keys can be kept there alone, as in the paper.
  private int floor() {
    int copies = view().faultTolerance() + 1;
    int own = tier.tier() == Tier.MEMORY ? 1 : Math.min(tier.nodes(), copies);
    return Math.max(settings().nodes(tier.tier()).min(), Math.max(copies - other.nodes(), own));
  }

  /// The fewest nodes that hold what is stored and are some way below the mark at which the tier
  /// would grow again. What is idle in memory goes to disks when its place is wanted, but only once
  /// the nodes that are left have taken it over.
  int leastNodesForBytes() {
    Band use = settings().use(tier.tier());
    double idle = tier.tier() == Tier.MEMORY ? new Tiering().idleBytes(now) : 0;
    double kept = Math.max(0, tier.bytes() - idle);
    double goal = (use.middle() + use.high()) / 2;
    double full = (use.high() + 1) / 2;
    return Math.max(
        Numbers.ceiling(Numbers.ratio(kept, tier.bytesMaxPerNode() * goal)),
        Numbers.ceiling(Numbers.ratio(tier.bytes(), tier.bytesMaxPerNode() * full)));
  }

  /// The number of nodes wanted, or as many as one step and the user's limit and budget allow;
  /// never fewer than there are.
  int atMost(int wanted) {
    int limit = Math.min(settings().nodes(tier.tier()).max(), affordable());
    return Math.max(tier.nodes(), Math.min(Math.min(wanted, stepUp()), limit));
  }

  /// The number of nodes wanted, or as many fewer as one step and all that is needed allow. A step
  /// down is a third of a step up: nothing presses, and all that leave hand over their data.
  int atLeast(int wanted) {
    int stepDown = (int) Math.max(1, Math.round(tier.nodes() * (settings().stepFactor() - 1) / 3));
    int least = Math.max(floor(), leastNodesForBytes());
    return Math.min(tier.nodes(), Math.max(Math.max(wanted, least), tier.nodes() - stepDown));
  }

  private int stepUp() {
    return Math.max(tier.nodes() + 1, (int) (tier.nodes() * settings().stepFactor()));
  }

  /// How many nodes the budget allows beside those of the other tier.
  int affordable() {
    double price = settings().price(tier.tier());
    double others = other.nodes() * settings().price(other.tier());
    return settings().budgetPerHour().isEmpty() || price <= 0
        ? Integer.MAX_VALUE
        : (int) Math.max(0, (settings().budgetPerHour().get() - others) / price + 1e-9);
  }

  /// What all nodes cost per hour if the tier has so many.
  double cost(int nodes) {
    return nodes * settings().price(tier.tier()) + other.nodes() * settings().price(other.tier());
  }

  /// Whether the tier could grow.
  boolean canGrow() {
    return atMost(tier.nodes() + 1) > tier.nodes();
  }

  /// Who leaves if so many do, and nobody if more come: those with the least to hand over, of these
  /// the newest.
  List<String> leaving(int nodes) {
    return tier.known().stream()
        .sorted(
            Comparator.comparingDouble((ClusterView.Node node) -> Numbers.measured(node.bytes()))
                .thenComparing(Comparator.comparingLong(ClusterView.Node::sinceMillis).reversed())
                .thenComparing(ClusterView.Node::id, Comparator.reverseOrder()))
        .limit(Math.max(0, nodes))
        .map(ClusterView.Node::id)
        .toList();
  }

  /// Whether nodes may be taken away: all copies are there, all members answer, and nothing was or
  /// is being changed. Numbers of members that do not answer never lead here.
  boolean isCalm() {
    return view().isWhole()
        && tier.suspects() == 0
        && other.suspects() == 0
        && !tier.isMoving()
        && !other.isMoving()
        && now.history().isQuiet()
        && !now.history().isToStay(tier.tier());
  }

  /// Whether a change of this tier is on its way.
  boolean isChanging() {
    return tier.isMoving() || now.history().isResizing(tier.tier());
  }
}
