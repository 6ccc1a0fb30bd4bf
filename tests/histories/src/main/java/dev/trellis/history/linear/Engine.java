package dev.trellis.history.linear;

import dev.trellis.history.History;
import dev.trellis.history.check.CheckResult;
import java.time.Duration;

/// What decides whether a history is linearizable.
public interface Engine {
  /// The name, as people type it.
  String name();

  /// Whether the history is linearizable: valid, invalid, or unknown if that was not clear in time.
  ///
  /// @param model one of [Model#NAMES]
  /// @param timeLimit about how long it may take
  /// @throws dev.trellis.history.HistoryException if a call makes no sense for the model
  CheckResult check(History history, String model, Duration timeLimit);
}
