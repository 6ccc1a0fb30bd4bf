package dev.trellis.node.membership;

import dev.trellis.wire.NodeDescriptor;
import java.util.function.Consumer;

/// The membership service of one node: who else is there, and what others are told of this node.
/// Any thread may call it.
public interface Membership extends AutoCloseable {
  /// The latest view.
  MembershipView view();

  /// Has `listener` told each view from now on, the latest one first, in order, on one thread at a
  /// time.
  void listen(Consumer<MembershipView> listener);

  /// Tells the others that this node has come into another state.
  void announce(NodeDescriptor.State state);

  /// Tells the others whether this node, joining, has all that it shall hold.
  void announceComplete(boolean isComplete);

  /// Declares that an absent node's incarnation never comes back: what only it held is lost.
  void declareGone(Incarnation incarnation);

  /// Changes the number of lost nodes that the cluster is to survive, for all.
  ///
  /// @param nodes 0 or more
  void changeFaultTolerance(int nodes);

  /// Takes note that a monitor orders what is to be done from now on; a lower epoch than the
  /// present one changes nothing.
  ///
  /// @param epoch above 0
  void claim(long epoch);

  /// Tells the others that this node has left for good, and ends.
  void leave();

  /// Ends without a word, as if the process had died.
  @Override
  void close();
}
