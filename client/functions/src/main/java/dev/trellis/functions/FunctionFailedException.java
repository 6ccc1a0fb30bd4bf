package dev.trellis.functions;

import dev.trellis.causal.InvocationId;

/// The function whose result is wanted has failed for good.
public final class FunctionFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final InvocationId id;

  FunctionFailedException(InvocationId id, String why) {
    super("invocation " + id + " has failed: " + why);
    this.id = id;
  }

  /// Of which invocation.
  public InvocationId id() {
    return id;
  }
}
