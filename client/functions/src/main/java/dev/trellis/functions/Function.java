package dev.trellis.functions;

import dev.trellis.lattice.Payload;

/// What a user writes. It may be run several times for one invocation, also at once, and must do
/// the same to each key each time: see [Invocation].
@FunctionalInterface
public interface Function {
  /// Does the work.
  ///
  /// @param invocation gives state and communication; it is committed once this has returned
  /// @return the result, kept as a [StoredFuture]
  /// @throws Exception to be run again
  Payload handle(Invocation invocation, Payload argument) throws Exception;
}
