package dev.trellis.monitor;

import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.util.List;
import java.util.function.Supplier;

/// Reaches nodes over the control plane. Every call waits for the answer for a bounded time; an
/// [IOException] says that none came, and that it is unknown whether the order arrived.
public interface NodeControl {
  /// What a node knows of monitors.
  ///
  /// @param epoch the highest that was claimed; 0 for none
  /// @param ageMillis for how long nobody has claimed it from this node; -1 if nobody ever did
  record Claimed(long epoch, long ageMillis) {}

  /// That a node refuses an order, and why.
  final class RefusedException extends IOException {
    private static final long serialVersionUID = 1L;

    public RefusedException(String reason) {
      super(reason);
    }
  }

  /// Tells a node that the monitor of this epoch leads.
  ///
  /// @param epoch above 0; 0 to ask only
  /// @throws RefusedException if a higher one was claimed
  Claimed claim(NodeDescriptor node, long epoch) throws IOException;

  /// What has nodes hand over and leave, and knows how they stand.
  ///
  /// @param members of the cluster, as far as they are known, whenever it is asked
  NodeDrain drain(Supplier<List<NodeDescriptor>> members);
}
