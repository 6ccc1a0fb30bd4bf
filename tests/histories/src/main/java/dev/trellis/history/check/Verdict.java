package dev.trellis.history.check;

import dev.trellis.history.edn.Keyword;
import java.util.Collection;

/// Whether a history keeps a promise.
public enum Verdict {
  /// It does.
  VALID,
  /// It does not.
  INVALID,
  /// Nobody knows: the history shows too little, or the search took too long.
  UNKNOWN;

  /// As the value of `:valid?` in EDN: true, false or `:unknown`.
  public Object toEdn() {
    return switch (this) {
      case VALID -> true;
      case INVALID -> false;
      case UNKNOWN -> Keyword.of("unknown");
    };
  }

  /// As the value of `"valid"` in JSON: true, false or `"unknown"`.
  public Object toJson() {
    return switch (this) {
      case VALID -> true;
      case INVALID -> false;
      case UNKNOWN -> "unknown";
    };
  }

  /// The verdict on several promises at once: invalid if one is broken, else unknown if one is.
  public static Verdict ofAll(Collection<Verdict> verdicts) {
    return verdicts.contains(INVALID) ? INVALID : verdicts.contains(UNKNOWN) ? UNKNOWN : VALID;
  }
}
