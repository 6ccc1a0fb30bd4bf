package dev.trellis.functions;

import dev.trellis.lattice.Payload;

/// What a user writes: takes an argument, gives an answer, and keeps what is to last in the store.
/// The same one runs in each adapter and in the embedded runtime.
///
/// ```java
/// Function visit = (invocation, argument) -> {
///   invocation.counter("visits").add(1);
///   return Payload.ofText("thanks, " + argument.text());
/// };
/// ```
///
/// It may be run more than once for one invocation, also at the same time, and each time must write
/// the same: see [Invocation].
@FunctionalInterface
public interface Function {
  /// Runs once. What it has begun to write when it returns is waited for and committed.
  ///
  /// @throws Exception for whoever called; then it may be run again
  Payload handle(Invocation invocation, Payload argument) throws Exception;
}
