package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import java.util.Optional;

/// That a function is to be run.
///
/// @param function its name, where it runs
/// @param id the same whenever the call is made again
/// @param argument what it works on
/// @param token of the session that it goes on with; empty for a new one
public record FunctionCall(
    String function, InvocationId id, Argument argument, Optional<SessionToken> token) {
  /// What a function works on.
  public sealed interface Argument {}

  /// Something that travels with the call.
  public record Given(Payload value) implements Argument {}

  /// The result of another invocation, which whoever runs the function fetches: it does not travel
  /// through whoever calls.
  public record ResultOf(InvocationId id) implements Argument {}

  public FunctionCall {
    if (function.isEmpty()) {
      throw new IllegalArgumentException("a call names no function");
    }
  }

  /// A call with an argument, in a session of its own.
  public static FunctionCall of(String function, InvocationId id, Payload argument) {
    return new FunctionCall(function, id, new Given(argument), Optional.empty());
  }
}
