package dev.trellis.functions.runtime;

/// A run was ended by the cloud, not by the function. The function sees it, as the cause of a
/// failed call, only if it goes on nevertheless.
public final class RunEndedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  RunEndedException(String message) {
    super(message);
  }
}
