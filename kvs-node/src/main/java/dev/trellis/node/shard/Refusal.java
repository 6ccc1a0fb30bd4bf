package dev.trellis.node.shard;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Outcome;

/// An operation that can't be carried out on an entry. Thrown and caught within the shard's core,
/// so that the rules can refuse from any depth of a nested map; carries no stack trace.
final class Refusal extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Outcome.Failed outcome;

  Refusal(ErrorCode code, String message) {
    super(message, null, false, false);
    this.outcome = new Outcome.Failed(code, message);
  }

  Outcome.Failed outcome() {
    return outcome;
  }
}
