package dev.trellis.monitor.console;

import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Explanation;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;

/// A decision in the record, and what became of it.
///
/// @param id greater for later ones; unique in the record, 0 or more
/// @param atMillis when it was decided
/// @param note a sentence on what became of it, such as the error of one that failed; empty for
///   none
/// @param doneMillis when what was ordered had come about
/// @param effect what was seen afterwards, by the names of what was expected and of inputs; empty
///   while nothing was
public record DecisionEntry(
    long id,
    long atMillis,
    Decision decision,
    State state,
    String note,
    OptionalLong doneMillis,
    Map<String, Double> effect) {
  /// How far a decision is.
  public enum State {
    /// Not ordered yet.
    DECIDED,
    /// Ordered of nodes or a scaler, and not done yet.
    ORDERED,
    /// What was ordered has come about.
    DONE,
    /// It will not come about.
    FAILED,
    /// Decided for people to see, and not ordered.
    DRY_RUN;

    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public DecisionEntry {
    effect = Collections.unmodifiableMap(new LinkedHashMap<>(effect));
  }

  public Explanation explanation() {
    return decision.explanation();
  }

  /// What kind of thing was decided: `grow`, `shrink`, `replicate`, `dereplicate`, `promote` or
  /// `demote`.
  public String kind() {
    return switch (decision) {
      case Decision.Resize resize -> resize.to() < resize.from() ? "shrink" : "grow";
      case Decision.Place place -> place.move().word();
    };
  }

  /// What was decided, as a phrase.
  public String what() {
    return DecisionWords.of(decision);
  }
}
