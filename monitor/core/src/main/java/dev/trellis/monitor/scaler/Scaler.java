package dev.trellis.monitor.scaler;

import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.List;

/// Starts and ends the nodes of a cluster. Every order is an absolute target, may be given again
/// and again, and is taken up from whatever is found, so a scaler needs no memory of its own and
/// survives its own restart in the middle of anything.
public interface Scaler extends AutoCloseable {
  /// Where a tier is to get to.
  ///
  /// @param nodes how many it is to have
  /// @param leaving nodes that are to leave first, if it is to have fewer; a scaler that cannot
  ///   choose, such as one that can only end the newest, chooses otherwise
  /// @param epoch of the monitor that orders it: a scaler that has seen a higher one refuses
  record Target(Tier tier, int nodes, List<String> leaving, long epoch) {
    public Target {
      leaving = List.copyOf(leaving);
    }
  }

  /// How far a tier is.
  ///
  /// @param running nodes that have been started and do not leave
  /// @param starting of these, those that are not ready yet
  /// @param leaving nodes that hand over what they hold, or are about to
  record Progress(Tier tier, int running, int starting, int leaving) {}

  /// What came of an order.
  sealed interface Answer {
    /// It is being carried out, or has been.
    record Taken(Progress progress) implements Answer {}

    /// It is not carried out, nor will it be.
    record Refused(String reason) implements Answer {}

    /// It could not be carried out just now; the same order may be given again.
    record Failed(String reason) implements Answer {}
  }

  /// As in `local`: what `monitor.scaler` calls it.
  String name();

  /// Works towards a target, and returns when the next step towards it is under way: the caller
  /// gives the order again each period until it is reached. Never waits for a node to start or to
  /// hand over what it holds.
  Answer scale(Target target);

  @Override
  default void close() {}
}
