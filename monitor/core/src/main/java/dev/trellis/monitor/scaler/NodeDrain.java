package dev.trellis.monitor.scaler;

import java.io.IOException;
import java.util.Map;
import java.util.Set;

/// How a scaler has nodes hand over what they hold before it ends them, whatever the way is that
/// orders take. Each call waits for answers for a bounded time, and never for a node to have handed
/// over.
public interface NodeDrain {
  /// How a node stands to its cluster, as far as the other members know; the further down, the
  /// further from being out.
  enum Standing {
    /// It is no member: it never was one, or has handed over all it held and left. It may end.
    OUT,
    /// It is a member.
    MEMBER,
    /// It hands over what it holds.
    LEAVING,
    /// It does not answer, or was removed, and may come back with data that others lack.
    LOST
  }

  /// How each of some nodes stands. If members do not agree, as while news spread, a node is as far
  /// from [Standing#OUT] as any of them says.
  ///
  /// @param nodeIds of nodes that may be members or not
  /// @return one entry for each of them
  /// @throws IOException if no other member answers: then nothing is known
  Map<String, Standing> standings(Set<String> nodeIds) throws IOException;

  /// Has a node hand over what it holds, leave the cluster and end. Returns when it begins to;
  /// giving the order again does no harm.
  ///
  /// @param epoch of the monitor that orders it
  /// @throws IOException if it refuses, with its reason, or does not answer: then it is unknown
  ///   whether the order arrived
  void leave(String nodeId, long epoch) throws IOException;
}
