package dev.trellis.execution;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Outcome;
import java.util.Optional;

/// An operation that can't be carried out on an entry. Thrown and caught within one thread's work,
/// so that the rules can refuse from any depth of a nested map; carries no stack trace.
public final class Refusal extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Outcome.Failed outcome;
  private final transient Optional<HybridTimestamp> generation;
  private final String untold; // the message without what it tells of the value

  public Refusal(ErrorCode code, String message) {
    this(code, message, message, Optional.empty());
  }

  private Refusal(
      ErrorCode code, String message, String untold, Optional<HybridTimestamp> generation) {
    super(message, null, false, false);
    this.outcome = new Outcome.Failed(code, message);
    this.generation = generation;
    this.untold = untold;
  }

  /// Refuses with a message that tells something of the value, how large it is for one.
  ///
  /// @param untold the message for who may not read it
  public static Refusal telling(ErrorCode code, String message, String untold) {
    return new Refusal(code, message, untold, Optional.empty());
  }

  /// The refusal for who may not read the value.
  public Refusal withoutValue() {
    return new Refusal(outcome.code(), untold, untold, generation);
  }

  /// Refuses what is meant for a generation that is over.
  ///
  /// @param current the one to repeat in
  public static Refusal superseded(String message, HybridTimestamp current) {
    return new Refusal(ErrorCode.SUPERSEDED, message, message, Optional.of(current));
  }

  public Outcome.Failed outcome() {
    return outcome;
  }

  /// The generation to repeat the request in; empty for that of the entry.
  public Optional<HybridTimestamp> generation() {
    return generation;
  }
}
