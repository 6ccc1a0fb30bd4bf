package dev.trellis.node.control;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.Membership;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.placement.Topology;
import dev.trellis.wire.NodeDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/// The membership of a node that is alone and remains so. Views are told on the thread that changes
/// something.
final class StandAloneMembership implements Membership {
  private final List<Consumer<MembershipView>> listeners = new ArrayList<>();
  private NodeDescriptor self;
  private int faultTolerance;
  private long monitorEpoch;
  private MembershipView view;

  StandAloneMembership(NodeDescriptor self, int faultTolerance) {
    this.self = self;
    this.faultTolerance = faultTolerance;
    this.view = compute();
  }

  private MembershipView compute() {
    return new MembershipView(
        Topology.of(List.of(self), faultTolerance),
        Set.of(),
        Set.of(),
        Set.of(),
        Set.of(),
        monitorEpoch);
  }

  @Override
  public synchronized MembershipView view() {
    return view;
  }

  @Override
  public synchronized void listen(Consumer<MembershipView> listener) {
    listeners.add(listener);
    listener.accept(view);
  }

  @Override
  public synchronized void announce(NodeDescriptor.State state) {
    self = self.withState(state);
    change();
  }

  /// Nobody else joins.
  @Override
  public void announceComplete(boolean isComplete) {}

  /// Nobody is absent.
  @Override
  public void declareGone(Incarnation incarnation) {}

  @Override
  public synchronized void changeFaultTolerance(int nodes) {
    faultTolerance = nodes;
    change();
  }

  @Override
  public synchronized void claim(long epoch) {
    monitorEpoch = Math.max(monitorEpoch, epoch);
    change();
  }

  private synchronized void change() {
    view = compute();
    listeners.forEach(listener -> listener.accept(view));
  }

  @Override
  public void leave() {}

  @Override
  public void close() {}
}
