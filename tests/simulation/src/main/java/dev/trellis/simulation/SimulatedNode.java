package dev.trellis.simulation;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.Lifecycle;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.wire.NodeDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/// One life of a node: its shards, its membership, its clock. What is lost with a life is all of
/// it, but for what is on disk.
final class SimulatedNode {
  private static final int DRIVE_EVERY_MILLIS = 50;
  private static final int TICK_EVERY_MILLIS = 10;

  private final SimulatedCluster cluster;
  private final Identity identity;
  private final Lifecycle lifecycle;
  private boolean isComplete; // as it says, while it joins
  private final SimulatedMembership membership;
  private final List<SimulatedShard> shards = new ArrayList<>();
  private NodeDescriptor descriptor;
  private boolean running = true;
  private boolean founded;
  private boolean leaving;
  private long pausedUntilMillis;
  private long lagsUntilMillis;
  private long clockOffsetMillis;

  /// What tells a life of a node from all others.
  ///
  /// @param slot of the node in the network; kept by all its lives
  /// @param number of lives that all nodes had before
  /// @param incarnation of the process
  /// @param former incarnations whose data it has
  record Identity(
      String id,
      int slot,
      long number,
      long incarnation,
      NodeDescriptor.Tier tier,
      int shards,
      int founders,
      List<Long> former) {
    /// What the next life has in common with this one.
    ///
    /// @param nextFormer incarnations whose data it has
    Identity again(long nextNumber, long nextIncarnation, List<Long> nextFormer) {
      return new Identity(
          id, slot, nextNumber, nextIncarnation, tier, shards, founders, nextFormer);
    }
  }

  /// @param state with which it starts
  SimulatedNode(
      Identity identity,
      SimulatedCluster cluster,
      NodeDescriptor.State state,
      Optional<SimulatedMembership> remembered) {
    this.identity = identity;
    this.cluster = cluster;
    this.lifecycle =
        new Lifecycle(
            identity.id(), identity.incarnation(), identity.former(), identity.founders());
    this.descriptor =
        new NodeDescriptor(
            identity.id(),
            identity.tier(),
            identity.id(),
            IntStream.range(0, identity.shards()).mapToObj(shard -> 1 + shard).toList(),
            1,
            identity.incarnation(),
            1,
            state);
    this.membership = new SimulatedMembership(this, cluster, remembered);
  }

  /// Starts the shards, and all that happens by time.
  void start(List<SimulatedShard> all) {
    shards.addAll(all);
    shards.forEach(shard -> shard.membership(view()));
    tickLater();
    driveLater();
  }

  Identity identity() {
    return identity;
  }

  String id() {
    return identity.id();
  }

  int slot() {
    return identity.slot();
  }

  long number() {
    return identity.number();
  }

  Incarnation incarnation() {
    return new Incarnation(identity.id(), identity.incarnation());
  }

  NodeDescriptor descriptor() {
    return descriptor;
  }

  NodeDescriptor.State state() {
    return descriptor.state();
  }

  SimulatedMembership membership() {
    return membership;
  }

  MembershipView view() {
    return membership.view();
  }

  List<SimulatedShard> shards() {
    return shards;
  }

  boolean isRunning() {
    return running;
  }

  boolean isPaused() {
    return pausedUntilMillis > cluster.nowMillis();
  }

  boolean isLeaving() {
    return leaving;
  }

  long clockMillis() {
    return cluster.nowMillis() + clockOffsetMillis;
  }

  void setClock(long offsetMillis) {
    clockOffsetMillis = offsetMillis;
  }

  void stop() {
    running = false;
    shards.forEach(SimulatedShard::stop);
  }

  void pause(long millis) {
    pausedUntilMillis = cluster.nowMillis() + millis;
  }

  void resume() {
    pausedUntilMillis = 0;
  }

  /// Has the shards act upon their old view for a while.
  void lag(long millis) {
    lagsUntilMillis = cluster.nowMillis() + millis;
  }

  /// Has the shards act upon each view as it comes.
  void keepUp() {
    lagsUntilMillis = 0;
    tellShards();
  }

  /// Begins to leave, as an operator asks it to.
  void leave() {
    leaving = true;
  }

