package dev.trellis.simulation;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;

/// Brings the faults of a plan upon a cluster, one after the other, until it is healed.
final class Nemesis {
  private static final int NODES_MAX = 9;
  private static final int LOOK_EVERY_MILLIS = 2;

  private final SimulatedCluster cluster;
  private final FaultPlan plan;
  private final RandomGenerator random;

  Nemesis(SimulatedCluster cluster, RandomGenerator random) {
    this.cluster = cluster;
    this.plan = cluster.plan();
    this.random = random;
  }

  void start() {
    int mean = plan.profile().faultEveryMillis();
    later(random.nextLong(mean / 4, 2L * mean), this::strike);
  }

  private void strike() {
    List<Fault> faults = plan.profile().faults();
    Fault fault = faults.get(random.nextInt(faults.size()));
    switch (fault) {
      case CRASH -> pick(node -> true).ifPresent(this::crash);
      case CRASH_JOINING -> {
        if (join()) {
          later(
              random.nextLong(10, 800),
              () -> pick(node -> node.state() == State.JOINING).ifPresent(this::crash));
        }
      }
      case CRASH_LEAVING -> {
        leave();
        later(
            random.nextLong(50, 800),
            () -> pick(node -> node.state() == State.LEAVING).ifPresent(this::crash));
      }
      case BLACKOUT -> blackOut();
      case PAUSE -> pick(node -> true).ifPresent(this::pause);
      case PARTITION -> partition();
      case SUSPICION -> pick(node -> true).ifPresent(this::suspect);
      case RELAPSE -> pick(node -> true).ifPresent(this::relapse);
      case RESTART_HALF_HEARD ->
          restartHalfHeard(cluster.nowMillis() + plan.profile().faultEveryMillis());
      case LAG -> pick(node -> true).ifPresent(this::lag);
      case JOIN -> join();
      case LEAVE -> leave();
      case LEAVE_AND_CRASH -> {
        leave();
        later(
            random.nextLong(10, 1_500),
            () -> pick(node -> !node.isLeaving()).ifPresent(this::crash));
      }
      case TOLERATE -> tolerate();
      case DECLARE_GONE -> declareGone();
      case CLOCK_JUMP -> pick(node -> true).ifPresent(n -> n.setClock(cluster.clockOffset()));
    }
    start();
  }

  private void later(long millis, Runnable task) {
    cluster
        .scheduler()
        .after(
            millis,
            () -> {
              if (!cluster.isCalm()) {
                task.run();
              }
            });
  }

  private Optional<SimulatedNode> pick(Predicate<SimulatedNode> which) {
    List<SimulatedNode> candidates = cluster.running().stream().filter(which).toList();
    return candidates.isEmpty()
        ? Optional.empty()
        : Optional.of(candidates.get(random.nextInt(candidates.size())));
  }

  private int activeCount() {
    return (int)
        cluster.running().stream()
            .filter(node -> node.state() == State.ACTIVE && !node.isLeaving())
            .count();
  }

  /// Whether the cluster can do without an ACTIVE node and still have enough to be whole.
  private boolean canSpareOne() {
    return activeCount() > Math.max(2, cluster.tolerance() + 1);
  }

  private void crash(SimulatedNode node) {
    boolean spared = node.state() != State.ACTIVE || canSpareOne();
    if (!cluster.mayLose() || !spared) {
      return;
    }
    cluster.crash(node);
    // Where only disks keep what is promised, none of them is given up.
    switch (plan.profile().losesPower() ? 0 : random.nextInt(4)) {
      case 0, 1 -> cluster.restartLater(node, random.nextLong(50, 5_000));
      case 2 -> later(random.nextLong(500, 6_000), () -> declareGone(node.incarnation()));
      default -> {} // stays absent until all is healed
    }
  }

  private void blackOut() {
    if (!cluster.isDark()) {
      cluster.blackOut();
    }
  }

  private void pause(SimulatedNode node) {
    long millis = random.nextLong(100, 4_000);
    cluster.trace().tell(() -> node + " pauses for " + millis);
    node.pause(millis);
  }

  private void partition() {
    long some = 0;
    long others = 0;
    for (int slot = 0; slot < 64; slot++) {
      if (random.nextBoolean()) {
        some |= 1L << slot;
      } else {
        others |= 1L << slot;
      }
    }
    boolean bothWays = random.nextInt(3) != 0;
    long millis = random.nextLong(200, 5_000);
    long left = some;
    cluster
        .trace()
        .tell(
            () ->
                "partition for "
                    + millis
                    + (bothWays ? " both ways: " : " one way: ")
                    + Long.toBinaryString(left));
    cluster.tally().partitions++;
    cluster.unfair();
    cluster.network().cut(some, others, bothWays, millis, cluster::reconnectAll);
  }

