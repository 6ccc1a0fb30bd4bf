package dev.trellis.history.linear;

import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import dev.trellis.history.check.Checker;
import java.time.Duration;

/// Checks that a history is linearizable, so that it can be checked with other promises, or key by
/// key with [dev.trellis.history.check.EachKey].
///
/// Form: the operations of a [Model]. Unknown: it was not clear in time.
public final class Linearizable implements Checker {
  private final Engine engine;
  private final String model;
  private final Duration timeLimit;

  /// @param model one of [Model#NAMES]
  /// @param timeLimit for each history
  public Linearizable(Engine engine, String model, Duration timeLimit) {
    this.engine = engine;
    this.model = model;
    this.timeLimit = timeLimit;
  }

  @Override
  public String name() {
    return "linearizable";
  }

  @Override
  public CheckResult check(History history) {
    return engine.check(history, model, timeLimit);
  }
}