  /// Has the process do something: now, or once its pause is over, or never if it ends before.
  void execute(Runnable task) {
    if (!running) {
      return;
    }
    if (isPaused()) {
      long restMillis = pausedUntilMillis - cluster.nowMillis();
      cluster.scheduler().after(restMillis, () -> execute(task));
      return;
    }
    task.run();
  }

  private void tickLater() {
    cluster
        .scheduler()
        .after(
            TICK_EVERY_MILLIS,
            () ->
                execute(
                    () -> {
                      shards.forEach(SimulatedShard::tick);
                      tickLater();
                    }));
  }

  private void driveLater() {
    cluster
        .scheduler()
        .after(
            DRIVE_EVERY_MILLIS,
            () ->
                execute(
                    () -> {
                      look();
                      if (running) {
                        drive();
                        driveLater();
                      }
                    }));
  }

  /// Lets the membership service find out what is new.
  private void look() {
    MembershipView before = view();
    if (membership.round(cluster.attention())) {
      viewChanged(before);
    }
  }

  private void viewChanged(MembershipView before) {
    cluster.trace().tell(() -> id() + " sees " + describe(view()));
    tellShards();
    for (NodeDescriptor member : view().topology().members()) {
      boolean back =
          !member.id().equals(id())
              && view().isAlive(member.id())
              && (!before.isAlive(member.id())
                  || before.topology().member(member.id()).orElseThrow().incarnation()
                      != member.incarnation());
      if (back) {
        cluster.reconnect(this, member);
      }
    }
    drive();
  }

  private static String describe(MembershipView view) {
    StringBuilder members = new StringBuilder();
    for (NodeDescriptor member : view.topology().members()) {
      members.append(member.id()).append(view.suspected().contains(member.id()) ? "?" : "");
      members.append(member.state() == NodeDescriptor.State.ACTIVE ? "" : member.state().word());
      members.append(' ');
    }
    return members
        + "absent "
        + view.absent().stream().map(Incarnation::nodeId).sorted().toList()
        + " gone "
        + view.gone().stream().map(Incarnation::nodeId).sorted().toList()
        + " version "
        + view.topology().version();
  }

  private void tellShards() {
    MembershipView current = view();
    if (lifecycle.isGivenUp(current)) {
      return; // what was given up must not get to anybody
    }
    long lag = Math.max(0, lagsUntilMillis - cluster.nowMillis());
    for (SimulatedShard shard : shards) {
      // In order, as events of one loop are.
      cluster
          .scheduler()
          .after(
              lag + cluster.viewDelay(),
              () ->
                  execute(
                      () -> {
                        if (current == view()) { // else a later one is on its way
                          shard.membership(current);
                        }
                      }));
    }
  }

  private void drive() {
    if (!running) {
      return;
    }
    List<ShardProgress> progress = shards.stream().map(SimulatedShard::progress).toList();
    switch (lifecycle.next(view(), progress, founded, leaving)) {
      case WAIT -> isComplete = false;
      case COMPLETE -> isComplete = true;
      case FOUND -> {
        founded = true;
        cluster.trace().tell(() -> id() + " founds");
        shards.forEach(SimulatedShard::found);
      }
      case ACTIVATE -> announce(NodeDescriptor.State.ACTIVE);
      case START_LEAVING -> announce(NodeDescriptor.State.LEAVING);
      case LEAVE -> cluster.left(this);
      case GIVE_UP -> cluster.gaveUp(this);
    }
  }

  private void announce(NodeDescriptor.State state) {
    cluster.trace().tell(() -> id() + " announces " + state.word());
    MembershipView before = view();
    descriptor = descriptor.withState(state);
    cluster.announced(this);
    if (membership.refresh()) {
      viewChanged(before);
    }
  }

  /// Whether it joins and has all that it shall hold.
  boolean isComplete() {
    return isComplete;
  }

  /// The shard that has a number; empty for one that there is not.
  Optional<SimulatedShard> shard(int index) {
    return index < shards.size() ? Optional.of(shards.get(index)) : Optional.empty();
  }

  @Override
  public String toString() {
    return id() + "(" + state().word() + ")";
  }
}
