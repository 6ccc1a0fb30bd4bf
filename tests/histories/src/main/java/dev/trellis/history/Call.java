package dev.trellis.history;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One call of a client: what it asked, and what it was told, if it was.
///
/// @param invoke the invocation
/// @param completion `:ok`, `:fail` or `:info`; empty if the history ends before
/// @param invokedAt the invocation's place in the history, from 0
/// @param completedAt the completion's place; [#NEVER] for a call that may still happen at the end
///   of the history, which is one without completion or with `:info`
public record Call(
    Operation invoke, Optional<Operation> completion, int invokedAt, int completedAt) {
  /// After all places of a history.
  public static final int NEVER = Integer.MAX_VALUE;

  /// Whether it happened, between its two places.
  public boolean isOk() {
    return completion.isPresent() && completion.get().type() == Operation.Type.OK;
  }

  /// Whether it did not happen and never will.
  public boolean isFailed() {
    return completion.isPresent() && completion.get().type() == Operation.Type.FAIL;
  }

  /// Whether it may have happened, may yet, or never will.
  public boolean isUnknown() {
    return completedAt == NEVER;
  }

  /// The client's number.
  public long process() {
    return (Long) invoke.process();
  }

  /// What it asked with.
  public @Nullable Object argument() {
    return invoke.value();
  }

  /// What it was told, if it is [#isOk]; else null.
  public @Nullable Object result() {
    return isOk() ? completion.orElseThrow().value() : null;
  }

  /// Whether this is about the function of this name.
  public boolean isAbout(String name) {
    return invoke.isAbout(name);
  }

  /// Whether it surely ended before another began.
  public boolean precedes(Call other) {
    return completedAt < other.invokedAt;
  }

  /// When it was asked, in nanoseconds of the history, or [Operation#NOT_STATED].
  public long invokedTime() {
    return invoke.time();
  }

  /// When its outcome was told, in nanoseconds of the history, or [Operation#NOT_STATED].
  public long completedTime() {
    return completion.map(Operation::time).orElse(Operation.NOT_STATED);
  }

  @Override
  public String toString() {
    return invoke + completion.map(ending -> " -> " + ending).orElse(" -> nothing");
  }
}
