package dev.trellis.monitor.decisions;

import dev.trellis.monitor.policy.Decision;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// A decision with what has become of it. Immutable.
///
/// @param id greater for later ones; above 0
/// @param atMillis when it was decided
/// @param state how far it is
/// @param stateMillis since when
/// @param problem why it failed or was refused; empty otherwise
/// @param effect what was measured some time after it was done, by the names of the explanation's
///   inputs; empty until then
public record Recorded(
    long id,
    long atMillis,
    Decision decision,
    Progress state,
    long stateMillis,
    String problem,
    Map<String, Double> effect) {
  /// How far a decision is.
  public enum Progress {
    /// It would be carried out, if that were wanted.
    DRY_RUN,
    /// It was ordered, and is coming about.
    ORDERED,
    /// It has come about.
    DONE,
    /// It was given up: something else was decided, or another monitor leads.
    OVERTAKEN,
    /// It did not come about.
    FAILED;

    /// As in `dry-run`.
    public String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public Recorded {
    effect = Collections.unmodifiableMap(new LinkedHashMap<>(effect));
  }

  /// The same, having got to another state.
  public Recorded as(Progress next, long atMillis, String why) {
    return new Recorded(id, this.atMillis, decision, next, atMillis, why, effect);
  }

  /// The same, with what came of it.
  public Recorded withEffect(Map<String, Double> seen) {
    return new Recorded(id, atMillis, decision, state, stateMillis, problem, seen);
  }
}
