package dev.trellis.wire;

import java.time.Duration;
import java.util.Optional;

/// How a request ended.
public sealed interface Outcome {
  /// It was carried out.
  ///
  /// @param view the answer; see each operation
  /// @param changed how many parts of the value a mutation changed, 0 for reads
  /// @param repeated whether this is the answer to a repeat of a mutation that was carried out
  ///   before; `changed` is then 0, and the view that of the value now
  record Done(View view, long changed, boolean repeated) implements Outcome {}

  /// It was not, or not as asked.
  ///
  /// @param message what is wrong and what would be right, for people
  /// @param retryAfter when it is worth another try, for `OVERLOADED` and the like
  record Failed(ErrorCode code, String message, Optional<Duration> retryAfter) implements Outcome {
    public Failed(ErrorCode code, String message) {
      this(code, message, Optional.empty());
    }
  }
}
