package dev.trellis.history.check;

import dev.trellis.history.History;

/// Checks one promise. Implementations say in their documentation which operations, with which
/// values, they look at; they ignore all others.
public interface Checker {
  /// What is promised, in a word or two, such as `read-your-writes`.
  String name();

  /// Whether a history keeps the promise. Pure.
  ///
  /// @throws dev.trellis.history.HistoryException if an operation has not the form that the checker
  ///   needs
  CheckResult check(History history);
}
