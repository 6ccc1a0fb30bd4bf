package dev.trellis.monitor.console;

import java.util.List;
import java.util.Optional;

/// Where the console gets what it shows. Called by any thread, and by several at once; whatever is
/// given is immutable.
public interface ConsoleSource {
  /// What the monitor knows now; empty before it has collected anything. Cheap: it is asked every
  /// period, and by everybody who asks the console.
  Optional<ConsoleState> state();

  /// Decisions from the record, the latest first.
  ///
  /// @param limit how many at most, 1 or more
  /// @param before only those with lower ids; [Long#MAX_VALUE] for the latest
  List<DecisionEntry> decisions(int limit, long before);
}
