package dev.trellis.monitor.console;

import dev.trellis.client.TrellisException;
import dev.trellis.functions.mailbox.Delivery;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

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

  /// A mailbox, and how many records wait in it; small messages travel many in a record.
  record Mailbox(String name, long waiting) {}

  /// The mailboxes there are, those that are empty by now among them, by name. Asks the store, once
  /// for each; empty while the cluster has not answered yet.
  ///
  /// @param limit how many at most, 1 or more
  /// @param isShown which count, by name
  /// @throws TrellisException if the store does not answer
  Optional<List<Mailbox>> mailboxes(int limit, Predicate<String> isShown);

  /// The oldest messages that wait in a mailbox; they stay there. Asks the store; empty while the
  /// cluster has not answered yet.
  ///
  /// @param limit how many records at most, 1 or more
  /// @throws TrellisException if the store does not answer
  Optional<List<Delivery>> messages(String mailbox, int limit);
}