  private void suspect(SimulatedNode node) {
    long until = cluster.nowMillis() + random.nextLong(plan.suspectedAfterMillis(), 5_000);
    double share = random.nextBoolean() ? 1 : 0.5;
    cluster.trace().tell(() -> node + " is not heard by some until " + until);
    for (SimulatedNode other : cluster.running()) {
      if (other != node && random.nextDouble() < share) {
        other.membership().deafTo(node.id(), until);
      }
    }
  }

  private void relapse(SimulatedNode suspected) {
    long until = cluster.nowMillis() + plan.suspectedAfterMillis() + random.nextLong(1_000, 3_000);
    cluster.trace().tell(() -> suspected + " is not heard by anybody until " + until);
    for (SimulatedNode other : cluster.running()) {
      if (other != suspected) {
        other.membership().deafTo(suspected.id(), until);
      }
    }
    later(
        plan.suspectedAfterMillis() + random.nextLong(300, 1_000),
        () ->
            pick(node -> node != suspected)
                .filter(
                    node -> cluster.mayLose() && (node.state() != State.ACTIVE || canSpareOne()))
                .ifPresent(
                    node -> {
                      cluster.crash(node);
                      cluster.restartLater(node, random.nextLong(20, 200));
                    }));
  }

  private void restartHalfHeard(long untilMillis) {
    Optional<SimulatedNode> speaker =
        cluster
            .lastWritten()
            .filter(written -> written.node().isRunning() && cluster.isHalfHeard(written))
            .map(SimulatedCluster.Written::node);
    if (speaker.isEmpty() || !cluster.mayLose() || !canSpareOne()) {
      if (cluster.nowMillis() < untilMillis) {
        later(LOOK_EVERY_MILLIS, () -> restartHalfHeard(untilMillis));
      }
      return;
    }
    cluster.tally().restartsHalfHeard++;
    cluster.crash(speaker.get());
    cluster.restartLater(speaker.get(), random.nextLong(10, 100));
  }

  private void lag(SimulatedNode node) {
    long millis = random.nextLong(100, 2_500);
    cluster.trace().tell(() -> node + " acts upon its old view for " + millis);
    cluster.tally().lags++;
    node.lag(millis);
  }

  private void tolerate() {
    int nodes = random.nextInt(Math.min(3, activeCount()));
    if (nodes != cluster.tolerance()) {
      pick(node -> node.state() == State.ACTIVE).ifPresent(node -> cluster.tolerate(node, nodes));
    }
  }

  private boolean join() {
    // Operators do not found another cluster beside the one that comes back.
    boolean found = plan.profile().losesPower() && cluster.isDark();
    boolean room = !found && cluster.running().size() < NODES_MAX && cluster.nodesEver() < 24;
    if (room) {
      cluster.add(
          plan.ssdNodes() > 0 && random.nextBoolean()
              ? NodeDescriptor.Tier.SSD
              : NodeDescriptor.Tier.MEMORY);
    }
    return room;
  }

  private void leave() {
    if (canSpareOne()) {
      pick(node -> node.state() == State.ACTIVE).ifPresent(SimulatedNode::leave);
    }
  }

  /// An operator takes an absent node for dead, rightly or not.
  private void declareGone() {
    List<Incarnation> absent =
        cluster.running().stream()
            .flatMap(node -> node.view().absent().stream())
            .distinct()
            .sorted(
                Comparator.comparing(Incarnation::nodeId).thenComparingLong(Incarnation::number))
            .toList();
    if (!absent.isEmpty()) {
      declareGone(absent.get(random.nextInt(absent.size())));
    }
  }

  private void declareGone(Incarnation incarnation) {
    Optional<SimulatedNode> alive =
        cluster.running().stream()
            .filter(node -> node.incarnation().equals(incarnation))
            .findFirst();
    if (alive.isPresent()) {
      if (!cluster.mayLose() || !canSpareOne()) {
        return;
      }
      cluster.countLoss();
      cluster.tally().declaredGoneAlive++;
    }
    pick(node -> node.view().absent().contains(incarnation))
        .ifPresent(
            operated -> {
              cluster.trace().tell(() -> incarnation + " is declared gone at " + operated);
              operated.membership().declareGone(incarnation);
            });
  }
}
