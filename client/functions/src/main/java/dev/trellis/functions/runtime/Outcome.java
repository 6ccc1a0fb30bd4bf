package dev.trellis.functions.runtime;

import dev.trellis.causal.InvocationId;
import dev.trellis.functions.Answer;

/// What became of an invocation, as far as its caller learns.
public sealed interface Outcome {
  /// The id under which the function was run.
  InvocationId id();

  /// One of its runs has ended well.
  ///
  /// @param attempts how often it was tried until then; duplicates are not counted
  record Done(InvocationId id, Answer answer, int attempts) implements Outcome {}

  /// No attempt has ended well. What it was to write may be written in part.
  ///
  /// @param cause of the last one
  record Failed(InvocationId id, Throwable cause, int attempts) implements Outcome {}

  /// The function was busy, and was not run.
  record Throttled(InvocationId id) implements Outcome {}

  /// The answer of what is done.
  ///
  /// @throws IllegalStateException if it is not, with the cause
  default Answer answered() {
    return switch (this) {
      case Done done -> done.answer();
      case Failed failed ->
          throw new IllegalStateException(
              "invocation " + failed.id() + " has failed " + failed.attempts() + " times",
              failed.cause());
      case Throttled throttled ->
          throw new IllegalStateException("invocation " + throttled.id() + " was throttled");
    };
  }
}
