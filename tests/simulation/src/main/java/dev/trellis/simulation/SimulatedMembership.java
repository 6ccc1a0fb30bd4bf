package dev.trellis.simulation;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// The membership service of one life of a node. Each hears of others by itself, so views differ
/// for a while, news arrive in any order, and who is not heard is suspected and removed, rightly or
/// not. What it promises is what the real service does: those who live and hear each other agree in
/// the end; what is known of absent and ended incarnations spreads with every contact; and the
/// former life of a node that has lost its data is gone once the next one is heard of.
final class SimulatedMembership {
  private static final Comparator<Incarnation> ORDER =
      Comparator.comparing(Incarnation::nodeId).thenComparingLong(Incarnation::number);

  /// What is known of the latest life of another node.
  private static final class Known {
    private final SimulatedNode life;
    private NodeDescriptor descriptor;
    private long heardMillis;
    private boolean isComplete;
    private boolean removed;
    private boolean suspected;

    Known(SimulatedNode life, NodeDescriptor descriptor, long heardMillis) {
      this.life = life;
      this.descriptor = descriptor;
      this.heardMillis = heardMillis;
    }
  }

  private final SimulatedNode self;
  private final SimulatedCluster cluster;
  private final Map<String, Known> table = new TreeMap<>();
  private final Set<Incarnation> gone = new TreeSet<>(ORDER);
  private final Set<Incarnation> left = new TreeSet<>(ORDER);
  private final Map<String, Long> deafUntil = new HashMap<>();
  private int tolerance; // number of the last change heard of, see SimulatedCluster.tolerance
  private MembershipView view;

  /// @param remembered of the node's life before this one, of which it knows who has data: one that
  ///   lost its own, only who has them on disk
  SimulatedMembership(
      SimulatedNode self, SimulatedCluster cluster, Optional<SimulatedMembership> remembered) {
    this.self = self;
    this.cluster = cluster;
    remembered.ifPresent(this::recall);
    this.view = compute();
  }

  private void recall(SimulatedMembership before) {
    gone.addAll(before.gone);
    left.addAll(before.left);
    tolerance = Math.min(before.tolerance, cluster.toleranceChanges());
    boolean hasData = !self.identity().former().isEmpty();
    for (Known known : before.table.values()) {
      if (hasData || known.life.identity().tier() == NodeDescriptor.Tier.SSD) {
        Known recalled = new Known(known.life, known.descriptor, 0);
        recalled.removed = true;
        table.put(known.life.id(), recalled);
      }
    }
    for (long life : self.identity().former()) {
      left.add(new Incarnation(self.id(), life));
    }
  }

  MembershipView view() {
    return view;
  }

  /// Hears nothing from a node for a while, though messages get through.
  void deafTo(String nodeId, long untilMillis) {
    deafUntil.put(nodeId, untilMillis);
  }

  void hearAllAgain() {
    deafUntil.clear();
  }

  void declareGone(Incarnation incarnation) {
    gone.add(incarnation);
  }

  /// Learns of a change of the number of lost nodes to survive.
  void tolerates(int change) {
    tolerance = Math.max(tolerance, change);
  }

  /// The number of the last change heard of.
  int tolerance() {
    return tolerance;
  }

  void leaves(Incarnation incarnation) {
    left.add(incarnation);
  }

  /// Hears who can be heard now, finds out who can't, and tells whether the view has changed.
  ///
  /// @param share of those that are heard which is noticed in this round
  boolean round(double share) {
    long now = cluster.nowMillis();
    for (SimulatedNode other : cluster.running()) {
      boolean heard =
          other != self
              && !other.isPaused()
              && cluster.network().connects(self.slot(), other.slot())
              && deafUntil.getOrDefault(other.id(), 0L) <= now
              && cluster.random().nextDouble() < share;
      if (heard) {
        hear(other);
      }
    }
    for (Known known : table.values()) {
      long silentMillis = now - known.heardMillis;
      boolean wasSuspected = known.suspected;
      known.suspected = silentMillis > cluster.plan().suspectedAfterMillis();
      known.removed |= silentMillis > cluster.plan().removedAfterMillis();
      if (known.suspected && !wasSuspected && known.life.isRunning()) {
        cluster.tally().falseSuspicions++;
        cluster.unfair();
      }
    }
    return refresh();
  }

  private void hear(SimulatedNode other) {
    SimulatedMembership theirs = other.membership();
    gone.addAll(theirs.gone);
    left.addAll(theirs.left);
    tolerates(theirs.tolerance);
    for (Known known : theirs.table.values()) {
      if (known.life.id().equals(self.id())) {
        continue;
      }
      Known mine = table.get(known.life.id());
      if (mine == null || mine.life.number() < known.life.number()) {
        Known learned = learn(known.life, known.descriptor);
        learned.removed = known.removed;
        learned.suspected = known.suspected;
        if (known.removed) {
          learned.heardMillis = known.heardMillis;
        }
      }
    }
    Known mine = table.get(other.id());
    if (mine == null || mine.life.number() < other.number()) {
      mine = learn(other, other.descriptor());
    }
    if (mine.life == other) {
      mine.descriptor = other.descriptor();
      mine.isComplete = other.isComplete();
      mine.heardMillis = cluster.nowMillis();
      mine.removed = false;
    }
  }

  private Known learn(SimulatedNode life, NodeDescriptor descriptor) {
    Known learned = new Known(life, descriptor, cluster.nowMillis());
    Known former = table.put(life.id(), learned);
    if (former != null && !left.contains(former.life.incarnation())) {
      boolean hasData = life.identity().former().contains(former.life.incarnation().number());
      (hasData ? left : gone).add(former.life.incarnation());
    }
    return learned;
  }

  private boolean hasEnded(SimulatedNode life) {
    return gone.contains(life.incarnation()) || left.contains(life.incarnation());
  }

  /// Computes the view anew, and tells whether it differs.
  boolean refresh() {
    MembershipView now = compute();
    boolean changed = !now.equals(view) && !same(now, view);
    if (changed) {
      view = now;
    }
    return changed;
  }

  /// Topologies compare by identity, but equal members share one.
  private static boolean same(MembershipView a, MembershipView b) {
    return a.topology().version() == b.topology().version()
        && a.suspected().equals(b.suspected())
        && a.absent().equals(b.absent())
        && a.gone().equals(b.gone())
        && a.complete().equals(b.complete());
  }

  private MembershipView compute() {
    List<NodeDescriptor> members = new ArrayList<>();
    members.add(self.descriptor());
    Set<String> suspected = new HashSet<>();
    Set<Incarnation> absent = new HashSet<>();
    Set<String> complete = new HashSet<>();
    for (Known known : table.values()) {
      if (hasEnded(known.life)) {
        continue;
      }
      if (known.removed) {
        absent.add(known.life.incarnation());
        continue;
      }
      members.add(known.descriptor);
      if (known.isComplete) {
        complete.add(known.life.id());
      }
      if (known.suspected) {
        suspected.add(known.life.id());
      }
    }
    Topology topology = cluster.topology(members, cluster.tolerance(tolerance));
    return new MembershipView(topology, suspected, absent, gone, complete, 0);
  }
}
